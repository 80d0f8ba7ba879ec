"""Where a class lies for the eye, by its name: left, right, up, down, or in the centre. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

DIRECTIONS: dict[str, tuple[float, float]] = {
    "left": (-1.0, 0.0),
    "right": (1.0, 0.0),
    "up": (0.0, -1.0),
    "down": (0.0, 1.0),
    "centre": (0.0, 0.0),
}
"""Direction -> unit vector, to the right and down."""

# They follow the cues of the field: left, right, feet below, tongue or both fists above.
_MEANINGS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"rest", "idle", "nothing"}), "centre"),
    (frozenset({"feet", "foot"}), "down"),
    (frozenset({"tongue"}), "up"),
    (frozenset({"both"}), "up"),
    (frozenset({"left"}), "left"),
    (frozenset({"right"}), "right"),
)


def class_directions(classes: Sequence[str]) -> list[str]:
    """Return the direction that each name suggests, once each; empty where it suggests none."""
    directions: list[str] = []
    for name in classes:
        words = set(name.lower().replace("_", " ").replace("-", " ").split())
        direction = next((place for keys, place in _MEANINGS if keys & words), "")
        directions.append("" if direction in directions else direction)
    return directions


def class_places(classes: Sequence[str]) -> dict[str, str]:
    """Return class -> direction: that of its name, else one that is free, else the centre."""
    directions = class_directions(classes)
    free = [direction for direction in DIRECTIONS if direction not in directions]
    return {
        name: direction or (free.pop(0) if free else "centre")
        for name, direction in zip(classes, directions, strict=True)
    }

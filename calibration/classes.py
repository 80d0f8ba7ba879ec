"""Classes that the program knows by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import InputError, one_line
from core.recordings import Recording
from core.suggestions import closest

CLASSES = ("left_hand", "right_hand", "feet", "tongue", "rest")
"""Events of these names are cues, as MOABB names its classes; in the order of a decoder."""

_MISSPELT = 0.8  # similarity from which on a name of a class is taken for a slip


def check_class(name: str) -> str:
    """Return the name of a class, unless it looks like one of `CLASSES` that was misspelt.

    Raises
    ------
    InputError
    """
    if name not in CLASSES and (meant := closest(name, CLASSES, _MISSPELT)) is not None:
        raise InputError(
            f'There is no class "{name}". Did you mean "{meant}"? Classes that the program knows '
            f"are {', '.join(CLASSES)}; one of your own needs a name less like these."
        )
    return name


def check_events(events: Mapping[str, str]) -> dict[str, str]:
    """Return label -> class, unless a class is none that a decoder can have.

    Raises
    ------
    InputError
        If a label or class is no text, a class is no short word, or as `check_class`.
    """
    for label, name in events.items():
        if not (isinstance(label, str) and isinstance(name, str)):
            raise InputError(
                f"Events are given as label -> class, both of them text; found {label!r} -> "
                f"{name!r}."
            )
        if len(name) > 100 or not name.isprintable():
            raise InputError(f"A class cannot be called {one_line(name, 60)}; choose a short word.")
    return {label: check_class(name) for label, name in events.items()}


def cue_events(recordings: Sequence[Recording]) -> dict[str, str]:
    """Return the events to fit, label -> class, where labels are the classes' own names."""
    present = {event.label for recording in recordings for event in recording.events}
    return {name: name for name in CLASSES if name in present}

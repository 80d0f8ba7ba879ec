"""Boards and caps whose electrodes have a usual place, and what a montage is good for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.electrodes import electrode, place_of


@dataclass(frozen=True)
class Board:
    """An amplifier with its electrodes.

    Attributes
    ----------
    name : str
    channels : tuple of str
        In the order in which they are sent.
    unit : str
    source : str
        Where that is written.
    """

    name: str
    channels: tuple[str, ...]
    unit: str
    source: str


@cache
def known_boards() -> tuple[Board, ...]:
    """Return the boards of ``boards.yaml``, in its order."""
    import yaml

    table = yaml.safe_load(Path(__file__).with_name("boards.yaml").read_text(encoding="utf-8"))
    return tuple(
        Board(row["name"], tuple(row["channels"].split()), row["unit"], row["source"])
        for row in table
    )


def motor_words(labels: Sequence[str]) -> str:
    """Say that no electrode lies over the motor cortex; empty if one does, or none is known.

    Parameters
    ----------
    labels : sequence of str
        Of a stream's channels.

    Notes
    -----
    The hand areas lie under C3 and C4, that of the feet under Cz, within the span of FC and CP,
    columns up to 4 (Pfurtscheller and Lopes da Silva, 1999).
    """
    places = {electrode(label): place for label in labels if (place := place_of(label))}
    if not places or any(4 <= row <= 6 and share <= 0.5 for row, share in places.values()):
        return ""
    sites = list(places)
    few = ", ".join(sites[:6]) + (" ..." if len(sites) > 6 else "")
    return (
        f"No electrode of this board lies over the motor cortex (it has {few}): imagined movements "
        "cannot be decoded with it. Electrodes at C3, Cz and C4 are needed."
    )

"""Electrode names: aliases, places on the head, and matching a stream to what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError

ALIASES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
"""Older 10-20 names of the same sites (American Clinical Neurophysiology Society, 2006)."""

_ROWS = {"FP": 1, "AF": 2, "F": 3, "FT": 4, "FC": 4, "T": 5, "C": 5, "TP": 6, "CP": 6, "P": 7}
_ROWS |= {"PO": 8, "O": 9}  # tenths of the way from nasion to inion


def normalise(label: str) -> str:
    """Return a label in upper case without the decorations that recorders add.

    ``"Fc5."`` and ``"EEG FC5-REF"`` both become ``"FC5"``.
    """
    name = label.strip().strip(".").upper()
    name = name.removeprefix("EEG").lstrip(" _:-") if name.startswith("EEG") else name
    for suffix in ("-REF", "-LE", "-AVG", "-AR", "-CAR"):
        name = name.removesuffix(suffix)
    return name.strip().strip(".")


def electrode(label: str) -> str:
    """Return the modern name of the site that a label means (``T3`` is ``T7``)."""
    name = normalise(label)
    return ALIASES.get(name, name)


def direction(label: str) -> np.ndarray | None:
    """Return where an electrode of the 10-10 system lies, from the middle of the head.

    Returns
    -------
    ndarray, shape (3,), or None
        To the right, to the front and up, on a unit sphere; None for a label that names no such
        electrode.
    """
    name = electrode(label)
    row = name.rstrip("Z0123456789")
    column = name[len(row) :]
    if row not in _ROWS or column not in ("Z", *"12345678"):
        return None
    # Rows cross the midline every 18 degrees and end on a circle 18 degrees above the ears.
    forward = np.deg2rad(90.0 - 18.0 * _ROWS[row])
    middle = np.array([0.0, np.sin(forward), np.cos(forward)])
    if column == "Z":
        return middle
    number = int(column)
    side = 1.0 if number % 2 == 0 else -1.0
    around, up = np.deg2rad(18.0 * _ROWS[row]), np.deg2rad(18.0)
    edge = np.array([side * np.cos(up) * np.sin(around), np.cos(up) * np.cos(around), np.sin(up)])
    # FP and O have their own electrodes on the circle; other rows four steps to it.
    share = 1.0 if row in ("FP", "O") else (number + 1) // 2 / 4
    angle = np.arccos(np.clip(middle @ edge, -1.0, 1.0))
    place = np.sin((1 - share) * angle) * middle + np.sin(share * angle) * edge
    return np.asarray(place / np.sin(angle))


def named(labels: Sequence[str], names: Sequence[str] | None, source: str) -> tuple[str, ...]:
    """Return the names that a person gave to all channels of a source, else its own labels.

    Parameters
    ----------
    labels : sequence of str
        The source's own.
    names : sequence of str or None
        From ``--channels``, in the same order.
    source : str
        What to call the source in an error.

    Raises
    ------
    InputError
        If there are not as many names as channels.
    """
    if names is None:
        return tuple(labels)
    if len(names) != len(labels):
        raise InputError(f"--channels names {len(names)} channels; {source} has {len(labels)}.")
    return tuple(names)


@dataclass(frozen=True)
class Match:
    """How a stream's channels meet the electrodes that a model wants.

    Attributes
    ----------
    channels : tuple of str
        The wanted electrodes that were found, in the order wanted.
    indices : tuple of int
        For each of them, the stream channel that carries it.
    aliased : dict
        Stream label -> electrode, where an older name was understood.
    missing : tuple of str
        Wanted electrodes that the stream does not have.
    ignored : tuple of str
        Stream labels that nothing wants.
    """

    channels: tuple[str, ...]
    indices: tuple[int, ...]
    aliased: dict[str, str]
    missing: tuple[str, ...]
    ignored: tuple[str, ...]


def match(labels: Sequence[str], wanted: Sequence[str]) -> Match:
    """Find the wanted electrodes among a stream's labels, by name.

    Raises
    ------
    InputError
        If two labels of the stream mean the same wanted electrode.
    """
    carriers: dict[str, int] = {}
    wanted_sites = set(wanted)
    for index, label in enumerate(labels):
        site = electrode(label)
        if site not in wanted_sites:
            continue
        if site in carriers:
            raise InputError(
                f'The channels "{labels[carriers[site]]}" and "{label}" both mean the electrode '
                f"{site}. Rename one of them, or leave one out."
            )
        carriers[site] = index
    channels = tuple(name for name in wanted if name in carriers)
    return Match(
        channels=channels,
        indices=tuple(carriers[name] for name in channels),
        aliased={
            labels[carriers[name]]: name
            for name in channels
            if normalise(labels[carriers[name]]) != name
        },
        missing=tuple(name for name in wanted if name not in carriers),
        ignored=tuple(
            label for index, label in enumerate(labels) if index not in set(carriers.values())
        ),
    )

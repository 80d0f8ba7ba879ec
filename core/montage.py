"""Electrode names: aliases, places on the head, and matching a stream to what is wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError

ALIASES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
"""Older 10-20 names of the same sites (American Clinical Neurophysiology Society, 2006)."""

_ROWS = {"FP": 1, "AF": 2, "F": 3, "FT": 4, "FC": 4, "T": 5, "C": 5, "TP": 6, "CP": 6, "P": 7}
_ROWS |= {"PO": 8, "O": 9}  # tenths of the way from nasion to inion

_REFERENCED = re.compile(
    r"(?P<name>[A-Z]+\d*)\s*[-:/_ ]\s*"
    r"\(?(REF\d*|LE|LER|AVG?|AVE|AR|CAR|COM|([AM][12]){1,2}|[AM]12|([AM])1\s*\+\s*\4?2|LM|RM|"
    r"EARS?|LINKED([ _]?(EARS?|MASTOIDS?))?)(\)?/2)?\)?"
)
"""An electrode with what it was measured against: a reference, an average, ears or mastoids."""

_UNUSED = ("", "-", "none", "unused")
"""What stands in ``--channels`` for a channel that carries no electrode."""


def normalise(label: str) -> str:
    """Return a label in upper case without the decorations that recorders add.

    ``"Fc5."``, ``"EEG FC5-REF"`` and ``"Fc5-A2"`` all become ``"FC5"``. A bipolar channel such as
    ``"C3-C4"`` stays one.
    """
    name = label.strip().strip(".").upper()
    name = name.removeprefix("EEG").lstrip(" _:-") if name.startswith("EEG") else name
    if referenced := _REFERENCED.fullmatch(name):
        name = referenced["name"]
    return name.strip().strip(".")


def electrode(label: str) -> str:
    """Return the modern name of the site that a label means (``T3`` is ``T7``)."""
    name = normalise(label)
    return ALIASES.get(name, name)


def written(site: str) -> str:
    """Return the name of a site as people write it: ``Fp1``, ``FCz``."""
    name = site.upper()
    name = f"Fp{name[2:]}" if name.startswith("FP") else name
    return f"{name[:-1]}z" if name.endswith("Z") else name


def written_label(label: str) -> str:
    """Return a label as people write it, ``FC5`` for ``Fc5.``; one that names no site as it is."""
    return label if direction(label) is None else written(normalise(label))


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


def motor_sites(labels: Sequence[str]) -> list[int]:
    """Return an electrode over each hand area and one between, as near as there are.

    Returns
    -------
    list of int
        Positions among the labels; of the first three where none lies near.
    """
    sites = [electrode(label) for label in labels]
    wanted = (
        ("C3", "C1", "C5", "CP3", "FC3", "F3", "P3", "T7"),
        ("CZ", "CPZ", "FCZ", "FZ", "PZ"),
        ("C4", "C2", "C6", "CP4", "FC4", "F4", "P4", "T8"),
    )
    present = [next((name for name in names if name in sites), None) for names in wanted]
    picks = [sites.index(name) for name in present if name is not None]
    return picks or list(range(min(3, len(sites))))


def named(labels: Sequence[str], names: Sequence[str] | None, source: str) -> tuple[str, ...]:
    """Return the names that a person gave to all channels of a source, else its own labels.

    A channel that is named ``-`` or ``none`` carries no electrode, whatever it calls itself.

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
        few = " ".join(labels[:8]) + (" ..." if len(labels) > 8 else "")
        raise InputError(
            f"--channels names {len(names)} channels; {source} has {len(labels)} ({few})."
        )
    return tuple(
        f"Unused{number}" if name.lower() in _UNUSED else name
        for number, name in enumerate(names, 1)
    )


def names_in(text: str | None) -> tuple[str, ...] | None:
    """Return the names in ``--channels``, separated by commas; None if it was not given."""
    return None if text is None else tuple(name.strip() for name in text.split(","))


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

"""Which channels carry which electrodes: names that people give, and matching by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.electrodes import electrode, normalise
from core.errors import InputError
from core.numbered_channels import numbered_name

_UNUSED = ("", "-", "none", "unused")
"""What stands in ``--channels`` for a channel that carries no electrode."""


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

    A channel that is named ``-`` or ``none`` carries no electrode, whatever it calls itself. One
    that is named by its number in a group is not named (`core.numbered_channels.groups_apart`).

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
    given = [f"Unused{i}" if name.lower() in _UNUSED else name for i, name in enumerate(names, 1)]
    pairs = zip(labels, given, strict=True)
    return tuple(label if name == numbered_name(label) else name for label, name in pairs)


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

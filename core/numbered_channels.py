"""Channels that a cap numbers in groups, A1 to A32, B1 to B32 ...: no names of electrodes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.electrodes import is_site, normalise

_GROUPED = re.compile(r"(?P<group>[A-Z])(?P<number>\d+)")
_OFF_THE_SYSTEM = re.compile(r"[AMT][12]")  # ears, mastoids and temples, which encoders may know
_APART = re.compile(r"[A-Z]-\d+")
_LARGEST_COLUMN = 12  # caps with electrodes below the 10-05 system have F11 and F12


def groups_apart(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels in which ``C3`` is ``C-3`` where it is the third of a group of channels.

    Caps of BioSemi number theirs A1 to A32, B1 to B32, C1 to C32 ..., wherever they lie: a group
    has numbers that no row of electrodes has. Labels of which some are set apart already stay.
    """
    if any(map(_APART.fullmatch, labels)):
        return tuple(labels)
    parts = [_GROUPED.fullmatch(normalise(label)) for label in labels]
    groups = {part["group"] for part in parts if part and int(part["number"]) > _LARGEST_COLUMN}
    return tuple(
        f"{part['group']}-{part['number']}"
        if part
        and part["group"] in groups
        and (is_site(label) or _OFF_THE_SYSTEM.fullmatch(part[0]))
        else label
        for label, part in zip(labels, parts, strict=True)
    )


def numbered_name(label: str) -> str:
    """Return the name that a channel had before `groups_apart`: ``C3`` for ``C-3``."""
    return label.replace("-", "") if _APART.fullmatch(label) else label


def groups_words(labels: Sequence[str], source: str) -> str:
    """Say which of `groups_apart` are no electrodes; empty if none was set apart."""
    apart = [label for label in labels if _APART.fullmatch(label)]
    if not apart:
        return ""
    few = ", ".join(map(numbered_name, apart[:6])) + " ..." * (len(apart) > 6)
    return (
        f"{source} numbers its channels in groups, so that {few} name no electrodes: they are "
        f"called {apart[0]} and so on. Say which electrodes the channels are with --channels."
    )

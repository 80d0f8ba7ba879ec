"""Many channels in an order for the eye, by regions of the head; and those that words ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from core.montage import electrode
from core.signal.monitor import ChannelStatus

FEW = 32
"""Channels that need no order: up to so many are shown as the stream has them."""

REGIONS = {
    "Central": ("FC", "C", "CP"),
    "Frontal": ("FP", "AF", "F"),
    "Temporal": ("FT", "T", "TP"),
    "Parietal": ("P",),
    "Occipital": ("PO", "O", "I"),
    "Other": (),
}
"""Region -> rows of the 10-10 system, in the order of the list; first what imagery moves."""

_ROWS = [row for rows in REGIONS.values() for row in rows]
_SITE = re.compile(r"(FP|AF|FT|FC|TP|CP|PO|[FTCPOI])(Z|\d{1,2})")
_STATES = ("bad", "ignored", "aside")  # words of a filter, beside the qualities


def region(label: str) -> str:
    """Return the region of an electrode, "Other" for what is none of the 10-10 system."""
    row = _place(label)[0]
    return next((name for name, rows in REGIONS.items() if row in rows), "Other")


def in_order(channels: Sequence[ChannelStatus]) -> list[int]:
    """Return the positions of channels by region, row and place from left to right.

    Up to `FEW` channels, and those whose labels name no sites, stay as they are.
    """
    positions = list(range(len(channels)))
    if len(channels) <= FEW:
        return positions
    names = list(REGIONS)

    def key(position: int) -> tuple[int, int, int]:
        label = channels[position].label
        row, across = _place(label)
        return names.index(region(label)), _ROWS.index(row) if row else 0, across

    return sorted(positions, key=key)


def asked_for(channels: Sequence[ChannelStatus], order: Sequence[int], words: str) -> list[int]:
    """Return those positions whose channels any of the words asks for; all where there is none.

    Parameters
    ----------
    channels : sequence of ChannelStatus
    order : sequence of int
        Positions, in the order in which they are shown.
    words : str
        Separated by commas or blanks: an electrode (``C3``), a row (``FC``), a region
        (``central``) or its beginning, a quality (``flat``), ``bad`` for all but good ones,
        ``ignored``, ``aside``; else a part of the label.
    """
    asked = [word for word in re.split(r"[\s,;]+", words.casefold()) if word]
    if not asked:
        return list(order)
    return [i for i in order if any(_asks(word, channels[i]) for word in asked)]


def _asks(word: str, channel: ChannelStatus) -> bool:
    row, _ = _place(channel.label)
    if row and (_SITE.fullmatch(word.upper()) or word.upper() in _ROWS):
        return word.upper() == row or electrode(word) == electrode(channel.label)
    if len(word) >= 3 and any(known.casefold().startswith(word) for known in REGIONS):
        return region(channel.label).casefold().startswith(word)
    if word in _STATES:
        return {
            "bad": channel.quality != "good",
            "ignored": channel.electrode is None,
            "aside": channel.aside,
        }[word]
    return word == channel.quality or word in channel.label.casefold()


@cache
def _place(label: str) -> tuple[str, int]:
    """Return the row of an electrode, and how far to the right it lies; "" if it is none."""
    site = _SITE.fullmatch(electrode(label))
    if site is None:
        return "", 0
    row, column = site.groups()
    if column == "Z":
        return row, 0
    return row, int(column) if int(column) % 2 == 0 else -int(column)

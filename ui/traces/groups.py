"""Many channels in an order for the eye, by regions of the head; and those that words ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.electrodes import electrode, site_of
from core.signal.monitor import ChannelStatus

FEW = 32
"""Channels that need no order: up to so many are shown as the stream has them."""

REGIONS = {
    "Central": ("FC", "FCC", "C", "CCP", "CP"),
    "Frontal": ("N", "NFP", "FP", "AFP", "AF", "AFF", "F", "FFC"),
    "Temporal": ("FFT", "FT", "FTT", "T", "TTP", "TP", "TPP"),
    "Parietal": ("CPP", "P", "PPO"),
    "Occipital": ("PO", "POO", "O", "OI", "I"),
    "Other": (),
}
"""Region -> rows of the 10-05 system, in the order of the list; first what imagery moves."""

_ROWS = [row for rows in REGIONS.values() for row in rows]
_STATES = ("bad", "ignored", "aside")  # words of a filter, beside the qualities


def region(label: str) -> str:
    """Return the region of an electrode, "Other" for what is none of the 10-05 system."""
    site = site_of(label)
    return next((name for name, rows in REGIONS.items() if site and site.row in rows), "Other")


def in_order(channels: Sequence[ChannelStatus]) -> list[int]:
    """Return the positions of channels by region, row and place from left to right.

    Up to `FEW` channels, and those whose labels name no sites, stay as they are.
    """
    positions = list(range(len(channels)))
    if len(channels) <= FEW:
        return positions
    names = list(REGIONS)

    def key(position: int) -> tuple[int, int, float]:
        label = channels[position].label
        site = site_of(label)
        if site is None:
            return len(names) - 1, 0, 0
        across = site.column - 0.5 * site.half
        row = _ROWS.index(site.row)
        return names.index(region(label)), row, -across if site.column % 2 else across

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
    site = site_of(channel.label)
    if site and (site_of(word) or word.upper() in _ROWS):
        return word.upper() == site.row or electrode(word) == electrode(channel.label)
    if len(word) >= 3 and any(known.casefold().startswith(word) for known in REGIONS):
        return region(channel.label).casefold().startswith(word)
    if word in _STATES:
        return {
            "bad": channel.quality != "good",
            "ignored": channel.electrode is None,
            "aside": channel.aside,
        }[word]
    return word == channel.quality or word in channel.label.casefold()

"""Regions of the head by electrode names: over the motor cortex, central, near eyes and jaw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from core.electrodes import electrode, is_site, place_of
from core.errors import InputError

Sites = Literal["motor", "central", "all"]
"""Electrodes that a decoder may be told to use alone."""

_EOG = re.compile(r"(?<![A-Z])[HVLRUD]?EOG|(?<![A-Z])[LR]OC(?![A-Z])")
_EO = re.compile(r"(?<![A-Z])[HV]EO[LRUD]?(?![A-Z])")  # as Neuroscan and Curry write it

_FRONT = 3.75  # rows before this are frontal: F, and FFC behind it
_BROW = 2.75  # rows before this are above the eyes: AF, and AFF behind it
_LAST_MOTOR, _LAST_CENTRAL = 6.25, 7.0  # rows CP and P
_RIM = 0.8  # share of the way from the midline that columns from 7 on, and 7h, lie beyond


def is_motor(label: str) -> bool:
    """Whether an electrode lies over the sensorimotor cortex: rows FC to CP, columns up to 6."""
    return _between(label, _LAST_MOTOR)


def is_central(label: str) -> bool:
    """Whether an electrode lies over the middle of the head: rows FC to P, columns up to 6.

    That is away from the eyes, the muscles of the jaw and the visual cortex.
    """
    return _between(label, _LAST_CENTRAL)


def is_frontal_or_temporal(label: str) -> bool:
    """Whether an electrode is near the eyes or the muscles of brow and jaw.

    Rows before FC, and columns from 7 on in the rows from FT to TP; in the row P, which is the
    back of the temporal lobe, none.
    """
    place = place_of(label)
    if place is None:
        return False
    row, rim = place
    return row < _FRONT or (row < _LAST_CENTRAL and rim > _RIM)


def is_near_eyes_or_jaw(label: str) -> bool:
    """Whether an electrode is the nearest there is to the eyes, the muscles of brow and jaw.

    Of the frontal and temporal ones the rows before F, and columns from 7 on.
    """
    place = place_of(label)
    return (
        is_frontal_or_temporal(label)
        and place is not None
        and (place[0] < _BROW or place[1] > _RIM)
    )


def is_eog(label: str) -> bool:
    """Whether a channel's name says that it is an electrooculogram: HEOG, VEO, EOGL, LOC ..."""
    return any(kind.search(label.upper()) for kind in (_EOG, _EO))


def eog_of(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the channels of EOG among these, by the names that `core.montage.match` finds."""
    return tuple(electrode(label) for label in labels if is_eog(label))


def eog_name(label: str, type_: str) -> str:
    """Return what to call a channel, so that its name says it if its type is EOG.

    An electrode of the 10-05 system is called as it is.
    """
    if not is_eog(type_) or is_site(label) or _EOG.search(label.upper()):
        return label
    return f"EOG {label}"


def channels_at(sites: Sites, channels: Sequence[str], source: str) -> tuple[str, ...]:
    """Return the electrodes among these that lie at the sites, in their order.

    Parameters
    ----------
    sites : str
        "motor", "central" or "all".
    channels : sequence of str
    source : str
        What has these channels, for the message.

    Raises
    ------
    InputError
        If fewer than two lie there.
    """
    if sites == "all":
        return tuple(channels)
    there = is_motor if sites == "motor" else is_central
    electrodes = tuple(name for name in channels if there(name))
    if len(electrodes) < 2:
        rows = "FC to CP" if sites == "motor" else "FC to P"
        raise InputError(
            f"{source} has {len(electrodes)} {sites} electrodes (rows {rows}, columns up to 6); at "
            f"least 2 are needed for --sites {sites}. Take --sites all, or name the channels with "
            "--channels."
        )
    return electrodes


def _between(label: str, last: float) -> bool:
    place = place_of(label)
    return place is not None and _FRONT <= place[0] <= last and place[1] <= _RIM

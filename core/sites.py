"""Regions of the head by electrode names: over the motor cortex, central, near eyes and jaw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from core.errors import InputError

Sites = Literal["motor", "central", "all"]
"""Electrodes that a decoder may be told to use alone."""

_ROWS: dict[str, float] = {
    "N": 0,
    "FP": 1,
    "AF": 2,
    "F": 3,
    "FC": 4,
    "FT": 4,
    "C": 5,
    "T": 5,
    "CP": 6,
    "TP": 6,
}
_ROWS |= {"P": 7, "PO": 8, "O": 9, "I": 10}  # tenths of the way from nasion to inion
_ROWS |= {"NFP": 0.5, "AFP": 1.5, "AFF": 2.5, "FFC": 3.5, "FFT": 3.5, "FCC": 4.5, "FTT": 4.5}
_ROWS |= {"CCP": 5.5, "TTP": 5.5, "CPP": 6.5, "TPP": 6.5, "PPO": 7.5, "POO": 8.5, "OI": 9.5}

_NAME = re.compile(r"(?P<row>[A-Z]+?)(?P<column>Z|10|[1-9])(?P<half>H?)")

_EOG = re.compile(r"(?<![A-Z])[HVLRUD]?EOG|(?<![A-Z])[LR]OC(?![A-Z])")

_FRONT = 3.75  # rows before this are frontal: F, and FFC behind it
_BROW = 2.75  # rows before this are above the eyes: AF, and AFF behind it
_LAST_MOTOR, _LAST_CENTRAL = 6.25, 7.0  # rows CP and P
_RIM = 0.8  # of the way from the midline to the circle above the ears: columns from 7 on, and 7h


def place_of(label: str) -> tuple[float, float] | None:
    """Return where an electrode of the 10-05 system lies.

    Parameters
    ----------
    label : str
        As a recording has it: older names and decorations are understood as in `core.montage`.

    Returns
    -------
    tuple of float, or None
        Tenths of the way from nasion (0) to inion (10), and the share of the way from the midline
        (0) to the circle above the ears (1), on either side. None for a label that names no such
        electrode.

    Notes
    -----
    Oostenveld and Praamstra (2001), The five percent electrode system for high-resolution EEG and
    ERP measurements, Clin. Neurophysiol. 112(4).
    """
    from core.montage import electrode  # whose arrays --help need not wait for

    name = _NAME.fullmatch(electrode(label).upper())
    if name is None or name["row"] not in _ROWS:
        return None
    if name["column"] == "Z":
        return (_ROWS[name["row"]], 0.0) if not name["half"] else None
    steps = (int(name["column"]) + 1) // 2 - (0.5 if name["half"] else 0.0)
    # FP and O have their own electrodes 1 and 2 on the circle; other rows four steps to it.
    return _ROWS[name["row"]], steps if name["row"] in ("FP", "O") else steps / 4


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
    """Whether a channel's name says that it is an electrooculogram: EOG, HEOG, VEOGL, LOC ..."""
    return _EOG.search(label.upper()) is not None


def eog_of(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the channels of EOG among these, by the names that `core.montage.match` finds."""
    from core.montage import electrode

    return tuple(electrode(label) for label in labels if is_eog(label))


def eog_name(label: str, type_: str) -> str:
    """Return what to call a channel, so that its name says it if its type is EOG.

    An electrode of the 10-05 system is called as it is.
    """
    named = is_eog(label) or not is_eog(type_) or place_of(label) is not None
    return label if named else f"EOG {label}"


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

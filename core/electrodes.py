"""Electrodes of the 10-05 system by their names: what a label means, and where it lies.

Oostenveld and Praamstra (2001), The five percent electrode system for high-resolution EEG and ERP
measurements, Clinical Neurophysiology 112(4); the 10-20 and the 10-10 system are part of it.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

ALIASES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
"""Older 10-20 names of the same sites (American Clinical Neurophysiology Society, 2006)."""

_REFERENCED = re.compile(
    r"(?P<name>[A-Z]+\d*H?)\s*[-:/_ ]\s*"
    r"\(?(REF\d*|LE|LER|AVG?|AVE|AR|CAR|COM|([AM][12]){1,2}|[AM]12|([AM])1\s*\+\s*\4?2|LM|RM|"
    r"EARS?|LINKED([ _]?(EARS?|MASTOIDS?))?|(?<=[\dZ]-)[01])(\)?/2)?\)?"
)
"""An electrode with what it was measured against: a reference, an average, ears or mastoids.

Also ``C3-0`` and ``C3-1``, which MNE makes of two channels that a file calls C3.
"""

_ENDS, _ACROSS, _MIDDLE, _SIDES = range(3), range(11), range(7), range(7, 11)
"""Columns that a row has; 0 is Z."""

_ROWS: dict[str, tuple[float, range]] = {
    "N": (0, range(1)),
    "NFP": (0.5, range(1)),
    "FP": (1, _ENDS),
    "AFP": (1.5, _ACROSS),
    "AF": (2, _ACROSS),
    "AFF": (2.5, _ACROSS),
    "F": (3, _ACROSS),
    "FFC": (3.5, _MIDDLE),
    "FC": (4, _MIDDLE),
    "FCC": (4.5, _MIDDLE),
    "C": (5, _MIDDLE),
    "CCP": (5.5, _MIDDLE),
    "CP": (6, _MIDDLE),
    "CPP": (6.5, _MIDDLE),
    "FFT": (3.5, _SIDES),
    "FT": (4, _SIDES),
    "FTT": (4.5, _SIDES),
    "T": (5, _SIDES),
    "TTP": (5.5, _SIDES),
    "TP": (6, _SIDES),
    "TPP": (6.5, _SIDES),
    "P": (7, _ACROSS),
    "PPO": (7.5, _ACROSS),
    "PO": (8, _ACROSS),
    "POO": (8.5, _ACROSS),
    "O": (9, _ENDS),
    "OI": (9.5, range(1)),
    "I": (10, range(1)),
}
"""Tenths of the way from nasion to inion at which a row crosses the midline, and its columns."""

_BELOW = {
    site: place
    for place, sites in {
        (0.5, 1.125): "NFP1H NFP2H",
        (0.5, 1.25): "N1H N2H",
        (1.0, 1.125): "NFP1 NFP2",
        (1.0, 1.25): "N1 N2",
        (9.0, 1.125): "OI1 OI2",
        (9.0, 1.25): "I1 I2 O9 O10",
        (9.5, 1.125): "OI1H OI2H",
        (9.5, 1.25): "I1H I2H",
    }.items()
    for site in sites.split()
}
"""Sites below the circle of FPZ, T7, OZ and T8 that no row leads to, with their `place_of`."""


_SITE = re.compile(r"(?P<row>[A-Z]+?)(?:Z|(?P<column>[1-9]|10)(?P<half>H?))")


class Site(NamedTuple):
    """An electrode of the 10-05 system."""

    row: str  # "FC"
    column: int  # 0 on the midline, odd on the left
    half: bool  # whether it lies half a column nearer to the midline, as C3h does


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


def site_of(label: str) -> Site | None:
    """Return the electrode that a label names, None if it names none of the 10-05 system.

    Parameters
    ----------
    label : str
        As a recording has it: older names and decorations are understood.
    """
    name = electrode(label)
    parts = _SITE.fullmatch(name)
    if parts is None:
        return None
    site = Site(parts["row"], int(parts["column"] or 0), bool(parts["half"]))
    _, columns = _ROWS.get(site.row, (0, range(0)))
    return site if site.column in columns or name in _BELOW else None


def is_site(label: str) -> bool:
    """Whether a label names an electrode of the 10-05 system."""
    return site_of(label) is not None


def place_of(label: str) -> tuple[float, float] | None:
    """Return where an electrode lies, in steps of the 10-05 system.

    Returns
    -------
    tuple of float, or None
        Tenths of the way from nasion (0) to inion (10), and the share of the way from the midline
        (0) to the circle of FPZ, T7, OZ and T8 (1), on either side; 1.25 is a tenth below it. None
        for a label that names no such electrode.
    """
    site = site_of(label)
    if site is None:
        return None
    if (below := _BELOW.get(electrode(label))) is not None:
        return below
    row, columns = _ROWS[site.row]
    steps = (site.column + 1) // 2 - 0.5 * site.half
    # The rows at either end have their electrodes 1 and 2 on the circle; others four steps to it.
    return row, steps if columns == _ENDS else steps / 4


def direction(label: str) -> tuple[float, float, float] | None:
    """Return where an electrode lies, from the middle of the head.

    Returns
    -------
    tuple of float, or None
        To the right, to the front and up, on a unit sphere; None for a label that names no
        electrode of the 10-05 system.
    """
    site, place = site_of(label), place_of(label)
    if site is None or place is None:
        return None
    row, share = place
    # Rows cross the midline every 18 degrees and meet a circle 18 degrees above the ears; from
    # there they go straight down.
    forward, around = math.radians(90 - 18 * row), math.radians(18 * row)
    up, share = math.radians(18 * min(1, 5 - 4 * share)), min(share, 1)
    middle = (0.0, math.sin(forward), math.cos(forward))
    if not share:
        return middle
    side = -math.cos(up) if site.column % 2 else math.cos(up)
    edge = (side * math.sin(around), math.cos(up) * math.cos(around), math.sin(up))
    angle = math.acos(sum(a * b for a, b in zip(middle, edge, strict=True)))
    from_middle, to_edge = math.sin((1 - share) * angle), math.sin(share * angle)
    x, y, z = (
        (from_middle * a + to_edge * b) / math.sin(angle) for a, b in zip(middle, edge, strict=True)
    )
    return x, y, z


def written(site: str) -> str:
    """Return the name of a site as people write it: ``Fp1``, ``FCz``, ``AFp3h``."""
    name = site.upper().replace("FP", "Fp")
    return name[:-1] + name[-1].lower() if name.endswith(("Z", "H")) else name


def written_label(label: str) -> str:
    """Return a label as people write it, ``FC5`` for ``Fc5.``; one that names no site as it is."""
    return written(normalise(label)) if is_site(label) else label

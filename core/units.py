"""Every spelling of volts, millivolts and microvolts, and the factor between two of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.errors import InputError

UNIT = "microvolts"
"""Of samples, wherever no other is said."""

_PREFIXES = {
    "": 1.0,
    "m": 1e-3,
    "milli": 1e-3,
    "u": 1e-6,
    "µ": 1e-6,  # U+00B5, the micro sign
    "μ": 1e-6,  # U+03BC, the Greek letter
    "mc": 1e-6,
    "mic": 1e-6,
    "micro": 1e-6,
    "n": 1e-9,
    "nano": 1e-9,
}
# What other encodings make of the micro sign and the Greek letter: UTF-8, Shift-JIS, GB 2312,
# Big5, ISO 8859-7 and code page 437 read as Latin-1, and what is put where neither can be written.
_SPOILED_MICRO = re.compile(
    r"(?:\u00c2\u00b5|\u00ce\u00bc|\x83\xca|\u00a6\u00cc|\u00a3g|\u00ec|\u00e6|\u00ef\u00bf\u00bd|\ufffd|\?)"
    r"(?=\s*v)",
    re.IGNORECASE,
)
_VOLT = re.compile(r"\s*(?P<prefix>[a-zµμ]*?)[\s_-]*(?:v|volts?|vol)\s*", re.IGNORECASE)
_POWER = re.compile(r"\s*(?:10\s*(?:\^|\*\*)\s*|1?e)?(?P<power>-?\d+)\s*", re.IGNORECASE)


def volts_per(unit: str) -> float | None:
    """Return how many volts one of `unit` is, or None if the text names no voltage.

    Understands ``V``, ``mV``, ``uV``, ``µV`` (both code points, and what a wrong encoding makes of
    them), ``nV``, ``microvolts``, ``micro V``, and powers of ten such as ``-6``, ``1e-6`` and
    ``10^-6``, which some senders use. An upper-case ``MV`` is read as millivolts: no amplifier
    sends megavolts.
    """
    unit = _SPOILED_MICRO.sub("µ", unit)
    if match := _VOLT.fullmatch(unit):
        return _PREFIXES.get(match["prefix"].lower())
    if match := _POWER.fullmatch(unit):
        power = int(match["power"])
        return 10.0**power if power in (0, -3, -6, -9) else None
    return None


def factor(unit: str, to: str) -> float:
    """Return the number by which values in `unit` are multiplied to be in `to`.

    Raises
    ------
    InputError
        If either text names no voltage.
    """
    scales = []
    for text in (unit, to):
        scale = volts_per(text)
        if scale is None:
            raise InputError(
                f'The unit "{text}" is not a voltage this program knows (such as V, mV or uV). '
                "Say what it is with --unit."
            )
        scales.append(scale)
    return scales[0] / scales[1]


def voltage_factors(units: Sequence[str], to: str) -> list[float]:
    """Return for each channel what `factor` returns; 1 where a channel carries no voltage.

    Parameters
    ----------
    units : sequence of str
        Of the channels; a trigger or an acceleration may have any other unit, or none.
    to : str
        A voltage.
    """
    return [1.0 if volts_per(unit) is None else factor(unit, to) for unit in units]

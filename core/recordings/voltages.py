"""Which channels of a recording carry a voltage, and in what unit: one table for every format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.electrodes import is_site
from core.errors import InputError
from core.units import volts_per

_NAMED = 6  # channels named in a sentence
_SILENT = ("", "n/a", "none", "unknown", "-")  # units that are none
# What recorders call channels of triggers, counters and motion, whatever unit they write to them.
_NO_VOLTAGE = re.compile(
    r"(?:STI(?:M|MULUS|MULI)?|TRIG(?:GERS?)?|TRG|TTL|DIN|STATUS|MARKERS?|EVENTS?|DIGITAL"
    r"|(?:\w*[ _])?COUNTER|TIME ?STAMPS?|ACC(?:EL[A-Z]*)?|GYRO[A-Z]*|MAGNETOMETER|BATTERY"
    r"|TEMPERATURE|INTERPOLATED|(?:RAW[_ ]?)?CQ(?:_\w+)?)(?:[^A-Z].*)?",
    re.IGNORECASE,
)
# Quantities that recorders write beside voltages.
_QUANTITY = re.compile(
    r"boolean|bool|(?:°|deg(?:rees?)? ?)?[CFK]|celsius|m?g|m/s(?:\^?2|²)?|(?:deg|rad|°)/s|dps|%|"
    r"bpm|[kM]?Hz|[mu]?s|sec|[kM]?Ohms?|[kM]?Ω|[munµ]?[AST]|k?Pa|mmHg|lux|N",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Voltages:
    """The channels of a recording that carry a voltage.

    Attributes
    ----------
    picks : tuple of int
        Their positions among all channels.
    volts : tuple of float
        For each of them, how many volts one of its unit is.
    notes : tuple of str
        Sentences for a person: what was left out, converted or assumed.
    """

    picks: tuple[int, ...]
    volts: tuple[float, ...]
    notes: tuple[str, ...]


def no_voltage(label: str) -> bool:
    """Return whether a channel's name says that it carries triggers, a count or motion."""
    return _NO_VOLTAGE.fullmatch(label.strip()) is not None


def voltages(
    path: Path,
    labels: Sequence[str],
    units: Sequence[str],
    given: str | None,
    assumed: str | None = None,
    kinds: Sequence[str] | None = None,
) -> Voltages:
    """Find the channels that carry a voltage.

    Parameters
    ----------
    path : Path
        What to call the recording.
    labels, units : sequence of str
        Of all channels, as the file says them; an empty unit where it says none.
    given : str or None
        Unit that a person gave with ``--unit``: of electrodes, by their names, whose unit is not
        said or is no voltage. In a recording without any voltage or electrode, of every channel
        that does not say another quantity.
    assumed : str, optional
        Unit that the format's standard prescribes for what the file does not say any of.
    kinds : sequence of str, optional
        Of all channels, for a file that says them; empty for EEG. All others are left out.

    Raises
    ------
    InputError
        If no channel has a voltage, and neither is a unit given nor does the standard say one.
    """
    kinds = [""] * len(labels) if kinds is None else kinds
    eeg = [i for i, label in enumerate(labels) if not kinds[i] and not no_voltage(label)]
    volts = {i: size for i in eeg if (size := volts_per(units[i])) is not None}
    sites = {i for i in eeg if is_site(labels[i])}
    silent = [i for i in eeg if i not in volts]
    unsaid = [i for i in silent if is_unsaid(units[i])] if assumed else []
    asking = [i for i in silent if i in sites or i in unsaid]
    if not asking and not volts:
        asking = [i for i in silent if not _QUANTITY.fullmatch(units[i].strip())]
    texts, notes = list(units), []
    unit, source = given, "as --unit says"
    if given is None and assumed is not None:
        asking, unit, source = unsaid, assumed, "as is usual in files of this kind"
    size = None if unit is None else volts_per(unit)
    if given is not None and not asking and volts:
        notes.append(f"{path.name} says its units itself: --unit {given} is not used.")
    if asking and unit is not None and size is not None:
        notes.append(
            f"{path.name} does not say the unit of {_listed(labels, asking)}: taken to be {unit}, "
            f"{source}."
        )
        for i in asking:
            volts[i], texts[i] = size, unit
    if not volts or (silent and sites and not sites & set(volts)):
        raise InputError(_refusal(path, labels, units, asking or silent))

    if out := [i for i in range(len(labels)) if i not in volts]:
        words = [f"{labels[i]} ({kinds[i] or _word(units[i])})" for i in out]
        hope = " (--unit says one for electrodes)" if sites & set(out) else ""
        notes.append(
            f"{path.name}: left out {_short(words)}; only EEG in a known voltage is used{hope}."
        )
    usual = Counter(volts[i] for i in sites if i in volts).most_common(1)
    if odd := [i for i in sorted(sites & set(volts)) if volts[i] != usual[0][0]]:
        rest = [i for i in sorted(sites & set(volts)) if i not in odd]
        notes.append(
            f"{path.name} has {_listed(labels, odd)} in {_units(texts, odd)}, its other electrodes "
            f"in {_units(texts, rest)}: each is converted to µV by its own unit."
        )
    picks = tuple(sorted(volts))
    return Voltages(picks, tuple(volts[i] for i in picks), tuple(notes))


def _refusal(path: Path, labels: Sequence[str], units: Sequence[str], which: Sequence[int]) -> str:
    """Return why no voltage was found: channels that could be one say another unit, or none."""
    if not which:
        return (
            f"{path} has no channel of EEG, but {_listed(labels, range(len(labels)))}; if some are "
            "EEG, correct their kind, name or unit in the file (units are V, mV and uV)."
        )
    phrase = (
        "without a unit"
        if all(is_unsaid(units[i]) for i in which)
        else f"in {_units(units, which)}"
    )
    return (
        f"{path} has {_listed(labels, which)} {phrase}; it must be a voltage such as V, mV or uV. "
        "Say it with --unit, or correct it in the file."
    )


def is_unsaid(unit: str) -> bool:
    """Return whether a channel's unit says none."""
    return unit.strip().lower() in _SILENT


def _word(unit: str) -> str:
    return "no unit" if is_unsaid(unit) else unit.strip()


def _units(units: Sequence[str], which: Iterable[int]) -> str:
    return _short(list(dict.fromkeys(f'"{units[i].strip()}"' for i in which)))


def _listed(labels: Sequence[str], which: Iterable[int]) -> str:
    return _short([labels[i] for i in which])


def _short(words: Sequence[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {more} more" if more > 0 else "")

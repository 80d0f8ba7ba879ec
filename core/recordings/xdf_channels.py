"""Which channels of an LSL stream in a file are EEG, and in which unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.electrodes import is_site
from core.errors import InputError
from core.recordings.triggers import is_trigger_name
from core.recordings.voltages import no_voltage
from core.recordings.xdf_file import XdfStream
from core.sites import eog_name, is_eog
from core.units import UNIT, factor, volts_per

_NO_EEG = re.compile(
    r"(acc|mag|gyr|gyro)[\s_-]*[xyz\d]?\b|accel|gyro|magn|quat|imu|motion|temp(erature)?\b|batt|count|"
    r"sample|seq|packet|clock|time|stamp|valid|impedance|ppg|pulse|spo2|resp|gsr|eda|ecg|ekg|emg|"
    r"eog|gaze|aux|misc|light|photo|sound|audio",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class EegChannels:
    """The EEG channels of a stream, and what is beside them.

    Attributes
    ----------
    picks : tuple of int
        Which of the stream's channels they are.
    labels : tuple of str
    factors : tuple of float
        From the stream's values to µV.
    triggers : tuple of int
        Channels that carry numbers of events.
    notes : tuple of str
        What was left out or assumed.
    """

    picks: tuple[int, ...]
    labels: tuple[str, ...]
    factors: tuple[float, ...]
    triggers: tuple[int, ...]
    notes: tuple[str, ...]


def eeg_channels(
    stream: XdfStream, unit: str | None, source: str, eog: bool = False
) -> EegChannels:
    """Sort a stream's channels.

    A channel that is called a trigger, is said to be of another type, or has a unit that is no
    voltage where others have one, is left out. Without any unit values are taken as µV.

    Parameters
    ----------
    stream : XdfStream
    unit : str, optional
        Of channels that do not say a voltage.
    source : str
        What to call the file.
    eog : bool
        Whether channels of EOG are kept too.

    Raises
    ------
    InputError
        If the units of all channels are no voltage and none is given.
    """
    channels = stream.channels
    own = [channel.get("label") or channel.get("name") or "" for channel in channels]
    labels = [label or f"Ch{number}" for number, label in enumerate(own, 1)]
    units = [channel.get("unit") or channel.get("units") or "" for channel in channels]
    types = [channel.get("type", "") for channel in channels]
    everything = range(len(channels))

    triggers = tuple(
        index
        for index in everything
        if is_trigger_name(types[index]) or is_trigger_name(labels[index])
    )
    others = [index for index in everything if index not in triggers]
    if eog:
        labels = [eog_name(label, type_) for label, type_ in zip(labels, types, strict=True)]
    eyes = [i for i in others if eog and is_eog(labels[i])]
    kept = [i for i in others if i in eyes or _is_eeg(labels[i], types[i], types)]
    if stream.type.lower() == "eeg":
        kept = kept or others
    voltages = [i for i in kept if volts_per(units[i]) is not None]
    silent = [i for i in kept if not units[i]]
    notes, given = [], []
    if voltages:
        # Beside channels that say their unit, a channel without one is an electrode at most
        # where its name says so, and then in the unit that a person gave.
        given = [i for i in silent if unit is not None and is_site(labels[i])]
        kept = sorted({*voltages, *given})
    elif not kept:
        raise InputError(
            f"{source} has no EEG channel in its stream {stream}: {', '.join(labels[:8])}."
        )
    elif unit is None and not silent:
        raise InputError(
            f'{source} cannot be used: The unit "{units[kept[0]]}" of channel {labels[kept[0]]} is '
            "not a voltage this program knows (such as V, mV or uV). Say what it is with --unit."
        )
    else:
        usual = "" if silent else Counter(units[i] for i in kept).most_common(1)[0][0]
        kept = [i for i in kept if units[i] == usual]
        if unit is None:
            notes.append(
                f'The stream "{stream.name}" gives no unit for its channels; their values are '
                f"taken as {UNIT}. If they are in another unit, say it with --unit."
            )
    notes += _odd([(labels[i], units[i]) for i in kept if i in voltages])
    if left_out := [i for i in everything if i not in kept]:
        notes.append(_left_out(left_out, labels, units, types))
    if unit is not None and voltages and not given:
        notes.append(f'The stream "{stream.name}" says its units: --unit {unit} is not used.')
    return EegChannels(
        picks=tuple(kept),
        labels=tuple(labels[i] for i in kept),
        factors=tuple(factor(units[i] if i in voltages else unit or UNIT, UNIT) for i in kept),
        triggers=triggers,
        notes=tuple(notes),
    )


def _is_eeg(label: str, type_: str, types: Sequence[str]) -> bool:
    """Whether a channel's type and label allow that it is an electrode."""
    if re.search(r"eeg|exg", type_, re.IGNORECASE):
        return True
    if no_voltage(label):
        return False
    if is_site(label):
        return not type_ or not _NO_EEG.search(type_)
    if any(re.search(r"eeg|exg", other, re.IGNORECASE) for other in types):
        return not type_ and not _NO_EEG.match(label)
    return not (_NO_EEG.search(type_) or _NO_EEG.match(label))


def _odd(electrodes: Sequence[tuple[str, str]]) -> list[str]:
    """Say which of (label, unit) are in another unit than most."""
    scales = [volts_per(unit) for _, unit in electrodes]
    if len(set(scales)) < 2:
        return []
    usual, _ = Counter(scales).most_common(1)[0]
    told = [
        f'{label} ("{unit}")'
        for (label, unit), scale in zip(electrodes, scales, strict=True)
        if scale != usual
    ]
    return [f"In another unit than the other channels, and converted: {', '.join(told)}."]


def _left_out(
    channels: Sequence[int],
    labels: Sequence[str],
    units: Sequence[str],
    types: Sequence[str],
) -> str:
    told = []
    for index in channels:
        facts = [f'type "{types[index]}"'] if types[index] else []
        facts.append(f'unit "{units[index]}"' if units[index] else "no unit")
        told.append(f"{labels[index]} ({', '.join(facts)})")
    more = f" and {len(told) - 6} more" if len(told) > 6 else ""
    return f"Left out, for they are no EEG: {', '.join(told[:6])}{more}."

"""Where the files that MNE reads say their units, and what MNE made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputError
from core.recordings.bids import channel_types
from core.recordings.headers import Header
from core.recordings.voltages import is_unsaid, voltages
from core.sites import eog_name, is_eog

if TYPE_CHECKING:
    import mne

_BRAINVISION_CHANNEL = re.compile(r"^Ch(\d+)=([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_BRAINVISION_VOLTS = ("V", "mV", "µV", "uV", "nV", "")  # those that MNE takes for voltages
_POWERS = {0: "V", -3: "mV", -6: "uV", -9: "nV"}  # FIF's multipliers of a unit
_FIF_VOLT, _FIF_NONE = 107, -1


@dataclass(frozen=True)
class ScaledChannels:
    """Which channels of what MNE read are used, and how they become microvolts.

    Attributes
    ----------
    picks : ndarray of int, shape (channels,)
    gains : ndarray, shape (channels,)
        What MNE multiplied values in each channel's unit by.
    factors : ndarray, shape (channels,)
        What MNE's values are multiplied by to be in µV.
    notes : tuple of str
        Sentences for a person.
    """

    picks: np.ndarray
    gains: np.ndarray
    factors: np.ndarray
    notes: tuple[str, ...]


def scaled(
    raw: mne.io.BaseRaw,
    path: Path,
    header: Header | None = None,
    given: str | None = None,
    eog: bool = False,
) -> ScaledChannels:
    """Find the channels of EEG, and the factors that make microvolts of what MNE read.

    Parameters
    ----------
    raw : mne.io.BaseRaw
    path : Path
    header : Header, optional
        Of an EDF, BDF or GDF file.
    given : str, optional
        Unit that a person gave, used where the file does not say any.
    eog : bool
        Whether channels of EOG are used too.

    Raises
    ------
    InputError
        If there are none, or their unit is not known.
    """
    labels, kinds = list(raw.ch_names), raw.get_channel_types()
    words = [
        "" if kind == "eeg" or (eog and is_eog(eog_name(label, kind))) else kind
        for label, kind in zip(labels, kinds, strict=True)
    ]
    suffix = path.suffix.lower()
    assumed: str | None
    if header is not None:
        if len(labels) != len(header.channels):
            raise InputError(
                f"{path} has {len(header.channels)} channels by its header and {len(labels)} by "
                "its samples."
            )
        # MNE takes every unit that it does not know for volts, and says nowhere else what it did.
        gains = np.asarray(raw._raw_extras[0]["units"], dtype=float)
        units, assumed = [channel.unit for channel in header.channels], None
    elif suffix in (".vhdr", ".ahdr"):
        gains = np.array([channel["range"] for channel in raw.info["chs"]], dtype=float)
        units, assumed = _brainvision_units(path, len(labels)), "µV"
        # MNE's "misc" is what has no voltage that it knows, and what has no place on the head.
        for i, kind in enumerate(kinds):
            if kind == "misc" and units[i] not in _BRAINVISION_VOLTS:
                words[i] = ""
        types = channel_types(path)
        if "EEG" in types.values():  # else nobody has told them apart
            for i, label in enumerate(labels):
                if is_unsaid(units[i]) and types.get(label) in ("MISC", "TRIG"):
                    words[i] = types[label].lower()
    elif suffix == ".set":
        gains, assumed = np.full(len(labels), 1e-6), "µV"
        units = _eeglab_units(path, len(labels))
    else:
        gains, assumed = np.ones(len(labels)), "V"
        units = [_fif_unit(channel) for channel in raw.info["chs"]]
    channels = voltages(path, labels, units, given, assumed, words)
    picks, notes = np.array(channels.picks), channels.notes
    if header is not None:
        notes += _raised(path, header, channels.picks, float(raw.info["sfreq"]))
    return ScaledChannels(picks, gains[picks], 1e6 * np.array(channels.volts) / gains[picks], notes)


def _raised(path: Path, header: Header, picks: Sequence[int], rate: float) -> tuple[str, ...]:
    """Return a sentence if MNE brought electrodes to the rate of faster channels."""
    slow = sorted({header.channels[i].samples / header.seconds for i in picks})
    if slow[0] > rate * (1.0 - 1e-6):
        return ()
    listed = ", ".join(f"{own:g}" for own in slow if own < rate * (1.0 - 1e-6))
    return (f"{path.name} has channels at {listed} Hz, which are raised to {rate:g} Hz.",)


def _brainvision_units(path: Path, count: int) -> list[str]:
    """Return the unit of each channel of a BrainVision header, empty where it says none."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    section = text.partition("[Channel Infos]")[2].split("\n[")[0]
    units = [""] * count
    for number, row in _BRAINVISION_CHANNEL.findall(section):
        fields = row.split(",")
        if 1 <= int(number) <= count and len(fields) > 3:
            units[int(number) - 1] = fields[3].strip()
    return units


def _eeglab_units(path: Path, count: int) -> list[str]:
    """Return the unit of each channel where an EEGLAB file says it, empty where it does not."""
    from scipy.io import loadmat

    try:
        content = loadmat(path, variable_names=["EEG", "chanlocs"], simplify_cells=True)
    except (NotImplementedError, ValueError, OSError):  # MATLAB's format 7.3, which is HDF5
        return [""] * count
    places = content.get("EEG", content).get("chanlocs", [])
    places = [places] if isinstance(places, dict) else list(places)
    units = [place.get("unit", "") if isinstance(place, dict) else "" for place in places]
    if len(units) != count:
        return [""] * count
    return [unit if isinstance(unit, str) else "" for unit in units]


def _fif_unit(channel: dict[str, Any]) -> str:
    """Return the unit of a channel of MNE's, whose multiplier MNE does not look at."""
    unit, power = int(channel["unit"]), int(channel["unit_mul"])
    if unit == _FIF_NONE:
        return ""
    if unit != _FIF_VOLT:
        return f"FIF unit {unit}"
    return _POWERS.get(power, f"10^{power} V")

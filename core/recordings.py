"""Reading a recording of any kind into one common form."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import InputError
from core.montage import CODEX, direction, electrode, match
from core.signal.sound import numbers, pieces
from core.units import factor

if TYPE_CHECKING:
    import mne

UNIT = "microvolts"

NEAR = 0.05  # s by which an event may come before the stamp of the sample that it belongs to

# A word rather than a code such as "S  1", which stays as MNE shows it.
_BRAINVISION_NAME = re.compile(r"Stimulus/(?!S *\d+$)(?P<name>.+)")
_SEGMENT = "new segment/"
_EDF_UNITS = ("V", "mV", "uV", "\u00b5V")
_BREAKS = ("boundary", "edge boundary", "bad boundary", _SEGMENT)


@dataclass(frozen=True)
class Event:
    """Something that happened during a recording."""

    onset: float  # s from the first sample
    duration: float  # s
    label: str


@dataclass(frozen=True)
class Recording:
    """Contiguous samples of one recording, and what is known about them.

    Attributes
    ----------
    samples_uv : ndarray of float32, shape (samples, channels)
        In µV, as an LSL stream would carry them.
    rate : float
        Sampling rate in Hz.
    labels : tuple of str
        Channel labels as in the file.
    events : tuple of Event
        Annotations or markers, by onset.
    breaks : tuple of int
        Positions of samples that do not follow on the one before.
    path : Path
        Where it came from.
    sha256 : str
        Of the file that was named, followed by the files of samples that it names.
    """

    samples_uv: np.ndarray
    rate: float
    labels: tuple[str, ...]
    events: tuple[Event, ...]
    breaks: tuple[int, ...]
    path: Path
    sha256: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples_uv) / self.rate

    def stretches(self, channels: Sequence[str]) -> list[tuple[int, int]]:
        """Return where contiguous signal begins and ends, as a live stream would be decoded.

        Parameters
        ----------
        channels : sequence of str
            Electrodes. Samples that are no number on one of them are in no stretch.
        """
        sound = np.ones(len(self.samples_uv), dtype=bool)
        for index in match(self.labels, channels).indices:
            sound &= numbers(self.samples_uv[:, index])
        return [
            (begin + start, begin + stop)
            for begin, end in pairwise((0, *self.breaks, len(sound)))
            for start, stop in pieces(sound[begin:end])
            if sound[begin + start]
        ]


def read_recording(path: Path | str, unit: str | None = None) -> Recording:
    """Read a file that MNE or pyxdf can read.

    Parameters
    ----------
    path : path
        EDF, BDF, BrainVision, EEGLAB, FIF, GDF ..., or XDF.
    unit : str, optional
        Unit of an XDF stream that does not say it. Ignored where the file says it.

    Returns
    -------
    Recording

    Raises
    ------
    InputError
        If the file is missing, damaged, of an unknown kind or has no EEG in it, or the unit is no
        voltage.
    """
    path = Path(path)
    if unit is not None:
        factor(unit, UNIT)
    if not path.is_file():
        raise InputError(f"There is no recording at {path}.")
    return _read_xdf(path, unit) if path.suffix.lower() in (".xdf", ".xdfz") else _read_mne(path)


def named_apart(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return names -> SHA-256, a name that is there already with a number behind it.

    Parameters
    ----------
    found : iterable of (name, SHA-256)
    """
    named: dict[str, str] = {}
    for name, sha256 in found:
        free, count = name, 2
        while free in named:
            free, count = f"{name} ({count})", count + 1
        named[free] = sha256
    return named


def read_recordings(paths: Sequence[Path | str], unit: str | None = None) -> list[Recording]:
    """Read several recordings that belong together.

    Raises
    ------
    InputError
        As `read_recording`, or if rate or channel labels differ between them.
    """
    if not paths:
        raise InputError("No recording was named.")
    recordings = [read_recording(path, unit) for path in paths]
    first = recordings[0]
    for other in recordings[1:]:
        if other.rate != first.rate:
            raise InputError(
                f"{other.path.name} has {other.rate:g} Hz and {first.path.name} {first.rate:g} Hz; "
                "recordings of one calibration must have one rate."
            )
        if _electrodes(other) != _electrodes(first):
            raise InputError(
                f"{other.path.name} and {first.path.name} do not have the same channels."
            )
    return recordings


def _electrodes(recording: Recording) -> frozenset[str]:
    """Return the electrodes of a recording by their modern names; all labels if none is one."""
    sites = frozenset(map(electrode, recording.labels))
    return (sites & frozenset(CODEX)) or sites


def recording_of_raw(raw: mne.io.BaseRaw, path: Path, sha256: str | None = None) -> Recording:
    """Return what MNE read, or another library made for it, as a recording.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        In volts.
    path : Path
        What to call it; that of its file, if there is one.
    sha256 : str, optional
        Of its file; by default of the samples.

    Raises
    ------
    InputError
        If it has no EEG in it.
    """
    import mne

    picks = mne.pick_types(raw.info, eeg=True, exclude=())
    if not len(picks):
        kinds = ", ".join(sorted(set(raw.get_channel_types())))
        raise InputError(
            f"{path} has no EEG channel, but {len(raw.ch_names)} of other kinds ({kinds}); if some "
            "are EEG, correct their kind or unit in the file (units are V, mV and uV)."
        )
    samples = np.ascontiguousarray(raw.get_data(picks=picks).T * 1e6, dtype=np.float32)
    offset = raw.first_time if raw.annotations.orig_time is not None else 0.0
    marked = [
        Event(float(onset) - offset, float(duration), _plain_label(str(label)))
        for onset, duration, label in zip(
            raw.annotations.onset,
            raw.annotations.duration,
            raw.annotations.description,
            strict=True,
        )
    ]
    rate = float(raw.info["sfreq"])
    if path.suffix.lower() == ".vhdr":
        rate = round(rate, 9)  # the file has the period, whose inverse is not exact
    boundaries = {round(e.onset * rate) for e in marked if e.label.lower().startswith(_BREAKS)}
    events = [event for event in marked if not event.label.lower().startswith(_SEGMENT)]
    return Recording(
        samples_uv=samples,
        rate=rate,
        labels=tuple(raw.ch_names[pick] for pick in picks),
        events=tuple(sorted(events, key=lambda event: event.onset)),
        breaks=tuple(sorted(b for b in boundaries if 0 < b < len(samples))),
        path=path,
        sha256=sha256 or hashlib.sha256(samples.tobytes()).hexdigest(),
    )


def _read_mne(path: Path) -> Recording:
    import mne

    try:
        with warnings.catch_warnings():
            # Readers warn of odd headers that do not touch the samples.
            warnings.simplefilter("ignore")
            raw = mne.io.read_raw(path, preload=True, verbose="ERROR")
    except Exception as error:  # a damaged file can raise anything in a reader
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read as a recording: {reason}") from error

    if path.suffix.lower() in (".edf", ".bdf"):
        _check_edf_units(path)
    # A header such as BrainVision's may be that of another recording, to the last byte.
    named = [Path(name) for name in raw.filenames if name is not None]
    data = [file for file in named if file.is_file() and not file.samefile(path)]
    return recording_of_raw(raw, path, _sha256(path, *data))


def _check_edf_units(path: Path) -> None:
    """Refuse electrodes in a unit that MNE does not know: it takes every such number for volts.

    Source of the header's layout: Kemp et al., 1992 (EDF).

    Raises
    ------
    InputError
        If there is one.
    """
    with path.open("rb") as file:
        count = int(file.read(256)[252:])
        fields = file.read(count * (16 + 80 + 8)).decode("latin-1")
    labels, units = fields[: 16 * count], fields[96 * count :]
    for number in range(count):
        label = labels[16 * number : 16 * (number + 1)].strip()
        unit = units[8 * number : 8 * (number + 1)].strip()
        if unit not in _EDF_UNITS and direction(label) is not None:
            raise InputError(
                f'{path} has channel {label} in "{unit}", which is not V, mV or uV as a file of '
                "this kind should have it; correct its physical dimension in the header."
            )


def _plain_label(label: str) -> str:
    """Return what a marker says, without BrainVision's kind of marker before a word."""
    return found["name"] if (found := _BRAINVISION_NAME.fullmatch(label)) else label


def _read_xdf(path: Path, unit: str | None) -> Recording:
    import pyxdf

    try:
        # Raw stamps: smoothing them would hide what was lost.
        streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False, verbose=False)
    except Exception as error:  # a damaged file can raise anything in a reader
        raise InputError(f"{path} cannot be read as an XDF recording: {error}") from error

    signals = [s for s in streams if _regular(s) and len(s["time_series"])]
    eeg = [s for s in signals if s["info"]["type"][0] == "EEG"] or signals
    if len(eeg) != 1:
        names = ", ".join(s["info"]["name"][0] for s in eeg) or "none"
        raise InputError(f"{path} must hold exactly one EEG stream with samples; found: {names}.")
    info, stamps = eeg[0]["info"], np.asarray(eeg[0]["time_stamps"])
    rate = float(info["nominal_srate"][0])
    channels = _xdf_channels(info)
    labels = tuple(
        channels[i].get("label") or f"Ch{i + 1}" if i < len(channels) else f"Ch{i + 1}"
        for i in range(int(info["channel_count"][0]))
    )
    units = [c.get("unit", "") for c in channels] + [""] * (len(labels) - len(channels))
    try:
        factors = [factor(found or unit or "", UNIT) for found in units]
    except InputError as error:
        raise InputError(f"{path} cannot be used: {error}") from error
    samples = np.asarray(eeg[0]["time_series"], dtype=np.float64) * factors
    steps = np.diff(stamps) * rate
    events = sorted(
        (
            Event(_position(float(stamp), stamps) / rate, 0.0, str(row[0]))
            for s in streams
            if not _regular(s)
            for stamp, row in zip(s["time_stamps"], s["time_series"], strict=True)
        ),
        key=lambda event: event.onset,
    )
    return Recording(
        samples_uv=np.ascontiguousarray(samples, dtype=np.float32),
        rate=rate,
        labels=labels,
        events=tuple(events),
        breaks=tuple(int(i) + 1 for i in np.flatnonzero(np.abs(steps - 1.0) > 0.1 * rate)),
        path=path,
        sha256=_sha256(path),
    )


def _position(time: float, stamps: np.ndarray) -> float:
    """Return which sample an event belongs to: by the stamps, as samples may be missing.

    One among lost samples belongs to the last before them.
    """
    if not stamps[0] <= time <= stamps[-1]:
        return -1.0 if time < stamps[0] else float(len(stamps))
    nearest = int(np.abs(stamps - time).argmin())
    return nearest - int(stamps[nearest] > time + NEAR)


def _regular(stream: dict) -> bool:
    return float(stream["info"]["nominal_srate"][0]) > 0


def _xdf_channels(info: dict) -> list[dict[str, str]]:
    """Return each channel's label and unit, where the description has them."""
    try:
        found = info["desc"][0]["channels"][0]["channel"]
    except (TypeError, KeyError, IndexError):
        return []
    return [{key: str(value[0]) for key, value in c.items() if value} for c in found]


def _sha256(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()

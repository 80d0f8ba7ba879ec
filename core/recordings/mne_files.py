"""Recordings that MNE reads: EDF, BDF, GDF, BrainVision, EEGLAB, FIF and others."""

from __future__ import annotations

import hashlib
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import InputError
from core.montage import direction
from core.recordings.hashing import sha256_of
from core.recordings.mne_readers import open_raw
from core.recordings.recording import Event, Recording

if TYPE_CHECKING:
    import mne

# A word rather than a code such as "S  1", which stays as MNE shows it.
_BRAINVISION_NAME = re.compile(r"Stimulus/(?!S *\d+$)(?P<name>.+)")
_SEGMENT = "new segment/"
_EDF_UNITS = ("V", "mV", "uV", "\u00b5V")
_BREAKS = ("boundary", "edge boundary", "bad boundary", _SEGMENT)


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


def read_mne(path: Path) -> Recording:
    """Read a file that MNE reads.

    Raises
    ------
    InputError
        If it is damaged, of an unknown kind or has no EEG in it.
    """
    try:
        with warnings.catch_warnings():
            # Readers warn of odd headers that do not touch the samples.
            warnings.simplefilter("ignore")
            raw = open_raw(path)
    except InputError:
        raise
    except Exception as error:  # a damaged file can raise anything in a reader
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read as a recording: {reason}") from error

    if path.suffix.lower() in (".edf", ".bdf"):
        _check_edf_units(path)
    # A header such as BrainVision's may be that of another recording, to the last byte.
    named = [Path(name) for name in raw.filenames if name is not None]
    data = [file for file in named if file.is_file() and not file.samefile(path)]
    return recording_of_raw(raw, path, sha256_of(path, *data))


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

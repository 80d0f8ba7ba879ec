"""Recordings that MNE reads: EDF, BDF, GDF, BrainVision, EEGLAB, FIF and others."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import InputError
from core.montage import direction
from core.recordings.events import SEGMENT, annotated, marks_of, read_in_its_encoding
from core.recordings.hashing import sha256_of
from core.recordings.recording import Recording
from core.recordings.triggers import is_trigger_name

if TYPE_CHECKING:
    import mne

_EDF_UNITS = ("V", "mV", "uV", "\u00b5V")
_BREAKS = ("boundary", "edge boundary", "bad boundary", SEGMENT)


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
    picks = [pick for pick in picks if not is_trigger_name(raw.ch_names[pick])]
    if not picks:
        kinds = ", ".join(sorted(set(raw.get_channel_types())))
        raise InputError(
            f"{path} has no EEG channel, but {len(raw.ch_names)} of other kinds ({kinds}); if some "
            "are EEG, correct their kind or unit in the file (units are V, mV and uV)."
        )
    samples = np.ascontiguousarray(raw.get_data(picks=picks).T * 1e6, dtype=np.float32)
    labels = tuple(raw.ch_names[pick] for pick in picks)
    rate = float(raw.info["sfreq"])
    if path.suffix.lower() == ".vhdr":
        rate = round(rate, 9)  # the file has the period, whose inverse is not exact
    annotations = annotated(raw, path)
    boundaries = {round(e.onset * rate) for e in annotations if e.label.lower().startswith(_BREAKS)}
    marks = marks_of(raw, annotations, path, rate)
    return Recording(
        samples_uv=samples,
        rate=rate,
        labels=labels,
        events=marks.events,
        breaks=tuple(sorted(b for b in boundaries if 0 < b < len(samples))),
        path=path,
        sha256=sha256 or hashlib.sha256(samples.tobytes()).hexdigest(),
        bad_spans=marks.bad_spans,
        bad_channels=tuple(name for name in labels if name in raw.info["bads"]),
        notes=marks.notes,
        looked_in=marks.looked_in,
    )


def read_mne(path: Path) -> Recording:
    """Read a file that MNE reads.

    Raises
    ------
    InputError
        If it is damaged, of an unknown kind or has no EEG in it.
    """
    import mne

    try:
        with warnings.catch_warnings():
            # Readers warn of odd headers that do not touch the samples.
            warnings.simplefilter("ignore")
            read = partial(mne.io.read_raw, preload=True, verbose="ERROR")
            raw, notes = read_in_its_encoding(path, read)
    except Exception as error:  # a damaged file can raise anything in a reader
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read as a recording: {reason}") from error

    if path.suffix.lower() in (".edf", ".bdf"):
        _check_edf_units(path)
    # A header such as BrainVision's may be that of another recording, to the last byte.
    named = [Path(name) for name in raw.filenames if name is not None]
    data = [file for file in named if file.is_file() and not file.samefile(path)]
    recording = recording_of_raw(raw, path, sha256_of(path, *data))
    return replace(recording, notes=(*notes, *recording.notes))


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

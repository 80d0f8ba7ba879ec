"""Recordings that MNE reads: EDF, BDF, GDF, BrainVision, EEGLAB, FIF and others."""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import InputError, one_line
from core.machine.files import sha256_of
from core.numbered_channels import groups_apart
from core.recordings.breaks import at_lowest, breaks_of, place_by_records
from core.recordings.events import annotated, marks_of, read_in_its_encoding
from core.recordings.file_units import scaled
from core.recordings.gdf_events import place_by_event_rate
from core.recordings.headers import Header, read_header
from core.recordings.mne_readers import open_raw
from core.recordings.recording import Recording
from core.sites import eog_name

if TYPE_CHECKING:
    import mne

_ADVICE = re.compile(r"(?<=\S)\s+(?:Pass|Use|Consider|Try|Set|Please)\b.*", re.DOTALL)


def recording_of_raw(
    raw: mne.io.BaseRaw,
    path: Path,
    sha256: str | None = None,
    *,
    header: Header | None = None,
    unit: str | None = None,
    eog: bool = False,
) -> Recording:
    """Return what MNE read, or another library made for it, as a recording.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        In volts.
    path : Path
        What to call it; that of its file, if there is one.
    sha256 : str, optional
        Of its file; by default of the samples.
    header : Header, optional
        Of its file, for EDF, BDF and GDF.
    unit : str, optional
        Of channels whose unit the file does not say.
    eog : bool
        Keep channels whose type is EOG, under names that say so.

    Raises
    ------
    InputError
        If it has no EEG in it, no samples or no rate.
    """
    rate, count = float(raw.info["sfreq"]), raw.n_times
    if not (math.isfinite(rate) and rate > 0.0):
        raise InputError(f"{path} has a sampling rate of {rate:g} Hz, which cannot be.")
    if not count or not raw.ch_names:
        raise InputError(f"{path} has no signal: {len(raw.ch_names)} channels, {count} samples.")
    use = scaled(raw, path, header, unit, eog)
    paused: Sequence[int] = ()
    if header is not None and path.suffix.lower() == ".gdf":
        place_by_event_rate(raw, path, header)
    elif header is not None:
        paused = place_by_records(raw, path, header)
    marked = breaks_of(raw, path.suffix.lower())
    volts = raw.get_data(picks=use.picks)
    lost = np.zeros(count, dtype=bool)
    if header is not None:
        lost |= at_lowest(volts, [header.channels[i] for i in use.picks], use.gains, rate)
    for begin, end in marked.lost:
        lost[begin:end] = True
    volts[:, lost] = np.nan
    samples = np.ascontiguousarray(volts.T * use.factors, dtype=np.float32)

    if path.suffix.lower() == ".vhdr":
        rate = round(rate, 9)  # the file has the period, whose inverse is not exact
    names = [raw.ch_names[pick] for pick in use.picks]
    kinds = raw.get_channel_types(picks=use.picks)
    labels = groups_apart([eog_name(name, kind) for name, kind in zip(names, kinds, strict=True)])
    marks = marks_of(raw, annotated(raw, path), path, rate)
    return Recording(
        samples_uv=samples,
        rate=rate,
        labels=labels,
        events=marks.events,
        breaks=tuple(sorted({b for b in (*paused, *marked.starts) if 0 < b < count})),
        path=path,
        sha256=sha256 or hashlib.sha256(samples.tobytes()).hexdigest(),
        bad_spans=marks.bad_spans,
        bad_channels=tuple(
            label for label, name in zip(labels, names, strict=True) if name in raw.info["bads"]
        ),
        notes=(*use.notes, *marks.notes),
        looked_in=marks.looked_in,
    )


def read_mne(path: Path, unit: str | None = None, eog: bool = False) -> Recording:
    """Read a file that MNE reads.

    Parameters
    ----------
    path : Path
    unit : str, optional
        Of channels whose unit the file does not say.
    eog : bool
        As in `recording_of_raw`.

    Raises
    ------
    InputError
        If it is damaged, of an unknown kind or has no EEG in it, or if it does not say the unit
        of its electrodes and neither does `unit`.
    """
    header = read_header(path)
    try:
        with warnings.catch_warnings():
            # Readers warn of odd headers that do not touch the samples.
            warnings.simplefilter("ignore")
            raw, notes = read_in_its_encoding(path, open_raw)
    except InputError:
        raise
    except Exception as error:  # a damaged file can raise anything in a reader
        # What MNE advises after that is for programmers; an assertion of its has no words.
        words = one_line(_ADVICE.sub("", str(error))) if str(error) else "it contradicts itself"
        raise InputError(f"{path} cannot be read as a recording: {words}") from error

    # A header such as BrainVision's may be that of another recording, to the last byte.
    named = [Path(name) for name in raw.filenames if name is not None]
    data = [file for file in named if file.is_file() and not file.samefile(path)]
    sha256 = sha256_of(path, *data)
    recording = recording_of_raw(raw, path, sha256, header=header, unit=unit, eog=eog)
    return replace(recording, notes=(*notes, *recording.notes))

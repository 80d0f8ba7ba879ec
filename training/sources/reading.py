"""Recordings in the layouts of published data sets, beside what core reads anyway."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from core.machine.files import sha256_of
from core.recordings import (
    Event,
    Recording,
    read_recording,
    recording_of_raw,
    with_events_of_table,
    without_bad_channels,
)
from core.recordings.events import read_in_its_encoding

SEED_CHANNELS = tuple(
    """
    FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8
    T7 C5 C3 C1 CZ C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 P7 P5 P3 P1 PZ P2 P4 P6 P8
    PO7 PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 OZ O2 CB2
    """.split()
)
"""Rows of a SEED matrix, as its file channel-order.xlsx has them."""

M3CV_CHANNELS = tuple(
    """
    FP1 FP2 F3 F4 C3 C4 P3 P4 O1 O2 F7 F8 T7 T8 P7 P8 FZ CZ PZ FC1 FC2 CP1 CP2 FC5 FC6 CP5 CP6
    FT9 FT10 TP9 TP10 F1 F2 C1 C2 P1 P2 AF3 AF4 FC3 FC4 CP3 CP4 PO3 PO4 F5 F6 C5 C6 P5 P6
    AF7 AF8 FT7 FT8 TP7 TP8 PO7 PO8 FPZ CPZ POZ OZ FCZ
    """.split()
)
"""Rows of an M3CV epoch. Its files do not say; this is the order that TorchEEG gives."""

_TUEV_LABELS = {1: "spsw", 2: "gped", 3: "pled", 4: "eyem", 5: "artf", 6: "bckg"}
_SLEEP_SITES = {"EEG Fpz-Cz": "FPZ", "EEG Pz-Oz": "PZ"}


def read_header(path: Path) -> tuple[float, tuple[str, ...]]:
    """Return length in seconds and channel labels, without reading samples.

    Raises
    ------
    InputError
        If it is no recording that MNE reads.
    """
    import mne

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd headers that do not touch the samples
            read = partial(mne.io.read_raw, preload=False, verbose="ERROR")
            raw, _ = read_in_its_encoding(path, read)
    except Exception as error:  # a damaged file can raise anything in a reader
        read_recording(path)  # which has sentences for what is damaged
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read as a recording: {reason}") from error
    return raw.n_times / raw.info["sfreq"], tuple(raw.ch_names)


def renamed(recording: Recording, names: Mapping[str, str]) -> Recording:
    """Return a recording whose events have other labels; those not named keep theirs."""
    events = (replace(e, label=names.get(e.label, e.label)) for e in recording.events)
    return replace(recording, events=tuple(events))


def labelled(recording: Recording, label: str) -> Recording:
    """Return a recording with one label for all of it, as an event at its first sample."""
    return replace(recording, events=(Event(0.0, recording.duration, label), *recording.events))


def read_sleep(path: Path) -> Recording:
    """Read a night of Sleep-EDFx with the stages of its hypnogram.

    Its two channels are derivations; each is the potential of its first electrode against its
    second, and so that electrode, as recorded.
    """
    import mne

    recording = read_recording(path)
    labels = tuple(_SLEEP_SITES.get(label, label) for label in recording.labels)
    stages = sorted(path.parent.glob(f"{path.name[:7]}*-Hypnogram.edf"))
    if len(stages) != 1:
        raise InputError(f"{path} has {len(stages)} hypnograms beside it; one was expected.")
    annotations = mne.read_annotations(stages[0])
    events = tuple(
        Event(float(onset), float(duration), str(label))
        for onset, duration, label in zip(
            annotations.onset, annotations.duration, annotations.description, strict=True
        )
    )
    return replace(recording, labels=labels, events=events)


def read_tuab(path: Path) -> Recording:
    """Read a TUAB recording, which is normal or abnormal as its folder says."""
    label = next(name for name in path.parts[::-1] if name in ("normal", "abnormal"))
    return labelled(read_recording(path), label)


def read_tuev(path: Path) -> Recording:
    """Read a TUEV recording with the events of its .rec file (channel, start, stop, label)."""
    recording = read_recording(path)
    marks = path.with_suffix(".rec")
    try:
        with marks.open(encoding="ascii", newline="") as file:
            rows = [[float(value) for value in row] for row in csv.reader(file) if row]
        events = {(start, stop, _TUEV_LABELS[int(label)]) for _, start, stop, label in rows}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{marks} is no list of TUEV events: {error}.") from error
    return replace(
        recording,
        events=tuple(Event(start, stop - start, label) for start, stop, label in sorted(events)),
    )


def read_bids(path: Path, unit: str | None = None) -> Recording:
    """Read a recording of a BIDS data set, with its events.tsv and without its bad channels.

    Raises
    ------
    InputError
        As `read_recording`, or if a table cannot be read.
    """
    recording = with_events_of_table(read_recording(path, unit))
    return without_bad_channels([recording])[0]


def read_kaggle_ern(path: Path) -> Recording:
    """Read a session of the challenge: Time, 56 electrodes, EOG, FeedBackEvent; 200 Hz, µV."""
    with path.open(encoding="ascii", errors="replace") as file:
        header = file.readline().strip().split(",")
    if header[:1] != ["Time"] or header[-1:] != ["FeedBackEvent"]:
        raise InputError(f"{path} is no KaggleERN session: it must begin with Time, Fp1, ...")
    try:
        table = np.loadtxt(path, dtype=np.float32, delimiter=",", skiprows=1, ndmin=2)
    except ValueError as error:
        raise InputError(f"{path} cannot be read as a table: {error}.") from error
    events = tuple(
        Event(float(sample) / 200.0, 0.0, "feedback")
        for sample in np.flatnonzero(table[:, -1] == 1)
    )
    return _recording(table[:, 1:-1], 200.0, header[1:-1], events, path, sha256_of(path))


def read_seed(path: Path) -> Iterator[tuple[str, Recording]]:
    """Read the films of a SEED session: matrices named ..._eeg1 to ..._eeg15, 200 Hz, µV.

    Yields
    ------
    film : str
        Its number, from 1.
    recording : Recording
        All of it: nothing is cut or stretched.
    """
    content, sha256 = _matlab(path), sha256_of(path)
    films = {int(m[1]): name for name in content if (m := re.search(r"_eeg(\d+)$", name))}
    for film, name in sorted(films.items()):
        samples = np.asarray(content[name]).T  # (samples, channels)
        yield str(film), _recording(samples, 200.0, SEED_CHANNELS, (), path, sha256)


def read_m3cv(path: Path) -> Recording:
    """Read an M3CV epoch: 64 channels and a marker, 4 s at 250 Hz, µV."""
    samples = np.asarray(_matlab(path).get("epoch_data", ())).T
    return _recording(samples[:, :64], 250.0, M3CV_CHANNELS, (), path, sha256_of(path))


def read_moabb(name: str, label: str) -> Iterator[tuple[str, str, Recording]]:
    """Read all runs of a person of a MOABB data set, which MOABB downloads if need be.

    Yields
    ------
    session, run : str
        As MOABB calls them.
    recording : Recording
    """
    dataset = moabb_dataset(name)
    subject = next(subject for subject in dataset.subject_list if str(subject) == label)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old names in the data set's own reader
            sessions = dataset.get_data([subject])[subject]
    except Exception as error:  # of the network, a server, an archive, a reader
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"MOABB could not get subject {subject} of {name}: {reason} "
            "Try again, or follow the data set's page at moabb.neurotechx.com."
        ) from error
    for session, runs in sessions.items():
        for run, raw in runs.items():
            called = Path(f"{name}-{subject}-{session}-{run}")
            yield str(session), str(run), recording_of_raw(raw, called)


def moabb_dataset(name: str) -> Any:
    """Return a data set of MOABB.

    Raises
    ------
    InputError
        If MOABB is not installed, or has none of that name.
    """
    try:
        import moabb.datasets
        from moabb.datasets.base import BaseDataset
    except ImportError as error:
        raise InputError(
            f"The source moabb:{name} needs MOABB; install it with pip install "
            '"eegpt-realtime[data]".'
        ) from error
    kind = getattr(moabb.datasets, name, None)
    if not (isinstance(kind, type) and issubclass(kind, BaseDataset)):
        raise InputError(
            f'MOABB has no data set "{name}"; names are those of its classes, such as '
            "BNCI2014_001, BNCI2014_004, Schirrmeister2017 (High-Gamma) or Wang2016 (Tsinghua)."
        )
    return kind()


def _recording(
    samples: np.ndarray,
    rate: float,
    labels: Sequence[str],
    events: tuple[Event, ...],
    path: Path,
    sha256: str,
) -> Recording:
    if samples.ndim != 2 or samples.shape[1] != len(labels):
        raise InputError(
            f"{path} has samples of shape {samples.shape}; {len(labels)} channels were expected."
        )
    contiguous = np.ascontiguousarray(samples, dtype=np.float32)
    ordered = tuple(sorted(events, key=lambda event: event.onset))
    return Recording(contiguous, rate, tuple(labels), ordered, (), path, sha256)


def _matlab(path: Path) -> dict[str, Any]:
    from pymatreader import read_mat

    try:
        return read_mat(str(path))
    except Exception as error:  # a damaged file can raise anything in a reader
        raise InputError(f"{path} cannot be read as a MATLAB file: {error}.") from error

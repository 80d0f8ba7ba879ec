"""Where the signal of a file is broken off, and events at their samples in spite of it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.recordings.headers import Channel, Header, Lists
from core.recordings.tal import plain_text
from core.signal.finite import contiguous

if TYPE_CHECKING:
    import mne

_KINDS = re.compile(r"^(?:stimulus|comment)/")  # of BrainVision's markers
_BREAKS = ("boundary", "edge boundary", "bad boundary", "new segment/", "bad_acq_skip")
_ERPLAB = ("-99", "-99.0")  # its boundaries, in EEGLAB files of numeric events
_GDF_RUN = "32766"  # start of a new segment; Schlögl, 2006
_LOST = "bad_acq_skip"  # MNE's word for what was not recorded, filled up with zeros
_OFF = 1.5  # samples by which a record may begin early or late
_NEAR = 0.01  # of a sample, within which a position is on it
_ALONE = 0.1  # s for which a single channel stands at its lowest number before that is no signal


class Breaks(NamedTuple):
    """Where the signal is broken off."""

    starts: tuple[int, ...]  # samples that do not follow on the one before
    lost: tuple[tuple[int, int], ...]  # begin and end of what is no signal


def breaks_of(raw: mne.io.BaseRaw, suffix: str) -> Breaks:
    """Return where annotations say that the signal is broken off.

    Parameters
    ----------
    raw : mne.io.BaseRaw
    suffix : str
        Ending of the file's name, for words that mean a break in one format only.
    """
    rate, count = float(raw.info["sfreq"]), raw.n_times
    breaks, lost = set(), []
    for onset, duration, words in zip(
        raw.annotations.onset - raw.first_time,
        raw.annotations.duration,
        raw.annotations.description,
        strict=True,
    ):
        word = _KINDS.sub("", str(words).strip().lower(), count=1)
        begin = _sample(float(onset) * rate, suffix)
        if word.startswith(_LOST):
            end = min(max(_sample(float(onset + duration) * rate, suffix), begin), count)
            lost.append((max(begin, 0), max(end, 0)))
            breaks |= {begin, end}
        elif (
            word.startswith(_BREAKS)
            or word == "edge"
            or (suffix == ".set" and word in _ERPLAB)
            or (suffix == ".gdf" and word == _GDF_RUN)
        ):
            breaks.add(begin)
    if suffix == ".mff":  # recorded with pauses, or cut out of a recording
        breaks.update(int(first) for first in raw._raw_extras[0]["first_samps"])
    return Breaks(tuple(sorted(b for b in breaks if 0 < b < count)), tuple(lost))


def _sample(position: float, suffix: str) -> int:
    """Return the first sample of what begins at a position between samples.

    EEGLAB puts a boundary anywhere between two samples, MNE's reader of MFF in the middle.
    """
    return int(np.ceil(position - (_NEAR if suffix == ".set" else 0.5 - _NEAR)))


def at_lowest(
    samples: np.ndarray,
    channels: Sequence[Channel],
    scale: Sequence[float] | np.ndarray,
    rate: float,
) -> np.ndarray:
    """Return where all channels have their lowest number at once, bool of (samples,).

    Programs write it where they have no signal: BCI Competition IV between runs, others for what
    an amplifier lost.

    Parameters
    ----------
    samples : ndarray, shape (channels, samples)
    channels : sequence of Channel
        What the header says of each.
    scale : sequence of float
        What one of each channel's units is in the samples.
    rate : float
        In Hz.
    """
    lowest = np.full(samples.shape[1], bool(channels))
    for values, channel, unit in zip(samples, channels, scale, strict=True):
        near = np.zeros(len(values), dtype=bool)
        for value in channel.lowest:
            near |= np.abs(values - value * unit) < 0.5 * abs(channel.step) * unit
        lowest &= near
    if len(channels) == 1:  # it may touch its rail for a moment
        for begin, end in contiguous(lowest):
            if end - begin < _ALONE * rate:
                lowest[begin:end] = False
    return lowest


def place_by_records(raw: mne.io.BaseRaw, path: Path, header: Header) -> list[int]:
    """Move the annotations of an EDF+ or BDF+ file to the samples that were recorded then.

    MNE counts time as if each record followed on the one before. Where the records' own times say
    otherwise, annotations are set anew; one during a pause belongs to the last sample before it.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        As MNE read it; its annotations are changed.
    path : Path
    header : Header
        Of the file.

    Returns
    -------
    list of int
        Samples that do not follow on the one before.
    """
    import mne

    if header.lists is None:
        return []
    seconds = header.seconds
    starts, marks = _records(path, header.lists)
    rate = float(raw.info["sfreq"])
    tolerance = _OFF / rate
    for number in np.flatnonzero(np.isnan(starts)):  # no time of its own
        starts[number] = starts[number - 1] + seconds if number else 0.0
    steps, counted = np.diff(starts), seconds * np.arange(len(starts))
    off = np.abs(starts - counted - starts[:1]) > tolerance
    if not off.any() or not (steps > 0).any():
        return []  # the times are those that MNE counts, or none were kept
    onsets = []
    for mark in marks:
        before = np.flatnonzero(starts <= mark.onset)
        record = int(before[-1]) if len(before) else 0
        within = min(mark.onset - starts[record], seconds - 0.5 * tolerance)
        onsets.append(record * seconds + within)
    durations, texts = [mark.duration for mark in marks], [mark.text for mark in marks]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of those outside the signal, which are no events of it
        raw.set_annotations(mne.Annotations(onsets, durations, texts), verbose="ERROR")
    breaks = np.flatnonzero(np.abs(steps - seconds) > tolerance) + 1
    return [round(number * seconds * rate) for number in breaks.tolist()]


class _Mark(NamedTuple):
    onset: float  # s, by the clock that the records' times are of
    duration: float  # s
    text: str


def _records(path: Path, lists: Lists) -> tuple[np.ndarray, list[_Mark]]:
    """Return the onset of each record, NaN where it has none, and all annotations."""
    length = path.stat().st_size - lists.begin
    count = max(length, 0) // lists.record
    starts = np.full(count, np.nan)
    marks: list[_Mark] = []
    if not count:
        return starts, marks
    shape = (count, lists.record)
    content = np.memmap(path, dtype=np.uint8, mode="r", offset=lists.begin, shape=shape)
    for number, record in enumerate(content):
        for channel, (begin, end) in enumerate(lists.channels):
            for index, entry in enumerate(record[begin:end].tobytes().split(b"\0")):
                time, _, texts = entry.partition(b"\x14")
                onset, _, duration = time.partition(b"\x15")
                try:
                    when, span = float(onset), float(duration or 0)
                except ValueError:
                    continue  # what follows on the last annotation of a record
                if not np.isfinite(when + span):
                    continue
                if channel == index == 0 and texts[:1] == b"\x14":
                    starts[number] = when
                words = [plain_text(text) for text in texts.split(b"\x14") if text]
                marks += [_Mark(when, span, word) for word in words]
    return starts, marks

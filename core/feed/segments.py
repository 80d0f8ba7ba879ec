"""Segments: samples that follow one another, in µV, whatever they came from.

A stream and a file give the same: `Segmenter` makes segments of what a stream brings,
`core.feed.recording_feed.RecordingFeed` of a recording, and whoever takes them needs no stamps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.feed.continuity import Continuity, SegmentBounds
from core.signal.finite import contiguous, finite_mask
from core.units import UNIT, voltage_factors, volts_per

_SENT_TWICE = -10.0  # s by which stamps may go back where a buffer is sent again
_LATE_BY = 0.05  # s: a longer step forward without a loss is a clock that was set


@dataclass(frozen=True)
class Segment:
    """Samples that follow one another.

    Attributes
    ----------
    samples_uv : ndarray of float64, shape (n, channels)
        In µV, rounded to float32 as a recording keeps them; channels that carry no voltage as they
        came.
    raw : ndarray, shape (n, channels)
        As received, in the source's own units.
    times : ndarray of float64, shape (n,)
        Of the samples, in seconds: raw stamps of a stream (NaN where a stamp is NaN or inf).
    first : int
        Index of the first sample, lost ones counted.
    begins : bool
        Whether a new run begins: the first sample does not follow on the one before.
    lost : int
        Samples lost just before, where that is known.
    words : str
        What ended the run before, where one begins, for a person; empty for the first run of a
        source, and where a value that is no number ended it.
    nan : tuple of int
        Positions among the chosen channels that have NaN, infinity or no possible voltage in this
        segment: nothing can be done with it. Empty for a good segment, and before any were chosen.
    """

    samples_uv: np.ndarray
    raw: np.ndarray
    times: np.ndarray
    first: int
    begins: bool
    lost: int = 0
    words: str = ""
    nan: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.times)

    @property
    def time(self) -> float:
        """Of the first sample, in seconds."""
        return float(self.times[0])

    def part(self, start: int, stop: int) -> Segment:
        """Return a part of the samples; only one from the start begins what this begins."""
        here = slice(start, stop)
        samples_uv, raw, times = self.samples_uv[here], self.raw[here], self.times[here]
        if start:
            return Segment(samples_uv, raw, times, self.first + start, begins=False)
        return replace(self, samples_uv=samples_uv, raw=raw, times=times)


class Segmenter:
    """Makes segments of what a stream brings: the one place that looks at its stamps.

    Parameters
    ----------
    labels, units : sequence of str
        Of the stream's channels.
    rate : float
        Nominal, in Hz.

    Attributes
    ----------
    labels : tuple of str
    units : tuple of str
        Of `Segment.samples_uv`: `UNIT` for every voltage, others as they are.
    factors : tuple of float
        From the stream's units to those.
    rate : float
    continuity : Continuity
        Counts what was received, lost and sent twice, and how often the clock began anew.

    Notes
    -----
    How samples are cut into chunks changes neither where runs begin nor what is in them.
    """

    def __init__(self, labels: Sequence[str], units: Sequence[str], rate: float) -> None:
        self.labels, self.rate = tuple(labels), rate
        self.units = tuple(unit if volts_per(unit) is None else UNIT for unit in units)
        self.factors = tuple(voltage_factors(units, UNIT))
        self.continuity = Continuity(self.rate)
        self._position = 0  # of the next sample, lost ones counted
        self._newest = math.nan  # s, newest stamp

    def like(self, other: Segmenter) -> bool:
        """Whether another stream has the same channels, units and rate."""
        mine, theirs = ((f.labels, f.factors, f.rate) for f in (self, other))
        return mine == theirs

    def push(self, samples: np.ndarray, stamps: np.ndarray, set_by: float = 0.0) -> list[Segment]:
        """Take samples as they came.

        Parameters
        ----------
        samples : ndarray, shape (n, channels)
            In the stream's units.
        stamps : ndarray of float64, shape (n,)
            Raw, in seconds, as the sender gave them.
        set_by : float
            Seconds by which the sender's clock was set forward among them, as `Continuity.split`
            takes it.

        Returns
        -------
        list of Segment
            In order, over all of the samples.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # infinity is found to be none later
            samples_uv = (samples * np.array(self.factors)).astype(np.float32).astype(np.float64)
        segments = []
        for run in self.continuity.split(stamps, set_by):
            here = slice(run.start, run.stop)
            words = ""
            if not run.continues and self._position:
                words = _words(run, float(stamps[run.start]) - self._newest, 1.0 / self.rate)
            self._position += run.lost
            segments.append(
                Segment(
                    samples_uv[here],
                    samples[here],
                    stamps[here],
                    self._position,
                    not run.continues,
                    run.lost,
                    words,
                )
            )
            self._position += run.stop - run.start
            self._newest = float(stamps[run.stop - 1])
        return segments


def joined(segments: Sequence[Segment]) -> list[Segment]:
    """Return each run of consecutive segments as one segment."""
    runs: list[list[Segment]] = []
    for segment in segments:
        if segment.begins or not runs:
            runs.append([])
        runs[-1].append(segment)
    return [
        replace(
            run[0],
            samples_uv=np.concatenate([segment.samples_uv for segment in run]),
            raw=np.concatenate([segment.raw for segment in run]),
            times=np.concatenate([segment.times for segment in run]),
        )
        for run in runs
    ]


class FiniteSegments:
    """Cuts segments where a chosen channel has NaN, infinity or no possible voltage.

    One such value would stay in a filter indefinitely, so it ends a run; the next one begins
    after the last of them.

    Parameters
    ----------
    columns : sequence of int
        Of the chosen channels.
    """

    def __init__(self, columns: Sequence[int]) -> None:
        self._columns = list(columns)
        self._after_nan = False

    def cut(self, segment: Segment) -> Iterator[Segment]:
        """Give the good parts of a segment and, with `Segment.nan`, the others, in order."""
        finite = finite_mask(segment.samples_uv[:, self._columns])
        good = np.logical_and.reduce(finite, axis=1)
        for start, stop in contiguous(good):
            part = segment.part(start, stop)
            if not good[start]:
                self._after_nan = True
                yield replace(
                    part, nan=tuple(np.flatnonzero(~finite[start:stop].all(axis=0)).tolist())
                )
                continue
            if self._after_nan and not part.begins:
                part = replace(part, begins=True)
            self._after_nan = False
            yield part


def segment_bounds(stamps: np.ndarray, rate: float) -> tuple[list[SegmentBounds], int]:
    """Return the runs in all the stamps of a recorded stream, and how many samples were lost.

    Parameters
    ----------
    stamps : ndarray of float64, shape (samples,)
        Raw, in seconds.
    rate : float
        Nominal, in Hz.
    """
    continuity = Segmenter((), (), rate).continuity
    return continuity.split(stamps), continuity.lost_samples


def _words(run: SegmentBounds, step: float, period: float) -> str:
    """Say what a break was, from the step that the stamps made there, in seconds."""
    if run.lost:
        return f"{run.lost} sample{'s were' if run.lost > 1 else ' was'} lost"
    if not math.isfinite(step):
        return "The time stamps are NaN or inf"
    if _SENT_TWICE < step < _LATE_BY:
        back = f"Time stamps went back by {-step:.3g} s: " if step < 0 else ""
        cause = "samples were sent twice, or the sender's clock was set back"
        return back + cause if back else cause[0].upper() + cause[1:] + " a little"
    return f"The sender's clock jumped by {step - period:+.6g} s"

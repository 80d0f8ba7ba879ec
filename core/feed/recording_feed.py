"""The segments of a recording: the same as a stream of it would give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from core.feed.segments import Segment
from core.recordings import UNIT, Recording


class RecordingFeed:
    """Gives a recording's segments in order.

    Parameters
    ----------
    recording : Recording
    labels : sequence of str, optional
        Names for its channels, instead of its own.
    away : float
        Seconds that a break of the recording is taken to last, as its length is not known; a
        replay takes `simulation.player.BREAK`.
    length : float
        Of a segment in seconds, at most.

    Attributes
    ----------
    labels, units : tuple of str
        Of the channels of `Segment.samples_uv`.
    rate : float
        In Hz.
    """

    def __init__(
        self,
        recording: Recording,
        labels: Sequence[str] | None = None,
        away: float = 0.0,
        length: float = 1.0,
    ) -> None:
        self._recording, self._away = recording, away
        self.labels = tuple(recording.labels if labels is None else labels)
        self.units, self.rate = (UNIT,) * len(self.labels), recording.rate
        self._length = max(round(length * self.rate), 1)  # samples

    def segments(self) -> Iterator[Segment]:
        """Give the segments; times count from the first sample."""
        samples, lost = self._recording.samples_uv, round(self._away * self.rate)
        breaks = [place for place in self._recording.breaks if 0 < place < len(samples)]
        for number, (begin, end) in enumerate(pairwise((0, *breaks, len(samples)))):
            for start in range(begin, end, self._length):
                stop = min(start + self._length, end)
                ends_one = start == begin and number > 0
                yield Segment(
                    samples_uv=samples[start:stop].astype(np.float64),
                    raw=samples[start:stop],
                    times=np.arange(start, stop) / self.rate + number * self._away,
                    first=start + number * lost,
                    begins=start == begin,
                    lost=lost if ends_one else 0,
                    words="The recording has a break here" if ends_one else "",
                )

"""When samples were taken, by their stamps, and so which of them an event belongs to.

A sample may be stamped late, alone or with others that came in one burst, and never early. Within
a contiguous run the line through the least late samples is when samples were taken; it follows a
clock that drifts, and a rate that is not the nominal one. A file is looked at as a whole, a stream
by what came before the event and with it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

import numpy as np

_NEAR = 0.05  # s by which an event may come before the sample that it belongs to
_BLOCK = 2.0  # s, in which the least late sample is taken for punctual
_MEMORY = 60.0  # s of a stream's stamps that are remembered
_TRAIL = 20.0  # s of them that say when one was taken
_BURST = 0.1  # s in which what came together is stamped


def punctual_times(stamps: np.ndarray, rate: float) -> np.ndarray:
    """Return when the samples of a contiguous run were taken.

    Parameters
    ----------
    stamps : ndarray of float64, shape (samples,)
        In seconds; NaN and inf say nothing.
    rate : float
        Roughly, in Hz.

    Returns
    -------
    ndarray of float64, shape (samples,)
        Infinite where no stamp is finite.
    """
    count = np.arange(len(stamps))
    late = np.where(np.isfinite(stamps), stamps - count / rate, np.inf)
    slope = 0.0  # s a sample, by which the true period is longer
    for _ in range(2):  # a slope hides which sample of a block is least late
        places = _least(late - slope * count, max(2, round(_BLOCK * rate)))
        if len(places) > 1:
            slope = float(np.polyfit(places, late[places], 1)[0])
    if not len(places):
        return np.full(len(stamps), np.inf)
    rest = np.interp(count, places, late[places] - slope * places)
    return np.asarray(count * (1.0 / rate + slope) + rest)


def _least(late: np.ndarray, size: int) -> np.ndarray:
    """Return the place of the least late sample of each block; none is shorter than asked for.

    What came last may be part of a burst whose punctual samples are still missing.
    """
    starts = [0, *range(len(late) % size + size, len(late), size)]
    places = [a + int(np.argmin(late[a:b])) for a, b in pairwise((*starts, len(late)))]
    return np.array([place for place in places if np.isfinite(late[place])], dtype=np.intp)


def _nearest(times: np.ndarray, time: float) -> int:
    """Return the place of the sample that an event belongs to.

    One among lost samples belongs to the last before them, so that nobody takes the signal after
    a gap for what followed on the event.
    """
    after = min(int(np.searchsorted(times, time)), len(times) - 1)
    before = max(after - 1, 0)
    nearest = before if time - times[before] <= times[after] - time else after
    return before if times[nearest] > time + _NEAR else nearest


class Timeline:
    """The times of the samples of a recorded stream.

    Parameters
    ----------
    stamps : ndarray of float64, shape (samples,)
        In seconds of the clock that times are given in; at least one finite. A run without any
        finite one is taken to lie at the sample before.
    rate : float
        In Hz.
    breaks : sequence of int
        Positions of samples that do not follow on the one before.
    """

    def __init__(self, stamps: np.ndarray, rate: float, breaks: tuple[int, ...]) -> None:
        self._rate = rate
        edges = pairwise((0, *breaks, len(stamps)))
        times = np.concatenate([punctual_times(stamps[a:b], rate) for a, b in edges])
        known = np.flatnonzero(np.isfinite(times))
        before = np.searchsorted(known, np.arange(len(times)), "right") - 1
        self._unsorted = times = times[known[np.maximum(before, 0)]]
        self._order = np.argsort(times, kind="stable")
        self._times = times[self._order]

    def time(self, sample: int) -> float:
        """Return when a sample was taken."""
        return float(self._unsorted[sample])

    def position(self, time: float) -> float:
        """Return the sample of an event: before the first -1, after the last their number."""
        times, half = self._times, 0.5 / self._rate
        if not times[0] - half <= time <= times[-1] + half:
            return -1.0 if time < times[0] else float(len(times))
        return float(self._order[_nearest(times, time)])


class GrowingTimeline:
    """The times of the latest samples of a stream that goes on.

    Where an event lies, once `has` says so, depends neither on how the samples were cut into pieces
    nor on when it is told, as long as that is within 40 s and the stream does not pause.

    Parameters
    ----------
    rate : float
        Nominal rate in Hz.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._stamps = np.empty(0)  # s, never falling: the greatest so far
        self._finite = np.empty(0, dtype=bool)  # which of them were there
        self._begins: list[int] = []  # samples at which runs begin
        self._end = 0  # samples seen

    def steps_back(self, stamp: float) -> bool:
        """Whether a stamp lies before the latest one, so that another clock must be running."""
        return stamp < self._newest

    def add(self, stamps: np.ndarray, follows: bool) -> None:
        """Take the next samples' stamps.

        Parameters
        ----------
        stamps : ndarray of float64
            Raw, in seconds.
        follows : bool
            Whether they follow on the samples before. If not, and they step back, times are from
            now on those of another clock.
        """
        if not len(stamps):
            return
        if not follows and self.steps_back(float(stamps[0])):
            self._stamps, self._finite, self._begins = np.empty(0), np.empty(0, dtype=bool), []
        if not follows or not self._begins:
            self._begins.append(self._end)
        # A burst may be stamped a little out of order, and a stamp may be NaN or inf.
        finite = np.isfinite(stamps)
        known = np.where(finite, stamps, -math.inf)
        rising = np.maximum(np.maximum.accumulate(known), self._newest)
        memory = math.ceil(_MEMORY * self._rate)
        self._stamps = np.concatenate((self._stamps, rising))[-memory:]
        self._finite = np.concatenate((self._finite, finite))[-memory:]
        self._end += len(stamps)
        first = self._end - len(self._stamps)
        while len(self._begins) > 1 and self._begins[1] <= first:
            del self._begins[0]

    def has(self, time: float, paused: bool = False) -> bool:
        """Whether the sample that was taken at a time has come; NaN is no time to wait for.

        Parameters
        ----------
        time : float
            In seconds.
        paused : bool
            Whether nothing comes for the moment; else the rest of a burst is waited for.
        """
        sample, final = self._locate(time)
        return math.isnan(time) or final or (paused and sample < self._end)

    def sample_at(self, time: float) -> int:
        """Return the sample that was taken at a time, counted from 0.

        Before what is remembered the nominal rate decides; there are no samples before the first
        and after the last one.
        """
        return max(min(self._locate(time)[0], self._end - 1), 0)

    def precedes(self, time: float) -> bool:
        """Whether a time lies before the first of all samples, and is not that of it."""
        return len(self._stamps) == self._end > 0 and time < float(self._stamps[0]) - _NEAR

    @property
    def _newest(self) -> float:
        return float(self._stamps[-1]) if len(self._stamps) else -math.inf

    def _locate(self, time: float) -> tuple[int, bool]:
        """Return the sample of a time by what has come, and whether what comes cannot change it."""
        stamps, first = self._stamps, self._end - len(self._stamps)
        index = int(np.searchsorted(stamps, time))  # the first one that came then or later
        if index == len(stamps):
            return self._end, False
        if index == 0 and first > self._begins[0]:
            early = (float(stamps[0]) - time) * self._rate
            return first - round(early) if math.isfinite(early) else first, True
        if index == 0 and first > 0 and time < stamps[0] - _NEAR:
            return first - 1, True  # by the clock before this one
        begin, end, ended = self._run_of(first + index)
        upto = min(first + int(np.searchsorted(stamps, stamps[index] + _BURST, "right")), end)
        final = ended or upto < self._end
        back = max(begin, first, upto - round(_TRAIL * self._rate))
        given = slice(back - first, upto - first)
        times = punctual_times(np.where(self._finite[given], stamps[given], math.nan), self._rate)
        if time > times[-1] + 0.5 / self._rate:  # further back in a burst that was stamped later
            place = upto - 1 + round((time - float(times[-1])) * self._rate)
            return min(place, end - 1 if ended else end), final and (ended or place < end)
        if back == begin > first:  # the last sample before a gap is remembered
            times = np.concatenate(([stamps[begin - first - 1]], times))
            back -= 1
        return back + _nearest(times, time), final

    def _run_of(self, sample: int) -> tuple[int, int, bool]:
        """Return where the run of a sample begins and ends, and whether it is over."""
        run = bisect_right(self._begins, sample)
        ended = run < len(self._begins)
        return self._begins[run - 1], self._begins[run] if ended else self._end, ended

"""Counting a stream's samples against its raw stamps: where something is missing."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import islice

import numpy as np

_EXACT = 0.1  # periods: the steps of an exact stream lie this close to a whole number of them
_PROOF = 0.5  # s of such steps, after which any other step forward is a loss too
_LATE = 0.05  # s: a stream stamped on arrival may always be this late
_GROWTH = 1.5  # and this many times as late as it lately was
_BLOCK = 0.5  # s: the least late sample of every block is a point of the line
_MEMORY = 40  # blocks that the line is drawn through
_LEARNT = 8  # blocks after which its slope is trusted
_BURSTS = 120  # blocks whose lateness is remembered
_RAISED = 0.6  # periods by which two blocks must miss the line
_SPREADS = 5.0  # and this many standard deviations of the points around it
_WATCH = 2  # blocks without a return after which a loss is believed
_LONGEST = 3600.0  # s: a longer step says nothing about samples
_SECOND = 1.0  # s: the least delayed arrival in each is a point of the pace
_DRIFTED = 120  # such points that a drift is measured over
_PACED = 10  # points after which it is known
_SET_ANEW = 60.0  # s by which stamps and arrivals part when one of the clocks was set anew


@dataclass(frozen=True)
class Run:
    """Samples that follow one another.

    Attributes
    ----------
    start, stop : int
        Positions in the stamps given, `stop` excluded.
    lost : int
        Estimated number of samples lost just before `start`; 0 where nothing was lost and where
        a break has no known length.
    continues : bool
        Whether the first sample follows on the last one of the stamps given before. False at
        every break, and for the very first sample of a stream.
    """

    start: int
    stop: int
    lost: int
    continues: bool


class Continuity:
    """Says where a stream's samples stop following one another.

    Parameters
    ----------
    rate : float
        Nominal sampling rate in Hz; its period is the measure of everything here.

    Attributes
    ----------
    samples : int
        Samples seen.
    lost_samples : int
        Samples that must have been lost between them. It falls again when samples that were
        taken for lost turn out to have been late.

    Notes
    -----
    Stamps are those of the sender, never smoothed: smoothing hides loss. A sample may be late,
    by scheduling or because it came in a burst with others, and the next ones then catch up; a
    loss is a step that does not come back. Which of the two a step is, is decided sample by
    sample from what came before, so the way samples are cut into chunks changes nothing:

    - A stream is *exact* as long as each of its steps is a whole number of periods, at least
      one, to a tenth of a period. A step of two periods or more is a loss, at once; after half
      a second of such steps so is any other step of 1.5 periods or more.
    - Every other stream is *stamped on arrival*, from its first other step on, for good. Its
      punctual samples lie on a straight line, drawn (Theil and Sen) through the least late
      sample of each half second of the last 20 s, so that it follows a clock whose rate is not
      quite the nominal one. A sample later than that line by 50 ms, and by 1.5 times the
      greatest lateness of the last minute, is the end of a loss, at once.
    - A smaller loss lifts the whole line. When even the least late samples of two half seconds
      in a row are 0.6 periods above it, and 5 standard deviations of what such samples do, the
      loss is confirmed there, up to 1.5 s after it happened. This takes 4 s of line first.
    - Samples that come early after a loss were late, not lost. The break stands, for it has been
      acted on; the count is put right.
    - A step back by more than the lateness allowed, a step of more than an hour, and a stamp
      that is no number are breaks of unknown length: nothing counts as lost, a new line begins.
    """

    def __init__(self, rate: float) -> None:
        if not (rate > 0 and math.isfinite(rate)):
            raise ValueError(f"rate is {rate}; only a regular stream can be counted.")
        self.rate = rate
        self.samples = 0
        self.lost_samples = 0
        self._exact = True
        self._last = math.nan  # s, stamp before; NaN where no clock is running
        self._owed = 0  # samples lost before the next one, found when a block ended
        self._block_samples = max(16, round(_BLOCK * rate))
        self._spreads: deque[float] = deque(maxlen=_BURSTS)  # s, of each block
        self._start_clock(math.nan)

    @property
    def measured_rate(self) -> float | None:
        """Rate in Hz at which the sender sampled over the last 20 s; None in the first second."""
        if len(self._points) < 2:
            return None
        period = 1.0 / self.rate + self._theil_sen()  # s
        return 1.0 / period if period > 0 else None

    def split(self, stamps: np.ndarray) -> list[Run]:
        """Cut the next samples of the stream into runs.

        Parameters
        ----------
        stamps : ndarray of float64, shape (samples,)
            Raw stamps in seconds, as the sender gave them.

        Returns
        -------
        list of Run
            In order and without gaps between them; empty if no stamps were given.
        """
        stamps = np.asarray(stamps, dtype=np.float64)
        stamps = np.where(np.isfinite(stamps), stamps, np.nan)
        breaks: dict[int, int] = {}  # position -> samples lost before it
        at = 0
        while at < len(stamps):
            if self._owed:
                breaks[at], self._owed = self._owed, 0
            piece = stamps[at : at + self._block_samples - self._in_block]
            quiet = self._quiet(piece)
            self._accept(piece[:quiet])
            at += quiet
            if quiet < len(piece) and (lost := self._judge(float(stamps[at]))) is not None:
                breaks[at] = breaks.get(at, 0) + lost
                self._accept(stamps[at : at + 1])
                at += 1
            if self._in_block >= self._block_samples:
                self._end_block()
        return _runs(len(stamps), breaks)

    def _start_clock(self, stamp: float) -> None:
        """Begin a new line at a sample."""
        self._origin = stamp
        self._count = 0  # samples since
        self._shift = 0.0  # samples lost among them, a real number
        self._slope = 0.0  # s a sample, beyond the nominal period
        self._offset = 0.0  # s, of the line at the origin
        self._points: deque[tuple[float, float]] = deque(maxlen=_MEMORY)  # sample, s
        self._spread = 0.0  # s, of the points around the line
        self._suspect = 0.0  # s, by which the block before missed the line
        self._returnable = 0  # samples that may still turn out to have been late
        self._watch = 0  # blocks in which they may
        self._start_block()

    def _start_block(self) -> None:
        self._in_block = 0
        self._latest = -math.inf  # s, lateness relative to a line through the origin
        self._earliest = math.inf  # s
        self._earliest_at = 0.0  # sample

    def _lateness(self, stamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where the next samples lie on the line, and how late they are, unshifted."""
        where = np.arange(self._count, self._count + len(stamps)) + self._shift
        return where, (stamps - self._origin) - where * (1.0 / self.rate + self._slope)

    def _tolerance(self, spread: float | np.ndarray) -> np.ndarray:
        known = max(self._spreads, default=0.0)
        return np.maximum(max(_LATE, 1.5 / self.rate, _GROWTH * known), _GROWTH * spread)

    def _quiet(self, stamps: np.ndarray) -> int:
        """Return how many of the next samples follow on without any doubt."""
        if math.isnan(self._last):
            return 0
        steps = np.diff(stamps, prepend=self._last)
        if self._exact:
            good = np.abs(steps * self.rate - 1.0) <= _EXACT
        else:
            late = self._lateness(stamps)[1]
            before = np.maximum.accumulate(np.concatenate(([self._latest], late)))[:-1]
            low = np.minimum.accumulate(np.concatenate(([self._earliest], late)))
            low_before, low = low[:-1], low[1:]
            spread = np.maximum(before - low_before, 0.0)  # -inf before a block's first sample
            tolerance = self._tolerance(spread)
            good = late - np.minimum(low, self._offset) <= tolerance
            good &= (steps >= -tolerance) & (steps <= _LONGEST)
        return len(stamps) if good.all() else int(np.argmin(good))

    def _judge(self, stamp: float) -> int | None:
        """Return how many samples were lost before a doubtful one, None if there is no break."""
        step = stamp - self._last
        if not math.isfinite(stamp) or math.isnan(self._last):
            # Whatever follows a stamp that is no number begins a new line too.
            self._start_clock(stamp)
            return 0
        spread = max(self._latest - self._earliest, 0.0)
        if step < -float(self._tolerance(spread)) or step > _LONGEST:
            self._start_clock(stamp)
            return 0
        if self._exact:
            periods = step * self.rate
            # Over a long gap a clock that is not quite nominal is off by a share of it.
            whole = abs(periods - round(periods)) <= _EXACT + 0.005 * periods
            proven = self._count >= _PROOF * self.rate
            if periods < 1.5 or not (whole or proven):
                self._exact = False
                return None
            missing = periods - 1.0
        else:
            late = float(self._lateness(np.array([stamp]))[1][0])
            missing = (late - min(self._earliest, self._offset)) * self.rate
        lost = max(1, round(missing))
        self._shift += missing
        self.lost_samples += lost
        self._returnable, self._watch = self._returnable + lost, _WATCH
        return lost

    def _accept(self, stamps: np.ndarray) -> None:
        """Let samples that lie on the line pass, and remember the most and the least late."""
        if not len(stamps):
            return
        where, late = self._lateness(stamps)
        earliest = int(np.argmin(late))
        if late[earliest] < self._earliest:
            self._earliest = float(late[earliest])
            self._earliest_at = float(where[earliest])
        self._latest = max(self._latest, float(late.max()))
        self._last = float(stamps[-1])
        self._count += len(stamps)
        self._in_block += len(stamps)
        self.samples += len(stamps)

    def _end_block(self) -> None:
        """Compare the block's least late sample with the line, and draw the line anew."""
        missed = self._earliest - self._offset  # s
        self._spreads.append(self._latest - self._earliest)
        where = self._earliest_at
        # As lateness relative to the nominal period, in which all points are kept.
        late = self._earliest + where * self._slope
        # Few points know their own spread badly.
        doubt = 1.0 + _LEARNT / max(len(self._points), 1)
        clear = max(_RAISED / self.rate, _SPREADS * doubt * self._spread)
        before, self._suspect = self._suspect, 0.0

        if self._returnable and missed * self.rate <= -_RAISED:
            back = min(self._returnable, round(-missed * self.rate))
            self.lost_samples -= back
            self._returnable, self._watch = self._returnable - back, _WATCH
            self._shift -= back
            where = math.nan  # still catching up: not punctual yet
        elif not self._exact and len(self._points) >= _LEARNT and abs(missed) > clear:
            self._suspect = missed
            if missed > 0 and before > 0:
                lost = round(min(missed, before) * self.rate)
                self._owed += lost
                self.lost_samples += lost
                self._shift += lost
                where, late = where + lost, late - lost / self.rate
                self._returnable, self._watch = self._returnable + lost, _WATCH
                self._suspect = 0.0
            elif missed < 0 and before < 0:
                self._points.clear()  # the sender's clock was set back a little
        if self._watch:
            self._watch -= 1
            self._returnable *= self._watch > 0
        if not math.isnan(where) and not (self._suspect and self._points):
            while self._points and self._points[-1][0] >= where:
                self._points.pop()  # from before samples were given back
            self._points.append((where, late))
            self._draw()
        self._start_block()

    def _draw(self) -> None:
        at, late = np.array(self._points).T
        self._slope = self._theil_sen() if len(at) >= _LEARNT else 0.0
        residuals = late - self._slope * at
        self._offset = float(np.median(residuals) if len(at) >= _LEARNT else late[-1])
        self._spread = 1.4826 * float(np.median(np.abs(residuals - np.median(residuals))))

    def _theil_sen(self) -> float:
        """Return the median slope between any two points, in seconds a sample."""
        at, late = np.array(self._points).T
        one, other = np.triu_indices(len(at), 1)
        return float(np.median((late[other] - late[one]) / (at[other] - at[one])))


class Pace:
    """Compares raw stamps with arrival times.

    Delays vary, but the least delay of a second hardly does: the line through those is the
    difference between the two clocks. A jump of a minute begins a new line.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew, as with another sender."""
        self._points: deque[tuple[float, float]] = deque(maxlen=_DRIFTED)  # s, s
        self._least: float | None = None  # s, arrival minus stamp, of the block under way
        self._newest = 0.0  # s, the same for the newest sample
        self._since = 0.0  # s, arrival with which it began
        self._drift: float | None = None

    @property
    def drift(self) -> float | None:
        """Seconds an hour by which stamps run ahead of this machine's clock; None at first."""
        return self._drift

    @property
    def usual(self) -> float | None:
        """What an arrival usually lies behind its stamp, in s: clock offset and least delay."""
        if self._least is None:
            return None
        return min([self._least, *(delay for _, delay in self._points)])

    @property
    def lately(self) -> float | None:
        """The same by the arrivals of the last ten seconds, for clocks that part meanwhile."""
        if self._least is None:
            return None
        newest = islice(reversed(self._points), _PACED)
        return min([self._least, *(delay for _, delay in newest)])

    def take(self, stamp: float, arrival: float) -> None:
        """Take the newest sample's stamp and the local time at which it came, in seconds."""
        delay = arrival - stamp
        if not np.isfinite(delay):
            return
        if self._least is not None and abs(delay - self._newest) > _SET_ANEW:
            self.restart()
        self._newest = delay
        if self._least is None:
            self._least, self._since = delay, arrival
        self._least = min(self._least, delay)
        if arrival - self._since >= _SECOND:
            self._points.append((arrival, self._least))
            self._least, self._since = delay, arrival
            if len(self._points) >= _PACED:
                self._drift = self._measure()

    def _measure(self) -> float:
        """Return the median slope between any two points (Theil and Sen), as a drift."""
        at, delay = np.array(self._points).T
        one, other = np.triu_indices(len(at), 1)
        return -3600.0 * float(np.median((delay[other] - delay[one]) / (at[other] - at[one])))


def _runs(samples: int, breaks: dict[int, int]) -> list[Run]:
    if not samples:
        return []
    starts = sorted({0, *breaks})
    return [
        Run(start, stop, breaks.get(start, 0), continues=start == 0 and 0 not in breaks)
        for start, stop in zip(starts, [*starts[1:], samples], strict=True)
    ]

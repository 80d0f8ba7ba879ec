"""Counting a stream's samples against its raw stamps: where something is missing."""

from __future__ import annotations

import itertools
import math
from collections import deque
from dataclasses import dataclass

import numpy as np

_EXACT = 0.1  # periods: the steps of an exact stream lie this close to a whole number of them
_PROOF = 0.5  # s of such steps, after which a step of none is a repeat
_ASTRAY = 0.25  # s for which an exact stream may leave its grid and come back
_REGAINED = 5.0  # s of exact steps, at least, that make a stream exact again
_CHUNKS = 8  # times as long as any before
_LONGEST_RUN = 10.0  # s: exact steps beyond say nothing more about the length of chunks
_LATE = 0.05  # s: a stream stamped on arrival may always be this late
_HELD_UP = 0.15  # s: or this late, once smaller losses are noticed by the points
_SEEN = 60  # points after which they are
_GROWTH = 1.5  # and this many times as late as it lately was ...
_GROWTH_EARLY = 3.0  # or so many times, before: a few samples know little of the latest ones
_TICK = 0.05  # s: the least late packet of each is a point
_TICKS = 10  # in a block, whose least late point is a point of the line
_MEMORY = 40  # blocks that the line is drawn through
_LEARNT = 4  # blocks after which its slope is trusted
_REMEMBERED = 60.0  # s whose lateness is remembered
_NEWEST = 24  # points that may show a loss
_CHANCE = 1e-8  # at which points may all be as late without one
_SPACED = 0.1  # s between points, from which on two of them may show a loss
_CATCHING = 0.2  # s a second by which they change while samples are held up or catch up
_RAISED = 0.6  # periods by which points must miss the line
_SPREADS = 5.0  # and this many standard deviations of the points around it
_SAME = 1e-6  # s: a step this close to a period was worked out, not measured
_BURST = 0.25  # periods: a smaller step lies inside a burst
_WATCH = 6  # blocks without a return after which a loss is believed: no window is whole yet
_LONGEST = 3600.0  # s: a longer step says nothing about samples


@dataclass(frozen=True)
class SegmentBounds:
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
    repeated_samples : int
        Samples of an exact stream that were sent twice.
    resets : int
        How often the sender's clock began anew: at the first sample, and where stamps jumped or
        were NaN or inf.

    Notes
    -----
    Stamps are those of the sender, never smoothed: smoothing hides loss. A sample may be late,
    by scheduling or because it came in a burst with others, and the next ones then catch up; a
    loss is a step that does not come back. Which of the two a step is, is decided sample by
    sample from what came before, so the way samples are cut into chunks changes nothing:

    - A stream is *exact* as long as its stamps lie on a grid of periods, to a tenth of one. A
      step of two periods or more is a loss, at once; a step of none, or back onto the grid, is a
      sample sent twice. Stamps may leave the grid for a quarter of a second, as one late stamp
      does, and are counted when they are back.
    - Every other stream is *stamped on arrival*, sample by sample or once a chunk, until its steps
      have been exact for eight times as long as its chunks are, and for five seconds. Its
      punctual samples lie on a straight line, drawn (Theil and Sen) through the least late sample
      of each half second of the last 20 s, so that it follows a clock whose rate is not quite the
      nominal one. A sample later than that line by 150 ms (50 ms in the first seconds), and by 1.5
      times (3 times) the greatest lateness of the last minute, is the end of a loss, at once.
    - A smaller loss lifts the whole line. What counts are packets: samples with one stamp between
      them, given to all or worked out from it. When the newest of them are all so late that
      packets of the last minute would be with a chance of 1e-8 only, and by 0.6 periods and 5
      standard deviations of what the line's points do, the loss is confirmed there. Packets that
      are all early in the same way are samples that were sent twice.
    - Samples that come early after a loss were late, not lost. The break stands, for it has been
      acted on; the count is put right.
    - A step back by more than the lateness allowed, a step of more than an hour, a step by which
      the sender's clock is known to have been set, and a stamp that is NaN or inf are breaks of
      unknown length: nothing counts as lost, a new line begins.
    """

    def __init__(self, rate: float) -> None:
        if not (rate > 0 and math.isfinite(rate)):
            raise ValueError(f"rate is {rate}; only a regular stream can be counted.")
        self.rate = rate
        self.samples = 0
        self.lost_samples = 0
        self.repeated_samples = 0
        self.resets = 0
        self._exact = True
        self._off = 0.0  # periods by which an exact stream is off its grid
        self._off_samples = 0  # for how many samples
        self._run = 0  # samples with exact steps
        self._runs: deque[int] = deque(maxlen=64)  # lengths of those that ended
        self._last = math.nan  # s, stamp before; NaN where no clock is running
        self._owed: int | None = None  # lost before the next sample, if a break was found there
        self._tick = max(1, round(_TICK * rate))  # samples
        self._block = max(self._tick * _TICKS, 16)  # samples
        self._spreads: deque[float] = deque(maxlen=round(2 * _REMEMBERED))  # s, of each block
        self._set_by = 0.0
        self._start_clock(math.nan)

    @property
    def measured_rate(self) -> float | None:
        """Rate in Hz at which the sender sampled over the last 20 s; None in the first second."""
        if len(self._line) < 2:
            return None
        period = 1.0 / self.rate + self._theil_sen()  # s
        return 1.0 / period if period > 0 else None

    def split(self, stamps: np.ndarray, set_by: float = 0.0) -> list[SegmentBounds]:
        """Cut the next samples of the stream into runs.

        Parameters
        ----------
        stamps : ndarray of float64, shape (samples,)
            Raw stamps in seconds, as the sender gave them.
        set_by : float
            Seconds by which the sender's clock was set forward among these samples, by whoever
            saw when they arrived. A step of that length loses nothing.

        Returns
        -------
        list of SegmentBounds
            In order and without gaps between them; empty if no stamps were given.
        """
        stamps = np.asarray(stamps, dtype=np.float64)
        stamps = np.where(np.isfinite(stamps), stamps, np.nan)
        self._set_by = set_by
        breaks: dict[int, int] = {}  # position -> samples lost before it
        position = 0
        while position < len(stamps):
            if self._owed is not None:
                breaks[position], self._owed = self._owed, None
            piece = stamps[position : position + self._tick - self._in_tick]
            quiet = self._quiet(piece)
            self._accept(piece[:quiet])
            position += quiet
            if quiet < len(piece):
                lost = self._judge(float(stamps[position]))
                if lost is not None:
                    breaks[position] = breaks.get(position, 0) + lost
                if lost is not None or self._exact:  # else it is looked at again, as late
                    self._accept(stamps[position : position + 1])
                    position += 1
            if self._in_tick >= self._tick:
                self._end_tick()
        return _bounds(len(stamps), breaks)

    def _start_clock(self, stamp: float) -> None:
        """Begin a new line at a sample."""
        self._origin = stamp
        self._count = 0  # samples since
        self._shift = 0.0  # samples lost among them, a real number
        self._slope = 0.0  # s a sample, beyond the nominal period
        self._offset = 0.0  # s, of the line at the origin
        self._line: deque[tuple[float, float]] = deque(maxlen=_MEMORY)  # sample, s
        self._points = _Points(round(_REMEMBERED / _TICK))
        self._spread = 0.0  # s, of the line's points around it
        self._returnable = 0  # samples that may still turn out to have been late
        self._watch = 0  # blocks in which they may
        self._off, self._off_samples = 0.0, 0
        self._open = math.inf  # s, least lateness of the packet under way
        self._counted = False  # whether that packet is a point already
        self._worked_out = False  # whether the newest step was worked out
        self._late: list[np.ndarray] = []  # s, of the tick's samples
        self._steps: list[np.ndarray] = []  # s, into them
        self._in_tick = 0
        self._start_block()

    def _start_block(self) -> None:
        self._in_block = 0
        self._latest = -math.inf  # s, lateness relative to a line through the origin
        self._earliest = math.inf  # s
        self._punctual: tuple[float, float] | None = None  # least late point: sample, s

    def _lateness(self, stamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where the next samples lie on the line, and how late they are, unshifted."""
        where = np.arange(self._count, self._count + len(stamps)) + self._shift
        return where, (stamps - self._origin) - where * (1.0 / self.rate + self._slope)

    def _tolerance(self, spread: float | np.ndarray) -> np.ndarray:
        known = max(self._spreads, default=0.0)
        seen = len(self._points.late) >= _SEEN
        late, growth = (_HELD_UP, _GROWTH) if seen else (_LATE, _GROWTH_EARLY)
        return np.maximum(max(late, 1.5 / self.rate, growth * known), growth * spread)

    def _quiet(self, stamps: np.ndarray) -> int:
        """Return how many of the next samples follow on without any doubt."""
        if math.isnan(self._last):
            return 0
        steps = np.diff(stamps, prepend=self._last)
        if self._exact:
            good = np.abs(steps * self._grid - 1.0) <= _EXACT
            if self._off:
                good[max(0, round(_ASTRAY * self.rate) - self._off_samples) :] = False
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

    @property
    def _grid(self) -> float:
        """Periods of the sender in a second."""
        return 1.0 / (1.0 / self.rate + self._slope)

    def _judge(self, stamp: float) -> int | None:
        """Return how many samples were lost before a doubtful one, None if there is no break."""
        step = stamp - self._last
        if not math.isfinite(stamp) or math.isnan(self._last):
            # Whatever follows a stamp that is NaN or inf begins a new line too.
            return self._anew(stamp)
        spread = max(self._latest - self._earliest, 0.0)
        if step < -float(self._tolerance(spread)) or step > _LONGEST:
            return self._anew(stamp)
        if self._set_by and abs(step - self._set_by) <= 0.5 * self._set_by:
            return self._anew(stamp)
        missing = self._off_grid(step) if self._exact else self._behind(stamp)
        if missing is None:
            return None
        if missing < 0:  # sent twice: they take up no time
            self._shift += round(missing)
            self.repeated_samples -= round(missing)
            return 0
        lost = max(1, round(missing))
        self._shift += missing
        self.lost_samples += lost
        self._returnable, self._watch = self._returnable + lost, _WATCH
        return lost

    def _anew(self, stamp: float) -> int:
        self._start_clock(stamp)
        self.resets += 1
        return 0

    def _behind(self, stamp: float) -> float:
        """Return how many samples a stamp far behind the line stands for."""
        late = float(self._lateness(np.array([stamp]))[1][0])
        return (late - min(self._earliest, self._offset)) * self.rate

    def _off_grid(self, step: float) -> float | None:
        """Return the samples missing (below 0: too many) before a stamp of an exact stream.

        None if it follows on: late, but on the grid, or no longer exact.
        """
        periods = step * self._grid
        off = self._off + periods - 1.0
        whole = round(off)
        # Over a long gap a clock that is not quite nominal is off by a share of it.
        on_grid = abs(off - whole) <= _EXACT + 0.005 * abs(off)
        proven = self._count >= _PROOF * self.rate
        if on_grid and whole == 0:
            self._off, self._off_samples = 0.0, 0  # it was a late stamp
            return None
        if on_grid and (whole > 0 or (proven and not self._returnable)):
            self._off, self._off_samples = 0.0, 0
            return float(off)
        astray = self._off_samples >= round(_ASTRAY * self.rate)
        if off / self.rate > max(_LATE, 1.5 / self.rate):
            self._exact = False
            return off
        if astray or not proven or on_grid:
            self._exact = False
        else:
            self._off = off
        return None

    def _accept(self, stamps: np.ndarray) -> None:
        """Let samples that lie on the line pass, and remember the most and the least late."""
        if not len(stamps):
            return
        late = self._lateness(stamps)[1]
        self._late.append(late)
        self._steps.append(np.diff(stamps, prepend=self._last))
        self._earliest = min(self._earliest, float(late.min()))
        self._latest = max(self._latest, float(late.max()))
        self._last = float(stamps[-1])
        self._count += len(stamps)
        self._off_samples += len(stamps) if self._off else 0
        self._in_tick += len(stamps)
        self.samples += len(stamps)

    def _end_tick(self) -> None:
        """Take the tick's least late packet as a point, and see what the newest points show."""
        late, steps = np.concatenate(self._late), np.concatenate(self._steps)
        self._late, self._steps, self._in_tick = [], [], 0
        self._in_block += len(late)
        if self._exact:
            point: float | None = float(late.min())
        else:
            point = self._packets(late, steps)
            self._regain(np.abs(steps * self._grid - 1.0) <= _EXACT)
        if point is not None and math.isfinite(point):
            where = self._count - 1 + self._shift
            if self._punctual is None or point < self._punctual[1]:
                self._punctual = where, point
            if not self._exact and len(self._line) >= _LEARNT:
                self._points.add(where, point - self._offset)
                self._compare()
        if self._in_block >= self._block:
            self._end_block()

    def _packets(self, late: np.ndarray, steps: np.ndarray) -> float | None:
        """Return the least lateness among packets that became known in a tick."""
        worked_out = np.abs(steps - 1.0 / self.rate) <= _SAME
        before = np.concatenate(([self._worked_out], worked_out[:-1]))
        begins = np.flatnonzero(~worked_out & ((steps >= _BURST / self.rate) | before))
        least = math.inf
        edges = [0, *begins.tolist(), len(late)]
        for number, (start, stop) in enumerate(itertools.pairwise(edges)):
            if number:  # another packet begins: the one before is complete
                if not self._counted:
                    least = min(least, self._open)
                self._open, self._counted = math.inf, False
            if stop > start:
                self._open = min(self._open, float(late[start:stop].min()))
        self._worked_out = bool(worked_out[-1])
        if self._worked_out and not self._counted:
            least, self._counted = min(least, self._open), True
        return least if math.isfinite(least) else None

    def _regain(self, exact: np.ndarray) -> None:
        """Count exact steps, and call the stream exact again after enough of them."""
        ends = np.flatnonzero(~exact)
        if len(ends):
            self._runs.append(min(self._run + int(ends[0]), round(_LONGEST_RUN * self.rate)))
            if len(ends) > 1:
                self._runs.append(int(np.diff(ends).max()))
            self._run = len(exact) - 1 - int(ends[-1])
        else:
            self._run += len(exact)
        if self._run >= max(_REGAINED * self.rate, _CHUNKS * max(self._runs, default=0)):
            self._exact, self._off, self._off_samples = True, 0.0, 0

    def _compare(self) -> None:
        """Look whether the newest points have left the line together."""
        where, residuals = self._points.where, self._points.late
        newest = min(_NEWEST, len(residuals) // 3)
        if newest < 2 or abs(residuals[-1]) * self.rate < _RAISED:
            return
        apart = (where[-1] - where[-2]) / self.rate
        if residuals[-2] - residuals[-1] > _CATCHING * apart:
            return  # they catch up: samples that were held up
        sign = 1.0 if residuals[-1] > 0 else -1.0
        if sign < 0 and self._returnable:
            return  # they catch up
        together = np.minimum.accumulate(sign * residuals[::-1][:newest])  # of the newest k
        usual = np.sort(sign * residuals[:-newest])
        counts = np.arange(1, newest + 1)
        share = (1 + len(usual) - np.searchsorted(usual, together)) / (len(usual) + 1)
        least = np.quantile(usual, 1.0 / (counts + 1.0))  # what k of them usually reach together
        doubt = 1.0 + 2 * _LEARNT / len(self._line)  # few points know their own spread badly
        clear = max(_RAISED / self.rate, _SPREADS * doubt * self._spread)
        unlikely = (counts > 1) & (counts * np.log(share) < math.log(_CHANCE))
        if apart >= _SPACED and len(usual) >= _NEWEST:
            unlikely[1] |= together[1] > 2.0 * max(usual[-1], 0.0)
        indices = np.flatnonzero(unlikely & (together - least > clear))
        if not len(indices):
            return
        count = int(indices[-1]) + 1
        samples = round((together[count - 1] - least[count - 1]) * self.rate)
        history = sign * residuals[:-count]
        span = (where[-1] - where[-count]) / self.rate
        if abs(residuals[-count] - residuals[-1]) > _CATCHING * span:
            return  # a burst that grows or ends; samples that were lost or sent twice are a step
        if samples < 1 or self._points.together(history, count) * _GROWTH > together[count - 1]:
            return  # so late, so many together, is nothing new
        self._owed = samples if sign > 0 else 0
        self._shift += sign * samples
        self._points.move(count, sign * samples, self.rate)
        self._punctual = None
        if sign > 0:
            self.lost_samples += samples
            self._returnable, self._watch = self._returnable + samples, _WATCH

    def _end_block(self) -> None:
        """Take samples back that were only late, and draw the line anew."""
        missed = self._earliest - self._offset  # s
        self._spreads.append(self._latest - self._earliest)
        punctual = self._punctual
        if self._returnable and missed * self.rate <= -_RAISED:
            back = min(self._returnable, round(-missed * self.rate))
            self.lost_samples -= back
            self._returnable, self._watch = self._returnable - back, _WATCH
            self._shift -= back
            punctual = None  # still catching up: not punctual yet
        if self._watch:
            self._watch -= 1
            self._returnable *= self._watch > 0
        if punctual is not None:
            where, late = punctual
            while self._line and self._line[-1][0] >= where:
                self._line.pop()  # from before samples were given back
            # As lateness relative to the nominal period, in which all points are kept.
            self._line.append((where, late + where * self._slope))
            self._draw()
        self._start_block()

    def _draw(self) -> None:
        positions, late = np.array(self._line).T
        before = self._slope
        self._slope = self._theil_sen() if len(positions) >= _LEARNT else 0.0
        self._open += (before - self._slope) * (self._count + self._shift)
        residuals = late - self._slope * positions
        self._offset = float(np.median(residuals) if len(positions) >= _LEARNT else late[-1])
        self._spread = 1.4826 * float(np.median(np.abs(residuals - np.median(residuals))))

    def _theil_sen(self) -> float:
        """Return the median slope between any two points, in seconds a sample."""
        positions, late = np.array(self._line).T
        i, j = np.triu_indices(len(positions), 1)
        return float(np.median((late[j] - late[i]) / (positions[j] - positions[i])))


class _Points:
    """Where the newest points lie, and how late they are, in arrays that grow and are cut."""

    def __init__(self, capacity: int) -> None:
        self._capacity, self._stored = capacity, 0
        self._kept = np.empty((2, 2 * capacity))

    @property
    def where(self) -> np.ndarray:
        """Samples, oldest first."""
        return self._kept[0, max(0, self._stored - self._capacity) : self._stored]

    @property
    def late(self) -> np.ndarray:
        """Seconds behind the line as it was then."""
        return self._kept[1, max(0, self._stored - self._capacity) : self._stored]

    def add(self, where: float, late: float) -> None:
        if self._stored == self._kept.shape[1]:
            self._kept[:, : self._capacity] = self._kept[:, self._capacity :]
            self._stored = self._capacity
        self._kept[:, self._stored] = where, late
        self._stored += 1

    def move(self, count: int, samples: float, rate: float) -> None:
        """Have the newest ones lie so many samples later in the signal, and less late by that."""
        newest = self._kept[:, self._stored - count : self._stored]
        newest[0] += samples
        newest[1] -= samples / rate

    @staticmethod
    def together(lateness: np.ndarray, count: int) -> float:
        """Return how late `count` points in a row ever were, all of them, at least."""
        if len(lateness) < count:
            return -math.inf
        rows = np.lib.stride_tricks.sliding_window_view(lateness, count)
        return float(rows.min(axis=1).max())


def _bounds(samples: int, breaks: dict[int, int]) -> list[SegmentBounds]:
    if not samples:
        return []
    starts = sorted({0, *breaks})
    return [
        SegmentBounds(start, stop, breaks.get(start, 0), continues=start == 0 and 0 not in breaks)
        for start, stop in zip(starts, [*starts[1:], samples], strict=True)
    ]

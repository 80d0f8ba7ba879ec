"""At what rate samples come, by their stamps and by their arrival, against what was announced."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

REFUSED = 0.03  # share by which a rate may miss the announced one before nothing is decoded
DOUBTED = 0.005  # before it is said

_BIN = 0.25  # s of arrivals: the least late sample in each is a point
_KEPT = 80  # points
_VIEWS = (2.0, 4.0, 8.0, 16.0)  # s over which a rate is measured, the shortest that is sure first
_ALONE = 6.0  # s that arrivals are looked at where stamps say something else
_FIRST = 2.5  # s of them that will do at a stream's beginning
_EARLY = 3.0  # s from a stream's opening in which its rate may not be known
_FEWEST = 6  # points that a view shorter than `_ALONE` needs
_FLOORS = ((3, 0.05), (6, 0.02), (np.inf, 0.001))  # s of lateness assumed with fewer points
_SURE = 3.0  # times the lateness around the line, over the view's length, is the doubt
_GAP = 0.25  # s of signal lost at once, after which arrivals are looked at anew
_APART = 4.0  # s between two such gaps: more of them are a rate
_CHUNKS = 3  # or so many chunks of seconds
_RIGHT = 0.25  # share by which arrivals miss the rate at most, where stamps are to blame
_PARTED = 1.5  # times as fast as time: stamps that are no seconds
_COARSE = 0.002  # share: a greater doubt leaves no digits after the point
_HELD = 5.0  # s that a refusal outlasts its last reason: a window, and what it took to see it


@dataclass(frozen=True)
class RateVerdict:
    """What is known of a stream's rate.

    Attributes
    ----------
    level : {"unknown", "ok", "doubted", "refused"}
    measured : float or None
        In Hz.
    words : str
        A sentence where it is doubted or refused; else empty.
    """

    level: Literal["unknown", "ok", "doubted", "refused"] = "unknown"
    measured: float | None = None
    words: str = ""


class _Line:
    """Times of counted samples: the slope through the least late of each quarter of a second."""

    def __init__(self, rate: float) -> None:
        self._period = 1.0 / rate
        self.restart()

    def restart(self) -> None:
        self._points: deque[tuple[float, float, float]] = deque(maxlen=_KEPT)
        self._bin = -1
        self._origin: tuple[float, float] | None = None

    def take(self, count: float, time: float, arrival: float) -> None:
        if self._origin is None:
            self._origin = count, time
        nominal = (count - self._origin[0]) * self._period
        point = nominal, (time - self._origin[1]) - nominal, arrival  # s nominal, s late, s
        while self._points and self._points[-1][0] >= nominal:
            self._points.pop()  # from before samples that were taken for lost came late
        number = int(arrival // _BIN)
        if number != self._bin or not self._points:
            self._points.append(point)
            self._bin = number
        elif point[1] <= self._points[-1][1]:
            self._points[-1] = point

    def slope(
        self, seconds: float, least: float, complete: bool = False
    ) -> tuple[float, float] | None:
        """Return the slope over the newest seconds, as a share of time, and its doubt.

        By Theil and Sen; None unless the points lie over `least` seconds, and are enough. With
        `complete`, the newest point is left out: more samples of its chunk may be on their way.
        """
        view = self._newest(seconds)
        view = view[:, :-1] if complete else view
        span = float(view[2, -1] - view[2, 0]) if view.shape[1] > 1 else 0.0
        if span < least or (view.shape[1] < _FEWEST and span < 0.75 * _ALONE):
            return None
        nominal, late, _ = view
        i, j = np.triu_indices(len(nominal), 1)
        slope = float(np.median((late[j] - late[i]) / (nominal[j] - nominal[i])))
        residuals = late - slope * nominal
        away = np.sort(np.abs(residuals - np.median(residuals)))
        floor = next(floor for points, floor in _FLOORS if len(nominal) < points)
        return slope, _SURE * max(float(away[-2]), floor) / float(nominal[-1] - nominal[0])

    def typical(self, seconds: float, least: float) -> float | None:
        """Return the median slope from each point to the next, which no jump changes."""
        view = self._newest(seconds)
        if view.shape[1] < _FEWEST or view[2, -1] - view[2, 0] < least:
            return None
        return float(np.median(np.diff(view[1]) / np.diff(view[0])))

    def points(self, seconds: float) -> int:
        """Return how many points lie in the newest seconds."""
        count: int = self._newest(seconds).shape[1]
        return count

    def _newest(self, seconds: float) -> np.ndarray:
        points = np.array(self._points).T if self._points else np.empty((3, 0))
        return points[:, points[2] >= (points[2, -1] - seconds)] if points.size else points


class RateWatch:
    """Judges a stream's rate as its samples come.

    Two clocks know it. The sender's stamps are exact, and count what was lost too; arrivals need
    nobody's word. Where both agree within their doubt the stamps are believed; where they do not,
    arrivals are, once they have been seen for six seconds (two and a half at the beginning), for
    samples that are held up come later, and those that catch up come faster.

    Parameters
    ----------
    rate : float
        Announced, in Hz.
    speed : float
        How many seconds of the stream pass in one of this machine's: 1 but for rehearsals.
    since : float, optional
        Local time at which the stream was opened, in seconds; else, or where they came before, its
        first samples' arrival.
    """

    def __init__(self, rate: float, speed: float = 1.0, since: float | None = None) -> None:
        self._rate, self._speed = rate, speed
        self._since, self._newest = since, 0.0  # s, of this machine's clock
        self._stamps, self._arrivals, self._raw = (_Line(rate * speed) for _ in range(3))
        self._received = 0
        self._chunk = self._longest = 0  # samples that came at once, in however many blocks
        self._resets = self._lost = 0
        self._judged_at = -1  # quarter of a second
        self._gap = -np.inf  # s, arrival after the newest gap
        self._bad: tuple[float, RateVerdict] | None = None  # the last, and when, s of arrival
        self._known = False  # whether there was any verdict
        self.verdict = RateVerdict()

    @property
    def barred(self) -> str:
        """Status with which nothing is decided now; empty if something may be.

        "rate" where it is refused, and "warming" for as long as nobody can know it at the
        beginning: at twice the rate a window is full before that.
        """
        if not self._known and self._since is not None:
            early = (self._newest - self._since) * self._speed < _EARLY
            return "warming" if early else ""
        return "rate" if self.verdict.level == "refused" else ""

    def take(
        self,
        stamps: np.ndarray,
        arrival: float,
        lost: int = 0,
        resets: int = 0,
        dropped: int = 0,
        repeated: int = 0,
    ) -> RateVerdict:
        """Take a block's stamps and the local time at which its newest sample came.

        Parameters
        ----------
        stamps : ndarray, shape (n,)
            In seconds of the sender's clock.
        arrival : float
            In seconds of this machine's.
        lost, resets : int
            Of the stream so far, as `Continuity` has them.
        dropped : int
            Samples so far that came and that nobody read.
        repeated : int
            Samples so far that came twice.
        """
        if not self._received:  # a first block may be of seconds, or have come before the opening
            began = arrival - len(stamps) / (self._rate * self._speed)
            self._since = began if self._since is None else max(began, min(self._since, arrival))
        self._chunk = len(stamps) + (self._chunk if arrival - self._newest < _BIN else 0)
        self._longest = max(self._longest, self._chunk)
        self._newest = arrival
        self._received += len(stamps)
        count = self._received + dropped - repeated
        if lost - dropped - self._lost > _GAP * self._rate * self._speed:
            if arrival - self._gap > max(_APART, _CHUNKS * len(stamps) / self._rate):
                self._arrivals.restart()
                self._raw.restart()
            self._gap = arrival
        self._lost = lost - dropped
        newest = float(stamps[-1]) / self._speed
        if resets != self._resets:
            self._resets = resets
            self._stamps.restart()
        self._arrivals.take(count, arrival, arrival)
        if np.isfinite(newest):
            self._stamps.take(count + lost - dropped, newest, arrival)
            self._raw.take(count, newest, arrival)
        if (now := int(arrival // _BIN)) != self._judged_at:
            self._judged_at = now
            self.verdict = self._judged(arrival)
            self._known = self._known or self.verdict.level != "unknown"
        return self.verdict

    def _judged(self, now: float) -> RateVerdict:
        verdict = self._seen()
        if verdict.level == "refused" or (
            verdict.level == "doubted" and self.verdict.level != "refused"
        ):
            self._bad = now, verdict
        elif self._bad is not None and now - self._bad[0] < _HELD:
            return self._bad[1]
        return verdict

    def _seen(self) -> RateVerdict:
        chunks_of_seconds = self._arrivals.points(_ALONE) < _CHUNKS
        alone = self._arrivals.slope(
            _VIEWS[-1] if chunks_of_seconds else _ALONE,
            _FIRST,
            complete=chunks_of_seconds and self._chunk < self._longest,
        )
        typical = self._raw.typical(_ALONE, _FIRST)
        if alone is not None and typical is not None:
            came, stamped = 1.0 + alone[0], 1.0 + typical  # periods, of the announced one
            together = 1 / _PARTED < stamped / max(came, 1e-9) < _PARTED
            if abs(alone[0]) + alone[1] < _RIGHT and not together:
                return RateVerdict("refused", self._rate / came, self._no_seconds(stamped))
        best: RateVerdict | None = None
        for view in _VIEWS:
            stamps = self._stamps.slope(view, 0.75 * view)
            arrivals = self._arrivals.slope(view, 0.75 * view)
            if stamps is None or arrivals is None:
                break
            if abs(stamps[0] - arrivals[0]) > stamps[1] + arrivals[1] + DOUBTED:
                break
            verdict = self._verdict(*stamps)
            if verdict.level == "refused":
                return verdict
            best = verdict if best is None or verdict.level == "doubted" else best
        if best is not None and best.level == "doubted":
            return best
        if alone is not None and (best is None or self._off(*alone) > REFUSED):
            return self._verdict(*alone)
        return best or RateVerdict()

    @staticmethod
    def _off(slope: float, doubt: float) -> float:
        """Return the share by which a rate is off, at least."""
        return abs(1.0 / max(1.0 + slope, 1e-9) - 1.0) - doubt

    def _verdict(self, slope: float, doubt: float) -> RateVerdict:
        measured = self._rate / max(1.0 + slope, 1e-9)
        off = self._off(slope, doubt)
        digits = f"{measured:.{0 if doubt > _COARSE else 1}f}".removesuffix(".0")
        text = f"The stream says {self._rate:g} Hz and sends {digits} Hz"
        if off > REFUSED:
            return RateVerdict(
                "refused",
                measured,
                f"{text}: too far off to be used. Have the amplifier sample at the rate that its "
                "stream says, or its program say the right one, and start it again.",
            )
        if off > DOUBTED:
            share = 100 * abs(measured / self._rate - 1.0)
            return RateVerdict(
                "doubted", measured, f"{text}: rhythms are decoded {share:.1f} % off."
            )
        return RateVerdict("ok", measured)

    def _no_seconds(self, stamped: float) -> str:
        return (
            f"The stream's time stamps advance by {stamped / self._rate:.3g} a sample where "
            f"{1 / self._rate:.3g} s was expected: they are no seconds, and losses cannot be seen. "
            "Have its program stamp samples with the clock of LSL."
        )

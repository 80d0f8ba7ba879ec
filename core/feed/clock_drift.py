"""Comparing a sender's clock with this machine's, by when its samples arrive."""

from __future__ import annotations

from collections import deque
from itertools import islice

import numpy as np

_SECOND = 1.0  # s: the least delayed arrival in each is a point of the pace
_DRIFTED = 120  # such points that a drift is measured over
_PACED = 10  # points after which it is known
_SET_FORWARD = 0.2  # s by which no sample comes earlier than the earliest before
_SET_BACK = 3600.0  # s by which none is held up


class ClockDrift:
    """Compares raw stamps with arrival times.

    Delays vary, but the least delay of a second hardly does: the line through those is the
    difference between the two clocks. Samples that come earlier than any before by a fifth of a
    second tell that the sender's clock was set forward, for nothing else makes them early; samples
    that come later may have been held up, and only a step back in their stamps tells them apart:
    `restart` is then for whoever saw it.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew, as with another sender."""
        self._points: deque[tuple[float, float]] = deque(maxlen=_DRIFTED)  # s, s
        self._least: float | None = None  # s, arrival minus stamp, of the block under way
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

    def take(self, stamp: float, arrival: float) -> float:
        """Take the newest sample's stamp and the local time at which it came, in seconds.

        Returns
        -------
        float
            Seconds by which the sender's clock was set forward since the one before; else 0.
        """
        delay = arrival - stamp
        if not np.isfinite(delay):
            return 0.0
        usual = self.usual
        forward = 0.0 if usual is None else usual - delay
        if forward > _SET_FORWARD or forward < -_SET_BACK:
            self.restart()
        if self._least is None:
            self._least, self._since = delay, arrival
        self._least = min(self._least, delay)
        if arrival - self._since >= _SECOND:
            self._points.append((arrival, self._least))
            self._least, self._since = delay, arrival
            if len(self._points) >= _PACED:
                self._drift = self._measure()
        return forward if forward > _SET_FORWARD else 0.0

    def _measure(self) -> float:
        """Return the median slope between any two points (Theil and Sen), as a drift."""
        times, delay = np.array(self._points).T
        i, j = np.triu_indices(len(times), 1)
        return -3600.0 * float(np.median((delay[j] - delay[i]) / (times[j] - times[i])))

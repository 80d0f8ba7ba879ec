"""Which sample of a recording was taken at a given time."""

from __future__ import annotations

import math

import numpy as np

from core.recordings import NEAR

_MEMORY = 60.0  # s of stamps that are remembered


class SampleTimeline:
    """The stamps of the latest samples, to place events by.

    Parameters
    ----------
    rate : float
        Nominal rate in Hz.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._stamps = np.empty(0)  # s, never falling
        self._end = 0  # samples seen

    @property
    def newest(self) -> float:
        """Stamp of the latest sample; -inf before the first one."""
        return float(self._stamps[-1]) if len(self._stamps) else -math.inf

    def steps_back(self, stamp: float) -> bool:
        """Whether a stamp lies before the latest sample, so that another clock must be running."""
        return stamp < self.newest

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
            self._stamps = np.empty(0)
        # A burst may be stamped a little out of order, and a stamp may be NaN or inf.
        known = np.where(np.isfinite(stamps), stamps, self.newest)
        joined = np.maximum.accumulate(np.concatenate((self._stamps, known)))
        self._stamps = joined[-math.ceil(_MEMORY * self._rate) :]
        self._end += len(stamps)

    def sample_at(self, time: float) -> int:
        """Return the sample whose stamp is nearest to a time, counted from 0.

        Among samples that are missing that is the last one before them, so that nobody takes the
        signal after the gap for what followed on the event.
        Before what is remembered the nominal rate decides; there are no samples before the first
        and after the last one.
        """
        first = self._end - len(self._stamps)
        after = int(np.searchsorted(self._stamps, time))
        if after == len(self._stamps):
            return max(self._end - 1, 0)
        if after == 0:
            early = (float(self._stamps[0]) - time) * self._rate
            return max(first - round(early), 0) if math.isfinite(early) else first
        early, late = time - self._stamps[after - 1], self._stamps[after] - time
        return first + after - int(early <= late or late > NEAR)

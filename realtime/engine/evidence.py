"""From a sequence of class probabilities to decisions: smoothing, threshold and dwell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from core.decoding.decoder import Decoder
from core.decoding.rest import THRESHOLD, idle_class_of, threshold_at_rest
from core.errors import InputError

_TIE = 1e-9  # a lead of no more is none: probabilities are rounded


@dataclass(frozen=True)
class EvidenceSettings:
    """How sure, and for how long, before a decision is given.

    Attributes
    ----------
    threshold : float
        Smallest smoothed probability that counts for a class, 0 to 1.
    dwell : float
        Seconds for which one class must stay above the threshold.
    smoothing : float
        Time constant of the exponential average over probabilities, in seconds; 0 for none.
    idle : bool
        Whether no decision means that the person rests: the threshold was calibrated on rest, or
        the decoder has a class for it.
    """

    threshold: float = THRESHOLD
    dwell: float = 0.0
    smoothing: float = 0.0
    idle: bool = False

    @classmethod
    def of(
        cls,
        decoder: Decoder | None,
        threshold: float | None = None,
        false_alarms: float | None = None,
        dwell: float = 0.0,
        smoothing: float = 0.0,
    ) -> Self:
        """Return the settings for a decoder.

        Parameters
        ----------
        decoder : Decoder or None
        threshold : float, optional
            By default the one that keeps to the false alarms that were asked for, now or when the
            decoder was fitted; 0.5 if nobody asked.
        false_alarms : float, optional
            A minute, at rest.
        dwell, smoothing : float

        Raises
        ------
        InputError
            If the false alarms of the decoder are unknown, or cannot be so few.
        """
        at_rest = None
        if decoder is not None and threshold is None:
            at_rest = threshold_at_rest(decoder, false_alarms)
        idle = at_rest is not None or (decoder is not None and idle_class_of(decoder) != "")
        threshold = next((value for value in (threshold, at_rest) if value is not None), THRESHOLD)
        return cls(threshold, dwell, smoothing, idle)

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning."""
        if not 0.0 <= self.threshold <= 1.0:
            raise InputError(f"--threshold is {self.threshold:g}; it must lie between 0 and 1.")
        for name in ("dwell", "smoothing"):
            value = getattr(self, name)
            if not 0.0 <= value <= 60.0:
                raise InputError(f"--{name} is {value:g} s; it must lie between 0 and 60 s.")


class Evidence:
    """Accumulates the probabilities of one unbroken run of windows.

    Parameters
    ----------
    settings : EvidenceSettings
        May be replaced between two updates through `settings`.
    """

    def __init__(self, settings: EvidenceSettings) -> None:
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget everything; called whenever windows stop following one another."""
        self._smoothed: np.ndarray | None = None
        self._time = 0.0
        self._leader = -1
        self._since = 0.0

    def update(self, probabilities: np.ndarray, time: float) -> int | None:
        """Take the probabilities of one window and decide.

        Parameters
        ----------
        probabilities : ndarray, shape (classes,)
            Sum to one.
        time : float
            Time of the window's last sample in seconds.

        Returns
        -------
        int or None
            Position of the decided class, or None while there is not enough evidence: a tie is
            none.
        """
        if self._smoothed is None or self.settings.smoothing == 0.0:
            self._smoothed = np.array(probabilities, dtype=np.float64)
        else:
            keep = np.exp(-(time - self._time) / self.settings.smoothing)
            self._smoothed = keep * self._smoothed + (1.0 - keep) * probabilities
        self._time = time

        second, leader = np.argsort(self._smoothed)[-2:].tolist()
        tied = self._smoothed[leader] - self._smoothed[second] <= _TIE
        if tied or self._smoothed[leader] < self.settings.threshold:
            self._leader = -1
            return None
        if leader != self._leader:
            self._leader, self._since = leader, time
        # Half a millisecond of slack: times are sums of sample periods.
        return leader if time - self._since >= self.settings.dwell - 5e-4 else None

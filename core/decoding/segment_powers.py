"""Band powers of segments of a few seconds, and a memory of the last of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

BANDS = ((1.0, 4.0), (4.0, 8.0), (8.0, 12.0), (12.0, 18.0), (18.0, 30.0), (30.0, 38.0))
"""Delta, theta, alpha, low and high beta, and low gamma, in Hz."""

_FLOOR = 1e-6  # share of the power: less is as good as none


@dataclass(frozen=True)
class SegmentPowers:
    """Relative band powers of every electrode, segment by segment.

    Attributes
    ----------
    rate : float
        Of the signal in Hz.
    length : int
        Samples of a segment; the next one begins where it ends.
    count : int
        Segments that are remembered.
    bands : tuple of (float, float)
        In Hz, the upper end excluded.
    """

    rate: float
    length: int
    count: int
    bands: tuple[tuple[float, float], ...] = BANDS

    def of_segment(self, segment: np.ndarray) -> np.ndarray:
        """Return the logarithm of each band's share of an electrode's power.

        Parameters
        ----------
        segment : ndarray, shape (length, channels)

        Returns
        -------
        ndarray of float64, shape (channels, bands)
        """
        centred = (segment - segment.mean(axis=0)) * np.hanning(self.length)[:, None]
        power = np.abs(np.fft.rfft(centred, axis=0)) ** 2
        hertz = np.fft.rfftfreq(self.length, 1.0 / self.rate)
        sums = np.stack(
            [power[(hertz >= low) & (hertz < high)].sum(axis=0) for low, high in self.bands], axis=1
        )
        total = np.maximum(sums.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        logs: np.ndarray = np.log(np.maximum(sums / total, _FLOOR))
        return logs

    def of_run(self, run: np.ndarray) -> np.ndarray:
        """Return the powers of a run's segments, shape (segments, channels, bands).

        Parameters
        ----------
        run : ndarray, shape (samples, channels)
            Contiguous signal from its first sample on.
        """
        starts = range(0, len(run) - self.length + 1, self.length)
        powers = [self.of_segment(run[start : start + self.length]) for start in starts]
        shape = (len(powers), run.shape[1], len(self.bands))
        return np.stack(powers) if powers else np.empty(shape)

    def memory(self, segments: np.ndarray) -> np.ndarray:
        """Return the last segments as a memory has them, NaN before the first.

        Parameters
        ----------
        segments : ndarray, shape (segments, channels, bands)
            In time.

        Returns
        -------
        ndarray, shape (count, channels, bands)
        """
        last = segments[-self.count :] if len(segments) else segments
        filled = np.full((self.count, *segments.shape[1:]), np.nan)
        filled[self.count - len(last) :] = last
        return filled

    def stream(self, channels: int) -> SegmentStream:
        """Return a memory of a stream of so many channels."""
        return SegmentStream(self, channels)


class SegmentStream:
    """`SegmentPowers` of a stream, and the memory of the last ones.

    Attributes
    ----------
    received : int
        Segments so far.
    """

    def __init__(self, powers: SegmentPowers, channels: int) -> None:
        self._powers = powers
        self._segments: deque[np.ndarray] = deque(maxlen=powers.count)
        self._begun = np.empty((0, channels))
        self._channels = channels
        self.received = 0

    def reset(self) -> None:
        """Begin a new run: the segment that was begun is given up, whole ones stay."""
        self._begun = np.empty((0, self._channels))

    def push(self, samples: np.ndarray) -> None:
        """Take samples, shape (n, channels)."""
        begun, length = np.concatenate([self._begun, samples]), self._powers.length
        while len(begun) >= length:
            self._segments.append(self._powers.of_segment(begun[:length]))
            self.received += 1
            begun = begun[length:]
        self._begun = begun

    @property
    def memory(self) -> np.ndarray:
        """The last segments, as `SegmentPowers.memory`."""
        shape = (0, self._channels, len(self._powers.bands))
        segments = np.stack(self._segments) if self._segments else np.empty(shape)
        return self._powers.memory(segments)

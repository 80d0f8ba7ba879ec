"""A preallocated ring of the newest samples: one writer, any number of readers."""

from __future__ import annotations

import threading

import numpy as np


class Ring:
    """Keeps the last `capacity` samples and counts all that ever came.

    Parameters
    ----------
    capacity : int
        Samples kept.
    channels : int
        Values a sample.
    dtype : dtype
        Of the samples.
    """

    def __init__(self, capacity: int, channels: int, dtype: type = np.float64) -> None:
        self._capacity = capacity
        # Every sample is written twice, half a buffer apart, so that any view is one slice.
        self._buffer: np.ndarray = np.zeros((2 * capacity, channels), dtype=dtype)
        self._written = 0
        self._lock = threading.Lock()

    @property
    def written(self) -> int:
        """Samples written since the last reset: the ring's sample clock."""
        return self._written

    def reset(self) -> None:
        """Forget all samples."""
        with self._lock:
            self._written = 0

    def write(self, samples: np.ndarray) -> None:
        """Append samples, shape (n, channels)."""
        n, size = len(samples), self._capacity
        with self._lock:
            newest = samples[-size:]
            start = (self._written + n - len(newest)) % size
            head = min(len(newest), size - start)
            for base in (0, size):
                self._buffer[base + start : base + start + head] = newest[:head]
                self._buffer[base : base + len(newest) - head] = newest[head:]
            self._written += n

    def latest(self, n: int) -> np.ndarray:
        """Return a view of the newest `n` samples, for the writer's own thread.

        Raises
        ------
        ValueError
            If fewer are there.
        """
        if n > min(self._written, self._capacity):
            raise ValueError(f"{n} samples asked for, {min(self._written, self._capacity)} held.")
        stop = (self._written - 1) % self._capacity + 1 + self._capacity
        return self._buffer[stop - n : stop]

    def copy(self, n: int) -> tuple[np.ndarray, int]:
        """Return a copy of up to `n` newest samples and the sample clock behind the last.

        Safe from any thread.
        """
        with self._lock:
            held = min(n, self._written, self._capacity)
            stop = (self._written - 1) % self._capacity + 1 + self._capacity
            return self._buffer[stop - held : stop].copy(), self._written

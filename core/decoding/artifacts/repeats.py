"""Samples that were sent before, bit by bit: no amplifier measures the same noise twice."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

_MEMORY = 5.0  # s: a sample is known for at least as long, and for twice as long at most
_EVIDENCE = (12, 48)  # values of one sample, and of a block, that are equal by no chance
_SEED = 20


class Repeats:
    """Finds rows that are equal to the one before, and blocks of rows that came before.

    Parameters
    ----------
    rate : float
        Of the stream, in Hz.
    """

    def __init__(self, rate: float) -> None:
        self._memory = max(1, round(_MEMORY * rate))
        self._count = 0
        self._places: dict[int, int] = {}  # row -> its newest place
        self._older: dict[int, int] = {}
        self.reset()

    def reset(self) -> None:
        """Begin a new run. What came before it stays known: it may be sent again after a loss."""
        self._last = -1
        self._held = 0  # rows in a row that are equal to the one before
        self._lag = 0  # rows since the newest row came before
        self._again = 0  # rows in a row that came before, at that lag

    def push(self, rows: np.ndarray) -> tuple[int, int]:
        """Take the next rows, (n, channels), float64.

        Returns
        -------
        held : int
            The most rows in a row so far, among those that end here, equal to the one before.
        again : int
            Likewise, rows of a block that came before.
        """
        most_held = most_again = 0
        places, older = self._places, self._older
        for key in _keys(rows).tolist():
            self._held = self._held + 1 if key == self._last else 0
            place = places.get(key, older.get(key))
            lag = 0 if place is None else self._count - place
            if lag < 2:  # new, or equal to the one before
                self._again = 0
            else:
                self._again = self._again + 1 if lag == self._lag else 1
            self._lag, self._last = lag, key
            most_held, most_again = max(most_held, self._held), max(most_again, self._again)
            places[key] = self._count
            self._count += 1
            if self._count % self._memory == 0:
                self._older = older = places
                self._places = places = {}
        return most_held, most_again


def held_limit(channels: int, usual: int) -> int:
    """Return how many rows in a row, equal to the one before, are a fault."""
    return max(2 if channels < 32 else 1, math.ceil(_EVIDENCE[0] / channels), 2 * usual + 1)


def again_limit(channels: int) -> int:
    """Return how many rows of a block that came before are a fault."""
    return max(4, math.ceil(_EVIDENCE[1] / channels))


def twins(samples: np.ndarray) -> np.ndarray:
    """Return which channels are equal to another one to the last bit, (channels,) of bool.

    Channels that stand still are not.
    """
    keys = _keys(samples.T)
    if len(set(keys.tolist())) == len(keys):  # as nearly always
        return np.zeros(len(keys), dtype=bool)
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    repeated: np.ndarray = (counts[which] > 1) & (samples != samples[:1]).any(axis=0)
    return repeated


def _keys(rows: np.ndarray) -> np.ndarray:
    """Return a number for each row, (n,) of uint64: equal rows have the same, others do not."""
    bits = np.ascontiguousarray(rows, dtype=np.float64).view(np.uint64)
    # Low bits of what was a float32 are zero: the high ones must reach all of the sum.
    hashes: np.ndarray = ((bits ^ (bits >> np.uint64(31))) * _weights(rows.shape[1])).sum(axis=1)
    return hashes


@cache
def _weights(size: int) -> np.ndarray:
    """Return odd numbers drawn by chance, (size,) of uint64."""
    return np.random.default_rng(_SEED).integers(2**63, size=size, dtype=np.uint64) * 2 + 1

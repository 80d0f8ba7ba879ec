"""Channels that carry what another one does, at any gain and a sample or two later."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from core.electrodes import direction

LAGS = 2  # samples of the stream by which a copy may be late
CLOSE = 1.7  # decades below what is usual for two channels, from which one is a copy
BRIDGED = 2.7  # decades, of neighbours: gel that joins them leaves them two signals still
STAYS = 0.5  # decades by which a copy must be less close again to be none
_NEIGHBOURS = np.cos(np.deg2rad(30.0))  # between their directions, at least
UNKNOWN = -4.0  # decades: what is usual where nothing was learned
_LEAST = -7.0  # decades: nothing closer is told apart
_EXACT = -6.5  # decades: no two electrodes are as close


@lru_cache(maxsize=8)
def pairs(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both channels of every pair, (pairs,) each."""
    first, second = np.triu_indices(channels, 1)
    return first, second


def differences(samples: np.ndarray) -> np.ndarray:
    """Return how much of one channel another one does not explain, for every pair.

    Parameters
    ----------
    samples : ndarray, shape (n, channels)

    Returns
    -------
    ndarray of float16, shape (pairs,)
        Decimal logarithm of the share of variance that is left of either channel after linear
        regression on the other, at the lag of at most `LAGS` samples at which it is least.
    """
    count, channels = samples.shape
    lags = max(0, min(LAGS, count - 2))
    # One product for all lags: half of what this takes is the calls themselves.
    shifted = np.concatenate([samples[lags - lag : count - lag] for lag in range(lags + 1)], axis=1)
    shifted -= shifted.mean(axis=0)
    norm = np.sqrt(np.einsum("nc,nc->c", shifted, shifted))
    shifted /= np.maximum(norm, np.finfo(float).tiny)  # zeros where nothing moves
    correlation = np.abs(shifted[:, :channels].T @ shifted).reshape(channels, lags + 1, channels)
    largest = correlation.max(axis=1)  # of any lag
    first, second = pairs(channels)
    either = np.maximum(largest, largest.T).take(first * channels + second)
    left = 1.0 - np.square(either)
    decades: np.ndarray = np.log10(np.maximum(left, 10.0**_LEAST))
    return decades.astype(np.float16)


class Copies:
    """Says which channels are copies of another one.

    Parameters
    ----------
    usual : ndarray, shape (pairs,)
        The least of `differences` that is usual for every pair.
    names : sequence of str
        Of the channels.
    """

    def __init__(self, usual: np.ndarray, names: Sequence[str]) -> None:
        self._channels = len(names)
        places = np.array([direction(name) or (0, 0, 0) for name in names]).reshape(-1, 3)
        near = (places @ places.T)[pairs(len(names))] > _NEIGHBOURS
        limits = np.maximum(usual - np.where(near, BRIDGED, CLOSE), _EXACT)
        self._limits = np.where(usual > _EXACT, limits, -np.inf)  # copies at calibration already
        self._on = np.zeros(len(usual), dtype=bool)

    def see(self, differences: np.ndarray) -> None:
        """Take what was measured of the newest half second."""
        self._on = differences < self._limits + np.where(self._on, STAYS, 0.0)

    @property
    def channels(self) -> np.ndarray:
        """Which channels are copies of another one, or copied, (channels,) of bool."""
        mask = np.zeros(self._channels, dtype=bool)
        if self._on.any():
            for members in pairs(self._channels):
                mask[members[self._on]] = True
        return mask

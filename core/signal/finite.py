"""Masks of finite samples: NaN or inf would never leave the state of an IIR filter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

_LARGEST = 1e12  # in any unit: beyond are no voltages, and the square of a float32 ends


def finite_mask(samples: np.ndarray) -> np.ndarray:
    """Return which samples can be voltages at all, as bool of the same shape."""
    finite: np.ndarray = np.abs(samples) < _LARGEST  # False for NaN
    return finite


def contiguous(sound: np.ndarray) -> list[tuple[int, int]]:
    """Return where runs of the same value begin and end, over all of a bool ndarray, (samples,)."""
    edges = (np.flatnonzero(np.diff(sound)) + 1).tolist()
    return list(pairwise((0, *edges, len(sound)))) if len(sound) else []

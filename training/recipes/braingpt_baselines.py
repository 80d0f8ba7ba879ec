"""What prediction has to be better than: repeating the last value, and autoregression."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

ORDER = 16
"""Samples that the autoregression looks back."""

_STEP = 8  # samples from one equation to the next
_RIDGE = 1e-9  # of the mean variance: signal behind a low-pass is nearly singular


def linear_prediction(
    windows: Iterable[np.ndarray], ahead: int, order: int = ORDER, relative: bool = False
) -> np.ndarray:
    """Fit samples to come as linear functions of the last ones, by least squares.

    One fit for all electrodes and people. For the first sample it is the autoregression of that
    order; for each later one its own fit, which is at least as good as the autoregression
    iterated.

    Parameters
    ----------
    windows : iterable of ndarray, shape (channels, samples)
        Each longer than ``order + ahead``.
    ahead : int
        Samples that are predicted.
    order : int
        Samples that they are predicted from.
    relative : bool
        Whether every channel of every window counts alike, however strong it is.

    Returns
    -------
    ndarray of float64, shape (order, ahead)
        What the last `order` samples, oldest first, are multiplied by.
    """
    squares = np.zeros((order, order))
    products = np.zeros((order, ahead))
    for window in windows:
        if relative:
            window = window / (window.std(axis=-1, keepdims=True) + np.finfo(np.float32).tiny)
        pieces = np.lib.stride_tricks.sliding_window_view(window, order + ahead, axis=-1)
        rows = pieces[:, ::_STEP].reshape(-1, order + ahead).astype(np.float64)
        past = rows[:, :order]
        squares += past.T @ past
        products += past.T @ rows[:, order:]
    ridge = _RIDGE * np.trace(squares) / order
    weights: np.ndarray = np.linalg.solve(squares + ridge * np.eye(order), products)
    return weights


def predicted_by(weights: Tensor, past: Tensor) -> Tensor:
    """Return the prediction of `linear_prediction`, shape (..., ahead), from (..., samples)."""
    return torch.matmul(past[..., -len(weights) :], weights)

"""Symmetric positive definite matrices: logarithm, exponential, and Riemannian mean."""

from __future__ import annotations

import numpy as np

_MOST = 50  # steps to a mean
_SHORTER, _HALF = 0.95, 0.5  # a step's share of the one before, and after one that led away


def logarithm(matrices: np.ndarray) -> np.ndarray:
    """Return the logarithms of positive definite matrices, shape (..., channels, channels)."""
    values, vectors = np.linalg.eigh(matrices)
    logs = np.log(np.maximum(values, values[..., -1:] * 1e-12))
    return _composed(logs, vectors)


def exponential(matrices: np.ndarray) -> np.ndarray:
    """Return the exponentials of symmetric matrices, shape (..., channels, channels)."""
    values, vectors = np.linalg.eigh(matrices)
    return _composed(np.exp(values), vectors)


def riemannian_mean(
    covariances: np.ndarray, near: np.ndarray | None = None, tolerance: float = 1e-8
) -> np.ndarray:
    """Return the mean of covariances by the affine-invariant Riemannian metric.

    Parameters
    ----------
    covariances : ndarray, shape (trials, channels, channels)
    near : ndarray, shape (channels, channels), optional
        Where to begin; by default at the arithmetic mean.
    tolerance : float
        Norm of the mean of the tangent vectors, which is 0 at the mean itself.

    Returns
    -------
    ndarray, shape (channels, channels)

    Notes
    -----
    Gradient descent with the adaptive step of Congedo, Afsari, Barachant and Moakher (2015),
    Approximate joint diagonalization and geometric mean of symmetric positive definite matrices,
    PLOS ONE 10(4).
    """
    mean = covariances.mean(axis=0) if near is None else near
    step, least = 1.0, np.inf
    for _ in range(_MOST):
        values, vectors = np.linalg.eigh(mean)
        root, whitener = (_composed(values**power, vectors) for power in (0.5, -0.5))
        tangent = logarithm(whitener @ covariances @ whitener).mean(axis=0)
        mean = root @ exponential(step * tangent) @ root
        left = float(np.linalg.norm(tangent))
        if step * left < least:
            step, least = _SHORTER * step, step * left
        else:
            step *= _HALF
        if left <= tolerance or step <= tolerance:
            break
    return mean


def _composed(values: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    composed: np.ndarray = (vectors * values[..., None, :]) @ vectors.swapaxes(-1, -2)
    return composed

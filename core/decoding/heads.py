"""The linear head: features in, calibrated class probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

STRENGTH = 1000.0
"""Inverse of the penalty on features of unit total variance. With a few dozen trials it is settled
here once: choosing it by cross-validation for every person loses more than it gains."""


@dataclass(frozen=True)
class LinearHead:
    """Scaled features times weights, softened to probabilities.

    Attributes
    ----------
    centre, scale : ndarray, shape (features,)
        Taken off and divided by.
    weights : ndarray, shape (features, classes)
    bias : ndarray, shape (classes,)
    temperature : float
        Divides the logits, so that a probability of 0.8 is right eight times in ten.
    """

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    temperature: float = 1.0

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return the logits before the temperature, shape (trials, classes)."""
        return ((features - self.centre) / self.scale) @ self.weights + self.bias

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities.

        Parameters
        ----------
        features : ndarray, shape (trials, features)

        Returns
        -------
        ndarray of float64, shape (trials, classes)
            Rows sum to one.
        """
        return softmax(self.logits(features) / self.temperature)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def fit_head(
    blocks: Sequence[np.ndarray], labels: np.ndarray, classes: int, strength: float = STRENGTH
) -> LinearHead:
    """Fit a multinomial logistic regression with an L2 penalty and balanced classes.

    Every block of features is scaled as a whole to unit variance in total, so that a view with
    many features does not drown one with few, and one strength serves all.

    Parameters
    ----------
    blocks : sequence of ndarray, each (trials, features of the block)
        One for each view of the window.
    labels : ndarray of int, shape (trials,)
    classes : int
        Number of classes.
    strength : float
        Inverse of the penalty (scikit-learn's C).

    Returns
    -------
    LinearHead
        With temperature 1.
    """
    from sklearn.linear_model import LogisticRegression

    features = np.concatenate(blocks, axis=1)
    centre = features.mean(axis=0)
    scale = np.concatenate([np.full(block.shape[1], _spread(block)) for block in blocks])
    # The best weights lie in the span of the trials (representer theorem), which are far fewer
    # than the features: the fit in their coordinates is the same one, and a hundred times faster.
    scaled = (features - centre) / scale
    powers, left = np.linalg.eigh(scaled @ scaled.T)
    kept = powers > powers[-1] * 1e-10
    spread, left = np.sqrt(powers[kept]), left[:, kept]
    model = LogisticRegression(C=strength, class_weight="balanced", solver="newton-cholesky")
    model.fit(left * spread, labels)
    weights, bias = scaled.T @ (left / spread) @ model.coef_.T, model.intercept_
    if classes == 2:  # scikit-learn keeps one column for two classes
        weights, bias = np.hstack([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return LinearHead(centre=centre, scale=scale, weights=weights, bias=bias)


def with_temperature(head: LinearHead, logits: np.ndarray, labels: np.ndarray) -> LinearHead:
    """Return the head with the temperature that fits logits of trials it has not seen.

    Parameters
    ----------
    head : LinearHead
    logits : ndarray, shape (trials, classes)
        Out-of-fold logits of heads fitted in the same way.
    labels : ndarray of int, shape (trials,)

    Notes
    -----
    Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        right = softmax(logits / np.exp(log_temperature))[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(50.0)), method="bounded")
    return replace(head, temperature=float(np.exp(found.x)))


def _spread(block: np.ndarray) -> float:
    """Return the root of the block's total variance over trials."""
    total = float(block.var(axis=0).sum())
    return np.sqrt(total) if total > 0 else 1.0

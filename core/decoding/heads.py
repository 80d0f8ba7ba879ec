"""The linear head: features in, calibrated class probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

AnyHead = TypeVar("AnyHead", bound="DataclassInstance")
"""A dataclass of a head with a `temperature`."""

INVERSE_PENALTY = 1000.0
"""Inverse of the penalty on features of unit total variance. With a few dozen trials it is fixed
here once: choosing it by cross-validation for every person loses more than it gains."""

SPREAD = 0.5
"""Of the logarithm of a temperature, before any trial is seen: a factor of 1.6 either way."""


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
        logits: np.ndarray = ((features - self.centre) / self.scale) @ self.weights + self.bias
        return logits

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

    def plain(self) -> tuple[np.ndarray, np.ndarray]:
        """Return weights and bias for features as they are, with the temperature in them."""
        weights = self.weights / self.scale[:, None] / self.temperature
        return weights, self.bias / self.temperature - self.centre @ weights


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
    return probabilities


def fit_head(
    blocks: Sequence[np.ndarray],
    labels: np.ndarray,
    classes: int,
    inverse_penalty: float = INVERSE_PENALTY,
) -> LinearHead:
    """Fit a multinomial logistic regression with an L2 penalty and balanced classes.

    Every block of features is scaled as a whole to unit variance in total, so that a view with
    many features does not drown one with few, and one penalty serves all.

    Parameters
    ----------
    blocks : sequence of ndarray, each (trials, features of the block)
        One for each view of the window.
    labels : ndarray of int, shape (trials,)
    classes : int
        Number of classes.
    inverse_penalty : float
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
    # The best weights lie in the span of the trials (representer theorem), which are mostly far
    # fewer than the features: the fit in their coordinates is the same one, and a hundred times
    # faster.
    scaled = (features - centre) / scale
    basis = _basis(scaled)
    model = LogisticRegression(C=inverse_penalty, class_weight="balanced", solver="newton-cholesky")
    model.fit(scaled @ basis, labels)
    weights, bias = basis @ model.coef_.T, model.intercept_
    if classes == 2:  # scikit-learn keeps one column for two classes
        weights, bias = np.hstack([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return LinearHead(centre=centre, scale=scale, weights=weights, bias=bias)


def _basis(vectors: np.ndarray) -> np.ndarray:
    """Return orthonormal directions that the vectors span, shape (features, directions)."""
    trials, features = vectors.shape
    across = trials < features
    powers, directions = np.linalg.eigh(vectors @ vectors.T if across else vectors.T @ vectors)
    kept = powers > powers[-1] * 1e-10
    directions = directions[:, kept]
    return vectors.T @ (directions / np.sqrt(powers[kept])) if across else directions


def fit_near(
    blocks: Sequence[np.ndarray],
    labels: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
    inverse_penalty: float,
    bias_precision: float = 0.0,
    reach: Sequence[float] | None = None,
) -> LinearHead:
    """Fit a head that stays near a given one: the penalty is on what it adds to that.

    Parameters
    ----------
    blocks : sequence of ndarray, each (trials, features of the block)
        As in `fit_head`.
    labels : ndarray of int, shape (trials,)
    weights : ndarray, shape (features, classes)
        Of the given head, on features as they are.
    bias : ndarray, shape (classes,)
    inverse_penalty : float
        Inverse of the penalty; with 0 the given head comes back.
    bias_precision : float
        Of the penalty on what is added to the bias; with 0 it is free.
    reach : sequence of float, optional
        How far each block's weights go for the same penalty, beside those of others; 1 by default.

    Returns
    -------
    LinearHead
        With temperature 1.

    Notes
    -----
    A Gaussian prior around the given weights: Chelba and Acero (2006), Adaptation of maximum
    entropy capitalizer: little data can help a lot, Computer Speech & Language 20(4).
    """
    from scipy.optimize import minimize

    features = np.concatenate(blocks, axis=1)
    classes = len(bias)
    if inverse_penalty == 0:
        zeros, ones = np.zeros(features.shape[1]), np.ones(features.shape[1])
        return LinearHead(centre=zeros, scale=ones, weights=weights, bias=bias)
    centre = features.mean(axis=0)
    reach = reach or [1.0] * len(blocks)
    scale = np.concatenate(
        [np.full(b.shape[1], _spread(b) / far) for b, far in zip(blocks, reach, strict=True)]
    )
    given = features @ weights + bias
    scaled = (features - centre) / scale
    powers, left = np.linalg.eigh(scaled @ scaled.T)  # in the span of the trials, as `fit_head`
    kept = powers > powers[-1] * 1e-10
    spread, left = np.sqrt(powers[kept]), left[:, kept]
    inside = np.hstack([left * spread, np.ones((len(labels), 1))])
    asked = np.eye(classes)[labels]
    counts = np.bincount(labels, minlength=classes)
    share = (len(labels) / np.count_nonzero(counts) / np.maximum(counts, 1))[labels]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        added = flat.reshape(-1, classes)
        probabilities = softmax(given + inside @ added)
        missed = -np.log(np.maximum((probabilities * asked).sum(axis=1), 1e-300))
        pull = np.vstack([added[:-1], bias_precision * added[-1:]])
        slope = inverse_penalty * inside.T @ (share[:, None] * (probabilities - asked)) + pull
        return float(inverse_penalty * (share @ missed) + 0.5 * np.sum(pull * added)), slope.ravel()

    start = np.zeros(inside.shape[1] * classes)
    result = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    added = result.x.reshape(-1, classes)
    return LinearHead(
        centre=centre,
        scale=scale,
        weights=scaled.T @ (left / spread) @ added[:-1] + scale[:, None] * weights,
        bias=added[-1] + bias + centre @ weights,
    )


def with_temperature(
    head: AnyHead,
    logits: np.ndarray,
    labels: np.ndarray,
    repeats: int = 1,
    spread: float = SPREAD,
) -> AnyHead:
    """Return the head with the temperature that fits logits of trials it has not seen.

    Parameters
    ----------
    head : LinearHead, or another with a temperature
    logits : ndarray, shape (trials, classes)
        Out-of-fold logits of heads fitted in the same way.
    labels : ndarray of int, shape (trials,)
    repeats, spread
        As in `temperature_of`.
    """
    return replace(head, temperature=temperature_of(logits, labels, repeats, spread))


def temperature_of(
    logits: np.ndarray, labels: np.ndarray, repeats: int = 1, spread: float = SPREAD
) -> float:
    """Return the temperature that fits logits of trials that were left out.

    Parameters
    ----------
    logits : ndarray, shape (trials, classes)
    labels : ndarray of int, shape (trials,)
    repeats : int
        How often each trial is among them.
    spread : float
        Standard deviation of the temperature's logarithm before any trial is seen; infinite for
        likelihood alone.

    Notes
    -----
    Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, with a normal
    prior of the logarithm around 0: by likelihood alone a few trials that are all right, as they
    may be by chance, would make every later decision certain.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        right = softmax(logits / np.exp(log_temperature))[np.arange(len(labels)), labels]
        likelihood = np.log(np.maximum(right, 1e-12)).mean()
        unlike = (log_temperature / spread) ** 2 / 2.0
        return float(unlike * repeats / len(labels) - likelihood)  # a trial's share of both

    result = minimize_scalar(loss, bounds=(np.log(0.05), np.log(50.0)), method="bounded")
    return float(np.exp(result.x))


def _spread(block: np.ndarray) -> float:
    """Return the root of the block's total variance over trials."""
    total = float(block.var(axis=0).sum())
    return np.sqrt(total) if total > 0 else 1.0

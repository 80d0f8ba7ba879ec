"""How far probabilities can be trusted: Brier score, reliability curve, expected calibration error.

Confidence is the probability of the class decided, accuracy the share of right decisions. Of
probabilities that can be trusted both are the same, among decisions of any confidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

BINS = 10
"""Of equal width, over confidences from 0 to 1; those of two classes lie in the upper five."""

_DRAWS = 500


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Decisions in bins of confidence.

    Attributes
    ----------
    counts : ndarray of int, shape (bins,)
        Decisions in each bin; a confidence on an edge is in the lower one.
    confident, right : ndarray, shape (bins,)
        Sum of their confidences, and how many of them were right.

    Notes
    -----
    Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian
    binning, AAAI; Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks,
    ICML, equations 1 to 3, who take the confidence of the class decided.
    """

    counts: np.ndarray
    confident: np.ndarray
    right: np.ndarray

    def __eq__(self, other: object) -> bool:
        """Whether another curve has the same numbers."""
        return isinstance(other, ReliabilityCurve) and all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have none

    @property
    def confidence(self) -> np.ndarray:
        """Mean confidence in each bin; NaN where there are no decisions."""
        return self._mean(self.confident)

    @property
    def accuracy(self) -> np.ndarray:
        """Share of right decisions in each bin; NaN where there are none."""
        return self._mean(self.right)

    @property
    def ece(self) -> float:
        """Expected calibration error: each bin's |accuracy - confidence|, averaged over decisions.

        It is an absolute value, so that with few decisions chance makes it large.
        """
        if not self.counts.sum():
            return float("nan")
        return float(np.abs(self.right - self.confident).sum() / self.counts.sum())

    def _mean(self, sums: np.ndarray) -> np.ndarray:
        means: np.ndarray = np.where(self.counts > 0, sums / np.maximum(self.counts, 1), np.nan)
        return means


def reliability(truth: np.ndarray, probabilities: np.ndarray) -> ReliabilityCurve:
    """Return the reliability curve of decisions.

    Parameters
    ----------
    truth : ndarray of int, shape (trials,)
    probabilities : ndarray, shape (trials, classes)
        Rows sum to one.
    """
    confident = probabilities.max(axis=1)
    # Rounded, so that 0.7 is on the edge that it is written on.
    place = np.clip(np.ceil(np.round(confident * BINS, 9)).astype(int) - 1, 0, BINS - 1)
    right = (probabilities.argmax(axis=1) == truth).astype(float)
    return ReliabilityCurve(
        np.bincount(place, minlength=BINS),
        np.bincount(place, confident, minlength=BINS),
        np.bincount(place, right, minlength=BINS),
    )


def pooled(curves: Iterable[ReliabilityCurve]) -> ReliabilityCurve:
    """Return the curve of all decisions of several; there must be one."""
    every = list(curves)
    return ReliabilityCurve(
        np.sum([curve.counts for curve in every], axis=0),
        np.sum([curve.confident for curve in every], axis=0),
        np.sum([curve.right for curve in every], axis=0),
    )


def brier_score(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean squared difference of probabilities and outcomes, summed over classes.

    0 is perfect, 1 - 1 / classes what equal probabilities give, 2 the most.

    Notes
    -----
    Brier (1950), Verification of forecasts expressed in terms of probability, Mon. Weather Rev.
    78(1).
    """
    outcomes = np.eye(probabilities.shape[1])[truth]
    return float(np.mean(np.sum((probabilities - outcomes) ** 2, axis=1)))


def ece_bound(probabilities: np.ndarray) -> float:
    """Return the expected calibration error that perfect probabilities stay below in 95 % of cases.

    Parameters
    ----------
    probabilities : ndarray, shape (repeats, trials, classes)
        The same trials, decided several times. Outcomes are drawn by each one's mean.

    Notes
    -----
    Bröcker and Smith (2007), Increasing the reliability of reliability diagrams, Weather Forecast.
    22(3): consistency resampling.
    """
    repeats, trials, classes = probabilities.shape
    random = np.random.default_rng(0)
    edges = np.cumsum(probabilities.mean(axis=0), axis=1)[:, :-1]  # (trials, classes - 1)
    flat = probabilities.reshape(-1, classes)
    drawn = (random.random((_DRAWS, trials, 1)) > edges).sum(axis=2)
    errors = [reliability(np.tile(truth, repeats), flat).ece for truth in drawn]
    return float(np.quantile(errors, 0.95))

"""How good a decoder is on trials that it has not seen, and what more of them brought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.decoding.heads import fit_head
from core.fitting.selection import Score
from core.fitting.views import FeatureViews
from core.metrics import balanced_accuracy

POINTS = 5
"""Of a learning curve."""

_LEAST = 4  # trials of each class that a point is learned from


@dataclass(frozen=True)
class Estimate:
    """A balanced accuracy on left-out trials with its 95 % interval."""

    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """What was reached by learning from the first trials alone."""

    trials: int
    estimate: Estimate


def estimate(score: float, labels: np.ndarray) -> Estimate:
    """Return a balanced accuracy with the Wilson interval for so many trials.

    Parameters
    ----------
    score : float
        Balanced accuracy.
    labels : ndarray of int, shape (trials,)
        Classes of the trials that share no samples. Where classes differ in number, the interval
        is that of as many balanced trials as give the score the same variance.

    Notes
    -----
    Wilson (1927), J. Am. Stat. Assoc. 22(158). Decisions of different folds are taken as
    independent, which makes the interval a little too narrow.
    """
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    trials = len(counts) ** 2 / np.sum(1.0 / counts)
    return Estimate(score, *wilson_interval(score, trials))


def wilson_interval(share: float, trials: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share of trials, at 95 %."""
    from scipy.stats import norm

    z = float(norm.ppf(0.975))
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + (z / trials) ** 2 / 4)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def confusion(score: Score, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return how often each class was decided, for each class that was asked for.

    Returns
    -------
    ndarray, shape (classes, classes)
        Shares of left-out trials; rows, the class asked for, sum to one.
    """
    counts = np.zeros((classes, classes))
    for decided in score.decided:
        np.add.at(counts, (labels, decided), 1.0)
    fractions: np.ndarray = counts / counts.sum(axis=1, keepdims=True)
    return fractions


def learning_curve(
    views: FeatureViews, head: str, seed: int = 0, repeats: int = 2, points: int = POINTS
) -> tuple[Point, ...]:
    """Return what a head reaches when it learns from the first trials alone.

    Every point is scored on the same trials, all of them, each left out of what was learned
    from; of the rest only the first, in the order recorded, are used.

    Parameters
    ----------
    views : FeatureViews
        Of all trials, in the order recorded.
    head : str
        One of `core.fitting.views.HEADS`.
    seed : int
        Of the folds.
    repeats : int
        How often all trials are split anew.
    points : int

    Returns
    -------
    tuple of Point
        By number of trials; empty where there are too few for a curve.
    """
    folds = [list(views.epochs.folds(seed + repeat)) for repeat in range(repeats)]
    trains = [train for repeat in folds for train, _ in repeat]
    most = min(len(train) for train in trains)
    least = max(_enough(views.labels[train], views.classes) for train in trains)
    if most - least < 2:
        return ()
    curve = []
    for first in np.unique(np.linspace(least, most, points).round().astype(int)):
        reached = []
        for repeat in folds:
            decided = np.empty_like(views.labels)
            for train, test in repeat:
                decided[test] = _decide(views, head, train[:first], test)
            reached.append(balanced_accuracy(views.labels, decided))
        curve.append(Point(int(first), estimate(float(np.mean(reached)), views.epochs.independent)))
    return tuple(curve)


def _decide(views: FeatureViews, head: str, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    features = views.fit(views.of(head), train)
    blocks = [vectors for _, vectors in features.values()]
    fitted = fit_head([b[train] for b in blocks], views.labels[train], views.classes)
    classes: np.ndarray = fitted.logits(np.concatenate([b[test] for b in blocks], axis=1)).argmax(
        axis=1
    )
    return classes


def _enough(labels: np.ndarray, classes: int) -> int:
    """Return how many of the first trials have a few of each class."""
    counts = [np.cumsum(labels == label) for label in range(classes)]
    return max(int(np.searchsorted(count, min(_LEAST, count[-1]))) + 1 for count in counts)

"""How much a prior weighs against a person's own trials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from core.decoding.heads import INVERSE_PENALTY, LinearHead, fit_near, softmax
from core.fitting.transfer.prior_head import PriorHead
from core.fitting.transfer.wccn import apply_wccn

WEIGHTS = (30.0, 300.0, 0.0, inf)
"""By how many times the penalty that holds a head near the prior's is stronger than the usual one
that holds it near nothing. 0: own trials alone; infinite: the prior alone. The first is kept
unless another is better by more than `SURE` standard errors."""

SURE = 2.0
"""Of the mean difference in log loss: choosing by less lost more than it gained, with thirty
trials."""


@dataclass(frozen=True)
class Start:
    """A person's trials and the prior's weights, in the WCCN-scaled space of the penalty.

    Attributes
    ----------
    blocks : list of ndarray, each (trials, features of the view)
        Aligned vectors and token features, those of mirror images too, with what drifts held back.
    labels : ndarray of int, shape (trials,)
    weights : ndarray, shape (features, classes)
        Of the prior's head, on these vectors.
    """

    blocks: list[np.ndarray]
    labels: np.ndarray
    weights: np.ndarray


def start_from(prior: PriorHead, blocks: Sequence[np.ndarray], labels: np.ndarray) -> Start:
    """Bring own trials to where a prior's head can hold a head on them.

    Where hands can be exchanged with the electrodes, every trial counts as its mirror image too:
    what others share with this person does not tell left from right by more of one. What they show
    to drift between recordings is held back.

    Parameters
    ----------
    prior : PriorHead
    blocks : sequence of ndarray, each (trials, features of the view)
        Aligned vectors of the prior's views, and token features if it has weights for them.
    labels : ndarray of int, shape (trials,)
    """
    whole = np.concatenate(blocks, axis=1)
    if prior.mirror is not None:
        whole = np.concatenate([whole, whole[:, prior.mirror]])
        labels = np.concatenate([labels, np.array(prior.swapped)[labels]])
    ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
    return Start(
        blocks=np.split(apply_wccn(whole, prior.drift), ends, axis=1),
        labels=labels,
        weights=apply_wccn(prior.weights.T, prior.drift, undo=True).T,
    )


def fit_weighted(prior: PriorHead, start: Start, weight: float) -> LinearHead:
    """Fit a head on own trials that a prior's head holds by this weight, which is not 0.

    Parameters
    ----------
    prior : PriorHead
    start : Start
        From this prior.
    weight : float

    Returns
    -------
    LinearHead
        With temperature 1.
    """
    reach = [1.0] * len(start.blocks)
    if prior.tokens:
        # A token's feature goes no further than one of the covariances, nor do all together:
        # sums over time, which are few, were only worse for it (docs/accuracy.md).
        reach[-1] = min(1.0, sqrt(prior.tokens / (len(prior.weights) - prior.tokens)))
    head = fit_near(
        start.blocks, start.labels, start.weights, prior.bias, INVERSE_PENALTY / weight, reach=reach
    )
    slopes, bias = head.plain()
    weights = apply_wccn(slopes.T, prior.drift).T
    return LinearHead(  # on vectors as they are
        centre=np.zeros(len(weights)), scale=np.ones(len(weights)), weights=weights, bias=bias
    )


def nll(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return minus the logarithm of the probability that each trial's class was given."""
    right = softmax(logits)[np.arange(len(labels)), labels]
    losses: np.ndarray = -np.log(np.maximum(right, 1e-12))
    return losses


def choose_weight(missed: Mapping[float, np.ndarray]) -> float:
    """Return the first weight, unless another misses less by more than `SURE` standard errors.

    Parameters
    ----------
    missed : mapping
        Weight -> `nll` of trials left out, in order of preference.
    """
    first, *others = missed
    best, most = first, 0.0
    for weight in others:
        gain = missed[first] - missed[weight]
        if gain.mean() > max(most, SURE * gain.std(ddof=1) / np.sqrt(len(gain))):
            best, most = weight, float(gain.mean())
    return best


def weigh(
    prior: PriorHead,
    blocks: Sequence[np.ndarray],
    labels: np.ndarray,
    folds: Iterable[tuple[np.ndarray, np.ndarray]],
    alone: np.ndarray,
) -> tuple[float, tuple[float, ...]]:
    """Choose a weight by cross-validation inside some trials.

    Parameters
    ----------
    prior : PriorHead
    blocks : sequence of ndarray, each (trials, features of the view)
        Aligned vectors of the prior's views.
    labels : ndarray of int, shape (trials,)
    folds : iterable of (fit, judge)
    alone : ndarray, shape (trials, classes)
        Logits of a head that knows no prior, each trial's from the fold that judges it.

    Returns
    -------
    float
    tuple of float
        Accuracy of every fold at that weight.
    """
    missed: dict[float, np.ndarray] = {weight: np.empty(len(labels)) for weight in WEIGHTS}
    accuracies: dict[float, list[float]] = {weight: [] for weight in WEIGHTS}
    for fit, judge in folds:
        by_weight = logits_at_weights(prior, blocks, labels, fit, judge, alone[judge])
        for weight, logits in by_weight.items():
            missed[weight][judge] = nll(logits, labels[judge])
            accuracies[weight].append(float(np.mean(logits.argmax(axis=1) == labels[judge])))
    weight = choose_weight(missed)
    return weight, tuple(accuracies[weight])


def logits_at_weights(
    prior: PriorHead,
    blocks: Sequence[np.ndarray],
    labels: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    alone: np.ndarray,
) -> dict[float, np.ndarray]:
    """Return the logits of some trials at every weight, learned from others.

    Parameters
    ----------
    prior : PriorHead
    blocks : sequence of ndarray, each (trials, features of the view)
        Aligned vectors of the prior's views.
    labels : ndarray of int, shape (trials,)
    train, test : ndarray of int
        Trials to learn from, and to give logits of.
    alone : ndarray, shape (tested trials, classes)
        What a head that knows no prior made of the same trials; it is taken at weight 0.
    """
    start = start_from(prior, [block[train] for block in blocks], labels[train])
    seen = np.concatenate([block[test] for block in blocks], axis=1)
    return {
        weight: alone if weight == 0 else fit_weighted(prior, start, weight).logits(seen)
        for weight in WEIGHTS
    }

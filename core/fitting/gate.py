"""Fitting a gate over experts, on features.

The gate sees what a window is like, never how well an expert did on it: a softmax over losses that
is itself minimised puts all weight on the smallest loss, whatever the window (`docs/readouts.md`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize

from core.decoding.gate import MixtureHead
from core.decoding.heads import LinearHead, fit_head, softmax, with_temperature

PENALTY = 0.01
"""On the gate's weights, for features of unit variance in total along each direction kept."""

_DIRECTIONS = 8  # of the features that a gate may use: trials are few


def fit_mixture(
    blocks: Mapping[str, np.ndarray],
    labels: np.ndarray,
    classes: int,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
) -> MixtureHead:
    """Fit an expert on each block of features, and a gate over them on all features.

    The gate is fitted on what experts say of trials that they have not seen, by the likelihood of
    the mixture.

    Parameters
    ----------
    blocks : dict of str to ndarray, each (trials, features of the block)
        By the name of the expert that takes it.
    labels : ndarray of int, shape (trials,)
    classes : int
    folds : sequence of (train, test)
        Of these trials.
    """
    probabilities = np.empty((len(labels), len(blocks), classes))
    experts = []
    for index, block in enumerate(blocks.values()):
        left_out = np.empty((len(labels), classes))
        for train, test in folds:
            expert = fit_head([block[train]], labels[train], classes)
            left_out[test] = expert.logits(block[test])
        expert = with_temperature(fit_head([block], labels, classes), left_out, labels)
        probabilities[:, index] = softmax(left_out / expert.temperature)
        experts.append(expert)
    right = probabilities[np.arange(len(labels)), :, labels]  # (trials, experts)
    sizes = np.cumsum([0, *(block.shape[1] for block in blocks.values())]).tolist()
    gate = fit_gate(np.concatenate(list(blocks.values()), axis=1), right)
    spans = tuple(pairwise(sizes))
    return MixtureHead(tuple(blocks), tuple(experts), spans, gate)


def fit_gate(features: np.ndarray, right: np.ndarray) -> LinearHead:
    """Fit the logits of experts' shares by the likelihood of their mixture.

    Parameters
    ----------
    features : ndarray, shape (trials, features)
    right : ndarray, shape (trials, experts)
        Probability that each expert gave what was right, not having seen the trial.
    """
    trials, count = right.shape
    centre = features.mean(axis=0)
    spread = float(features.var(axis=0).mean()) ** 0.5 or 1.0
    _, sizes, directions = np.linalg.svd((features - centre) / spread, full_matrices=False)
    kept = directions[: min(_DIRECTIONS, int(np.sum(sizes > 1e-9)))]  # (directions, features)
    unit = np.sqrt(trials) / sizes[: len(kept), None]  # of unit variance along each
    basis = kept * unit
    inputs = np.hstack([(features - centre) / spread @ basis.T, np.ones((trials, 1))])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(-1, count)
        shares = softmax(inputs @ weights)
        mixed = np.maximum((shares * right).sum(axis=1), 1e-12)
        # Of each expert for a trial, after the fact: what the gate's share moves towards.
        posterior = shares * right / mixed[:, None]
        held = np.vstack([weights[:-1], np.zeros(count)])  # the bias is free
        slope = inputs.T @ (shares - posterior) / trials + PENALTY * held
        return float(-np.log(mixed).mean() + PENALTY / 2 * np.sum(held**2)), slope.ravel()

    start = np.zeros(inputs.shape[1] * count)
    solution = minimize(loss, start, jac=True, method="L-BFGS-B").x.reshape(-1, count)
    return LinearHead(centre, np.full(len(centre), spread), basis.T @ solution[:-1], solution[-1])

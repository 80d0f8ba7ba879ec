"""Which of several heads is kept, by folds inside the trials that it learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from core.decoding.graph_head import GraphHead
from core.decoding.heads import LinearHead

Head = LinearHead | GraphHead


def fit_on(
    fit: Callable[[Sequence[np.ndarray], np.ndarray], Head],
    blocks: Sequence[np.ndarray],
    labels: np.ndarray,
    classes: int,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
) -> tuple[Head, tuple[float, ...], np.ndarray]:
    """Fit a head, and see by cross-validation inside the trials given how good it will be.

    Parameters
    ----------
    fit : callable
        From blocks and labels to a head.
    blocks : sequence of ndarray, each (trials, features)
    labels : ndarray of int, shape (trials,)
    classes : int
    parts : sequence of (train, test)
        Folds of these trials.

    Returns
    -------
    LinearHead or GraphHead
    tuple of float
        Accuracy of every test fold inside.
    ndarray, shape (trials, classes)
        Logits of every trial, from the fold that left it out.
    """
    inside = []
    left_out = np.empty((len(labels), classes))
    for train, test in parts:
        head = fit([b[train] for b in blocks], labels[train])
        left_out[test] = head.logits(np.concatenate([b[test] for b in blocks], axis=1))
        inside.append(float(np.mean(left_out[test].argmax(axis=1) == labels[test])))
    return fit(blocks, labels), tuple(inside), left_out


def choose(folds: Mapping[str, Sequence[float]], share: float) -> str:
    """Return the first head, unless another is significantly better.

    Parameters
    ----------
    folds : mapping
        Head -> accuracy of every test fold, in order of preference.
    share : float
        Test trials for one training trial.
    """
    chosen, *others = folds
    for head in others:
        if is_better(np.subtract(folds[head], folds[chosen]), share):
            chosen = head
    return chosen


def is_better(gains: np.ndarray, share: float) -> bool:
    """Return whether gains over folds are significantly above zero; those of one fold never are.

    Parameters
    ----------
    gains : ndarray, shape (folds,)
    share : float
        Test trials for one training trial.

    Notes
    -----
    A one-sided t-test at 5 %, of differences over folds that share most of their training trials:
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52(3),
    equation 9. Taken as independent, the folds would make the error look half as large.
    """
    from scipy.stats import t

    if len(gains) < 2:
        return False
    error = gains.std(ddof=1) * np.sqrt(1.0 / len(gains) + share)
    return bool(gains.mean() > t.ppf(0.95, len(gains) - 1) * error + 1e-12)

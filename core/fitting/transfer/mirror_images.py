"""A head that is fitted on trials and their mirror images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.decoding.heads import LinearHead, fit_head


def fit_with_images(
    vectors: np.ndarray,
    labels: np.ndarray,
    mirror: np.ndarray,
    swapped: Sequence[int],
    inverse_penalty: float,
) -> LinearHead:
    """Fit a head on trials and their mirror images, as `fit_head` does.

    Parameters
    ----------
    vectors : ndarray, shape (trials, features)
    labels : ndarray of int, shape (trials,)
    mirror : ndarray of int, shape (features,)
        From `core.hemispheres.mirror_of`.
    swapped : sequence of int
        From `core.hemispheres.swap`, of all the classes.
    inverse_penalty : float

    Notes
    -----
    With two classes that become each other, the weights of a trial's image are those of the trial
    with the other sign, so that half of the trials and the differences between features and their
    counterparts are enough: a quarter of the work for each step, and the same head.
    """
    from sklearn.linear_model import LogisticRegression

    if tuple(swapped) != (1, 0):
        both = np.concatenate([vectors, vectors[:, mirror]])
        twice = np.concatenate([labels, np.array(swapped)[labels]])
        return fit_head([both], twice, len(swapped), inverse_penalty)
    first = np.flatnonzero(np.arange(len(mirror)) < mirror)
    second = mirror[first]
    mean = vectors.mean(axis=0)
    centre = (mean + mean[mirror]) / 2
    spread = np.sqrt(np.mean(np.sum(vectors**2, axis=1)) - centre @ centre)
    scale = spread if spread > 0 else 1.0
    differing = (vectors[:, first] - vectors[:, second]) / (scale * np.sqrt(2.0))
    model = LogisticRegression(
        C=2.0 * inverse_penalty, fit_intercept=False, solver="newton-cholesky"
    )
    model.fit(differing, labels)
    weights = np.zeros((len(mirror), 2))
    weights[first, 1] = model.coef_[0] / (2.0 * np.sqrt(2.0))
    weights[second, 1] = -weights[first, 1]
    weights[:, 0] = -weights[:, 1]
    return LinearHead(centre, np.full(len(mirror), scale), weights, np.zeros(2))

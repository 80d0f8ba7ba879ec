"""Exchanging left and right: electrodes with their counterparts, and one hand with the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.decoding.heads import LinearHead, fit_head

HANDS = ("left_hand", "right_hand")


def mirror_of(views: Sequence[Sequence[str]]) -> np.ndarray | None:
    """Return where tangent features go when left and right electrodes are exchanged.

    The mean covariance is mirrored with its trials, so mirroring before and after the alignment
    is the same.

    Returns
    -------
    ndarray of int, shape (features,), or None
        None if an electrode's counterpart is missing.
    """
    orders, start = [], 0
    for view in views:
        partners = [counterpart(name) for name in view]
        if not set(partners) <= set(view):
            return None
        place = np.array([list(view).index(name) for name in partners])
        rows, columns = np.triu_indices(len(view))
        position = np.zeros((len(view), len(view)), dtype=np.intp)
        position[rows, columns] = position[columns, rows] = np.arange(len(rows))
        orders.append(start + position[place[rows], place[columns]])
        start += len(rows)
    return np.concatenate(orders)


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
        From `mirror_of`.
    swapped : sequence of int
        From `swap`, of all the classes.
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
    one = np.flatnonzero(np.arange(len(mirror)) < mirror)
    other = mirror[one]
    mean = vectors.mean(axis=0)
    centre = (mean + mean[mirror]) / 2
    spread = np.sqrt(np.mean(np.sum(vectors**2, axis=1)) - centre @ centre)
    scale = spread if spread > 0 else 1.0
    differing = (vectors[:, one] - vectors[:, other]) / (scale * np.sqrt(2.0))
    model = LogisticRegression(
        C=2.0 * inverse_penalty, fit_intercept=False, solver="newton-cholesky"
    )
    model.fit(differing, labels)
    weights = np.zeros((len(mirror), 2))
    weights[one, 1] = model.coef_[0] / (2.0 * np.sqrt(2.0))
    weights[other, 1] = -weights[one, 1]
    weights[:, 0] = -weights[:, 1]
    return LinearHead(centre, np.full(len(mirror), scale), weights, np.zeros(2))


def swap(classes: Sequence[str]) -> tuple[int, ...] | None:
    """Return the class that each becomes in a mirror; None if one hand lacks the other."""
    if not set(HANDS) <= set(classes):
        return None
    other = dict(zip(HANDS, reversed(HANDS), strict=True))
    return tuple(list(classes).index(other.get(name, name)) for name in classes)


def counterpart(electrode: str) -> str:
    """Return the electrode at the same place of the other hemisphere (C3 -> C4, CZ -> CZ)."""
    site = electrode.rstrip("0123456789")
    if site == electrode:
        return electrode
    number = int(electrode[len(site) :])
    return f"{site}{number + 1 if number % 2 else number - 1}"

"""Within-class covariance normalisation: less weight for what drifts between recordings.

A reference is fixed at calibration, and the signal is not: from one recording of a person to the
next, all trials move together. Where others moved tells in which directions a head should not
trust, before the person has a second recording.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

STEADINESS = 3.0
"""How much a direction is held back for its mean square move."""


def moves(seen_from: Mapping[tuple[int, int], np.ndarray], features: int) -> np.ndarray:
    """Return how far recordings lie from each other, as seen from the reference of one of them.

    Parameters
    ----------
    seen_from : mapping
        From `core.fitting.transfer.recentring.recentre_pairs`.
    features : int
        Of a vector, for the case that nobody has two recordings.

    Returns
    -------
    ndarray, shape (moves, features)
        A mean tangent vector for every ordered pair of recordings of one person.
    """
    means = [seen.mean(axis=0) for seen in seen_from.values()]
    return np.array(means).reshape(-1, features)


def drift_of(moved: np.ndarray) -> np.ndarray:
    """Return the directions of moves, orthogonal, each as long as the root mean square move in it.

    Parameters
    ----------
    moved : ndarray, shape (moves, features)

    Returns
    -------
    ndarray, shape (directions, features)
    """
    if not len(moved):
        return moved
    _, lengths, directions = np.linalg.svd(moved / np.sqrt(len(moved)), full_matrices=False)
    kept = lengths > lengths[0] * 1e-6
    scaled: np.ndarray = directions[kept] * lengths[kept, None]
    return scaled


def apply_wccn(vectors: np.ndarray, drift: np.ndarray, *, undo: bool = False) -> np.ndarray:
    """Return vectors with the directions of drift held back, or brought forth again.

    A penalty on weights on such vectors weighs heavier where people drift (within-class covariance
    normalisation: Hatch, Kajarekar and Stolcke, 2006, Interspeech).

    Parameters
    ----------
    vectors : ndarray, shape (trials, features)
    drift : ndarray, shape (directions, features)
        From `drift_of`.
    undo : bool
        The inverse.
    """
    if not len(drift):
        return vectors
    square = np.sum(drift**2, axis=1)
    held = (1.0 + STEADINESS * square) ** (0.5 if undo else -0.5)
    normalised: np.ndarray = vectors + (vectors @ drift.T * ((held - 1.0) / square)) @ drift
    return normalised

"""What a signal does when a decoder's output rises: patterns instead of weights."""

from __future__ import annotations

import numpy as np


def haufe_pattern(features: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Return how features move with an output, largest entry 1 or -1.

    A decoder's weights are no map of the brain, since they also cancel noise.

    Parameters
    ----------
    features : ndarray, shape (n, features)
    output : ndarray, shape (n,)
        Of the decoder, on the same windows.

    Returns
    -------
    ndarray, shape (features,)
        Zeros where nothing moves.

    Notes
    -----
    Haufe et al. (2014), NeuroImage 87, equation 7: for one output, the covariance of features and
    output is the pattern up to a factor.
    """
    if not len(output):
        return np.zeros(features.shape[1])
    centred = features - features.mean(axis=0)
    pattern = centred.T @ (output - output.mean()) / len(output)
    largest = np.abs(pattern).max(initial=0.0)
    return np.asarray(pattern / largest if largest > 0 else pattern)

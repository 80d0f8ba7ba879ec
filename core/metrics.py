"""How good decisions are: balanced accuracy, information rate, and what chance would give."""

from __future__ import annotations

import numpy as np


def balanced_accuracy(truth: np.ndarray, decided: np.ndarray) -> float:
    """Return the mean of the recalls of the classes that occur in `truth`."""
    truth, decided = np.asarray(truth), np.asarray(decided)
    return float(np.mean([np.mean(decided[truth == label] == label) for label in np.unique(truth)]))


def chance_bound(trials: int, classes: int, level: float = 0.95) -> float:
    """Return the accuracy that guessing stays at or below with probability `level`.

    The one-sided binomial bound of Combrisson and Jerbi (2015), J. Neurosci. Methods 250,
    for `classes` equally likely classes.
    """
    from scipy.stats import binom

    return float(binom.ppf(level, trials, 1.0 / classes) / trials)


def information_transfer_rate(accuracy: float, classes: int, seconds: float) -> float:
    """Return Wolpaw's information transfer rate in bits per minute.

    Parameters
    ----------
    accuracy : float
        Share of right decisions; below chance gives 0.
    classes : int
        Number of equally likely classes.
    seconds : float
        Time per decision, gaps included.

    Notes
    -----
    Wolpaw et al. (2000), IEEE Trans. Rehabil. Eng. 8(2). It assumes equal priors, uniform errors
    and no idle state.
    """
    if accuracy <= 1.0 / classes:
        return 0.0
    bits = np.log2(classes) + accuracy * np.log2(accuracy)
    if accuracy < 1.0:
        bits += (1.0 - accuracy) * np.log2((1.0 - accuracy) / (classes - 1))
    return float(bits * 60.0 / seconds)

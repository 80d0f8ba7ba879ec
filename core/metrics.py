"""How good decisions are: the metrics of the field, information rate, what chance would give."""

from __future__ import annotations

import numpy as np


def balanced_accuracy(truth: np.ndarray, decided: np.ndarray) -> float:
    """Return the mean of the recalls of the classes that occur in `truth`."""
    truth, decided = np.asarray(truth), np.asarray(decided)
    return float(np.mean([np.mean(decided[truth == label] == label) for label in np.unique(truth)]))


def confusion(truth: np.ndarray, decided: np.ndarray, classes: int) -> np.ndarray:
    """Return how often each class was decided for each, shape (true class, decided class)."""
    table = np.zeros((classes, classes))
    np.add.at(table, (np.asarray(truth), np.asarray(decided)), 1)
    return table


def cohen_kappa(truth: np.ndarray, decided: np.ndarray, classes: int) -> float:
    """Return Cohen's kappa: agreement beyond that of the same decisions made blindly.

    Parameters
    ----------
    truth, decided : ndarray of int, shape (trials,)
    classes : int

    Returns
    -------
    float
        1 for perfect, 0 for blind decisions; 0 too where all is of one class.

    Notes
    -----
    Cohen (1960), A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20(1).
    """
    table = confusion(truth, decided, classes) / len(truth)
    blind = float(table.sum(axis=0) @ table.sum(axis=1))
    return (float(np.trace(table)) - blind) / (1.0 - blind) if blind < 1.0 else 0.0


def weighted_f1(truth: np.ndarray, decided: np.ndarray, classes: int) -> float:
    """Return the F1 scores of the classes, averaged by how often each occurs in `truth`.

    Notes
    -----
    F1 is the harmonic mean of precision and recall (van Rijsbergen, 1979, Information Retrieval,
    chapter 7); a class that is neither asked nor decided counts 0.
    """
    table = confusion(truth, decided, classes)
    asked, answered = table.sum(axis=1), table.sum(axis=0)
    scores = 2.0 * np.diag(table) / np.maximum(asked + answered, 1.0)
    return float(scores @ asked / asked.sum())


def matthews(truth: np.ndarray, decided: np.ndarray, classes: int) -> float:
    """Return Matthews' correlation of truth and decisions, from -1 to 1.

    Notes
    -----
    Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient,
    Comput. Biol. Chem. 28(5-6), equation 8. It is 0 where all is of one class.
    """
    table = confusion(truth, decided, classes)
    asked, answered, n = table.sum(axis=1), table.sum(axis=0), table.sum()
    below = np.sqrt((n**2 - answered @ answered) * (n**2 - asked @ asked))
    return float((np.trace(table) * n - asked @ answered) / below) if below > 0 else 0.0


def normalised_matthews(truth: np.ndarray, decided: np.ndarray, classes: int) -> float:
    """Return Matthews' correlation brought to 0 ... 1, where 0.5 is chance.

    Notes
    -----
    Carrara and Papadopoulo (2024), Pseudo-online framework for BCI evaluation: a MOABB
    perspective, J. Neural Eng. 21.
    """
    return (1.0 + matthews(truth, decided, classes)) / 2.0


def auroc(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the area under the receiver operating characteristic.

    With more than two classes it is the mean over pairs of classes, in which chance is 0.5 and
    the classes' frequencies do not matter.

    Parameters
    ----------
    truth : ndarray of int, shape (trials,)
    probabilities : ndarray, shape (trials, classes)
        Or any scores that rise with them.

    Returns
    -------
    float
        NaN if fewer than two classes occur.

    Notes
    -----
    Hand and Till (2001), A simple generalisation of the area under the ROC curve for multiple
    class classification problems, Machine Learning 45(2), equation 7.
    """
    truth = np.asarray(truth)
    found = np.unique(truth).tolist()
    areas = []
    for first in found:
        for second in found:
            if first != second:
                its, other = truth == first, truth == second
                areas.append(_area(probabilities[its, first], probabilities[other, first]))
    return float(np.mean(areas)) if areas else float("nan")


def _area(above: np.ndarray, below: np.ndarray) -> float:
    """Return how often a score of the first kind exceeds one of the second; ties count half."""
    higher = (above[:, None] > below[None]).mean()
    return float(higher + 0.5 * (above[:, None] == below[None]).mean())


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

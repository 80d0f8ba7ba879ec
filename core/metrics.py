"""Metrics of decisions: scikit-learn's, information transfer rate, and what chance would give."""

from __future__ import annotations

from itertools import permutations

import numpy as np

_PERMUTATIONS = 1000  # of numbers, for what a correlation reaches by guessing


def balanced_accuracy(truth: np.ndarray, decided: np.ndarray) -> float:
    """Return the mean of the recalls of the classes that occur in `truth`."""
    from sklearn.metrics import recall_score

    present = np.unique(truth)  # of another class that was decided there is no recall
    return float(recall_score(truth, decided, labels=present, average="macro", zero_division=0.0))


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
    from sklearn.metrics import cohen_kappa_score

    if len(np.union1d(truth, decided)) < 2:
        return 0.0  # scikit-learn: undefined
    return float(cohen_kappa_score(truth, decided, labels=range(classes)))


def weighted_f1(truth: np.ndarray, decided: np.ndarray, classes: int) -> float:
    """Return the F1 scores of the classes, averaged by how often each occurs in `truth`.

    Notes
    -----
    F1 is the harmonic mean of precision and recall (van Rijsbergen, 1979, Information Retrieval,
    chapter 7); a class that is neither asked nor decided counts 0.
    """
    from sklearn.metrics import f1_score

    labels = range(classes)
    return float(f1_score(truth, decided, labels=labels, average="weighted", zero_division=0.0))


def normalised_matthews(truth: np.ndarray, decided: np.ndarray) -> float:
    """Return Matthews' correlation of truth and decisions, brought to 0 ... 1: 0.5 is chance.

    Notes
    -----
    Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient,
    Comput. Biol. Chem. 28(5-6), equation 8; 0 where all is of one class. Normalised as in Carrara
    and Papadopoulo (2024), Pseudo-online framework for BCI evaluation: a MOABB perspective,
    J. Neural Eng. 21.
    """
    from sklearn.metrics import matthews_corrcoef

    return (1.0 + float(matthews_corrcoef(truth, decided))) / 2.0


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
    from sklearn.metrics import roc_auc_score

    truth = np.asarray(truth)
    areas = []
    for first, second in permutations(np.unique(truth).tolist(), 2):
        pair = np.isin(truth, (first, second))
        areas.append(roc_auc_score(truth[pair] == first, probabilities[pair, first]))
    return float(np.mean(areas)) if areas else float("nan")


def chance_bound(trials: int, classes: int, level: float = 0.95) -> float:
    """Return the accuracy that guessing stays at or below with probability `level`.

    The one-sided binomial bound of Combrisson and Jerbi (2015), J. Neurosci. Methods 250,
    for `classes` equally likely classes.
    """
    from scipy.special import bdtr  # scipy.stats takes half a second to import

    most = np.searchsorted(bdtr(np.arange(trials + 1.0), trials, 1.0 / classes), level)
    return float(most / trials)


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


def correlation(predictions: np.ndarray, values: np.ndarray) -> float:
    """Return Pearson's correlation of predictions and true numbers; 0 for constant predictions."""
    return float(np.corrcoef(predictions, values)[0, 1]) if predictions.std() > 0 else 0.0


def guessed_correlation(predictions: np.ndarray, values: np.ndarray) -> float:
    """Return the correlation that 95 of 100 permutations of the true numbers stay below."""
    random = np.random.default_rng(0)
    guessed = [correlation(predictions, random.permutation(values)) for _ in range(_PERMUTATIONS)]
    return float(np.quantile(guessed, 0.95))

"""What a test part says of a system: every metric of the field, for one person's decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.metrics import (
    auroc,
    balanced_accuracy,
    cohen_kappa,
    information_transfer_rate,
    normalised_matthews,
    weighted_f1,
)
from core.reliability import ReliabilityCurve, brier_score

METRICS = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "kappa": "Cohen's kappa",
    "auroc": "AUROC",
    "weighted_f1": "weighted F1",
    "nmcc": "normalised MCC",
    "brier": "Brier score",
}
"""What every row has, and how people call it."""

ECE = {"ece": "expected calibration error"}
"""Taken of all of a person's decisions: with few of them, as in a fold, chance makes it large."""

ITR = {"itr": "bits a minute"}
"""Taken of each person's mean accuracy: the mean of rates of small folds would be too high."""

ONLINE = {
    "false_alarms": "false alarms a minute",
    "first_correct": "seconds to first correct decision",
    "reached": "share of cues with a correct decision",
}
"""What rows of "pseudo-online" have too, beside `ITR`."""

WORDS = METRICS | ECE | ITR | ONLINE


@dataclass(frozen=True)
class ScoreRow:
    """One system, tested once.

    Attributes
    ----------
    protocol, system : str
    encoder : str
        Label of the encoder that the system looks through; empty for none.
    seen : str
        What the encoder saw of the person in pretraining: "nothing", "person" (other recordings),
        "run" (a recording that is tested), or "unknown"; empty without an encoder.
    person : str
    seed : int
    fold : str
    learned, tested : int
        Trials, or windows, in either part.
    pace : float
        Seconds from one decision that counts to the next, gaps included.
    scores : dict of str to float
        By the names in `WORDS`.
    curve : ReliabilityCurve or None
        Of the decisions tested.
    """

    protocol: str
    system: str
    encoder: str
    seen: str
    person: str
    seed: int
    fold: str
    learned: int
    tested: int
    pace: float
    scores: dict[str, float]
    curve: ReliabilityCurve | None = None


@dataclass(frozen=True)
class Summary:
    """One system under one protocol, over people.

    Attributes
    ----------
    protocol, system, encoder : str
        Where people were looked at through different encoders, all of them.
    seen : str
        Everything that rows say the encoder saw, most first.
    people : int
    means : dict of str to float
        Of every metric over people, each person's mean over folds and seeds taken first.
    over_people : dict of str to float
        Standard deviation of the same.
    over_seeds : dict of str to float
        Standard deviation over seeds of the mean over people; NaN with one seed.
    chance : float
        95 % bound of guessing for one person's trials, averaged over people; NaN for sliding
        windows, which are not independent.
    above : int
        People above their own bound.
    """

    protocol: str
    system: str
    encoder: str
    seen: str
    people: int
    means: dict[str, float]
    over_people: dict[str, float]
    over_seeds: dict[str, float]
    chance: float
    above: int


def score(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return all of `METRICS`.

    Parameters
    ----------
    truth : ndarray of int, shape (trials,)
    probabilities : ndarray, shape (trials, classes)
    """
    decided, classes = probabilities.argmax(axis=1), probabilities.shape[1]
    return {
        "balanced_accuracy": balanced_accuracy(truth, decided),
        "accuracy": float(np.mean(decided == truth)),
        "kappa": cohen_kappa(truth, decided, classes),
        "auroc": auroc(truth, probabilities),
        "weighted_f1": weighted_f1(truth, decided, classes),
        "nmcc": normalised_matthews(truth, decided),
        "brier": brier_score(truth, probabilities),
    }


@dataclass(frozen=True)
class Asked:
    """A cue in a stretch of sliding windows.

    Attributes
    ----------
    label : int
        Class asked for.
    answers : ndarray of int
        Windows that end after the cue and belong to it.
    seconds : ndarray
        From the cue to the end of each of them.
    """

    label: int
    answers: np.ndarray
    seconds: np.ndarray


def score_online(
    truth: np.ndarray,
    probabilities: np.ndarray,
    cues: list[Asked],
    idle: int,
    hop: float,
    pace: float,
) -> dict[str, float]:
    """Return all of `WORDS` for sliding windows.

    A false alarm is a stretch of one and the same class decided in windows that are all idle; what
    begins early or ends late is none. The information rate is of cues: a cue is answered rightly
    if the first decision after it that is not idle is its class.

    Parameters
    ----------
    truth : ndarray of int, shape (windows,)
    probabilities : ndarray, shape (windows, classes)
    cues : list of Asked
    idle : int
        Which class is idleness.
    hop, pace : float
        Seconds between windows, and between cues.
    """
    decided = probabilities.argmax(axis=1)
    alarms = 0
    starts = np.flatnonzero(np.diff(decided, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(decided)], strict=True):
        alarms += decided[start] != idle and bool(np.all(truth[start:stop] == idle))
    times, right = [], []
    for cue in cues:
        answers = decided[cue.answers]
        correct = np.flatnonzero(answers == cue.label)
        times.append(cue.seconds[correct[0]] if len(correct) else np.nan)
        active = answers[answers != idle]
        right.append(len(active) > 0 and active[0] == cue.label)
    reached = np.isfinite(times)
    minutes = np.sum(truth == idle) * hop / 60.0
    classes = probabilities.shape[1] - 1
    return score(truth, probabilities) | {
        "itr": information_transfer_rate(float(np.mean(right)), classes, pace),
        "false_alarms": float(alarms / minutes) if minutes > 0 else float("nan"),
        "first_correct": float(np.median(np.array(times)[reached])) if reached.any() else np.nan,
        "reached": float(np.mean(reached)),
    }

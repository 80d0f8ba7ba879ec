"""How far a fit's probabilities can be trusted, on trials that were left out of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.decoding.heads import softmax, temperature_of
from core.reliability import BINS, ReliabilityCurve, brier_score, ece_bound, reliability


@dataclass(frozen=True)
class Trust:
    """Reliability of probabilities on left-out trials.

    Attributes
    ----------
    curve : ReliabilityCurve
        With the temperature that the other folds' trials gave: what the decoder's is worth.
    brier : float
        Brier score of the same.
    bound : float
        Expected calibration error that perfect probabilities stay below in 95 % of cases.
    raw_ece, raw_brier : float
        Without a temperature.
    """

    curve: ReliabilityCurve
    brier: float
    bound: float
    raw_ece: float
    raw_brier: float

    @property
    def sentence(self) -> str:
        """The same in words."""
        return (
            f"On left-out trials probabilities differ by {self.curve.ece:.2f} from how often they "
            f"are right (expected calibration error; {self.raw_ece:.2f} without the temperature; "
            f"perfect ones stay below {self.bound:.2f} in 95 % of cases). "
            f"Brier score {self.brier:.2f}, without the temperature {self.raw_brier:.2f}."
        )

    def as_facts(self) -> dict[str, Any]:
        """Return what a decoder's file keeps."""
        return {
            "ece": self.curve.ece,
            "brier": self.brier,
            "bins": BINS,
            "bound": self.bound,
            "raw_ece": self.raw_ece,
            "raw_brier": self.raw_brier,
        }


def find_trust(
    logits: np.ndarray, labels: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> Trust:
    """See how reliable left-out probabilities are, with a temperature that was left out too.

    Parameters
    ----------
    logits, labels, folds
        As in `left_out_probabilities`.
    """
    softened = left_out_probabilities(logits, labels, folds)
    repeats, _, classes = softened.shape
    truth, flat, raw = np.tile(labels, repeats), softened.reshape(-1, classes), softmax(logits)
    return Trust(
        curve=reliability(truth, flat),
        brier=brier_score(truth, flat),
        bound=ece_bound(softened),
        raw_ece=reliability(truth, raw).ece,
        raw_brier=brier_score(truth, raw),
    )


def left_out_probabilities(
    logits: np.ndarray, labels: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Return probabilities of trials, with a temperature that does not know them.

    Parameters
    ----------
    logits : ndarray, shape (repeats x trials, classes)
        Out-of-fold logits, as `core.fitting.selection.Selection` has them.
    labels : ndarray of int, shape (trials,)
    folds : sequence of (train, test)
        Of the trials: the temperature for a test part is that of the training part's logits.

    Returns
    -------
    ndarray, shape (repeats, trials, classes)
    """
    classes = logits.shape[1]
    apart = logits.reshape(-1, len(labels), classes)
    probabilities = np.empty_like(apart)
    for train, test in folds:
        known = apart[:, train].reshape(-1, classes)
        temperature = temperature_of(known, np.tile(labels[train], len(apart)), len(apart))
        probabilities[:, test] = softmax(apart[:, test] / temperature)
    return probabilities

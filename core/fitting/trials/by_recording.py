"""Whether the class of a trial can be told by the recording that it lies in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PERMUTATIONS = 500


@dataclass(frozen=True)
class ByRecording:
    """How well the class of trials is guessed from nothing but their recordings.

    Attributes
    ----------
    score : float
        Balanced accuracy of guessing each trial's class as the most frequent one of its recording.
    chance : float
        What 99 of 100 permutations of the labels stay at or below.
    """

    score: float
    chance: float

    @property
    def tied(self) -> bool:
        """Whether the classes go with the recordings, more than a random order of cues would."""
        return self.score > self.chance


def by_recording(labels: np.ndarray, recording: np.ndarray) -> ByRecording:
    """Guess the class of every trial by its recording.

    A decoder of classes that lie in recordings of their own can tell the recordings apart instead
    (gains, impedances, hours), and no cross-validation of trials shows which of the two it does.

    Parameters
    ----------
    labels, recording : ndarray of int, shape (trials,)
    """
    _, place = np.unique(recording, return_inverse=True)
    _, known = np.unique(labels, return_inverse=True)
    recordings, classes = int(place.max()) + 1, int(known.max()) + 1

    def score(given: np.ndarray) -> float:
        counts = np.bincount(place * classes + given, minlength=recordings * classes)
        table = counts.reshape(recordings, classes)
        guessed = table.argmax(axis=1)
        right = np.bincount(guessed, table[np.arange(recordings), guessed], classes)
        return float(np.mean(right / table.sum(axis=0)))

    random = np.random.default_rng(0)
    guessed = [score(random.permutation(known)) for _ in range(_PERMUTATIONS)]
    return ByRecording(score(known), float(np.quantile(guessed, 0.99)))

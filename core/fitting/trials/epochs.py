"""Trials of recordings: where they lie in continuous, already processed signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.errors import InputError
from core.fitting.folds import FOLDS, folds, folds_in_time, independent
from core.signal.filtering import CausalFilter

LEAST_TRIALS = 5
"""Of each class: with fewer, five folds cannot be made."""


@dataclass(frozen=True)
class Trial:
    """A cue and what was asked for.

    Attributes
    ----------
    number : int
        From 1, over all recordings in their order, left-out trials counted too.
    recording : int
        Which of the recordings, from 0.
    onset : float
        Of the cue, in seconds from the recording's first sample.
    label : str
        Name of the class.
    """

    number: int
    recording: int
    onset: float
    label: str


@dataclass(frozen=True)
class Rejected:
    """A trial that was left out, and why, in words such as "FC3 flat for 2.5 s"."""

    trial: Trial
    reason: str


@dataclass(frozen=True)
class FeatureCache:
    """What was computed of recordings while they were still being made; None for nothing.

    Attributes
    ----------
    signals : tuple of ndarray, each (samples, channels)
        Segments after the signal path.
    banded : tuple of ndarray, each (samples, channels)
        The same, band-passed for the covariances.
    tokens : dict
        Segment and first sample of a window -> its token features.
    """

    signals: tuple[np.ndarray, ...] | None = None
    banded: tuple[np.ndarray, ...] | None = None
    tokens: Mapping[tuple[int, int], np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Epochs:
    """Windows after cues, as places in segments of signal at the model's rate.

    Attributes
    ----------
    segments : tuple of ndarray, each (samples, channels)
        After the signal path, in the model's unit.
    places : ndarray of int, shape (trials, 2)
        Segment and first sample of every trial's window.
    labels : ndarray of int, shape (trials,)
        Class of every trial.
    classes : tuple of str
        Names of the classes.
    length : int
        Samples in a window.
    trials : tuple of Trial
        The cue of every trial.
    rejected : tuple of Rejected
        Cues that have no trial here, by number.
    rest : ndarray, shape (samples, channels)
        The first `REST_SECONDS` of signal outside all windows after cues and all that is marked
        as bad.
    notes : tuple of str
        Sentences for a person: which cues were merged.
    warmup : int
        Samples that an encoder needs before the end of a window, none of them with an artifact.
    in_time : bool
        Whether folds are stretches of time.
    """

    segments: tuple[np.ndarray, ...]
    places: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    length: int
    trials: tuple[Trial, ...]
    rejected: tuple[Rejected, ...]
    rest: np.ndarray
    notes: tuple[str, ...] = ()
    warmup: int = 0
    in_time: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def windows(self) -> np.ndarray:
        """Return all windows, shape (trials, channels, samples)."""
        return np.stack(
            [self.segments[i][start : start + self.length].T for i, start in self.places]
        )

    def only(self, kept: np.ndarray) -> Epochs:
        """Return the trials at these positions, in this order."""
        return replace(
            self,
            places=self.places[kept],
            labels=self.labels[kept],
            trials=tuple(self.trials[index] for index in kept),
        )

    def folds(
        self, seed: int = 0, part: np.ndarray | None = None, most: int = FOLDS
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Part the trials into folds that share no sample: `core.fitting.folds`.

        Parameters
        ----------
        seed : int
        part : ndarray of int, optional
            Positions of the trials to part; by default all.
        most : int
            Number of folds, at most.

        Yields
        ------
        train, test : ndarray of int
            Positions among these trials.
        """
        trials = np.arange(len(self)) if part is None else part
        if self.in_time:
            return folds_in_time(self.labels[trials], self.places[trials], self.length, most)
        return folds(self.labels[trials], self.places[trials], self.length, seed, most)

    @property
    def independent(self) -> np.ndarray:
        """Classes of the most trials that share no sample, shape (trials,)."""
        labels: np.ndarray = self.labels[independent(self.places, self.length)]
        return labels

    def filtered(self, sections: np.ndarray, signals: Sequence[np.ndarray] | None = None) -> Epochs:
        """Return the same trials in signal that went on through a causal filter.

        Parameters
        ----------
        sections : ndarray, shape (sections, 6)
        signals : sequence of ndarray, optional
            What the filter made of every segment, if that is known already.
        """
        if signals is None:
            signals = [CausalFilter(sections).push(segment) for segment in self.segments]
        return replace(self, segments=tuple(signals))


def check_counts(epochs: Epochs) -> None:
    """Refuse trials that are too few to fit a decoder.

    Raises
    ------
    InputError
        If a class has fewer than five.
    """
    counts = np.bincount(epochs.labels, minlength=len(epochs.classes))
    if counts.min() >= LEAST_TRIALS:
        return
    listed = ", ".join(f"{n} of {name}" for name, n in zip(epochs.classes, counts, strict=True))
    lost = "; ".join(f"trial {r.trial.number}: {r.reason}" for r in epochs.rejected[:3])
    more = " ..." if len(epochs.rejected) > 3 else ""
    were = "was" if len(epochs.rejected) == 1 else "were"
    raise InputError(
        f"Too few complete trials ({listed}); at least {LEAST_TRIALS} of each class are needed to "
        "fit a decoder and to say how good it is."
        + (f" {len(epochs.rejected)} {were} left out ({lost}{more})." if lost else "")
    )

"""Where a score comes from: eyes and jaw, the motor cortex, the first second after the cue.

The same nested fit is made again on parts of what the decoder uses. What is left without the eyes
and without the first second is what somebody can count on who looks elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.decoding.features import TangentFeatures, band_sections, shrunk
from core.decoding.heads import fit_head
from core.decoding.riemannian import exponential, logarithm
from core.decoding.spatial import channel_covariance
from core.fitting.baselines import BAND
from core.fitting.feature_input import EVERYTHING, FeatureInput, without_eyes
from core.fitting.trials.epochs import Epochs
from core.fitting.views import MOTOR_FROM
from core.metrics import balanced_accuracy, chance_bound
from core.signal.pipeline import SignalSettings
from core.sites import eog_of, is_central, is_frontal_or_temporal, is_motor

ALL, EYES, CENTRAL = "everything", "frontal and temporal alone", "central alone"
REGRESSED = "eyes regressed out"

BEGINNINGS = (0.5, 1.0, 1.5)
"""Seconds after the cue at which windows begin in the checks by time."""

SECOND = 1.0
"""Seconds after the cue that do not count in what is left: a movement of the eyes to a cue is over
by then."""

PERMUTATIONS = 500
_RIDGE = 0.1  # of features of unit total variance


@dataclass(frozen=True)
class PartScore:
    """The same fit on a part of what the decoder uses.

    Attributes
    ----------
    name : str
    electrodes : int
    from_cue : float
        Seconds after the cue at which windows begin.
    score : float
        Balanced accuracy on left-out trials.
    p : float
        Of so high a score with labels permuted within recordings.
    """

    name: str
    electrodes: int
    from_cue: float
    score: float
    p: float


@dataclass(frozen=True)
class Origin:
    """Where a score comes from.

    Attributes
    ----------
    checks : tuple of PartScore
        The first is of everything that the decoder uses.
    left : PartScore
        What is left without the first second and, where they can be told, the eyes: one of them.
    chance : float
        95 % bound of guessing for each of them.
    unknown : str
        What could not be checked, as a sentence; empty if all was.
    eyes : str
        What is taken out as the eyes.
    """

    checks: tuple[PartScore, ...]
    left: PartScore
    chance: float
    unknown: str = ""
    eyes: str = "the frontal and temporal electrodes"

    def check(self, name: str) -> PartScore | None:
        """Return the check of that name, if it could be made."""
        return next((check for check in self.checks if check.name == name), None)

    @property
    def sentence(self) -> str:
        """What is left of the score, in words."""
        whole, left = self.checks[0], self.left
        parts = ["the first second"] if left.from_cue > whole.from_cue else []
        if self.check(REGRESSED) is not None:
            parts.append(self.eyes)
        if not parts and self.unknown:
            return self.unknown
        if not parts:
            return (
                f"The decoder uses neither the first second nor {self.eyes}: the "
                f"{whole.score:.2f} of the head riemann, fitted again, is what is left without "
                "them."
            )
        text = f"Without {' and '.join(parts)} "
        if left.score > whole.score:
            text += f"the score is {left.score:.2f}, with them {whole.score:.2f}"
        else:
            text += f"{left.score:.2f} of {whole.score:.2f} are left"
        if left.score <= self.chance:
            text += f", within what guessing reaches ({self.chance:.2f})"
        return f"{text}. {self.unknown}".rstrip()

    def as_facts(self) -> dict[str, Any]:
        """Return what a decoder's file keeps."""
        return {
            "sentence": self.sentence,
            "left": self.left.score,
            "of": self.checks[0].score,
            "chance": self.chance,
            "checks": {
                check.name: {
                    "electrodes": check.electrodes,
                    "from_cue": check.from_cue,
                    "score": check.score,
                    "p": check.p,
                }
                for check in self.checks
            },
        }


def find_origin(
    epochs: Epochs,
    settings: SignalSettings,
    taken: FeatureInput = EVERYTHING,
    seed: int = 0,
    banded: Sequence[np.ndarray] | None = None,
    eog: EogSignal | None = None,
) -> Origin:
    """Make the fit of the head `riemann` again on parts of what a decoder uses.

    Parameters
    ----------
    epochs : Epochs
        Trials of the fit.
    settings : SignalSettings
        Of their signal.
    taken : FeatureInput
        What the decoder's features are computed of.
    seed : int
        Of the folds and of the permutations.
    banded : sequence of ndarray, optional
        The epochs' segments in the band of the covariances, if they are known.
    eog : EogSignal, optional
        What explains the eyes in place of frontal electrodes, where the epochs do not have it.

    Returns
    -------
    Origin

    Notes
    -----
    Scores are those of the views and the logistic regression of `riemann`, with one split into
    folds, and the log-Euclidean mean of the training part as reference, which is one step away.
    The permutation test (Ojala and Garriga, 2010, Permutation tests for studying classifier
    performance, J. Mach. Learn. Res. 11, test 1) fits a ridge classifier on the same vectors anew
    for every permutation: that is one product of matrices for all of them.
    """
    filtered = epochs.filtered(band_sections(BAND, settings.rate), banded)
    channels = settings.channels
    if eog is not None:
        both = zip(filtered.segments, eog.segments, strict=True)
        filtered = replace(filtered, segments=tuple(np.hstack(pair) for pair in both))
        channels += eog.names
    windows = filtered.windows()
    checker = _Checker(epochs, channels, seed)
    average = settings.reference == "average"
    everything = np.eye(len(settings.channels), len(channels))
    eyes = np.array([is_frontal_or_temporal(name) for name in settings.channels])
    central = np.array([is_central(name) for name in settings.channels])
    used = everything if taken.regression is None else taken.regression.banded
    without = None
    if taken.regression is not None:
        without = used
    elif (eyes.any() or eog is not None) and eyes.sum() <= len(eyes) - 2:
        whole = channel_covariance(np.concatenate(filtered.segments).T)
        without = without_eyes(channels, whole)

    begin = taken.skip / settings.rate
    latest = epochs.length / settings.rate - 1.0  # s; a second is needed
    after = [time for time in BEGINNINGS if begin < time <= latest]
    least = max(begin, SECOND) if latest >= SECOND else begin
    covariances = {
        time: _covariances(windows[..., round(time * settings.rate) :])
        for time in dict.fromkeys((begin, *after, least))
    }

    def made(name: str, spatial: np.ndarray, time: float) -> PartScore:
        sample, length = covariances[time]
        return checker.check(name, spatial, time, sample, length)

    checks = [made(ALL, used, begin)]
    if eyes.sum() >= 2:
        checks.append(made(EYES, _alone(everything[eyes], average), begin))
    if central.sum() >= 2:
        checks.append(made(CENTRAL, _alone(everything[central], average), begin))
    checks += [made(f"from {time:g} s", used, time) for time in after]
    if without is not None and without is not used:
        checks.append(made(REGRESSED, without, begin))
    if without is None:
        left = next(check for check in checks if check.from_cue == least)
    elif least > begin:
        left = made(f"{REGRESSED}, from {least:g} s", without, least)
        checks.append(left)
    else:
        left = checks[0] if without is used else checks[-1]
    chance = chance_bound(len(epochs.independent), len(epochs.classes))
    unknown = "" if without is not None else _unknown(eyes)
    return Origin(tuple(checks), left, chance, unknown, _eyes(channels))


def _eyes(channels: Sequence[str]) -> str:
    """Say what is taken out as the eyes."""
    eog = " ".join(eog_of(channels))
    frontal = "the frontal and temporal electrodes"
    if not eog:
        return frontal
    explained = f"what {eog} explain{'s' * (' ' not in eog)}"
    return f"{frontal} and {explained}" if any(map(is_frontal_or_temporal, channels)) else explained


def _unknown(eyes: np.ndarray) -> str:
    """Say why the eyes cannot be taken out."""
    if not eyes.any():
        return "What the eyes add cannot be known: no frontal or temporal electrode is used."
    return "What the eyes add cannot be known: there is hardly any electrode away from them."


@dataclass(frozen=True)
class EogSignal:
    """Channels of EOG beside the epochs of a fit.

    Attributes
    ----------
    names : tuple of str
    segments : sequence of ndarray, each (samples, names)
        In the band of the covariances; as long as those of the epochs.
    """

    names: tuple[str, ...]
    segments: Sequence[np.ndarray]


class _Checker:
    """Scores filters on the trials of a fit.

    Parameters
    ----------
    epochs : Epochs
    channels : sequence of str
    seed : int
    """

    def __init__(self, epochs: Epochs, channels: Sequence[str], seed: int) -> None:
        self._labels, self._classes = epochs.labels, len(epochs.classes)
        self._motor = np.array([is_motor(name) for name in channels])
        self._folds = list(epochs.folds(seed))
        random = np.random.default_rng(seed)
        recordings = np.array([trial.recording for trial in epochs.trials])
        self._permuted = np.tile(self._labels, (PERMUTATIONS, 1))
        for recording in np.unique(recordings):
            indices = np.flatnonzero(recordings == recording)
            self._permuted[:, indices] = random.permuted(self._permuted[:, indices], axis=1)

    def check(
        self, name: str, spatial: np.ndarray, time: float, sample: np.ndarray, length: int
    ) -> PartScore:
        """Score the covariances behind a filter, whose rows are of one electrode each."""
        covariances = shrunk(spatial @ sample @ spatial.T, length)
        motor = np.flatnonzero(self._motor[np.abs(spatial).argmax(axis=1)])
        views = [np.arange(len(spatial))]
        if len(motor) >= MOTOR_FROM and len(motor) < len(spatial):
            views.append(motor)
        seen = [covariances[:, view][:, :, view] for view in views]
        logs = [logarithm(part) for part in seen]
        labels = np.vstack([self._labels, self._permuted])  # the true ones first
        decided = np.empty(len(self._labels), dtype=np.intp)
        refitted = np.empty(labels.shape, dtype=np.intp)
        for train, test in self._folds:
            blocks = []
            for view, part, log in zip(views, seen, logs, strict=True):
                whitener = exponential(-0.5 * log[train].mean(axis=0))
                features = TangentFeatures(BAND, 0.0, 0, view, whitener)
                blocks.append(features.of_covariances(part))
            head = fit_head([b[train] for b in blocks], self._labels[train], self._classes)
            vectors = np.concatenate(blocks, axis=1)
            decided[test] = head.logits(vectors[test]).argmax(axis=1)
            scaled = (vectors - head.centre) / head.scale
            refitted[:, test] = _ridge(scaled[train], scaled[test], labels[:, train], self._classes)
        reached = _balanced(labels, refitted, self._classes)
        p = (1 + int(np.sum(reached[1:] >= reached[0] - 1e-12))) / (1 + PERMUTATIONS)
        score = balanced_accuracy(self._labels, decided)
        return PartScore(name, len(spatial), time, score, p)


def _covariances(windows: np.ndarray) -> tuple[np.ndarray, int]:
    """Return sample covariances, (trials, channels, channels), and of how many samples."""
    centred = np.ascontiguousarray(windows - windows.mean(axis=-1, keepdims=True))
    length = windows.shape[-1]
    return centred @ centred.transpose(0, 2, 1) / length, length


def _alone(spatial: np.ndarray, average: bool) -> np.ndarray:
    """Return a filter that takes some channels, with no others in their average reference."""
    return spatial - spatial.mean(axis=0) if average and len(spatial) > 2 else spatial


def _ridge(train: np.ndarray, test: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return what a ridge classifier decides for each of many labellings, (labellings, tested).

    Parameters
    ----------
    train, test : ndarray, shape (trials, features)
        Centred on the training part.
    labels : ndarray of int, shape (labellings, training trials)
    classes : int
    """
    kernel = train @ train.T
    weights = np.linalg.solve(kernel + _RIDGE * np.eye(len(kernel)), train @ test.T).T
    asked = np.eye(classes)[labels]  # (labellings, training trials, classes)
    # Classes count alike however often they occur.
    asked = asked / np.maximum(asked.sum(axis=1, keepdims=True), 1.0)
    asked -= asked.mean(axis=1, keepdims=True)
    decided: np.ndarray = np.einsum("st,ltc->lsc", weights, asked, optimize=True).argmax(axis=2)
    return decided


def _balanced(labels: np.ndarray, decided: np.ndarray, classes: int) -> np.ndarray:
    """Return the balanced accuracy of each labelling, shape (labellings,)."""
    right = decided == labels
    recalls = [
        (right & (labels == label)).sum(axis=1) / np.maximum((labels == label).sum(axis=1), 1)
        for label in range(classes)
    ]
    mean: np.ndarray = np.mean(recalls, axis=0)
    return mean

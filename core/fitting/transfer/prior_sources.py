"""The head that a fit starts from, made of others' trials or of a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.decoding.decoder import Decoder
from core.decoding.features import shrunk
from core.decoding.heads import LinearHead, fit_head, with_temperature
from core.errors import InputError
from core.fitting.baselines import BAND, passed
from core.fitting.feature_input import CovarianceSettings, away_from_eyes, without_eyes
from core.fitting.transfer.mirror_images import fit_with_images
from core.fitting.transfer.population import Prior
from core.fitting.transfer.prior_head import PriorHead, for_classes, shared_classes
from core.fitting.transfer.recentring import (
    recentre,
    recentre_cross_session,
    recentre_pairs,
    reference_whitener,
    whiteners,
)
from core.fitting.transfer.wccn import apply_wccn, drift_of, moves
from core.hemispheres import mirror_of, swap
from core.metrics import balanced_accuracy
from core.signal.pipeline import SignalSettings
from core.sites import is_eog, is_frontal_or_temporal

INVERSE_PENALTY = 1.0
"""Inverse of the penalty of a head fitted on others' trials: people differ, so it is strong."""

_SHARED = 0.5  # of the person's electrodes that a prior must have too
_TRIALS = 10  # of each class, for a head


def head_of_prior(prior: Prior, windows: CovarianceSettings, classes: Sequence[str]) -> PriorHead:
    """Fit a head on a prior's trials, for a person's montage and classes.

    Its logits are softened until they fit people that were left out, so that a prior which says
    nothing about others weighs nothing.

    Parameters
    ----------
    prior : Prior
    windows : CovarianceSettings
        The person's. Eyes are regressed out of the prior with coefficients of each recording.
    classes : sequence of str
        The person's.

    Raises
    ------
    InputError
        If prior and person share too few electrodes or classes, or windows or bands differ.
    """
    _check_windows(prior, windows)
    shared = shared_classes(prior.classes, classes)
    trials = _trials_of(prior, windows.signal, shared)
    if windows.regress_eyes and any(map(is_frontal_or_temporal, trials.channels)):
        trials = trials.without_eyes()
    vectors, elsewhere, moved = _aligned(trials, prior.length - prior.skip)

    mirror, swapped = mirror_of((trials.channels,)), swap(shared)
    if mirror is not None and swapped is not None:
        moved = np.concatenate([moved, moved[:, mirror]])
    drift = drift_of(moved)
    vectors, elsewhere = apply_wccn(vectors, drift), apply_wccn(elsewhere, drift)
    labels = trials.labels

    def fitted(train: np.ndarray) -> LinearHead:
        if mirror is None or swapped is None:
            return fit_head([vectors[train]], labels[train], len(shared), INVERSE_PENALTY)
        return fit_with_images(vectors[train], labels[train], mirror, swapped, INVERSE_PENALTY)

    left_out = np.empty((len(labels), len(shared)))
    decided = np.empty(len(labels), dtype=np.intp)
    for train, test in _by_person(labels, trials.person):
        head = fitted(train)
        left_out[test] = head.logits(vectors[test])
        decided[test] = head.logits(elsewhere[test]).argmax(axis=1)
    # By likelihood alone: own trials are weighed against logits as large as others' trials say.
    head = with_temperature(fitted(np.arange(len(labels))), left_out, labels, spread=np.inf)
    weights, bias = head.plain()
    weights = apply_wccn(weights.T, drift).T  # on vectors as they are
    views = (trials.channels,)
    return replace(
        for_classes(views, weights, bias, shared, classes, drift, prior.recordings, len(labels)),
        accuracy=balanced_accuracy(labels, decided),
        by_beginning=trials.beginnings is not None,
        marks=prior.marks,
    )


def head_of_decoder(
    decoder: Decoder, windows: CovarianceSettings, classes: Sequence[str]
) -> PriorHead:
    """Take over a decoder's head, for a person's montage and classes.

    Parameters
    ----------
    decoder : Decoder
    windows : CovarianceSettings
    classes : sequence of str
        Both the person's.

    Raises
    ------
    InputError
        If the decoder uses tokens, or electrodes that the person lacks; or if reference,
        windows, bands or classes differ.
    """
    name = f"decoder of subject {decoder.facts.subject}"
    if decoder.readouts[0].tokens or not decoder.tangents:
        raise InputError(
            f"The {name} uses an encoder's tokens, which cannot be aligned; fit it with "
            "--head riemann, or give its recordings to --prior."
        )
    theirs, own = decoder.settings, windows.signal
    missing = [electrode for electrode in theirs.channels if electrode not in own.channels]
    if missing:
        raise InputError(
            f"The recordings lack {len(missing)} of the {len(theirs.channels)} electrodes of the "
            f"{name}: {' '.join(missing[:8])}. Give its recordings to --prior instead."
        )
    have = (theirs.reference, theirs.rate, passed(theirs.band), decoder.window, decoder.skip)
    regressed = any(view.spatial is not None for view in decoder.tangents)
    bands = {view.band for view in decoder.tangents}
    wanted = (own.reference, own.rate, passed(own.band), windows.length, windows.skip)
    if (have, regressed, bands) != (wanted, windows.regress_eyes, {BAND}):
        raise InputError(
            f"The {name} has another reference, rate, window, band or regression than this fit; "
            "give its recordings to --prior instead."
        )
    shared = shared_classes(decoder.classes, classes)
    head = decoder.head
    assert isinstance(head, LinearHead)  # others read tokens
    weights, bias = head.plain()
    columns = [decoder.classes.index(name) for name in shared]
    return for_classes(
        tuple(tuple(theirs.channels[i] for i in view.picks) for view in decoder.tangents),
        weights[:, columns],
        bias[columns],
        shared,
        classes,
        np.empty((0, len(weights))),
        {f"{decoder.facts.subject}/{k}": v for k, v in decoder.facts.recordings.items()},
        decoder.facts.trials,
    )


@dataclass(frozen=True)
class _PriorTrials:
    """Those of a prior's trials that a head is fitted on.

    `covariances` has shape (trials, channels, channels); `beginnings` has each recording's of its
    first minute, if the prior has them; `labels` are indices of the shared classes.
    """

    channels: tuple[str, ...]
    covariances: np.ndarray
    labels: np.ndarray
    person: np.ndarray
    recording: np.ndarray
    beginnings: dict[int, np.ndarray] | None

    def without_eyes(self) -> _PriorTrials:
        """Return the trials with the eyes regressed out, by each recording's own coefficients."""
        kept = away_from_eyes(self.channels).tolist()
        covariances = np.empty((len(self.covariances), len(kept), len(kept)))
        begun = None if self.beginnings is None else dict(self.beginnings)
        for recording in np.unique(self.recording).tolist():
            mask = self.recording == recording
            mean = self.covariances[mask].mean(axis=0)
            floor = 0.01 * np.trace(mean) / len(mean)
            spatial = without_eyes(self.channels, 0.99 * mean + floor * np.eye(len(mean)))
            covariances[mask] = spatial @ self.covariances[mask] @ spatial.T
            if begun is not None:
                begun[recording] = spatial @ begun[recording] @ spatial.T
        names = tuple(self.channels[index] for index in kept)
        return replace(self, channels=names, covariances=covariances, beginnings=begun)


def _check_windows(prior: Prior, windows: CovarianceSettings) -> None:
    rate, length, skip = windows.signal.rate, windows.length, windows.skip
    low, high = passed(windows.signal.band)
    if (prior.rate, prior.length, prior.skip, prior.band) == (rate, length, skip, (low, high)):
        return
    raise InputError(
        f"The prior has windows from {prior.skip / prior.rate:g} to "
        f"{prior.length / prior.rate:g} s after the cue at {prior.rate:g} Hz, "
        f"{prior.band[0]:g}-{prior.band[1]:g} Hz, instead of {skip / rate:g} to "
        f"{length / rate:g} s at {rate:g} Hz, {low:g}-{high:g} Hz."
    )


def _trials_of(prior: Prior, settings: SignalSettings, shared: Sequence[str]) -> _PriorTrials:
    """Return a prior's trials of the shared classes, on the electrodes of a person it has too."""
    channels = tuple(name for name in settings.channels if name in set(prior.channels))
    electrodes = sum(not is_eog(name) for name in settings.channels)
    if len(channels) < max(2, _SHARED * electrodes):
        raise InputError(
            f"The prior shares {len(channels)} of the recordings' {electrodes} "
            "electrodes; at least half are needed. Leave out --prior, or give one with this "
            "montage."
        )
    taken = np.isin(prior.labels, [prior.classes.index(name) for name in shared])
    again = np.array([shared.index(n) if n in shared else -1 for n in prior.classes])
    labels = again[prior.labels[taken]]
    counts = np.bincount(labels, minlength=len(shared))
    if counts.min() < _TRIALS:
        first, more = next(iter(prior.recordings), "no recording"), len(prior.recordings) - 1
        whose = f"{first} and {more} more" if more > 0 else first
        raise InputError(
            f"The prior of {whose} has {counts.min()} trials of {shared[int(counts.argmin())]}; "
            f"{_TRIALS} are needed. Give it more recordings, or leave it out."
        )

    picks = [prior.channels.index(name) for name in channels]
    centring = np.eye(len(picks)) - 1.0 / len(picks)

    def referenced(covariances: np.ndarray) -> np.ndarray:
        chosen = covariances[:, picks][:, :, picks].astype(np.float64)
        return centring @ chosen @ centring if settings.reference == "average" else chosen

    recording = prior.recording[taken]
    beginnings = None
    if prior.beginnings is not None:
        chosen = referenced(prior.beginnings)
        beginnings = {index: chosen[index] for index in np.unique(recording).tolist()}
    covariances, person = referenced(prior.covariances[taken]), prior.person[taken]
    return _PriorTrials(channels, covariances, labels, person, recording, beginnings)


def _aligned(trials: _PriorTrials, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tangent vectors of trials: aligned, aligned from elsewhere, and how runs move apart.

    Elsewhere is another recording of the same person, which is what somebody who calibrates has;
    a recording's own first minute is the same for both. `samples` are those of a covariance.
    """
    covariances, recording = shrunk(trials.covariances, samples), trials.recording
    if trials.beginnings is not None:  # nothing moves that a run's own reference does not take
        whitened = {index: reference_whitener(cov) for index, cov in trials.beginnings.items()}
        vectors = recentre(covariances, recording, whitened)
        return vectors, vectors, np.empty((0, vectors.shape[1]))
    whitened = whiteners(covariances, recording)
    vectors = recentre(covariances, recording, whitened)
    seen_from = recentre_pairs(covariances, recording, trials.person, whitened)
    elsewhere = recentre_cross_session(vectors, recording, seen_from)
    return vectors, elsewhere, moves(seen_from, vectors.shape[1])


def _by_person(labels: np.ndarray, person: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return folds that leave people out, or trials where there is one person."""
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    people = len(np.unique(person))
    if people > 1:
        return list(GroupKFold(min(5, people)).split(labels, labels, person))
    return list(StratifiedKFold(5, shuffle=True, random_state=0).split(labels, labels))

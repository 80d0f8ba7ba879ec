"""The head that a fit starts from, made of others' trials or of a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.decoding.decoder import Decoder
from core.decoding.features import shrunk
from core.decoding.heads import LinearHead, fit_head, with_temperature
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.feature_input import away_from_eyes, without_eyes
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


def head_of_prior(
    prior: Prior,
    settings: SignalSettings,
    window: int,
    classes: Sequence[str],
    skip: int = 0,
    regress_eyes: bool = False,
) -> PriorHead:
    """Fit a head on a prior's trials, for a person's montage and classes.

    Its logits are softened until they fit people that were left out, so that a prior which says
    nothing about others weighs nothing.

    Parameters
    ----------
    prior : Prior
    settings : SignalSettings
        Of the person's signal.
    window : int
        Samples of a window of the person's signal.
    classes : sequence of str
        The person's.
    skip : int
        Samples of a window that the person's features pass over.
    regress_eyes : bool
        Whether frontal and temporal electrodes are regressed out, with coefficients of each
        recording.

    Raises
    ------
    InputError
        If prior and person share too few electrodes or classes, or windows differ.
    """
    channels = tuple(name for name in settings.channels if name in set(prior.channels))
    electrodes = sum(not is_eog(name) for name in settings.channels)
    if len(channels) < max(2, _SHARED * electrodes):
        raise InputError(
            f"The prior shares {len(channels)} of the recordings' {electrodes} "
            "electrodes; at least half are needed. Leave out --prior, or give one with this "
            "montage."
        )
    have = prior.rate, prior.length, prior.skip, prior.band
    if have != (settings.rate, window, skip, BAND):
        raise InputError(
            f"The prior has windows from {prior.skip / prior.rate:g} to "
            f"{prior.length / prior.rate:g} s after the cue at {prior.rate:g} Hz, "
            f"{prior.band[0]:g}-{prior.band[1]:g} Hz, instead of {skip / settings.rate:g} to "
            f"{window / settings.rate:g} s at {settings.rate:g} Hz, {BAND[0]:g}-{BAND[1]:g} Hz."
        )
    shared = shared_classes(prior.classes, classes)
    taken = np.isin(prior.labels, [prior.classes.index(name) for name in shared])
    again = np.array([shared.index(n) if n in shared else -1 for n in prior.classes])
    labels, person = again[prior.labels[taken]], prior.person[taken]
    counts = np.bincount(labels, minlength=len(shared))
    if counts.min() < _TRIALS:
        raise InputError(f"The prior has {counts.min()} trials of a class; {_TRIALS} are needed.")

    picks = [prior.channels.index(name) for name in channels]
    sample = prior.covariances[taken][:, picks][:, :, picks].astype(np.float64)
    if settings.reference == "average":
        centring = np.eye(len(picks)) - 1.0 / len(picks)
        sample = centring @ sample @ centring
    recording = prior.recording[taken]
    beginnings: dict[int, np.ndarray] | None = None
    if prior.beginnings is not None:
        chosen = prior.beginnings[:, picks][:, :, picks].astype(np.float64)
        if settings.reference == "average":
            chosen = centring @ chosen @ centring
        beginnings = {one: chosen[one] for one in np.unique(recording).tolist()}
    if regress_eyes and any(map(is_frontal_or_temporal, channels)):
        sample, beginnings = _regressed(sample, recording, channels, beginnings)
        channels = tuple(channels[index] for index in away_from_eyes(channels).tolist())
    covariances = shrunk(sample, prior.length - prior.skip)
    if beginnings is None:
        whitened = whiteners(covariances, recording)
        vectors = recentre(covariances, recording, whitened)
        seen_from = recentre_pairs(covariances, recording, person, whitened)
        moved = moves(seen_from, vectors.shape[1])
        elsewhere = recentre_cross_session(vectors, recording, seen_from)
    else:  # nothing moves that a run's own reference does not take along
        whitened = {one: reference_whitener(each) for one, each in beginnings.items()}
        vectors = elsewhere = recentre(covariances, recording, whitened)
        moved = np.empty((0, vectors.shape[1]))

    mirror, swapped = mirror_of((channels,)), swap(shared)
    if mirror is not None and swapped is not None:
        moved = np.concatenate([moved, moved[:, mirror]])
    drift = drift_of(moved)
    vectors, elsewhere = apply_wccn(vectors, drift), apply_wccn(elsewhere, drift)

    def fitted(train: np.ndarray) -> LinearHead:
        if mirror is None or swapped is None:
            return fit_head([vectors[train]], labels[train], len(shared), INVERSE_PENALTY)
        return fit_with_images(vectors[train], labels[train], mirror, swapped, INVERSE_PENALTY)

    left_out = np.empty((len(labels), len(shared)))
    decided = np.empty(len(labels), dtype=np.intp)
    for train, test in _by_person(labels, person):
        head = fitted(train)
        left_out[test] = head.logits(vectors[test])
        decided[test] = head.logits(elsewhere[test]).argmax(axis=1)
    head = with_temperature(fitted(np.arange(len(labels))), left_out, labels)
    weights, bias = head.plain()
    weights = apply_wccn(weights.T, drift).T  # on vectors as they are
    found = for_classes(
        (channels,), weights, bias, shared, classes, drift, prior.recordings, int(taken.sum())
    )
    return replace(
        found,
        accuracy=balanced_accuracy(labels, decided),
        by_beginning=beginnings is not None,
    )


def head_of_decoder(
    decoder: Decoder,
    settings: SignalSettings,
    window: int,
    classes: Sequence[str],
    skip: int = 0,
    regress_eyes: bool = False,
) -> PriorHead:
    """Take over a decoder's head, for a person's montage and classes.

    Parameters
    ----------
    decoder : Decoder
    settings, window, classes, skip, regress_eyes
        As in `head_of_prior`.

    Raises
    ------
    InputError
        If the decoder uses tokens, or electrodes that the person lacks; or if reference,
        windows or classes differ.
    """
    name = f"decoder of subject {decoder.facts.subject}"
    if decoder.readouts[0].tokens or not decoder.tangents:
        raise InputError(
            f"The {name} uses an encoder's tokens, which cannot be aligned; fit it with "
            "--head riemann, or give its recordings to --prior."
        )
    theirs = decoder.settings
    missing = [electrode for electrode in theirs.channels if electrode not in settings.channels]
    if missing:
        raise InputError(
            f"The recordings lack {len(missing)} of the {len(theirs.channels)} electrodes of the "
            f"{name}: {' '.join(missing[:8])}. Give its recordings to --prior instead."
        )
    have = (theirs.reference, theirs.rate, decoder.window, decoder.skip)
    regressed = any(view.spatial is not None for view in decoder.tangents)
    bands = {view.band for view in decoder.tangents}
    wanted = (settings.reference, settings.rate, window, skip)
    if (have, regressed, bands) != (wanted, regress_eyes, {BAND}):
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


def _regressed(
    sample: np.ndarray,
    recording: np.ndarray,
    channels: Sequence[str],
    beginnings: dict[int, np.ndarray] | None,
) -> tuple[np.ndarray, dict[int, np.ndarray] | None]:
    """Return covariances with the eyes regressed out, by each recording's own coefficients."""
    stay = len(away_from_eyes(channels))
    found = np.empty((len(sample), stay, stay))
    begun = {}
    for one in np.unique(recording):
        its = recording == one
        mean = sample[its].mean(axis=0)
        floor = 0.01 * np.trace(mean) / len(mean)
        spatial = without_eyes(channels, 0.99 * mean + floor * np.eye(len(mean)))
        found[its] = spatial @ sample[its] @ spatial.T
        if beginnings is not None:
            begun[int(one)] = spatial @ beginnings[int(one)] @ spatial.T
    return found, begun if beginnings is not None else None


def _by_person(labels: np.ndarray, person: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return folds that leave people out, or trials where there is one person."""
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    people = len(np.unique(person))
    if people > 1:
        return list(GroupKFold(min(5, people)).split(labels, labels, person))
    return list(StratifiedKFold(5, shuffle=True, random_state=0).split(labels, labels))

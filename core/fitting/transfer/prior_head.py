"""A head learned from a prior, for a person's montage and classes, before their first trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.decoder import Decoder
from core.decoding.features import shrunk
from core.decoding.heads import LinearHead, fit_head, with_temperature
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.feature_input import away_from_eyes, without_eyes
from core.fitting.transfer.hemisphere_flip import fit_with_images, mirror_of, swap
from core.fitting.transfer.population import Prior
from core.fitting.transfer.recentring import (
    recentre,
    recentre_cross_session,
    recentre_pairs,
    reference_whitener,
    whiteners,
)
from core.fitting.transfer.wccn import apply_wccn, drift_of, moves
from core.metrics import balanced_accuracy
from core.recordings import named_apart
from core.signal.pipeline import SignalSettings
from core.sites import is_eog, is_frontal_or_temporal

if TYPE_CHECKING:
    from core.encoders import EncoderSpec

INVERSE_PENALTY = 1.0
"""Inverse of the penalty of a head fitted on others' trials: people differ, so it is strong."""

BESIDE_TOKENS = (0.7, 0.7)
"""What the logits of covariances and those of an encoder's readout are multiplied by, together."""

_SHARED = 0.5  # of the person's electrodes that a prior must have too
_TRIALS = 10  # of each class, for a head


@dataclass(frozen=True)
class PriorHead:
    """A linear head on aligned covariances, and on tokens, learned before a person's first trial.

    Attributes
    ----------
    views : tuple of tuple of str
        Electrodes of each view of the covariance that it uses.
    weights : ndarray, shape (features, classes)
        On tangent vectors of the views, one after the other, and token features. Classes are the
        person's; those that nothing was learned of have zeros.
    bias : ndarray, shape (classes,)
    mirror : ndarray of int, shape (features,), or None
        Where each feature goes when left and right are exchanged; None if they cannot be.
    swapped : tuple of int
        The class that each class becomes then.
    drift : ndarray, shape (directions, features)
        How recordings of one person moved apart (`core.fitting.transfer.wccn`); none if nobody has
        two.
    recordings : dict of str to str
        What it was learned from -> SHA-256.
    trials : int
        How many trials it was learned from.
    accuracy : float or None
        Balanced accuracy on people left out of it (on trials left out, if there is one person),
        each recording aligned by another one of that person: what somebody without own trials may
        expect. With `by_beginning` it is aligned by its own first minute, in which some of its
        trials may lie. None if nobody was left out.
    tokens : int
        How many of the features, the last ones, are an encoder's that was trained with others'
        labels; 0 without.
    by_beginning : bool
        Whether each recording is aligned by its first minute, and not by its trials.
    """

    views: tuple[tuple[str, ...], ...]
    weights: np.ndarray
    bias: np.ndarray
    mirror: np.ndarray | None
    swapped: tuple[int, ...]
    drift: np.ndarray
    recordings: dict[str, str]
    trials: int
    accuracy: float | None = None
    tokens: int = 0
    by_beginning: bool = False

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Return logits of aligned tangent vectors and tokens, shape (trials, classes)."""
        logits: np.ndarray = vectors @ self.weights + self.bias
        return logits


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
    shared = _shared_classes(prior.classes, classes)
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
    found = _for_classes(
        (channels,), weights, bias, shared, classes, drift, prior.recordings, int(taken.sum())
    )
    return replace(
        found,
        accuracy=balanced_accuracy(labels, decided),
        by_beginning=beginnings is not None,
    )


def with_readout(prior: PriorHead, spec: EncoderSpec, classes: Sequence[str]) -> PriorHead:
    """Return the head together with what an encoder's features say of these classes.

    Logits of both are added, each weighed as suits people that neither has seen. With an encoder
    whose features have no mirror images, trials have none either.

    Parameters
    ----------
    prior : PriorHead
        On covariances, for these classes.
    spec : EncoderSpec
    classes : sequence of str
        The person's.

    Returns
    -------
    PriorHead
        The same one if the encoder knows fewer than two of the classes.
    """
    readout = spec.readout
    if readout is None or len(set(readout.classes) & set(classes)) < 2:
        return prior
    shared = [name for name in classes if name in readout.classes]
    theirs = [readout.classes.index(name) for name in shared]
    weights, bias = np.array(readout.weights)[:, theirs], np.array(readout.bias)[theirs]
    wide, at = _spread(BESIDE_TOKENS[1] * weights, BESIDE_TOKENS[1] * bias, shared, classes)
    mirror = None
    if prior.mirror is not None and readout.mirror is not None:
        mirror = np.concatenate([prior.mirror, len(prior.mirror) + np.array(readout.mirror)])
    return replace(
        prior,
        weights=np.concatenate([BESIDE_TOKENS[0] * prior.weights, wide]),
        bias=BESIDE_TOKENS[0] * prior.bias + at,
        mirror=mirror,
        drift=np.pad(prior.drift, ((0, 0), (0, len(wide)))),  # tokens are taken not to drift
        tokens=len(wide),
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
    shared = _shared_classes(decoder.classes, classes)
    head = decoder.head
    assert isinstance(head, LinearHead)  # others read tokens
    weights, bias = head.plain()
    columns = [decoder.classes.index(name) for name in shared]
    return _for_classes(
        tuple(tuple(theirs.channels[i] for i in view.picks) for view in decoder.tangents),
        weights[:, columns],
        bias[columns],
        shared,
        classes,
        np.empty((0, len(weights))),
        {f"{decoder.facts.subject}/{k}": v for k, v in decoder.facts.recordings.items()},
        decoder.facts.trials,
    )


def average_heads(heads: Sequence[PriorHead]) -> PriorHead:
    """Return one head whose logits are the mean of several heads' logits.

    Parameters
    ----------
    heads : sequence of PriorHead
        For the same person and classes, on covariances alone.
    """
    if len(heads) == 1:
        return heads[0]
    assert all(head.tokens == 0 for head in heads)
    views = tuple(dict.fromkeys(view for head in heads for view in head.views))
    sizes = {view: len(view) * (len(view) + 1) // 2 for view in views}
    summed = {view: np.zeros((sizes[view], len(heads[0].bias))) for view in views}
    starts = dict(zip(views, np.cumsum([0, *sizes.values()]), strict=False))
    drifts = []
    for head in heads:
        start = 0
        drift = np.zeros((len(head.drift), sum(sizes.values())))
        for view in head.views:
            stop = start + sizes[view]
            summed[view] += head.weights[start:stop] / len(heads)
            drift[:, starts[view] : starts[view] + sizes[view]] = head.drift[:, start:stop]
            start = stop
        drifts.append(drift * np.sqrt(len(drift)))  # `drift_of` takes the mean over rows
    return PriorHead(
        views=views,
        weights=np.concatenate([summed[view] for view in views]),
        bias=np.mean([head.bias for head in heads], axis=0),
        mirror=mirror_of(views) if heads[0].mirror is not None else None,
        swapped=heads[0].swapped,
        drift=drift_of(np.concatenate(drifts)),
        recordings=named_apart(
            dict.fromkeys(pair for head in heads for pair in head.recordings.items())
        ),
        trials=sum(head.trials for head in heads),
        by_beginning=all(head.by_beginning for head in heads),
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


def _shared_classes(have: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    shared = tuple(name for name in wanted if name in have)
    if len(shared) < 2:
        raise InputError(
            f"The prior knows {', '.join(have)} and the recordings have {', '.join(wanted)}; at "
            "least two classes must be the same."
        )
    return shared


def _for_classes(
    views: tuple[tuple[str, ...], ...],
    weights: np.ndarray,
    bias: np.ndarray,
    shared: Sequence[str],
    classes: Sequence[str],
    drift: np.ndarray,
    recordings: dict[str, str],
    trials: int,
) -> PriorHead:
    """Return a head for the person's classes."""
    wide, at = _spread(weights, bias, shared, classes)
    swapped = swap(classes)
    return PriorHead(
        views=views,
        weights=wide,
        bias=at,
        mirror=mirror_of(views) if swapped is not None else None,
        swapped=swapped or tuple(range(len(classes))),
        drift=drift,
        recordings=dict(recordings),
        trials=trials,
    )


def _spread(
    weights: np.ndarray, bias: np.ndarray, shared: Sequence[str], classes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Spread weights and bias of the shared classes over those of the person."""
    columns = [list(classes).index(name) for name in shared]
    wide, at = np.zeros((len(weights), len(classes))), np.zeros(len(classes))
    # With their mean taken off, a class that others do not know is neither liked nor not.
    wide[:, columns] = weights - weights.mean(axis=1, keepdims=True)
    at[columns] = bias - bias.mean()
    return wide, at


def _by_person(labels: np.ndarray, person: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return folds that leave people out, or trials where there is one person."""
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    people = len(np.unique(person))
    if people > 1:
        return list(GroupKFold(min(5, people)).split(labels, labels, person))
    return list(StratifiedKFold(5, shuffle=True, random_state=0).split(labels, labels))

"""The head that a fit starts from: on covariances, and on an encoder's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from core.errors import InputError
from core.fitting.transfer.wccn import drift_of
from core.hemispheres import mirror_of, swap
from core.recordings import named_apart
from core.recordings.copies import Fingerprint

if TYPE_CHECKING:
    from core.encoders import EncoderSpec

BESIDE_TOKENS = (0.7, 0.7)
"""What the logits of covariances and those of an encoder's readout are multiplied by, together."""


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
    marks : dict of str to tuple of int
        SHA-256 of `recordings` -> fingerprint, as far as they are known.
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
    marks: dict[str, Fingerprint] = field(default_factory=dict)

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Return logits of aligned tangent vectors and tokens, shape (trials, classes)."""
        logits: np.ndarray = vectors @ self.weights + self.bias
        return logits


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
    wide, wide_bias = _spread(BESIDE_TOKENS[1] * weights, BESIDE_TOKENS[1] * bias, shared, classes)
    mirror = None
    if prior.mirror is not None and readout.mirror is not None:
        mirror = np.concatenate([prior.mirror, len(prior.mirror) + np.array(readout.mirror)])
    return replace(
        prior,
        weights=np.concatenate([BESIDE_TOKENS[0] * prior.weights, wide]),
        bias=BESIDE_TOKENS[0] * prior.bias + wide_bias,
        mirror=mirror,
        drift=np.pad(prior.drift, ((0, 0), (0, len(wide)))),  # tokens are taken not to drift
        tokens=len(wide),
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
        marks={sha256: marks for head in heads for sha256, marks in head.marks.items()},
    )


def shared_classes(have: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the wanted classes that a prior knows.

    Raises
    ------
    InputError
        If there are fewer than two.
    """
    shared = tuple(name for name in wanted if name in have)
    if len(shared) < 2:
        raise InputError(
            f"The prior knows {', '.join(have)} and the recordings have {', '.join(wanted)}; at "
            "least two classes must be the same."
        )
    return shared


def for_classes(
    views: tuple[tuple[str, ...], ...],
    weights: np.ndarray,
    bias: np.ndarray,
    shared: Sequence[str],
    classes: Sequence[str],
    drift: np.ndarray,
    recordings: dict[str, str],
    trials: int,
) -> PriorHead:
    """Return a head for the person's classes, of weights for those that are shared.

    Parameters
    ----------
    views : tuple of tuple of str
    weights : ndarray, shape (features, shared classes)
    bias : ndarray, shape (shared classes,)
    shared, classes : sequence of str
    drift, recordings, trials
        As the head has them.
    """
    wide, wide_bias = _spread(weights, bias, shared, classes)
    swapped = swap(classes)
    return PriorHead(
        views=views,
        weights=wide,
        bias=wide_bias,
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
    wide, wide_bias = np.zeros((len(weights), len(classes))), np.zeros(len(classes))
    # With their mean taken off, a class that others do not know is neither liked nor not.
    wide[:, columns] = weights - weights.mean(axis=1, keepdims=True)
    wide_bias[columns] = bias - bias.mean()
    return wide, wide_bias

"""The head that the cued trials of a run teach, near the one that the decoder has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.card import PRIOR
from core.decoding.heads import INVERSE_PENALTY, LinearHead, fit_near, token_reach
from core.hemispheres import mirror_of, swap

if TYPE_CHECKING:
    from core.decoding.decoder import Decoder
    from core.encoders import EncoderSpec

MOVE = 0.5
"""How far trials alone move the head: the prior standard deviation of what is added to the logits
of a window, and of the bias, as a share of how much the decoder's own logits differ between trials.
So a decoder that tells little apart, whose temperature is high, is moved little too."""

IMAGES = 100.0
"""By how many times the penalty on what trials and their mirror images add is stronger than the
usual one of a fit."""


@dataclass(frozen=True)
class Exchange:
    """What a trial becomes when left and right are exchanged.

    Attributes
    ----------
    features : ndarray of int, shape (features,)
        Where each feature goes.
    classes : ndarray of int, shape (classes,)
        Which class each becomes.
    tokens : int
        How many of the features, the last ones, are an encoder's.
    """

    features: np.ndarray
    classes: np.ndarray
    tokens: int


def exchange_of(decoder: Decoder, encoder: EncoderSpec | None) -> Exchange | None:
    """Return what trials become for a decoder that has other people's head as it is.

    Parameters
    ----------
    decoder : Decoder
    encoder : EncoderSpec or None
        Of the encoder that the decoder looks through; None if it uses none.

    Returns
    -------
    Exchange or None
        None where the head has learned from own trials, to which images of a run add nothing more
        (docs/decoder.md); where an electrode has no counterpart; and where the encoder has no
        mirror image.
    """
    facts, classes = decoder.facts, swap(decoder.classes)
    if facts.head != PRIOR or facts.trials or classes is None:
        return None
    names = decoder.settings.channels
    features = mirror_of([[names[index] for index in view.picks] for view in decoder.tangents])
    if features is None:
        return None
    tokens = 0
    if decoder.readouts[0].tokens:
        if encoder is None or encoder.readout is None or encoder.readout.mirror is None:
            return None
        tokens = len(encoder.readout.mirror)
        features = np.concatenate([features, len(features) + np.array(encoder.readout.mirror)])
    return Exchange(features, np.array(classes), tokens)


def head_of_run(
    given: tuple[np.ndarray, np.ndarray],
    blocks: Sequence[np.ndarray],
    labels: np.ndarray,
    exchange: Exchange | None,
) -> LinearHead:
    """Fit a head on trials of a run, near a given one.

    Parameters
    ----------
    given : tuple of ndarray
        Weights (features, classes) and bias (classes,) of the decoder's head, on features as they
        are.
    blocks : sequence of ndarray, each (trials, features of the block)
    labels : ndarray of int, shape (trials,)
    exchange : Exchange or None
        With one, what trials and their mirror images teach together is added to what trials teach
        alone: a threshold that suits the run, and weights that prefer no side.

    Returns
    -------
    LinearHead
        With temperature 1.
    """
    weights, bias = given
    whole = np.concatenate(blocks, axis=1)
    spread = float((whole @ weights + bias).var(axis=0).mean())
    # Features of each block have unit total variance, so that all blocks add to it.
    alone = fit_near(
        blocks, labels, weights, bias, MOVE**2 * spread / len(blocks), 1.0 / len(blocks)
    )
    if exchange is None:
        return alone
    reach = [1.0] * len(blocks)
    if exchange.tokens:
        reach[-1] = token_reach(len(weights), exchange.tokens)
    ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
    images = np.concatenate([whole, whole[:, exchange.features]])
    imaged = fit_near(
        np.split(images, ends, axis=1),
        np.concatenate([labels, exchange.classes[labels]]),
        weights,
        bias,
        INVERSE_PENALTY / IMAGES,
        reach=reach,
    )
    (first, level), (second, middle) = alone.plain(), imaged.plain()
    return LinearHead(
        centre=np.zeros(len(weights)),
        scale=np.ones(len(weights)),
        weights=first + second - weights,
        bias=level + middle - bias,
    )

"""Which part of a window's signal the features are computed of, for a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.decoding.spatial import channel_covariance, regression_filter
from core.errors import InputError
from core.sites import is_frontal_or_temporal


@dataclass(frozen=True)
class Regression:
    """Frontal and temporal electrodes, taken out of the others with fixed coefficients.

    Attributes
    ----------
    kept : ndarray of int, shape (kept,)
        Channels that stay: the others.
    banded : ndarray, shape (kept, channels)
        The filter for signal in the band of the covariances.
    broad : ndarray, shape (kept, channels)
        The filter for signal in the whole pass band, as encoders get it.
    """

    kept: np.ndarray
    banded: np.ndarray
    broad: np.ndarray


@dataclass(frozen=True)
class FeatureInput:
    """What features are computed of.

    Attributes
    ----------
    skip : int
        Samples at the beginning of a window, after the cue, that are passed over.
    regression : Regression or None
    """

    skip: int = 0
    regression: Regression | None = None


EVERYTHING = FeatureInput()
"""Whole windows of all channels."""


def regression_of(
    channels: Sequence[str], signals: Sequence[np.ndarray], banded: Sequence[np.ndarray]
) -> Regression:
    """Fix the coefficients of a regression on all signal of a calibration, labels unseen.

    Parameters
    ----------
    channels : sequence of str
    signals, banded : sequence of ndarray, each (samples, channels)
        Contiguous stretches in the whole pass band, and in the band of the covariances.

    Raises
    ------
    InputError
        As `eyes_among`.
    """
    eyes = eyes_among(channels)
    broad, narrow = (
        regression_filter(channel_covariance(np.concatenate(list(each)).T), eyes)
        for each in (signals, banded)
    )
    return Regression(np.flatnonzero(~eyes), narrow, broad)


def eyes_among(channels: Sequence[str]) -> np.ndarray:
    """Return which channels are frontal or temporal ones, bool of shape (channels,).

    Raises
    ------
    InputError
        If none is, or fewer than two others stay.
    """
    eyes = np.array([is_frontal_or_temporal(name) for name in channels])
    if not eyes.any():
        raise InputError(
            "There is no frontal or temporal electrode (FP, AF, F, FT7-FT10, T, TP7-TP10) to "
            "regress out; leave out --regress-eyes."
        )
    if (~eyes).sum() < 2:
        raise InputError(
            f"Of {len(channels)} electrodes {(~eyes).sum()} stay when frontal and temporal ones "
            "are regressed out; at least 2 are needed. Leave out --regress-eyes."
        )
    return eyes

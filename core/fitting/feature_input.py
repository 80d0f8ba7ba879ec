"""Which part of a window's signal the features are computed of, for a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.spatial import channel_covariance, regression_filter
from core.errors import InputError
from core.signal.pipeline import SignalSettings
from core.sites import (
    Sites,
    channels_at,
    is_eog,
    is_frontal_or_temporal,
    is_near_eyes_or_jaw,
)

if TYPE_CHECKING:
    from core.encoders import EncoderSpec


@dataclass(frozen=True)
class CovarianceSettings:
    """How covariances of a person's windows are computed, and what is left out of them.

    Attributes
    ----------
    signal : SignalSettings
    length : int
        Samples of a window.
    skip : int
        Samples at the beginning of a window, after the cue, that features pass over.
    regress_eyes : bool
        Whether frontal and temporal electrodes are regressed out of the others, and left out.
    """

    signal: SignalSettings
    length: int
    skip: int = 0
    regress_eyes: bool = False


@dataclass(frozen=True)
class Regression:
    """EOG, or electrodes near eyes and jaw, taken out of the others with fixed coefficients.

    Attributes
    ----------
    kept : ndarray of int, shape (kept,)
        Channels that stay: `away_from_eyes`.
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


def electrodes_used(
    known: Sequence[str], sites: Sites, regress_eyes: bool, source: str
) -> tuple[str, ...]:
    """Return the electrodes at some sites, and those by which eyes are regressed out.

    Parameters
    ----------
    known : sequence of str
        Electrodes that there are.
    sites : str
        Which of them are used: `core.sites`.
    regress_eyes : bool
        Whether frontal and temporal ones are needed beside them.
    source : str
        What has them, for the message.

    Raises
    ------
    InputError
        As `core.sites.channels_at`.
    """
    used = set(channels_at(sites, known, source))
    return tuple(
        name for name in known if name in used or (regress_eyes and is_frontal_or_temporal(name))
    )


def skip_of(from_cue: float, spec: EncoderSpec, tokens: bool, instead: str) -> int:
    """Return how many samples of an encoder's windows are passed over after the cue.

    Parameters
    ----------
    from_cue : float
        Seconds after the cue that features begin at.
    spec : EncoderSpec
    tokens : bool
        Whether the encoder's tokens are among the features.
    instead : str
        What to do where its tokens depend on all of a window.

    Raises
    ------
    InputError
        If less than a second of a window is left, or the tokens depend on all of it.
    """
    skip = round(from_cue * spec.rate)
    if spec.window - skip < spec.rate:
        raise InputError(
            f"--from-cue {from_cue:g} leaves less than a second of the window of "
            f"{spec.window / spec.rate:g} s; take a smaller number."
        )
    if skip and tokens and spec.context != "patch":
        raise InputError(
            f"Tokens of the encoder {spec.label} depend on all of a window or run, so that "
            f"--from-cue cannot leave out its beginning; {instead}."
        )
    return skip


def regression_of(
    channels: Sequence[str], signals: Sequence[np.ndarray], banded: Sequence[np.ndarray]
) -> Regression:
    """Fix the coefficients of a regression on all signal of a calibration, labels unseen.

    Parameters
    ----------
    channels : sequence of str
    signals, banded : sequence of ndarray, each (samples, channels)
        Segments in the whole pass band, and in the band of the covariances.

    Raises
    ------
    InputError
        As `away_from_eyes`.
    """
    broad, narrow = (
        without_eyes(channels, channel_covariance(np.concatenate(list(segments)).T))
        for segments in (signals, banded)
    )
    return Regression(away_from_eyes(channels), narrow, broad)


def without_eyes(channels: Sequence[str], covariance: np.ndarray) -> np.ndarray:
    """Return the filter that leaves what EOG, or electrodes near eyes and jaw, do not explain.

    Channels of EOG explain alone, where there are any. Frontal and temporal electrodes do not stay
    in either case. Of them, those of the rows F that lie before the motor cortex do not explain:
    what they have in common with it is of the brain. Where there are no others, they do.

    Parameters
    ----------
    channels : sequence of str
    covariance : ndarray, shape (channels, channels)
        Of the signal that the coefficients are fixed on.

    Returns
    -------
    ndarray, shape (kept, channels)
        Rows are those of `away_from_eyes`.

    Raises
    ------
    InputError
        As `away_from_eyes`.
    """
    kept = away_from_eyes(channels)
    near = np.flatnonzero([is_eog(name) for name in channels])
    if not len(near):
        near = np.flatnonzero([is_near_eyes_or_jaw(name) for name in channels])
    if not len(near):
        near = np.flatnonzero([is_frontal_or_temporal(name) for name in channels])
    return regression_filter(covariance, near, kept)


def away_from_eyes(channels: Sequence[str]) -> np.ndarray:
    """Return which channels stay when the eyes are regressed out, shape (kept,).

    Neither EOG nor frontal and temporal electrodes do.

    Raises
    ------
    InputError
        If none is EOG, frontal or temporal, or fewer than two others stay.
    """
    eyes = np.array([is_frontal_or_temporal(name) or is_eog(name) for name in channels])
    kept = np.flatnonzero(~eyes)
    if not eyes.any():
        raise InputError(
            "There is no frontal or temporal electrode (FP, AF, F, FT7-FT10, T, TP7-TP10) and no "
            "EOG to regress out; leave out --regress-eyes."
        )
    if len(kept) < 2:
        raise InputError(
            f"Of {len(channels)} electrodes {len(kept)} stay when EOG, frontal and temporal ones "
            "are regressed out; at least 2 are needed. Leave out --regress-eyes."
        )
    return kept

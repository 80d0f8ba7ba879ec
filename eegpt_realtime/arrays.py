"""Epochs as arrays, and their way through the signal path that every program uses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from core.decoding.artifacts.watch import ArtifactWatch
from core.decoding.decoder import Decoder
from core.errors import InputError, one_line
from core.montage import match
from core.numbered_channels import groups_apart
from core.recordings import UNIT
from core.recordings.amplitude import TYPICAL_UV
from core.signal.finite import finite_mask
from core.signal.pipeline import SignalPath, SignalSettings
from core.signal.quality import suspected_factor
from core.units import factor, volts_per

_AHEAD = 4  # samples of the input, more than resampling looks ahead


def as_array(
    X: Any,  # noqa: N803 - scikit-learn's name
    ch_names: Sequence[str] | None,
    sfreq: float | None,
    unit: str,
) -> tuple[np.ndarray, tuple[str, ...], float, str]:
    """Return epochs with their channel names, rate and unit, whatever they come as.

    Parameters
    ----------
    X : ndarray of shape (epochs, channels, samples), or mne.BaseEpochs
    ch_names : sequence of str or None
    sfreq : float or None
        In Hz.
    unit : str
        Of an array. MNE's epochs are in volts and say their own names and rate.

    Raises
    ------
    InputError
        If it has another shape or no real numbers, or an array comes without names or rate, or
        with some that are none.
    """
    if hasattr(X, "get_data") and hasattr(X, "info"):
        return _numbers(X, X.get_data()), groups_apart(X.ch_names), float(X.info["sfreq"]), "V"
    array = _numbers(X, X)
    if ch_names is None or sfreq is None:
        raise InputError(
            "An array says neither its channels nor its rate: give ch_names and sfreq."
        )
    named = isinstance(ch_names, Sequence | np.ndarray) and not isinstance(ch_names, str)
    if not (named and all(isinstance(name, str) for name in ch_names)):
        raise InputError(f"ch_names is {one_line(ch_names, 60)}; give a list of electrodes' names.")
    if len(ch_names) != array.shape[1]:
        raise InputError(f"ch_names names {len(ch_names)} channels; X has {array.shape[1]}.")
    if isinstance(sfreq, np.ndarray) and sfreq.ndim == 0:  # as files of numpy and Matlab have it
        sfreq = sfreq.item()
    if not (isinstance(sfreq, Real) and 0.0 < sfreq < math.inf):
        raise InputError(f"sfreq is {one_line(sfreq, 60)}; give the rate of X in Hz.")
    if not isinstance(unit, str) or volts_per(unit) is None:
        raise InputError(f'unit is {one_line(unit, 60)}; give a voltage: "V", "mV" or "uV".')
    return array, tuple(ch_names), float(sfreq), unit


def _numbers(given: Any, values: Any) -> np.ndarray:
    """Return the values of epochs, which were given as an array or as an object of MNE."""
    try:
        array = np.asarray(values)
    except ValueError:  # a list of unlike lengths, or of objects that are no arrays
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iuf":
        raise InputError(
            "Epochs are an array of real numbers or MNE's Epochs; found "
            f"{type(given).__name__} of {array.dtype.name.rstrip('0123456789')} values."
        )
    if array.ndim != 3:
        raise InputError(
            "Epochs of shape (epochs, channels, samples) were expected; found "
            f"{type(given).__name__} of shape {array.shape}."
        )
    return array.astype(np.float64, copy=False)


def through_path(
    epochs: np.ndarray,
    ch_names: Sequence[str],
    sfreq: float,
    unit: str,
    settings: SignalSettings,
    to_unit: str,
    needed: int,
) -> list[np.ndarray]:
    """Run each epoch through the signal path, as a stream that begins with it.

    The path looks some samples ahead: where an epoch is just as long as is needed, its last sample
    is held for those.

    Parameters
    ----------
    epochs : ndarray, shape (epochs, channels, samples)
    ch_names : sequence of str
    sfreq : float
        In Hz.
    unit, to_unit : str
        Of the epochs, and of what leaves the path.
    settings : SignalSettings
    needed : int
        Samples at the settings' rate.

    Returns
    -------
    list of ndarray, each (samples, channels of the settings)

    Raises
    ------
    InputError
        If a channel is missing, a value is NaN, inf or no possible voltage, or the epochs are
        shorter than needed.
    """
    matches = match(ch_names, settings.channels)
    if matches.missing:
        raise InputError(f"The epochs lack the channels {' '.join(matches.missing)}.")
    if not finite_mask(epochs[:, list(matches.indices)]).all():
        raise InputError(
            "The epochs hold values that are NaN or inf, or that no voltage has; leave those "
            "epochs out."
        )
    least = math.ceil(round(needed * sfreq / settings.rate, 6))
    if len(epochs) and (have := epochs.shape[-1]) < least:
        raise InputError(
            f"The epochs are too short: they have {have} samples ({have / sfreq:g} s at {sfreq:g} "
            f"Hz), and {least} ({needed / settings.rate:g} s) are needed."
        )
    factors = [factor(unit, to_unit)] * len(matches.indices)
    path = SignalPath(settings, sfreq, matches.indices, factors)
    signals = []
    for epoch in epochs:
        path.restart()
        signal = path.push(epoch.T)
        if len(signal) < needed:
            held = path.push(np.repeat(epoch[:, -1:].T, _AHEAD, axis=0))
            signal = np.concatenate([signal, held])[:needed]
        signals.append(signal)
    return signals


def refused(
    decoder: Decoder,
    epochs: np.ndarray,
    signals: Sequence[np.ndarray],
    ch_names: Sequence[str],
    sfreq: float,
    unit: str,
) -> list[bool]:
    """Return of each epoch whether a live stream of it would be refused for an artifact.

    Parameters
    ----------
    decoder : Decoder
    epochs : ndarray, shape (epochs, channels, samples)
    signals : sequence of ndarray
        From `through_path`, of the same epochs.
    ch_names, sfreq, unit
        As given to `through_path`.

    Raises
    ------
    InputError
        If the amplitude of the epochs cannot be that of EEG.
    """
    hop, window = decoder.hop, max(decoder.window, decoder.warmup)
    picks = list(match(ch_names, decoder.settings.channels).indices)
    picked = epochs[:, picks] * factor(unit, decoder.unit)
    check_amplitude(picked * factor(decoder.unit, UNIT))
    mask = []
    for epoch, signal in zip(picked, signals, strict=True):
        watch = ArtifactWatch(decoder, sfreq, hop)
        watch.reset()
        watch.take(epoch.T)
        first = len(signal) % hop
        stops = range(first + hop, len(signal) + 1, hop)
        wrong = [bool(watch.judge(signal[stop - hop : stop], stop)) for stop in stops]
        # The piece before the window counts too: the filters carry an artifact on.
        mask.append(any(wrong[-(window // hop + 1) :]))
    return mask


def check_amplitude(epochs_uv: np.ndarray) -> None:
    """Refuse epochs whose unit is mistaken.

    Parameters
    ----------
    epochs_uv : ndarray, shape (epochs, channels, samples)

    Raises
    ------
    InputError
        If a usual channel is a hundredfold off.
    """
    deviations = epochs_uv.std(axis=-1)
    moving = deviations[deviations > 0]
    usual = float(np.median(moving)) if len(moving) else 0.0
    if suspected_factor(usual, TYPICAL_UV) is not None:
        raise InputError(
            f"The epochs have an amplitude of {usual:.2g} µV, where EEG has about {TYPICAL_UV:g} "
            "µV (standard deviation, median over channels): their unit looks wrong. Say it with "
            'unit=, such as unit="uV" for an array in microvolts.'
        )

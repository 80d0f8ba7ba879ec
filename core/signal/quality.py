"""How a channel looks right now: flat, railed, noisy, full of line hum, or good."""

from __future__ import annotations

import math

import numpy as np

from core.signal.finite import finite_mask

QUALITIES = ("good", "flat", "railed", "noisy", "line")


_FLAT_UV = 0.5  # peak to peak below this: no contact, or an unplugged input
_RAILED_SHARE = 0.2  # of samples that repeat the largest or smallest value
_NOISY_UV = 100.0  # standard deviation above 1 Hz
_LINE_SHARE = 0.5  # of the power above 1 Hz within 1 Hz of 50 or 60 Hz


def channel_quality(samples_uv: np.ndarray, rate: float) -> tuple[str, ...]:
    """Judge each channel over a stretch of raw signal.

    Parameters
    ----------
    samples_uv : ndarray, shape (samples, channels)
        Raw signal in µV, at least one second of it.
    rate : float
        Sampling rate in Hz.

    Returns
    -------
    tuple of str
        One of `QUALITIES` a channel.
    """
    samples = np.asarray(samples_uv, dtype=np.float64)
    known = finite_mask(samples)
    samples = np.where(known, samples, 0.0)
    n = len(samples)
    low, high = samples.min(axis=0), samples.max(axis=0)
    span = high - low
    at_rail = np.maximum((samples == low).mean(axis=0), (samples == high).mean(axis=0))

    window = np.hanning(n)[:, None]
    power = np.abs(np.fft.rfft((samples - samples.mean(axis=0)) * window, axis=0)) ** 2
    frequency = np.fft.rfftfreq(n, 1.0 / rate)
    body = frequency >= 1.0
    # Parseval, one-sided, with the window's power taken out: variance above 1 Hz.
    variance = 2.0 * power[body].sum(axis=0) / (n * (window**2).sum())
    hum = np.zeros(samples.shape[1])
    for mains in (50.0, 60.0):
        near = np.abs(frequency - mains) <= 1.0
        hum = np.maximum(hum, power[near].sum(axis=0))
    hum_share = hum / np.maximum(power[body].sum(axis=0), np.finfo(float).tiny)

    judged = np.full(samples.shape[1], "good", dtype=object)
    judged[hum_share > _LINE_SHARE] = "line"
    judged[np.sqrt(variance) > _NOISY_UV] = "noisy"
    judged[(at_rail > _RAILED_SHARE) & (span > 0)] = "railed"
    judged[span < _FLAT_UV] = "flat"
    judged[~known.all(axis=0)] = "railed"  # NaN or inf: beyond what the amplifier can say
    return tuple(judged)


def suspected_factor(rms_uv: float, typical_uv: float) -> float | None:
    """Return by which power of a thousand an amplitude is off, None if it may be right.

    Units are mistaken by such factors: microvolts sent as volts are a million times too large.

    Parameters
    ----------
    rms_uv : float
        Root mean square of a usual channel, in µV.
    typical_uv : float
        The same where the unit is right.

    Returns
    -------
    float or None
        1e3, 1e6, 1e-3 or 1e-6; from a hundredfold on either side, which no EEG of one person
        reaches on most of its channels. None for a signal of zeros.
    """
    if not rms_uv > 0.0:
        return None
    power = math.log10(rms_uv / typical_uv)
    if abs(power) < 2.0:
        return None
    factor: float = 10.0 ** math.copysign(3.0 if abs(power) < 4.5 else 6.0, power)
    return factor

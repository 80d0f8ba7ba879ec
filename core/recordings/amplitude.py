"""Whether the amplitude of a recording can be that of EEG at all."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from core.electrodes import is_site
from core.recordings.recording import Recording
from core.signal.finite import finite_mask
from core.signal.quality import suspected_factor

TYPICAL_UV = 12.0  # standard deviation of a usual channel above 1 Hz
_WINDOW = 4.0  # s, so that the window keeps what is slower than 1 Hz out of what is faster
_LEAST = 1.0  # s of signal that can be judged
_MOST = 200  # windows of a recording that are looked at
_DRIFT = 1.0  # Hz


def amplitude_uv(recording: Recording) -> float | None:
    """Return the standard deviation above 1 Hz of a usual channel, in µV.

    Returns
    -------
    float or None
        Median over channels of the median over windows of up to 4 s, none of which reaches over a
        break. Channels that stand still do not count, and where some are electrodes, no others do.
        None where there is nothing to judge.
    """
    moving = [deviation for deviation in _deviations(recording) if deviation > 0.0]
    return float(np.median(moving)) if moving else None


def _deviations(recording: Recording) -> list[float]:
    """Return the standard deviation above 1 Hz of every channel that can be judged, in µV."""
    sites = [i for i, label in enumerate(recording.labels) if is_site(label)]
    picks = sites or slice(None)
    windows = [
        _deviation(recording.samples_uv[start:stop, picks], recording.rate)
        for start, stop in _windows(recording)
    ]
    if not windows:
        return []
    return [float(np.median(of[~np.isnan(of)])) for of in np.array(windows).T if (of == of).any()]


def implausible_amplitude(recording: Recording) -> str | None:
    """Return a sentence that says how far an amplitude is from that of EEG; None if it may be one.

    Parameters
    ----------
    recording : Recording

    Returns
    -------
    str or None
        A sentence if a usual channel is a hundredfold off or more on either side, as it is where
        a unit was mistaken, or if no channel moves at all.
    """
    deviation = amplitude_uv(recording)
    if deviation is None and (still := len(_deviations(recording))):
        return (
            f"{recording.path.name} is flat: none of its {still} electrodes ever moves. Check that "
            "the amplifier was connected and running, or leave the file out."
        )
    wrong_by = None if deviation is None else suspected_factor(deviation, TYPICAL_UV)
    if deviation is None or wrong_by is None:
        return None
    return (
        f"{recording.path.name} has an amplitude of {_short(deviation)} µV, where EEG has about "
        f"{TYPICAL_UV:g} µV (standard deviation above 1 Hz, median over channels): its unit looks "
        "wrong. Correct it in the file, or say it with --unit if the file does not say any."
    )


def _short(number: float) -> str:
    """Return a number with two digits, without an exponent where that can be read."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}".replace(",", " ") if rounded >= 1.0 else f"{rounded:g}"


def _windows(recording: Recording) -> list[tuple[int, int]]:
    """Return where the windows that are looked at begin and end, spread over the recording."""
    size, least = round(_WINDOW * recording.rate), max(8, round(_LEAST * recording.rate))
    edges = (0, *recording.breaks, len(recording.samples_uv))
    windows = [
        (start, min(start + size, end))
        for begin, end in pairwise(edges)
        for start in range(begin, end, max(size, 1))
        if min(start + size, end) - start >= least
    ]
    return windows[:: -(-len(windows) // _MOST)] if windows else []


def _deviation(samples_uv: np.ndarray, rate: float) -> np.ndarray:
    """Return each channel's standard deviation above 1 Hz, (channels,).

    NaN for a channel with a sample that is NaN or inf.
    """
    known = finite_mask(samples_uv).all(axis=0)
    samples = _without_trend(np.where(known, samples_uv, 0.0).astype(np.float64))
    window = np.hanning(len(samples))[:, None]
    power = np.abs(np.fft.rfft(samples * window, axis=0)) ** 2
    fast = np.fft.rfftfreq(len(samples), 1.0 / rate) >= _DRIFT
    # Parseval, one-sided, with the window's power taken out.
    variance = 2.0 * power[fast].sum(axis=0) / (len(samples) * (window**2).sum())
    # What rounding leaves of a constant is no signal.
    still = np.sqrt(variance) <= 1e-6 * np.abs(samples_uv).max(axis=0, initial=0.0)
    return np.where(known, np.where(still, 0.0, np.sqrt(variance)), np.nan)


def _without_trend(samples: np.ndarray) -> np.ndarray:
    """Return (samples, channels) without each channel's mean and slope, by least squares.

    As ``scipy.signal.detrend``, whose import takes longer than most recordings to read.
    """
    centred = samples - samples.mean(axis=0)
    course = np.arange(len(samples)) - (len(samples) - 1) / 2.0
    left: np.ndarray = centred - np.outer(course, course @ centred / (course @ course))
    return left

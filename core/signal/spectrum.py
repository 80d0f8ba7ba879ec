"""Spectra and band power of the newest signal, for the eye: nothing is fitted on them."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy import signal

from core.signal.monitor import Traces

BANDS = {"mu": (8.0, 13.0), "beta": (13.0, 30.0)}
"""Rhythms over the motor cortex; edges in Hz."""

_SEGMENT = 2.0  # s of a segment of Welch's method: half a hertz
_WINDOW = 1.0  # s that a band's power is measured over
_LEAST = 0.75  # s: with less since a lost stretch, there is no power
_SMALLEST = 1e-6  # µV²: a dead channel has no logarithm


def power_spectrum(traces: Traces) -> tuple[np.ndarray, np.ndarray]:
    """Return the power spectral density of the signal since its newest lost stretch.

    Returns
    -------
    frequencies : ndarray, shape (frequencies,)
        In Hz; empty if there is less than a segment of two seconds.
    density : ndarray, shape (frequencies, channels)
        One-sided, in µV²/Hz.

    Notes
    -----
    Welch (1967), IEEE Trans. Audio Electroacoust. 15(2): segments of two seconds under a Hann
    window, half overlapped, their means removed, as `scipy.signal.welch` has it.
    """
    whole = traces.whole()
    length = round(_SEGMENT * whole.rate)
    if not length or len(whole.times) < length:
        return np.empty(0), np.empty((0, traces.samples_uv.shape[1]))
    samples = whole.samples_uv.astype(np.float64)
    frequencies, density = signal.welch(samples, whole.rate, nperseg=length, axis=0)
    return frequencies, density


def band_powers(traces: Traces) -> np.ndarray | None:
    """Return the power in each of `BANDS` over the newest second, shape (bands, channels), µV².

    None where there is not so much signal since the newest lost stretch.
    """
    whole = traces.whole()
    if len(whole.times) < _LEAST * whole.rate or whole.rate <= 2 * BANDS["beta"][1]:
        return None
    samples = whole.samples_uv[-round(_WINDOW * whole.rate) :].astype(np.float64)
    frequencies, density = signal.periodogram(samples, whole.rate, "hann", axis=0)
    step = frequencies[1]
    return np.stack(
        [
            density[(frequencies >= low) & (frequencies < high)].sum(axis=0) * step
            for low, high in BANDS.values()
        ]
    )


class BandHistory:
    """Power in `BANDS` over the last minute, and its change against a baseline.

    Attributes
    ----------
    times : ndarray, shape (n,)
        When each was measured, in seconds of the stream's clock.
    logs : ndarray, shape (n, bands, channels)
        Logarithm of the power in µV².
    baseline : ndarray or None, shape (bands, channels)
        Logarithm of the power that was set as baseline.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._known: deque[tuple[float, np.ndarray]] = deque()
        self.baseline: np.ndarray | None = None

    def take(self, traces: Traces) -> bool:
        """Take the newest signal, a second of it or more; return whether there is a new value."""
        power = band_powers(traces)
        if power is None:
            return False
        time = float(traces.times[-1])
        if self._known:
            last, before = self._known[-1]
            if time == last:
                return False
            if time < last or before.shape != power.shape:  # another sender
                self._known.clear()
                self.baseline = None
        self._known.append((time, np.log(np.maximum(power, _SMALLEST))))
        while time - self._known[0][0] > self._seconds:
            self._known.popleft()
        return True

    @property
    def times(self) -> np.ndarray:
        """See the class."""
        return np.array([time for time, _ in self._known])

    @property
    def logs(self) -> np.ndarray:
        """See the class."""
        return np.stack([log for _, log in self._known])

    def set_baseline(self, seconds: float = 5.0) -> bool:
        """Compare with the mean of the last seconds from now on; return whether there are any."""
        if not self._known:
            return False
        newest = self._known[-1][0]
        lately = [log for time, log in self._known if newest - time < seconds]
        self.baseline = np.mean(lately, axis=0)
        return True

    @property
    def change(self) -> np.ndarray:
        """Change of power in percent, shape (n, bands, channels): -50 is half of the baseline's.

        Against the mean of all that is known while no baseline is set. Negative is
        desynchronisation (ERD), positive synchronisation (ERS).

        Notes
        -----
        Pfurtscheller and Lopes da Silva (1999), Clin. Neurophysiol. 110(11), section 2.1; of
        logarithms, so that one burst does not move the baseline.
        """
        logs = self.logs
        baseline = logs.mean(axis=0) if self.baseline is None else self.baseline
        return np.asarray(100.0 * np.expm1(logs - baseline))

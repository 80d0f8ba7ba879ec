"""Causal filters with a kept state: the same output for any split of the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import signal

from core.errors import InputError
from core.tensor_file import number, whole

MAINS = (50.0, 60.0)  # Hz


def mains(asked: float | None) -> float | None:
    """Return what was asked for as the frequency of the mains.

    Raises
    ------
    InputError
        If mains have no such frequency.
    """
    if asked not in (None, *MAINS):
        raise InputError(f"The mains have 50 or 60 Hz; {asked:g} Hz was asked for.")
    return asked


_HIGHEST = 1e6  # Hz
_STEEPEST = 16  # order of a filter, beyond which its sections are noise


@dataclass(frozen=True)
class Band:
    """A Butterworth pass band, and a notch at the mains frequency if asked for.

    Attributes
    ----------
    low, high : float
        Half-power edges in Hz.
    low_order, high_order : int
        Orders of the high-pass and of the low-pass.
    notch : float or None
        Mains frequency in Hz to take out (second order, Q = 30).

    Notes
    -----
    The low-pass is also the anti-alias filter of the resampling to 256 Hz: order 4 at 38 Hz lets
    -60 dB through of what would fold back into the band. Group delay of the default band at
    250 Hz: 11.7 ms at 10 Hz, 12.5 ms at 20 Hz (at 1000 Hz 12.4 and 13.0 ms).
    """

    low: float = 0.5
    high: float = 38.0
    low_order: int = 2
    high_order: int = 4
    notch: float | None = None

    def __post_init__(self) -> None:
        """Refuse a band that is none."""
        if not 0.0 < self.low < self.high:
            raise InputError(f"The band {self.low:g}-{self.high:g} Hz must have 0 < low < high.")
        if self.notch is not None and not self.notch > 0.0:
            raise InputError(f"The notch frequency must be above 0 Hz (got {self.notch:g}).")

    @property
    def label(self) -> str:
        """For screens and reports, such as ``8-30 Hz, notch at 60 Hz``."""
        notch = "" if self.notch is None else f", notch at {self.notch:g} Hz"
        return f"{self.low:g}-{self.high:g} Hz{notch}"

    def sections(self, rate: float) -> np.ndarray:
        """Return the filter's second-order sections at a sampling rate.

        Returns
        -------
        ndarray, shape (sections, 6)

        Raises
        ------
        InputError
            If the rate cannot carry the band.
        """
        if self.high >= 0.45 * rate:
            raise InputError(
                f"A band up to {self.high:g} Hz needs a sampling rate above "
                f"{self.high / 0.45:.0f} Hz; the signal has {rate:g} Hz."
            )
        parts = [
            signal.butter(self.low_order, self.low, "highpass", fs=rate, output="sos"),
            signal.butter(self.high_order, self.high, "lowpass", fs=rate, output="sos"),
        ]
        if self.notch is not None and self.notch < 0.49 * rate:
            parts.append(signal.tf2sos(*signal.iirnotch(self.notch, 30.0, fs=rate)))
        return np.vstack(parts)


def band_of_table(table: Mapping[str, Any]) -> Band:
    """Return the band of a file's header, as `dataclasses.asdict` wrote it.

    Raises
    ------
    ValueError, TypeError, InputError
        If it is none.
    """
    band = Band(**table)
    for edge in (band.low, band.high, *([] if band.notch is None else [band.notch])):
        number(edge, 0.0, _HIGHEST)
    for order in (band.low_order, band.high_order):
        whole(order, 1, _STEEPEST)
    return band


class CausalFilter:
    """Second-order sections over channels, started as if the first sample had always been there.

    Parameters
    ----------
    sections : ndarray, shape (sections, 6)
        From `Band.sections`.
    """

    def __init__(self, sections: np.ndarray) -> None:
        self._sections = np.ascontiguousarray(sections)
        self._steady = signal.sosfilt_zi(sections)  # (sections, 2), for an input of ones
        self._state: np.ndarray | None = None

    def reset(self) -> None:
        """Forget the past; the next sample is again taken as the steady state."""
        self._state = None

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Filter the next samples.

        Parameters
        ----------
        samples : ndarray, shape (samples, channels)

        Returns
        -------
        ndarray of float64, shape (samples, channels)
        """
        if not len(samples):
            return np.empty(samples.shape)
        if self._state is None:
            # (sections, 2, channels): every channel settled at its first value.
            self._state = self._steady[:, :, None] * np.asarray(samples[0], dtype=np.float64)
        filtered: np.ndarray
        filtered, self._state = signal.sosfilt(self._sections, samples, axis=0, zi=self._state)
        return filtered

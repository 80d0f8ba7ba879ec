"""Causal resampling to the model's rate, with at most one input sample of look-ahead."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from core.errors import InputError

_STEADY = 1e-6  # regularisation: keeps the gain outside the band near one
_PHASES = 4096  # places between two input samples at which the signal is evaluated, at most
_AT_ONCE = 256  # output samples


def _exact(rate: float) -> Fraction:
    """Return a rate as the ratio of small numbers that it was meant as, or as it is."""
    meant = Fraction(rate).limit_denominator(1000)
    return meant if float(meant) == rate else Fraction(rate)


class Resampler:
    """Evaluates a band-limited signal at the instants of another sampling rate.

    Output sample k stands for the time k / `rate_out` after the first input sample. Where that
    falls between two input samples, a short FIR interpolates; its taps minimise the squared error
    to the ideal fractional delay over the pass band, which works because the pass band is well
    below half the input rate. It looks one input sample ahead at 250 Hz and above (three below),
    so that an output sample is at most 4 ms late, and loses less than 0.1 % of amplitude.

    What lies above half of `rate_out` must have been filtered out before.

    Parameters
    ----------
    rate_in, rate_out : float
        Sampling rates in Hz.
    channels : int
        Number of channels.
    band : float
        Upper edge in Hz of what must be kept.

    Raises
    ------
    InputError
        If the input rate cannot carry the band.

    Notes
    -----
    General least squares fractional delay design: Laakso, Välimäki, Karjalainen and Laine (1996),
    Splitting the unit delay, IEEE Signal Processing Magazine 13(1), section "Least squared
    integral error design".
    """

    def __init__(self, rate_in: float, rate_out: float, channels: int, band: float) -> None:
        if band >= 0.45 * rate_in:
            raise InputError(
                f"A signal at {rate_in:g} Hz cannot carry {band:g} Hz to {rate_out:g} Hz."
            )
        # Input samples per output sample: exact, as what is rounded here adds up over hours.
        self._step = (_exact(rate_in) / _exact(rate_out)).limit_denominator(10**9)
        phases = self._phases = min(self._step.denominator, _PHASES)
        self._ahead = 0 if phases == 1 else 1 if rate_in >= 250 else 3
        self._behind = 0 if phases == 1 else 11 if rate_in >= 250 else 23
        # (phases, taps): row p interpolates p / phases of an input sample after the centre. With
        # more instants than rows, the one before is taken: off by 1 / 4096 of a sample at most.
        self._taps = np.stack([self._design(p / phases, band / rate_in) for p in range(phases)])
        self._channels = channels
        self.reset()

    def reset(self) -> None:
        """Forget the past; the next sample is time zero."""
        self._tail = np.empty((0, self._channels))  # inputs still needed, oldest first
        self._tail_start = 0  # input index of the tail's first row
        self._next = 0  # index of the next output sample

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take the next input samples, return the output samples that they complete.

        Parameters
        ----------
        samples : ndarray, shape (n, channels)

        Returns
        -------
        ndarray of float64, shape (m, channels)
        """
        if not len(samples):
            return np.empty((0, self._channels))
        if self._next == 0 and not len(self._tail) and self._behind:
            # Before the beginning the signal is taken to have stood still.
            self._tail = np.repeat(samples[:1].astype(np.float64), self._behind, axis=0)
            self._tail_start = -self._behind
        held = np.concatenate([self._tail, samples])
        newest = self._tail_start + len(held) - 1

        # Output k is centred on input floor(k * step) and needs `ahead` more.
        step, per_sample = self._step.numerator, self._step.denominator
        stop = ((newest - self._ahead + 1) * per_sample - 1) // step + 1
        outputs = np.arange(self._next, max(stop, self._next))
        centre, rest = np.divmod(outputs * step, per_sample)
        phase = rest * self._phases // per_sample

        resampled = np.zeros((len(outputs), self._channels))
        first = centre - self._behind - self._tail_start
        # A whole recording in pieces that stay in the processor's cache.
        for begin in range(0, len(outputs), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            # One tap after another, so that the sum never depends on how samples were split.
            for tap in range(self._behind + self._ahead + 1):
                resampled[part] += self._taps[phase[part], tap, None] * held[first[part] + tap]

        self._next = int(max(stop, self._next))
        keep = self._next * step // per_sample - self._behind
        drop = min(max(keep - self._tail_start, 0), len(held))
        self._tail, self._tail_start = held[drop:].copy(), self._tail_start + drop
        return resampled

    def _design(self, fraction: float, edge: float) -> np.ndarray:
        """Return the taps that delay by -`fraction`, for frequencies up to `edge` x the rate."""
        lags = np.arange(-self._behind, self._ahead + 1)
        if fraction == 0.0:
            taps: np.ndarray = (lags == 0).astype(np.float64)
            return taps
        normal = np.sinc(2 * edge * (lags[:, None] - lags)) + _STEADY * np.eye(len(lags))
        return np.linalg.solve(normal, np.sinc(2 * edge * (lags - fraction)))

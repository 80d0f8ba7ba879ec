"""Measures of a quarter of a second of every channel, however a stream is cut into blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage, signal

from core.decoding.artifacts.copies import differences, pairs
from core.decoding.artifacts.repeats import Repeats, twins
from core.signal.filtering import MAINS, CausalFilter

_STILL_UV = 0.5  # a channel that moves less than this ...
_STILL_SECONDS = 0.125  # ... for so long has no contact, or stands at its rail
_MUSCLE = (28.0, 44.0)  # Hz: what the filter leaves of muscle activity
_ROUNDS = 4  # of the power iteration


@dataclass(frozen=True)
class Measures:
    """A quarter of a second of every channel; arrays of (channels,), in µV.

    Attributes
    ----------
    span, muscle : ndarray
        Peak to peak, and root mean square from 28 to 44 Hz, after the signal path.
    mains : ndarray
        Root mean square at 50 or 60 Hz, whichever is larger, as recorded.
    still, railed : ndarray of bool
        Stood still; stood still where no sample of the run was beyond.
    twin : ndarray of bool
        Equal to another channel to the last bit.
    raw_span, deviation : ndarray
        Peak to peak, and standard deviation, as recorded.
    levels : ndarray, shape (4, channels)
        Of half a second: standard deviation and root mean square of the steps from sample to
        sample as recorded, standard deviation and muscle band after the path.
    shared : ndarray
        Of half a second as recorded: the largest absolute correlation with another channel; 1
        where there is less signal.
    differences : ndarray, shape (pairs,)
        Of half a second as recorded: `copies.differences`; 0 where there is less signal.
    rest : float
        What differs between channels as recorded: standard deviation of the median channel
        without the two largest principal components.
    held, again : int
        Rows that are equal to the one before, and that came before: `Repeats.push`.
    dead : bool
        Most channels did not change at all.
    """

    span: np.ndarray
    muscle: np.ndarray
    mains: np.ndarray
    still: np.ndarray
    railed: np.ndarray
    twin: np.ndarray
    raw_span: np.ndarray
    deviation: np.ndarray
    levels: np.ndarray
    shared: np.ndarray
    differences: np.ndarray
    rest: float
    held: int
    again: int
    dead: bool


class Meter:
    """Measures an unbroken run of signal, hop by hop, however it is cut into blocks.

    Parameters
    ----------
    channels : int
    rate_in : float
        Of the stream, in Hz.
    rate : float
        Behind the signal path, in Hz.
    to_uv : float
        From the path's unit to µV.
    piece : int
        Samples behind the path that are judged at once.
    """

    def __init__(
        self, channels: int, rate_in: float, rate: float, to_uv: float, piece: int
    ) -> None:
        self._channels, self._rate_in, self._rate = channels, rate_in, rate
        self._to_uv, self._piece = to_uv, piece
        self._still = max(8, round(_STILL_SECONDS * rate_in))  # samples of the stream
        self._muscle = CausalFilter(
            signal.butter(2, _MUSCLE, "bandpass", fs=rate, output="sos")  # (sections, 6)
        )
        self._repeats = Repeats(rate_in)
        self._unknown = np.zeros(len(pairs(channels)[0]), np.float16)
        self._piece_in = round(piece * rate_in / rate)  # the same in samples of the stream
        self.reset()

    def reset(self) -> None:
        """Begin a new run."""
        self._muscle.reset()
        self._repeats.reset()
        self._raw: list[np.ndarray] = []  # taken and not yet measured, µV
        self._measured = 0  # samples of the stream
        none = np.empty((0, self._channels))
        self._before = none  # the last of them, for standing still
        self._low = np.full(self._channels, np.inf)
        self._high = np.full(self._channels, -np.inf)
        self._recorded = none  # the newest two pieces as recorded, µV
        self._signal = none  # behind the path, µV
        self._tense = none  # their muscle band, µV

    def end_run(self) -> None:
        """Remember the samples that were taken and not measured: they may be sent again."""
        if self._raw:
            self._repeats.push(np.concatenate(self._raw))
            self._raw = []

    def take(self, picked: np.ndarray) -> None:
        """Take samples as recorded, shape (n, channels), in the path's unit."""
        self._raw.append(picked * self._to_uv)

    def measure(self, hop: np.ndarray, received: int) -> Measures:
        """Measure the newest piece.

        Parameters
        ----------
        hop : ndarray, shape (samples, channels)
            From the signal path.
        received : int
            Samples from the path since the run began, this hop included.
        """
        uv = hop * self._to_uv
        return self._measure(uv, self._muscle.push(uv), received)

    def measure_run(self, run: np.ndarray) -> list[Measures]:
        """Measure every whole piece of a run that has come from the signal path in one go."""
        uv = run * self._to_uv
        tense, piece = self._muscle.push(uv), self._piece
        return [
            self._measure(uv[end - piece : end], tense[end - piece : end], end)
            for end in range(piece, len(run) + 1, piece)
        ]

    def _measure(self, uv: np.ndarray, tense: np.ndarray, received: int) -> Measures:
        """Measure the newest piece, of which signal and muscle band of the newest hop are new."""
        self._signal = np.concatenate([self._signal, uv])[-2 * self._piece :]
        self._tense = np.concatenate([self._tense, tense])[-2 * self._piece :]
        new = self._raw_until(int((received - 1) * self._rate_in / self._rate) + 1)
        still, railed, dead = self._stillness(new)
        held, again = self._repeats.push(new)
        self._recorded = np.concatenate([self._recorded, new])[-2 * self._piece_in :]
        piece = self._recorded[-self._piece_in :]
        covariance = _covariance(self._recorded)
        whole = len(self._recorded) == 2 * self._piece_in
        return Measures(
            span=np.ptp(self._signal[-self._piece :], axis=0),
            muscle=_rms(self._tense[-self._piece :]),
            mains=_mains(piece, self._rate_in),
            still=still,
            railed=railed,
            twin=self._twins(piece),
            raw_span=np.ptp(piece, axis=0),
            deviation=piece.std(axis=0),
            levels=np.stack(
                [
                    np.sqrt(covariance.diagonal()),
                    _rms(np.diff(self._recorded, axis=0)),
                    self._signal.std(axis=0),
                    _rms(self._tense),
                ]
            ),
            shared=_shared(covariance) if whole else np.ones(self._channels),
            differences=differences(self._recorded) if whole else self._unknown,
            # A few samples, as of the first hops of one sample each, hardly differ.
            rest=_rest(piece) if len(piece) > 0.9 * self._piece_in else math.inf,
            held=held,
            again=again,
            dead=dead,
        )

    def _twins(self, piece: np.ndarray) -> np.ndarray:
        """Return which channels were equal to another one for half of a piece, (channels,)."""
        equal = twins(piece)
        if len(piece) == self._piece_in:  # a few samples, as of a run's first hops, may be equal
            half = len(piece) // 2
            equal |= twins(piece[:half]) | twins(piece[half:])
        return equal

    def _raw_until(self, stop: int) -> np.ndarray:
        """Return the samples of the stream up to one, counted in the run, not yet measured."""
        held = self._raw[0] if len(self._raw) == 1 else np.concatenate(self._raw)
        count = stop - self._measured
        self._raw, self._measured = [held[count:]], stop
        return held[:count]

    def _stillness(self, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
        """Return which channels stood still, which of them at a rail, and whether most did."""
        held = np.concatenate([self._before, raw])
        self._before = held[-(self._still - 1) :]
        low, high = self._low, self._high
        self._low = np.minimum(low, raw.min(axis=0, initial=np.inf))
        self._high = np.maximum(high, raw.max(axis=0, initial=-np.inf))
        none = np.zeros(self._channels, dtype=bool)
        if len(held) < self._still:
            return none, none, False
        n, width = len(held) - self._still + 1, self._still
        # A stretch of that length covers a whole one of these blocks; hardly ever does one stand.
        block = (width + 1) // 2
        blocks = held[: len(held) // block * block].reshape(-1, block, self._channels)
        if not (np.ptp(blocks, axis=1) < _STILL_UV).any():
            return none, none, False
        # Of every stretch of that length: the filters' windows begin at each sample.
        shift = -(width // 2)
        most = ndimage.maximum_filter1d(held, width, axis=0, origin=shift)[:n]
        least = ndimage.minimum_filter1d(held, width, axis=0, origin=shift)[:n]
        span = (most - least).min(axis=0)  # (channels,)
        still = span < _STILL_UV
        # Where a channel stands still outside of what it did before, it is saturated.
        level = held[-1]
        railed = still & ((level >= high) | (level <= low)) & (high - low > _STILL_UV)
        return still, railed, bool((span == 0).mean() > 0.5)


def _covariance(samples: np.ndarray) -> np.ndarray:
    centred = samples - samples.mean(axis=0)
    covariance: np.ndarray = centred.T @ centred / len(samples)
    return covariance


def _shared(covariance: np.ndarray) -> np.ndarray:
    """Return each channel's largest absolute correlation with another one, (channels,)."""
    deviation = np.sqrt(covariance.diagonal())
    scale = np.maximum(deviation[:, None] * deviation, np.finfo(float).tiny)
    correlation = np.abs(covariance) / scale
    np.fill_diagonal(correlation, 0.0)
    highest: np.ndarray = correlation.max(axis=0)
    return highest


def _rest(samples: np.ndarray) -> float:
    """Return the median deviation without the largest principal components, in µV.

    Two of them from six channels on, one from three; by power iteration from the channel with
    the largest variance. What is the same on all channels, at any scale, is gone with them.
    """
    left = samples - samples.mean(axis=0)
    for _ in range(min(2, samples.shape[1] // 3)):
        course = left[:, np.square(left).sum(axis=0).argmax()]  # (samples,)
        for _ in range(_ROUNDS):
            pattern = course @ left
            size = np.sqrt(pattern @ pattern)
            if not size > 0.0:
                return 0.0
            course = left @ (pattern / size)
        energy = course @ course
        if energy > 0.0:
            left = left - np.outer(course, course @ left / energy)
    return float(median(_rms(left)))


def _mains(samples: np.ndarray, rate: float) -> np.ndarray:
    """Return the root mean square at 50 or 60 Hz, whichever is larger, (channels,).

    From one windowed stretch, without a filter's memory of what was before.
    """
    window, waves = _mains_kernel(len(samples), rate)
    flat = (samples - samples.mean(axis=0)) * window[:, None]
    # Zeros where the rate carries no wave.
    magnitudes = [np.zeros(samples.shape[1]), *(np.abs(wave @ flat) for wave in waves)]
    amplitudes: np.ndarray = np.max(magnitudes, axis=0) * np.sqrt(2.0) / window.sum()
    return amplitudes


@lru_cache(maxsize=64)
def _mains_kernel(samples: int, rate: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the window over so many samples, and a wave of each mains frequency."""
    times = np.arange(samples) / rate
    waves = [np.exp(-2j * np.pi * mains * times) for mains in MAINS if mains < 0.49 * rate]
    return np.hanning(samples + 2)[1:-1], waves


def median(values: np.ndarray) -> np.ndarray:
    """Return the median over the last axis: numpy's takes ten times as long for few values."""
    ordered, count = np.sort(values, axis=-1), values.shape[-1]
    middle: np.ndarray = 0.5 * (ordered[..., (count - 1) // 2] + ordered[..., count // 2])
    return middle


def _rms(samples: np.ndarray) -> np.ndarray:
    if not len(samples):  # of a hop so short that too few samples of the stream have come yet
        return np.zeros(samples.shape[1])
    level: np.ndarray = np.sqrt(np.mean(np.square(samples), axis=0))
    return level

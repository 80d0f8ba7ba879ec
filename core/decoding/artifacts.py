"""What makes a window unfit to decode: a dead, railed, humming or tense channel, or a wrong unit.

Every hop is measured in the same way at calibration and live; calibration learns from it what is
usual for each channel of this person. Blinks are usual: they are slow, and far below what a
pulled cable does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy import ndimage, signal

from core.decoding.decoder import Decoder
from core.errors import InputError
from core.montage import match
from core.recordings import UNIT, Recording
from core.signal.filtering import MAINS, CausalFilter
from core.signal.pipeline import SignalSettings
from core.signal.quality import suspected_factor
from core.units import factor

_STILL_UV = 0.5  # a channel that moves less than this ...
_STILL_SECONDS = 0.125  # ... for so long has no contact, or stands at its rail
_MUSCLE = (28.0, 44.0)  # Hz: what the filter leaves of muscle activity
_LEARN_PIECE = 0.25  # s
_USUAL = 99.0  # per cent of the pieces of a calibration that are taken for usual
_MARGINS = {"span": 3.0, "muscle": 6.0, "mains": 6.0}  # times what was usual
_FLOORS = {"span": 500.0, "muscle": 20.0, "mains": 25.0}
"""µV that nobody is refused for. A blink has up to 300 µV at the forehead."""
_NAMED = 3  # channels named in a message
_HUMS = 0.5  # share of a channel's standard deviation from which it is called hum, not noise
_HUM = "full of mains hum"
_LARGE = "too large: a movement or a loose electrode"


@dataclass(frozen=True)
class ArtifactLimits:
    """Where a quarter of a second of each channel stops being usable; arrays of (channels,).

    Attributes
    ----------
    span : ndarray
        Peak to peak after the signal path, in µV.
    muscle : ndarray
        Root mean square from 28 to 44 Hz after the signal path, in µV.
    mains : ndarray
        Root mean square at 50 or 60 Hz, whichever is larger, as recorded, in µV.
    still : ndarray of bool
        Channels that stood still at calibration already, and are not judged for it.
    typical : float
        Standard deviation of a usual channel as recorded, in µV.
    """

    span: np.ndarray
    muscle: np.ndarray
    mains: np.ndarray
    still: np.ndarray
    typical: float

    @classmethod
    def default(cls, channels: int) -> ArtifactLimits:
        """Return wide limits, for a person of whom nothing was learned."""
        return cls(
            span=np.full(channels, 5000.0),
            muscle=np.full(channels, 1000.0),
            mains=np.full(channels, 1000.0),
            still=np.zeros(channels, dtype=bool),
            typical=12.0,
        )

    @classmethod
    def of(cls, decoder: Decoder) -> ArtifactLimits:
        """Return a decoder's limits, or the default where its file has none.

        Raises
        ------
        InputError
            If they are not one number above 0 for each channel.
        """
        known, channels = decoder.facts.artifacts, len(decoder.settings.channels)
        if not known:
            return cls.default(channels)
        try:
            arrays = {
                name: np.asarray(known[name], dtype=float) for name in ("span", "muscle", "mains")
            }
            still = np.asarray(known["still"])
            typical = float(known["typical"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The decoder's limits of artifacts are damaged ({error}).") from error
        sound = all(
            value.shape == (channels,) and np.isfinite(value).all() and (value > 0).all()
            for value in arrays.values()
        )
        if not (
            sound and still.shape == (channels,) and still.dtype == bool and 0 < typical < math.inf
        ):
            raise InputError(
                f"The decoder's limits of artifacts are damaged: {channels} channels need a "
                "positive number each."
            )
        return cls(**arrays, still=still, typical=typical)

    def as_facts(self) -> dict[str, Any]:
        """Return them as a decoder's header keeps them."""
        return {
            f.name: value.tolist() if isinstance(value, np.ndarray) else value
            for f in fields(self)
            for value in [getattr(self, f.name)]
        }


@dataclass(frozen=True)
class Measures:
    """A quarter of a second of every channel; arrays of (channels,), in µV."""

    span: np.ndarray
    muscle: np.ndarray
    mains: np.ndarray
    still: np.ndarray  # bool: stood still
    railed: np.ndarray  # bool: stood still where no sample of the run was beyond
    raw_span: np.ndarray  # peak to peak as recorded
    deviation: np.ndarray  # standard deviation as recorded
    dead: bool  # most channels did not change at all


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
        self._muscle = CausalFilter(_band(*_MUSCLE, rate))
        self._piece_in = round(piece * rate_in / rate)  # the same in samples of the stream
        self.reset()

    def reset(self) -> None:
        """Begin a new run."""
        self._muscle.reset()
        self._raw: list[np.ndarray] = []  # taken and not yet measured, µV
        self._measured = 0  # samples of the stream
        self._before = np.empty((0, self._channels))  # the last of them, for standing still
        self._low = np.full(self._channels, np.inf)
        self._high = np.full(self._channels, -np.inf)
        self._piece_raw = np.empty((0, self._channels))  # the newest piece as recorded, µV
        self._signal = np.empty((0, self._channels))  # the newest piece, µV
        self._tense = np.empty((0, self._channels))  # its muscle band, µV

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
        self._signal = np.concatenate([self._signal, uv])[-self._piece :]
        tense = self._muscle.push(uv)
        self._tense = np.concatenate([self._tense, tense])[-self._piece :]
        raw = self._raw_until(int((received - 1) * self._rate_in / self._rate) + 1)
        still, railed, dead = self._stillness(raw)
        self._piece_raw = np.concatenate([self._piece_raw, raw])[-self._piece_in :]
        return Measures(
            span=np.ptp(self._signal, axis=0),
            muscle=_rms(self._tense),
            mains=_mains(self._piece_raw, self._rate_in),
            still=still,
            railed=railed,
            raw_span=np.ptp(self._piece_raw, axis=0),
            deviation=self._piece_raw.std(axis=0),
            dead=dead,
        )

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


class ArtifactWatch:
    """Says of every hop of a stream whether something is wrong with it, and what.

    Parameters
    ----------
    decoder : Decoder
    rate_in : float
        Of the stream, in Hz.

    Attributes
    ----------
    ringing : bool
        Whether the newest piece is wrong behind the path only: what was recorded is right again,
        and the filters have not got over what was before.

    Raises
    ------
    InputError
        As `ArtifactLimits.of`.
    """

    def __init__(self, decoder: Decoder, rate_in: float) -> None:
        settings = decoder.settings
        self._limits = ArtifactLimits.of(decoder)
        self._names = np.array(settings.channels)
        self.ringing = False
        self._meter = Meter(
            len(settings.channels),
            rate_in,
            settings.rate,
            factor(decoder.unit, UNIT),
            decoder.patch,
        )

    def reset(self) -> None:
        """Begin a new run."""
        self._meter.reset()

    def take(self, picked: np.ndarray) -> None:
        """Take samples as recorded, shape (n, channels), in the path's unit."""
        self._meter.take(picked)

    def judge(self, hop: np.ndarray, received: int) -> str | None:
        """Return what is wrong with the newest piece, in words; None if nothing is.

        Parameters
        ----------
        hop, received
            As in `Meter.measure`.
        """
        found, limits = self._meter.measure(hop, received), self._limits
        self.ringing = False
        wrong_by = suspected_factor(float(np.median(found.deviation)), limits.typical)
        if wrong_by is not None and not found.dead:
            return unit_words(wrong_by)
        still, hum = found.still & ~limits.still, found.mains > limits.mains
        for channels, words in (
            (still & found.railed, "railed"),
            (still, "flat"),
            (hum & (found.mains > _HUMS * found.deviation), _HUM),
            (found.span > limits.span, _LARGE),
            (found.muscle > limits.muscle, "noisy: muscles or a loose electrode"),
            (hum, _HUM),
        ):
            if channels.any():
                self.ringing = words == _LARGE and bool((found.raw_span < limits.span).all())
                names = self._names[channels]
                return f"{listed(names)} {'is' if len(names) == 1 else 'are'} {words}"
        return None


def learn_limits(
    recordings: Sequence[Recording],
    settings: SignalSettings,
    unit: str,
    runs: Iterable[np.ndarray],
) -> ArtifactLimits:
    """Learn from a calibration what is usual for each channel.

    Parameters
    ----------
    recordings : sequence of Recording
    settings : SignalSettings
    unit : str
        The signal leaves the path in.
    runs : iterable of ndarray, each (samples, channels)
        What the path made of every contiguous stretch: `Epochs.runs`.

    Returns
    -------
    ArtifactLimits
        Some times what 99 % of the quarter seconds stayed below: three for the span, six for
        what is measured in a band, as its share of the signal differs more from run to run.

    Notes
    -----
    The factors come from runs 4 and 8 of eleven people of the PhysioNet imagery set, each judged
    by limits from the other: no window was refused but at zeros that fill up the files.
    """
    measured: list[Measures] = []
    stretches = iter(runs)
    piece = round(_LEARN_PIECE * settings.rate)
    for recording in recordings:
        picks = list(match(recording.labels, settings.channels).indices)
        meter = Meter(len(picks), recording.rate, settings.rate, factor(unit, UNIT), piece)
        for (start, stop), run in zip(
            recording.stretches(settings.channels), stretches, strict=False
        ):
            meter.reset()
            picked = recording.samples_uv[start:stop, picks].astype(np.float64)
            meter.take(picked * factor(UNIT, unit))
            for end in range(piece, len(run) + 1, piece):
                measured.append(meter.measure(run[end - piece : end], end))
    usual = {
        name: np.percentile([getattr(found, name) for found in measured], _USUAL, axis=0)
        for name in _FLOORS
    }
    limits = {name: np.maximum(_FLOORS[name], _MARGINS[name] * usual[name]) for name in _FLOORS}
    return ArtifactLimits(
        **limits,
        still=np.mean([found.still for found in measured], axis=0) >= 0.5,
        typical=max(float(np.median([found.deviation for found in measured])), 1e-3),
    )


def unit_words(wrong_by: float) -> str:
    """Say that a unit is probably wrong, by a factor that `suspected_factor` found."""
    large = wrong_by > 1
    times = f"{wrong_by if large else 1 / wrong_by:,.0f}".replace(",", " ")
    return (
        f"The signal is about {times} times too {'large' if large else 'small'}, which looks like "
        "a wrong unit: say the right one with --unit"
    )


def listed(names: Sequence[str] | np.ndarray) -> str:
    """Return channel names for a message: a few, and the number of the others."""
    shown = ", ".join(str(name) for name in names[:_NAMED])
    more = len(names) - _NAMED
    return shown if more <= 0 else f"{shown} and {more} more"


def _band(low: float, high: float, rate: float) -> np.ndarray:
    return signal.butter(2, (low, high), "bandpass", fs=rate, output="sos")


def _mains(samples: np.ndarray, rate: float) -> np.ndarray:
    """Return the root mean square at 50 or 60 Hz, whichever is larger, (channels,).

    From one windowed stretch, without a filter's memory of what was before.
    """
    window = np.hanning(len(samples) + 2)[1:-1]
    flat = (samples - samples.mean(axis=0)) * window[:, None]
    at = np.arange(len(samples)) / rate
    found = [
        np.abs(np.exp(-2j * np.pi * mains * at) @ flat) for mains in MAINS if mains < 0.49 * rate
    ]
    return np.max(found, axis=0, initial=0.0) * np.sqrt(2.0) / window.sum()


def _rms(samples: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(np.square(samples), axis=0))

"""Faults of the values: what a loose electrode, an amplifier or the mains do to channels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from core.errors import InputError
from simulation.faults.fault import Fault, Source, Touch, normals


@dataclass(frozen=True)
class _Spoilt(Fault):
    """Other values on some channels: ``C3``, ``C3+C4`` or ``all``."""

    touches: ClassVar[Touch] = "altered"

    channel: str

    def check(self, source: Source) -> None:
        """Refuse a source without the channel."""
        source.columns(self.channel)

    def alter(self, samples: np.ndarray, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return the samples with its channels spoilt."""
        rows = np.flatnonzero(self.on(positions, source.rate))
        if len(rows):
            index = np.ix_(rows, source.columns(self.channel))
            samples[index] = self.values(samples[index], positions[rows], source.rate)
        return samples

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        raise NotImplementedError


@dataclass(frozen=True)
class Flat(_Spoilt):
    """A channel that stands still at `uv`: an unplugged input."""

    word: ClassVar[str] = "flat"

    uv: float = 0.0

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        return np.full_like(samples, self.uv)


@dataclass(frozen=True)
class Railed(_Spoilt):
    """An amplifier that is driven against its rails, `uv` away from zero."""

    word: ClassVar[str] = "railed"

    uv: float = 400.0

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        return np.clip(200.0 * samples, -self.uv, self.uv)


@dataclass(frozen=True)
class Noisy(_Spoilt):
    """A loose electrode: white noise of standard deviation `uv` on top."""

    word: ClassVar[str] = "noisy"

    uv: float = 300.0
    seed: int = 0

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        return samples + self.uv * normals(self.seed, positions, samples.shape[1])


@dataclass(frozen=True)
class Hum(_Spoilt):
    """The mains of `hertz` with an amplitude of `uv` on top."""

    word: ClassVar[str] = "hum"

    hertz: float = 50.0
    uv: float = 100.0

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        wave = self.uv * np.sin(2 * np.pi * self.hertz * positions / rate)
        return samples + wave[:, None]


@dataclass(frozen=True)
class Scaled(_Spoilt):
    """Values that are `by` times what the unit says: an undeclared gain, or another unit."""

    word: ClassVar[str] = "scale"

    channel: str = "all"
    by: float = 1000.0

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if self.by == 0.0 or not math.isfinite(self.by):
            raise InputError(f"scale: by={self.by:g} is no factor.")

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        return samples * self.by


@dataclass(frozen=True)
class Off(_Spoilt):
    """Inputs without a head: white noise of their own, of standard deviation `uv`, is all.

    One electrode that is off; with all of them and less than a microvolt, shorted inputs.
    """

    word: ClassVar[str] = "off"

    uv: float = 2.0
    seed: int = 0

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        return self.uv * normals(self.seed, positions, samples.shape[1])


@dataclass(frozen=True)
class OwnSignal(_Spoilt):
    """The amplifier's own test signal in place of the head's, the same on its channels.

    Attributes
    ----------
    shape : str
        A square wave, a sine, or a ramp from -`uv` to `uv`.
    uv, hertz : float
        Its amplitude and frequency.
    noise : float
        Standard deviation of each channel's own noise, in µV.
    """

    word: ClassVar[str] = "test"

    channel: str = "all"
    shape: Literal["square", "sine", "ramp"] = "square"
    uv: float = 100.0
    hertz: float = 5.0
    noise: float = 0.0
    seed: int = 0

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        phase = positions * self.hertz / rate % 1.0
        wave = {
            "square": np.where(phase < 0.5, 1.0, -1.0),
            "sine": np.sin(2.0 * np.pi * phase),
            "ramp": 2.0 * phase - 1.0,
        }[self.shape]
        own = self.noise * normals(self.seed, positions, samples.shape[1])
        return self.uv * wave[:, None] + own


@dataclass(frozen=True)
class Copy(_Spoilt):
    """Channels that carry what another one does, to the last bit unless gain or noise differ.

    Attributes
    ----------
    of : str
        The channel that is copied.
    by : float
        What its values are multiplied with.
    noise : float
        Standard deviation of each copy's own noise, in µV.
    """

    word: ClassVar[str] = "copy"

    of: str = "C3"
    by: float = 1.0
    noise: float = 0.0
    seed: int = 0

    def check(self, source: Source) -> None:
        """Refuse a source without the channels."""
        super().check(source)
        source.columns(self.of)

    def alter(self, samples: np.ndarray, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return the samples with its channels spoilt."""
        rows = np.flatnonzero(self.on(positions, source.rate))
        columns = source.columns(self.channel)
        copied = self.by * samples[rows, source.columns(self.of)[0]]
        own = self.noise * normals(self.seed, positions[rows], len(columns))
        samples[np.ix_(rows, columns)] = copied[:, None] + own
        return samples


@dataclass(frozen=True)
class NotANumber(_Spoilt):
    """Values that are NaN."""

    word: ClassVar[str] = "nan"

    channel: str = "all"

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        return np.full_like(samples, np.nan)


@dataclass(frozen=True)
class Infinite(_Spoilt):
    """Values beyond every number (infinity)."""

    word: ClassVar[str] = "inf"

    channel: str = "all"

    def values(self, samples: np.ndarray, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return the new values of its channels, (n, channels) in µV."""
        return np.full_like(samples, np.inf)

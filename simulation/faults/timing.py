"""Faults of the clock: samples that are lost, late, early, or stamped wrongly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from core.errors import InputError
from simulation.faults.fault import Fault, Source, Touch, chances, normals


@dataclass(frozen=True)
class Lose(Fault):
    """A block of `samples` is never sent."""

    word: ClassVar[str] = "lose"
    touches: ClassVar[Touch] = "lost"

    samples: int

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if self.samples < 1 or not math.isinf(self.for_):
            raise InputError("lose: says how much with samples=N, at least 1, and not with for.")

    def span(self, rate: float) -> tuple[float, float]:
        """Return where it begins and ends, in samples."""
        begin = round(self.at * rate)
        return begin, begin + self.samples

    def keep(self, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return which samples are not lost."""
        return ~self.on(positions, source.rate)


@dataclass(frozen=True)
class Drop(Fault):
    """Single samples are lost at random, each with a chance of `share`."""

    word: ClassVar[str] = "drop"
    touches: ClassVar[Touch] = "lost"

    share: float
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if not 0.0 < self.share < 1.0:
            raise InputError(f"drop: share={self.share:g} must lie between 0 and 1.")

    def keep(self, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return which samples are not lost."""
        lost = chances(self.seed, positions)[:, 0] < self.share
        kept: np.ndarray = ~(lost & self.on(positions, source.rate))
        return kept


@dataclass(frozen=True)
class Silent(Fault):
    """The outlet stays announced and sends nothing; what was measured meanwhile is lost."""

    word: ClassVar[str] = "silent"
    touches: ClassVar[Touch] = "lost"

    def keep(self, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return which samples are not lost."""
        return ~self.on(positions, source.rate)


@dataclass(frozen=True)
class Stall(Fault):
    """Nothing is sent for a while; then all of it, late, with its true stamps.

    It comes `speed` times as fast as real time until nothing is late any more; by default at once.
    """

    word: ClassVar[str] = "stall"

    speed: float = math.inf

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if math.isinf(self.for_):
            raise InputError("stall: say for how many seconds with for=T.")
        if not self.speed > 1.0:
            raise InputError(f"stall: speed={self.speed:g} must be more than 1.")

    def pace(self, due: np.ndarray, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return when each sample is sent: later than it was taken."""
        begin, end = self.span(source.rate)
        waited = np.maximum(positions - begin, 0) / source.rate / self.speed
        resumed = end / source.rate + waited
        return np.where(positions >= begin, np.maximum(due, resumed), due)


@dataclass(frozen=True)
class Burst(Fault):
    """Samples are stamped by the computer when they come, `samples` at a time.

    One group has stamps a microsecond apart, late by up to `jitter` seconds (the absolute value
    of a normal number of that standard deviation). It is as old as its last sample.
    """

    word: ClassVar[str] = "burst"

    samples: int = 9
    jitter: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if self.samples < 1 or self.jitter < 0.0:
            raise InputError("burst: needs samples=N of at least 1 and no negative jitter.")

    def _lateness(self, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return by how much each sample's arrival is later than its time, (n,) in s."""
        group, inside = positions // self.samples, positions % self.samples
        late = (self.samples - 1 - inside) / rate + 1e-6 * inside
        if self.jitter:
            late = late + self.jitter * np.abs(normals(self.seed, group)[:, 0])
        return np.where(self.on(positions, rate), late, 0.0)

    def pace(self, due: np.ndarray, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return when each sample is sent: later than it was taken."""
        times: np.ndarray = due + self._lateness(positions, source.rate)
        return times

    def stamp(
        self, stamps: np.ndarray, due: np.ndarray, positions: np.ndarray, source: Source
    ) -> np.ndarray:
        """Return the stamps, changed."""
        return np.where(self.on(positions, source.rate), due, stamps)


@dataclass(frozen=True)
class Jump(Fault):
    """Stamps jump by `by` seconds, forward or back; after `for`, if given, they jump again."""

    word: ClassVar[str] = "jump"
    touches: ClassVar[Touch] = "break"

    by: float

    def stamp(
        self, stamps: np.ndarray, due: np.ndarray, positions: np.ndarray, source: Source
    ) -> np.ndarray:
        """Return the stamps, changed."""
        return stamps + self.by * self.on(positions, source.rate)


@dataclass(frozen=True)
class _Warp(Fault):
    """A clock that runs at another rate while the fault lasts."""

    def _gained(self, positions: np.ndarray, rate: float, share: float) -> np.ndarray:
        """Return the seconds gained by a clock that is faster by a share, (n,)."""
        begin, end = self.span(rate)
        gained: np.ndarray = share * (np.clip(positions, begin, end) - begin) / rate
        return gained


@dataclass(frozen=True)
class Drift(_Warp):
    """The sender's clock, which makes the stamps, runs `ppm` millionths fast."""

    word: ClassVar[str] = "drift"

    ppm: float

    def stamp(
        self, stamps: np.ndarray, due: np.ndarray, positions: np.ndarray, source: Source
    ) -> np.ndarray:
        """Return the stamps, changed."""
        drifted: np.ndarray = stamps + self._gained(positions, source.rate, self.ppm * 1e-6)
        return drifted


@dataclass(frozen=True)
class Rate(_Warp):
    """Samples are taken, stamped and sent `percent` faster than the nominal rate says."""

    word: ClassVar[str] = "rate"

    percent: float

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if not -50.0 <= self.percent <= 100.0:
            raise InputError(f"rate: percent={self.percent:g} must lie between -50 and 100.")

    def taken(self, times: np.ndarray, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return when each sample is taken."""
        share = self.percent / 100.0
        sent: np.ndarray = times + self._gained(positions, source.rate, -share / (1.0 + share))
        return sent


@dataclass(frozen=True)
class Chunked(Fault):
    """One stamp a chunk of `samples`, late by up to `jitter`; the others are worked out from it.

    That is what ``push_chunk`` of LSL does with the time at which it is called. The lateness is
    exponentially distributed with this mean.
    """

    word: ClassVar[str] = "chunked"

    samples: int = 8
    jitter: float = 0.001
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if self.samples < 1 or self.jitter < 0.0:
            raise InputError("chunked: needs samples=N of at least 1 and no negative jitter.")

    def stamp(
        self, stamps: np.ndarray, due: np.ndarray, positions: np.ndarray, source: Source
    ) -> np.ndarray:
        """Return the stamps, changed."""
        late = -self.jitter * np.log1p(-chances(self.seed, positions // self.samples)[:, 0])
        jittered: np.ndarray = stamps + late * self.on(positions, source.rate)
        return jittered


@dataclass(frozen=True)
class Counting(Fault):
    """Stamps that count samples and are no seconds: 0, 1, 2 ..."""

    word: ClassVar[str] = "counting"
    touches: ClassVar[Touch] = "break"

    def stamp(
        self, stamps: np.ndarray, due: np.ndarray, positions: np.ndarray, source: Source
    ) -> np.ndarray:
        """Return the stamps, changed."""
        return np.where(self.on(positions, source.rate), positions.astype(float), stamps)


@dataclass(frozen=True)
class Again(Fault):
    """Samples are sent twice, with the stamps they had: each one, or each chunk as a whole.

    A chunk is what the source sends at once, so that this depends on how it is cut.
    """

    word: ClassVar[str] = "again"
    touches: ClassVar[Touch] = "altered"

    what: Literal["sample", "chunk"] = "chunk"

    def order(self, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return which of the samples are sent, one after the other."""
        here, on = np.arange(len(positions)), self.on(positions, source.rate)
        if self.what == "sample":
            return np.repeat(here, 1 + on)
        return np.concatenate([here, here[on]])

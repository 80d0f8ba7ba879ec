"""Faults of a driver: samples that it sent before come again, with new stamps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.errors import InputError
from simulation.faults.fault import Fault, Source, Touch


@dataclass(frozen=True)
class _Again(Fault):
    """Every sample is the one that was sent some samples before it."""

    touches: ClassVar[Touch] = "altered"

    def alter(self, samples: np.ndarray, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return the samples, with those that were not sent yet left as they are."""
        length = self.reach(source.rate)
        rows = np.flatnonzero(self.on(positions, source.rate))
        if len(rows):
            for start in range(max(rows[0], length), rows[-1] + 1, length):
                stop = min(start + length, rows[-1] + 1)
                samples[start:stop] = samples[start - length : stop - length]
        return samples


@dataclass(frozen=True)
class Hold(_Again):
    """A driver that fills in `samples` lost ones with the last that it has."""

    word: ClassVar[str] = "hold"

    samples: int

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if self.samples < 1 or not math.isinf(self.for_):
            raise InputError("hold: says how much with samples=N, at least 1, and not with for.")

    def span(self, rate: float) -> tuple[float, float]:
        """Return where it begins and ends, in samples."""
        begin = round(self.at * rate)
        return begin, begin + self.samples

    def reach(self, rate: float) -> int:
        """Return how many samples before it are needed."""
        return 1


@dataclass(frozen=True)
class Repeat(_Again):
    """A buffer of `every` seconds that is sent over and over."""

    word: ClassVar[str] = "repeat"

    every: float = 0.5

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if not 0.0 < self.every < math.inf:
            raise InputError(f"repeat: every={self.every:g} must be more than 0 seconds.")

    def reach(self, rate: float) -> int:
        """Return how many samples before it are needed."""
        return max(1, round(self.every * rate))

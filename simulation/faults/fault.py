"""What a fault is: something that a source does to its samples, its clock or its outlet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from core.errors import InputError

Touch = Literal["lost", "altered", "break", "nothing"]

_BLOCK = 256  # samples whose chances are drawn together


@dataclass(frozen=True)
class Source:
    """The stream that is spoiled: its rate in Hz, and its labels."""

    rate: float
    labels: tuple[str, ...]

    def columns(self, wanted: str) -> np.ndarray:
        """Return the columns of channels named as ``C3``, ``C3+C4`` or ``all``.

        Raises
        ------
        InputError
            If the stream lacks one.
        """
        if wanted == "all":
            return np.arange(len(self.labels))
        here = {label.upper(): i for i, label in enumerate(self.labels)}
        names = wanted.upper().split("+")
        for name in names:
            if name not in here:
                raise InputError(
                    f'A fault names the channel "{name}"; the stream has {", ".join(self.labels)}.'
                )
        return np.array([here[name] for name in names])


@dataclass(frozen=True)
class Sent:
    """An outlet as it describes itself, and what it makes of the source's columns.

    Attributes
    ----------
    start : int
        Counts its starts: another one is another outlet, even if it says the same.
    source_id : str
        Empty for none.
    labels : tuple of str
        Of the channels sent.
    columns : tuple of int
        The source's column in each.
    unit : str
        As written into the description; empty for none.
    factor : float
        From µV to the values sent.
    """

    start: int
    source_id: str
    labels: tuple[str, ...]
    columns: tuple[int, ...]
    unit: str
    factor: float = 1.0


@dataclass(frozen=True)
class Fault:
    """One fault of a schedule. A kind overrides what it changes, and nothing else.

    All methods are pure functions of the sample's place in the signal, so that how samples are
    cut into chunks changes nothing.

    Attributes
    ----------
    at : float
        Second of the signal at which it begins; the first sample is at 0.
    for_ : float
        Seconds of signal for which it lasts; without an end by default.
    """

    word: ClassVar[str] = ""  # what a spec calls it; without one it is no kind of its own
    touches: ClassVar[Touch] = "nothing"  # what it does to a window that it falls into

    at: float = field(default=0.0, kw_only=True)
    for_: float = field(default=math.inf, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse times that are none."""
        if not 0.0 <= self.at < math.inf:
            raise InputError(f"{self.word}: at={self.at:g} is no second of the signal.")
        if not self.for_ > 0.0:
            raise InputError(f"{self.word}: for={self.for_:g} must be more than 0 seconds.")

    def check(self, source: Source) -> None:
        """Refuse a source to which it cannot be done, with an `InputError`."""

    def span(self, rate: float) -> tuple[float, float]:
        """Return where it begins and ends, in samples of the signal; the end may be infinite."""
        end = self.at + self.for_
        return round(self.at * rate), end if math.isinf(end) else round(end * rate)

    def on(self, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return which samples it falls on, (n,) of bool."""
        begin, end = self.span(rate)
        return (positions >= begin) & (positions < end)

    def reach(self, rate: float) -> int:
        """Return how many samples, as it left them, `alter` needs before those it alters."""
        return 0

    def alter(self, samples: np.ndarray, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return the samples as they are after it, (n, channels) in µV. May write into them."""
        return samples

    def keep(self, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return which samples are still sent, (n,) of bool."""
        return np.ones(len(positions), dtype=bool)

    def order(self, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return which of the samples are sent, one after the other; some perhaps twice."""
        return np.arange(len(positions))

    def taken(self, times: np.ndarray, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return when each sample is taken, (n,) in seconds after the first one."""
        return times

    def pace(self, due: np.ndarray, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return when each sample is sent, (n,) in seconds after the first one is taken."""
        return due

    def stamp(
        self, stamps: np.ndarray, due: np.ndarray, positions: np.ndarray, source: Source
    ) -> np.ndarray:
        """Return the stamps, (n,) in seconds after the first sample's time."""
        return stamps

    def outlets(self, sent: Sequence[Sent], position: float, source: Source) -> list[Sent]:
        """Return the outlets that are open at a sample; the first carries the markers' signal."""
        return list(sent)


def chances(seed: int, positions: np.ndarray, columns: int = 1) -> np.ndarray:
    """Draw numbers from 0 to 1 that belong to places in the signal, however it is cut.

    Returns
    -------
    ndarray, shape (n, columns)
    """
    drawn = np.empty((len(positions), columns))
    for block in np.unique(positions // _BLOCK):
        inside = positions // _BLOCK == block
        rows = np.random.default_rng([seed, int(block)]).random((_BLOCK, columns))
        drawn[inside] = rows[positions[inside] % _BLOCK]
    return drawn


def normals(seed: int, positions: np.ndarray, columns: int = 1) -> np.ndarray:
    """Draw standard normal numbers as `chances` does, by Box and Muller.

    Returns
    -------
    ndarray, shape (n, columns)
    """
    drawn = chances(seed, positions, 2 * columns)
    radius = np.sqrt(-2.0 * np.log1p(-drawn[:, :columns]))
    normal: np.ndarray = radius * np.cos(2.0 * np.pi * drawn[:, columns:])
    return normal

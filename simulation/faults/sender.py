"""Faults of the sender: it restarts with another identity, or has a duplicate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from core.errors import InputError
from core.recordings import UNIT
from core.units import factor, volts_per
from simulation.faults.fault import Fault, Sent, Source, Touch

MISSPELT = "microvlots"

_Identity = Literal["same", "other", "none"]
_Channels = Literal["same", "reordered", "renamed", "missing", "more"]


@dataclass(frozen=True)
class Restart(Fault):
    """The sender dies and starts again `down` seconds later, perhaps as another.

    Attributes
    ----------
    down : float
        What was measured in these seconds is lost.
    source_id : str
        Of the new outlet: the same, another, or none.
    channels : str
        The same; reordered (the last one first); renamed (all to X1, X2 ...), one missing (the
        middle one) or one more (EXTRA, a copy of the first).
    unit : str
        Another unit, such as mV, in which the values then are; "none" and "misspelt" say nothing
        that can be understood, and leave the values in µV.
    """

    word: ClassVar[str] = "restart"
    touches: ClassVar[Touch] = "lost"

    down: float = 1.0
    source_id: _Identity = "same"
    channels: _Channels = "same"
    unit: str = "same"

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        super().__post_init__()
        if not (0.0 < self.down < math.inf and math.isinf(self.for_)):
            raise InputError("restart: says how long with down=T, above 0, and not with for.")
        if self.unit not in ("same", "none", "misspelt") and volts_per(self.unit) is None:
            raise InputError(
                f'restart: the unit "{self.unit}" is no voltage; use uV, mV, V, none or misspelt.'
            )

    def check(self, source: Source) -> None:
        """Refuse to take away the only channel."""
        if self.channels == "missing" and len(source.labels) < 2:
            raise InputError("restart: the only channel of a stream cannot be missing.")

    def span(self, rate: float) -> tuple[float, float]:
        """Return where it begins and ends, in samples."""
        begin = round(self.at * rate)
        return begin, max(begin + 1, round((self.at + self.down) * rate))

    def keep(self, positions: np.ndarray, source: Source) -> np.ndarray:
        """Return which samples are not lost."""
        return ~self.on(positions, source.rate)

    def outlets(self, sent: Sequence[Sent], position: float, source: Source) -> list[Sent]:
        """Return the outlets that are open."""
        begin, end = self.span(source.rate)
        if position < begin:
            return list(sent)
        return [] if position < end else [self._changed(sent[0]), *sent[1:]] if sent else []

    def _changed(self, sent: Sent) -> Sent:
        source_id = {"same": sent.source_id, "other": f"{sent.source_id}+", "none": ""}
        labels, columns, middle = sent.labels, sent.columns, len(sent.labels) // 2
        if self.channels == "reordered":
            labels, columns = labels[::-1], columns[::-1]
        elif self.channels == "renamed":
            labels = tuple(f"X{i + 1}" for i in range(len(labels)))
        elif self.channels == "missing":
            labels = labels[:middle] + labels[middle + 1 :]
            columns = columns[:middle] + columns[middle + 1 :]
        elif self.channels == "more":
            labels, columns = (*labels, "EXTRA"), (*columns, columns[0])
        unit, scale = sent.unit, sent.factor
        if self.unit in ("none", "misspelt"):
            unit, scale = ("" if self.unit == "none" else MISSPELT), 1.0
        elif self.unit != "same":
            unit, scale = self.unit, factor(UNIT, self.unit)
        return replace(
            sent,
            start=sent.start + 1,
            source_id=source_id[self.source_id],
            labels=labels,
            columns=columns,
            unit=unit,
            factor=scale,
        )


@dataclass(frozen=True)
class Second(Fault):
    """A second stream of the same name and type appears, and sends the same samples."""

    word: ClassVar[str] = "second"

    source_id: _Identity = "other"

    def outlets(self, sent: Sequence[Sent], position: float, source: Source) -> list[Sent]:
        """Return the outlets that are open."""
        begin, end = self.span(source.rate)
        if not (sent and begin <= position < end):
            return list(sent)
        first = sent[0]
        source_id = {"same": first.source_id, "other": f"{first.source_id}/2", "none": ""}
        double = replace(first, start=first.start + 1000, source_id=source_id[self.source_id])
        return [*sent, double]

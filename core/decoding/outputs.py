"""What a readout says of one window: probabilities of classes, a retrieval, or a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLASSES, RETRIEVAL, SCALE = "classes", "retrieval", "scale"
"""Kinds of tasks."""


@dataclass(frozen=True)
class ClassesOutput:
    """Which class a window belongs to.

    Attributes
    ----------
    classes : tuple of str
    probabilities : tuple of float
        Of each class; they sum to one.
    weights : tuple of (str, float)
        Share of each expert, where a gate weighs several; else empty.
    """

    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    weights: tuple[tuple[str, float], ...] = ()
    kind = CLASSES

    @property
    def values(self) -> tuple[float, ...]:
        """What its stream carries."""
        return self.probabilities

    def as_json(self) -> dict[str, Any]:
        """Return what a log holds of it."""
        told: dict[str, Any] = {
            "kind": self.kind,
            "probabilities": dict(zip(self.classes, self.probabilities, strict=True)),
        }
        return told | ({"weights": dict(self.weights)} if self.weights else {})


@dataclass(frozen=True)
class RetrievalOutput:
    """Which entries of a gallery are nearest to a window.

    Attributes
    ----------
    entries : tuple of str
        Texts or names of pictures.
    similarities : tuple of float
        Cosine of the angle between the window's embedding and each entry's, -1 to 1.
    embedding : tuple of float
        Of the window, of unit length: what a new entry is compared with.
    """

    entries: tuple[str, ...]
    similarities: tuple[float, ...]
    embedding: tuple[float, ...]
    kind = RETRIEVAL

    @property
    def values(self) -> tuple[float, ...]:
        """What its stream carries."""
        return self.similarities

    @property
    def ranking(self) -> tuple[tuple[str, float], ...]:
        """Entries with their similarities, the nearest first."""
        pairs = zip(self.entries, self.similarities, strict=True)
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))

    @property
    def chance(self) -> float:
        """How often guessing names the right entry first."""
        return 1.0 / len(self.entries)

    def as_json(self) -> dict[str, Any]:
        """Return what a log holds of it; the nearest first."""
        return {
            "kind": self.kind,
            "similarities": {entry: round(value, 6) for entry, value in self.ranking},
            "chance": self.chance,
        }


@dataclass(frozen=True)
class ScaleOutput:
    """Where a window lies on a scale.

    Attributes
    ----------
    value : float
    low, high : float
        Interval that holds nine in ten windows of trials that were left out.
    ends : tuple of float
        Smallest and largest value that the readout was fitted with.
    """

    value: float
    low: float
    high: float
    ends: tuple[float, float]
    kind = SCALE

    @property
    def values(self) -> tuple[float, ...]:
        """What its stream carries."""
        return self.value, self.low, self.high

    def as_json(self) -> dict[str, Any]:
        """Return what a log holds of it."""
        return {"kind": self.kind, "value": self.value, "low": self.low, "high": self.high}


Output = ClassesOutput | RetrievalOutput | ScaleOutput
"""What any readout says."""


def as_json(outputs: Mapping[str, Output]) -> dict[str, dict[str, Any]]:
    """Return outputs by task as a log holds them."""
    return {task: output.as_json() for task, output in outputs.items()}

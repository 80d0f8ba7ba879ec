"""Readouts: what several tasks read of the same window, from one pass through the encoder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from core.decoding.embedding_heads import RetrievalHead, ScaleHead
from core.decoding.features import TangentFeatures, TangentStream
from core.decoding.gate import MixtureHead
from core.decoding.outputs import CLASSES, RETRIEVAL, SCALE, ClassesOutput, Output
from core.decoding.segment_powers import SegmentStream
from core.decoding.state_head import StateHead
from core.errors import InputError, one_line

FIRST = "classes"
"""Name of a decoder's first task, where nothing else is said."""

_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def task_name(name: Any) -> str:
    """Return the name of a task, if it can be part of a stream's name.

    Raises
    ------
    InputError
        If it cannot.
    """
    if not isinstance(name, str) or not _TASK.fullmatch(name):
        raise InputError(
            f'A task cannot be called "{one_line(name, 60)}"; choose up to 40 letters, digits, '
            "_ and -, beginning with a letter or digit."
        )
    return name


class ClassHead(Protocol):
    """Whatever gives probabilities of classes."""

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return them, shape (windows, classes), of features, shape (windows, features)."""


@dataclass(frozen=True)
class ReadoutCard:
    """How a readout was fitted, and how good it was found to be.

    Attributes
    ----------
    head : str
        What it uses: "riemann", "encoder" or "hybrid".
    trials : int
    score : float
        Cross-validated, in the words of `measure`.
    chance : float
        95 % bound of guessing.
    measure : str
        "balanced accuracy", "top-1 accuracy" or "correlation".
    fit : dict
        Settings of the fit, such as which event means what.
    """

    head: str
    trials: int
    score: float
    chance: float
    measure: str
    fit: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Readout:
    """A task of a decoder, and the head that reads it from features of a window.

    Attributes
    ----------
    task : str
        Its name.
    classes : tuple of str
        Empty for a retrieval or a scale.
    head : ClassHead, RetrievalHead or ScaleHead
        A `StateHead` reads neither views nor tokens, but a memory of its own.
    tangents : tuple of TangentFeatures
        Views of the covariance that the head uses, before any tokens.
    tokens : bool
        Whether it uses the encoder's tokens.
    card : ReadoutCard
    """

    task: str
    classes: tuple[str, ...]
    head: ClassHead | RetrievalHead | ScaleHead
    tangents: tuple[TangentFeatures, ...]
    tokens: bool
    card: ReadoutCard

    @property
    def kind(self) -> str:
        """Of the task: "classes", "retrieval" or "scale"."""
        if isinstance(self.head, RetrievalHead):
            return RETRIEVAL
        return SCALE if isinstance(self.head, ScaleHead) else CLASSES

    def recentred(self, views: Sequence[TangentFeatures]) -> Readout:
        """Return it with the references of those views that are of the same covariance."""
        tangents = []
        for own in self.tangents:
            same = next((view for view in views if same_covariance(view, own)), own)
            tangents.append(own.at(same.whitener))
        return replace(self, tangents=tuple(tangents))

    def output(self, features: np.ndarray) -> Output:
        """Return what it says of one window's features, shape (features,), or of a memory."""
        if isinstance(self.head, RetrievalHead | ScaleHead):
            return self.head.output(features)
        probabilities = tuple(self.head.probabilities(features[None])[0].tolist())
        if not isinstance(self.head, MixtureHead):
            return ClassesOutput(self.classes, probabilities)
        weights = zip(self.head.names, self.head.weights(features[None])[0].tolist(), strict=True)
        return ClassesOutput(self.classes, probabilities, tuple(weights))


class ReadoutStream:
    """Readouts beside a decoder's first one, of the same stream.

    A covariance that is taken already is not taken again, nor its vector at the same reference, and
    tokens never are.

    Parameters
    ----------
    readouts : sequence of Readout
    taken : sequence of TangentStream
        What the first readout takes of the stream; they are pushed and reset elsewhere.
    """

    def __init__(self, readouts: Sequence[Readout], taken: Sequence[TangentStream]) -> None:
        self._readouts, self._taken = readouts, len(taken)
        self._streams = list(taken)
        self._sources: list[list[int]] = []  # of every readout's views, among the streams
        for readout in readouts:
            sources = []
            for view in readout.tangents:
                alike = (same_covariance(stream.features, view) for stream in self._streams)
                source = next((n for n, same in enumerate(alike) if same), len(self._streams))
                if source == len(self._streams):
                    self._streams.append(view.stream())
                sources.append(source)
            self._sources.append(sources)
        self._given = {
            id(view)
            for readout, sources in zip(readouts, self._sources, strict=True)
            for view, source in zip(readout.tangents, sources, strict=True)
            if np.array_equal(self._streams[source].features.whitener, view.whitener)
        }
        self._recentred = False
        self._memories: dict[str, SegmentStream] = {}  # by task, from the first sample on
        self._states: dict[str, tuple[int, Output]] = {}  # by task: of how many segments, and what

    @property
    def own(self) -> list[TangentStream]:
        """What the first readout does not take."""
        return self._streams[self._taken :]

    def reset(self) -> None:
        """Begin a new run of contiguous samples; what is remembered stays."""
        for stream in self.own:
            stream.reset()
        for memory in self._memories.values():
            memory.reset()

    def recentred(self) -> None:
        """Take the references of the first readout's views from now on, where they are shared."""
        self._recentred = True

    def push(self, samples: np.ndarray) -> list[np.ndarray | None]:
        """Take one hop, shape (hop, channels); return the vectors of the views in `own`."""
        for readout in self._readouts:
            if isinstance(readout.head, StateHead):
                if readout.task not in self._memories:
                    self._memories[readout.task] = readout.head.powers.stream(samples.shape[1])
                self._memories[readout.task].push(samples)
        return [stream.push(samples) for stream in self.own]

    def outputs(
        self, vectors: Sequence[np.ndarray], tokens: np.ndarray | None
    ) -> dict[str, Output]:
        """Return what each task says of the newest window.

        Parameters
        ----------
        vectors : sequence of ndarray
            Of the first readout's views, then of those in `own`.
        tokens : ndarray or None
            Token features.
        """
        outputs: dict[str, Output] = {}
        for readout, sources in zip(self._readouts, self._sources, strict=True):
            if readout.task in self._memories:
                outputs[readout.task] = self._state(readout)
                continue
            blocks = [
                self._vector(view, source, vectors[source])
                for view, source in zip(readout.tangents, sources, strict=True)
            ]
            if readout.tokens:
                assert tokens is not None
                blocks.append(tokens)
            outputs[readout.task] = readout.output(np.concatenate(blocks))
        return outputs

    def _state(self, readout: Readout) -> Output:
        """Return what a memory says, which changes with every segment only."""
        memory = self._memories[readout.task]
        known = self._states.get(readout.task)
        if known is None or known[0] != memory.received:
            known = memory.received, readout.output(memory.memory)
            self._states[readout.task] = known
        return known[1]

    def _vector(self, view: TangentFeatures, source: int, given: np.ndarray) -> np.ndarray:
        if id(view) in self._given or (self._recentred and source < self._taken):
            return given
        vector: np.ndarray = view.of_covariances(self._streams[source].covariance[None])[0]
        return vector


def same_covariance(first: TangentFeatures, second: TangentFeatures) -> bool:
    """Whether two views are of the same covariance, whatever their references are."""
    if first.spatial is None or second.spatial is None:
        alike = first.spatial is second.spatial
    else:
        alike = np.array_equal(first.spatial, second.spatial)
    return (
        alike
        and (first.band, first.rate, first.length) == (second.band, second.rate, second.length)
        and np.array_equal(first.picks, second.picks)
    )

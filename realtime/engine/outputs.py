"""All places that decisions and notes go to; one that fails ends alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from core.errors import InputError, one_line
from core.feed.segments import Segment
from core.stream.description import StreamFacts
from realtime.engine.cued_trials import Cue
from realtime.engine.snapshot import Decision, Snapshot, StreamEvent


class Sink(Protocol):
    """Something that wants every decision: a log, an outlet."""

    def publish(self, decision: Decision) -> None:
        """Take one decision, in the engine's thread."""

    def close(self) -> None:
        """Called once, after the last decision."""


class StreamLogSink(Protocol):
    """Something that wants to know how the stream goes."""

    def note(self, note: StreamEvent, snapshot: Snapshot) -> None:
        """Take what happened, in the engine's thread."""

    def close(self) -> None:
        """Called once, in the end."""


class CueSink(Protocol):
    """Something that wants every marker: a log."""

    def mark(self, cue: Cue) -> None:
        """Take one marker, in the engine's thread."""

    def close(self) -> None:
        """Called once, in the end."""


class SignalListener(Protocol):
    """Something that wants the signal as it was read: a recording."""

    def take(self, segments: Sequence[Segment], facts: StreamFacts) -> Mapping[str, str]:
        """Take the next segments, in the engine's thread, and change nothing in them.

        Returns
        -------
        dict of str to str
            Kind -> sentence, of what is wrong now.
        """

    def close(self) -> None:
        """Called in the end, perhaps twice."""


class _Output(Protocol):
    def close(self) -> None: ...


_O = TypeVar("_O", bound=_Output)


class Outputs:
    """Hands signal, decisions and notes to those who want them, and lets go of whoever fails.

    A full disk or a broken outlet is no reason to stop decoding, nor to keep a decision from the
    others.

    Parameters
    ----------
    sinks : sequence of Sink
        Get every decision, in order.
    stream_logs : sequence of StreamLogSink
        Told how the stream goes, once a second and when something happens to it.
    listeners : sequence of SignalListener
        Get the signal as it is read.
    cue_sinks : sequence of CueSink
        Get every marker.

    Attributes
    ----------
    problems : dict
        Kind -> sentence, of each that failed.
    """

    def __init__(
        self,
        sinks: Sequence[Sink] = (),
        stream_logs: Sequence[StreamLogSink] = (),
        listeners: Sequence[SignalListener] = (),
        cue_sinks: Sequence[CueSink] = (),
    ) -> None:
        self._sinks, self._stream_logs = list(sinks), list(stream_logs)
        self._listeners, self._cue_sinks = list(listeners), list(cue_sinks)
        self.problems: dict[str, str] = {}

    def hear(self, segments: Sequence[Segment], facts: StreamFacts) -> dict[str, str]:
        """Give segments of a stream to every listener; return the problems that are new."""
        return self._give(self._listeners, lambda listener: listener.take(segments, facts))

    def publish(self, decision: Decision) -> dict[str, str]:
        """Give a decision to every sink; return the problems that are new."""
        return self._give(self._sinks, lambda sink: sink.publish(decision))

    def mark(self, cue: Cue) -> dict[str, str]:
        """Give a marker to every cue sink; return the problems that are new."""
        return self._give(self._cue_sinks, lambda sink: sink.mark(cue))

    def note(self, note: StreamEvent, snapshot: Snapshot) -> dict[str, str]:
        """Give a note to every stream_log; return the problems that are new."""
        return self._give(self._stream_logs, lambda log: log.note(note, snapshot))

    def close(self) -> None:
        """Close all that are left."""
        every: tuple[_Output, ...] = (
            *self._listeners,
            *self._sinks,
            *self._cue_sinks,
            *self._stream_logs,
        )
        for output in every:
            _close(output)

    def _give(
        self, outputs: list[_O], give: Callable[[_O], Mapping[str, str] | None]
    ) -> dict[str, str]:
        problems: dict[str, str] = {}
        for output in tuple(outputs):
            try:
                problems |= give(output) or {}
            except Exception as error:
                outputs.remove(output)
                problems |= _failure(output, error)
        new = {kind: words for kind, words in problems.items() if kind not in self.problems}
        self.problems |= problems
        return new


def _failure(output: _Output, error: Exception) -> dict[str, str]:
    """Close an output that failed; return what to say of it."""
    _close(output)
    name = type(output).__name__
    words = (
        str(error)
        if isinstance(error, InputError)
        else f"{name}: {one_line(getattr(error, 'strerror', None) or error)}."
    )
    return {f"output {name}": f"{words} It has stopped; decoding goes on."}


def _close(output: _Output) -> None:
    with suppress(Exception):  # a disk that is full is so when the file is closed, too
        output.close()

"""All places that decisions and notes go to; one that fails ends alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from core.errors import InputError, one_line
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


class Outputs:
    """Hands decisions and notes to those who want them, and lets go of whoever fails.

    A full disk or a broken outlet is no reason to stop decoding, nor to keep a decision from the
    others.

    Parameters
    ----------
    sinks : sequence of Sink
    stream_logs : sequence of StreamLogSink

    Attributes
    ----------
    problems : dict
        Kind -> sentence, of each that failed.
    """

    def __init__(self, sinks: Sequence[Sink], stream_logs: Sequence[StreamLogSink]) -> None:
        self._sinks, self._stream_logs = list(sinks), list(stream_logs)
        self.problems: dict[str, str] = {}

    def publish(self, decision: Decision) -> dict[str, str]:
        """Give a decision to every sink; return the problems that are new."""
        failed: dict[str, str] = {}
        for sink in tuple(self._sinks):
            try:
                sink.publish(decision)
            except Exception as error:
                self._sinks.remove(sink)
                failed |= self._fail(sink, error)
        return failed

    def note(self, note: StreamEvent, snapshot: Snapshot) -> dict[str, str]:
        """Give a note to every stream_log; return the problems that are new."""
        failed: dict[str, str] = {}
        for stream_log in tuple(self._stream_logs):
            try:
                stream_log.note(note, snapshot)
            except Exception as error:
                self._stream_logs.remove(stream_log)
                failed |= self._fail(stream_log, error)
        return failed

    def close(self) -> None:
        """Close all that are left."""
        for sink in self._sinks:
            _close(sink)
        for stream_log in self._stream_logs:
            _close(stream_log)

    def _fail(self, output: Sink | StreamLogSink, error: Exception) -> dict[str, str]:
        _close(output)
        name = type(output).__name__
        words = (
            str(error)
            if isinstance(error, InputError)
            else f"{name}: {one_line(getattr(error, 'strerror', None) or error)}."
        )
        failed = {f"output {name}": f"{words} It has stopped; decoding goes on."}
        self.problems |= failed
        return failed


def _close(output: Sink | StreamLogSink) -> None:
    with suppress(Exception):  # a disk that is full is so when the file is closed, too
        output.close()

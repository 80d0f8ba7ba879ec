"""All places that decisions and notes go to; one that fails ends alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from core.errors import InputError, reason
from realtime.engine.snapshot import Decision, Note, Snapshot


class Sink(Protocol):
    """Something that wants every decision: a log, an outlet."""

    def publish(self, decision: Decision) -> None:
        """Take one decision, in the engine's thread."""

    def close(self) -> None:
        """Called once, after the last decision."""


class Journal(Protocol):
    """Something that wants to know how the stream goes."""

    def note(self, note: Note, snapshot: Snapshot) -> None:
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
    journals : sequence of Journal

    Attributes
    ----------
    problems : dict
        Kind -> sentence, of each that failed.
    """

    def __init__(self, sinks: Sequence[Sink], journals: Sequence[Journal]) -> None:
        self._sinks, self._journals = list(sinks), list(journals)
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

    def note(self, note: Note, snapshot: Snapshot) -> dict[str, str]:
        """Give a note to every journal; return the problems that are new."""
        failed: dict[str, str] = {}
        for journal in tuple(self._journals):
            try:
                journal.note(note, snapshot)
            except Exception as error:
                self._journals.remove(journal)
                failed |= self._fail(journal, error)
        return failed

    def close(self) -> None:
        """Close all that are left."""
        for sink in self._sinks:
            _close(sink)
        for journal in self._journals:
            _close(journal)

    def _fail(self, output: Sink | Journal, error: Exception) -> dict[str, str]:
        _close(output)
        name = type(output).__name__
        words = (
            str(error)
            if isinstance(error, InputError)
            else f"{name}: {reason(getattr(error, 'strerror', None) or error)}."
        )
        failed = {f"output {name}": f"{words} It has stopped; decoding goes on."}
        self.problems |= failed
        return failed


def _close(output: Sink | Journal) -> None:
    with suppress(Exception):  # a disk that is full is so when the file is closed, too
        output.close()

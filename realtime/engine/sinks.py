"""Sinks of decisions and of events of the stream: log files, LSL outlets, stderr."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from core.decoding.embedding_heads import RetrievalHead, ScaleHead
from core.decoding.readouts import Readout
from core.decoding.recentring import DECODER
from core.decoding.storage.reference_file import SUFFIX, save_reference
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.machine.files import new_text_file
from core.program import say
from core.stream.outlets import (
    DecisionOutlet,
    ProbabilityOutlet,
    ScaleOutlet,
    SimilarityOutlet,
    ValueOutlet,
)
from realtime.engine.cued_trials import Cue
from realtime.engine.snapshot import Decision, Snapshot, StreamEvent


class LineFile:
    """A new text file; every line is on its way to the disk when it is written.

    A file that is deleted or moved meanwhile is begun anew at its place, with a word on stderr.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _new_file(path)

    def write(self, line: str) -> None:
        """Write a line.

        Raises
        ------
        InputError
            If the disk is full, say, or another file has taken the place of a deleted one.
        """
        if not self._in_place():
            self._file.close()
            self._file = _new_file(self._path)
            say(f"The log {self._path} was deleted or moved; it begins anew at its place.")
        try:
            self._file.write(line + "\n")
        except OSError as error:
            with suppress(OSError):  # what is left of the line finds no place now either
                self._file.close()
            raise InputError(
                f"The log {self._path} cannot be written any more: {error.strerror}."
            ) from error

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _in_place(self) -> bool:
        """Whether the file's name still leads to it."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False
        except OSError:  # a disk that does not answer: writing tells
            return True


class Log:
    """One JSON line a decision.

    Raises
    ------
    InputError
        As `LineFile` does.
    """

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path)

    def publish(self, decision: Decision) -> None:
        """Write one decision."""
        self._file.write(decision.to_json())

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class ReferenceLog:
    """The reference that a run took from its own signal, in a file beside the log.

    Parameters
    ----------
    log : Path
        Of the decisions; ``live.jsonl`` gets ``live.reference.safetensors`` beside it.
    windows : WindowDecoder
        That makes the decisions.
    """

    def __init__(self, log: Path, windows: WindowDecoder) -> None:
        self._path, self._windows = reference_file(log), windows
        self._written = DECODER

    def publish(self, decision: Decision) -> None:
        """Write the reference of the first decision that is made with it."""
        reference = self._windows.reference
        if reference is not None and self._written != decision.reference == reference.name:
            save_reference(reference, self._path, decision.sample)
            self._written = reference.name

    def close(self) -> None:
        """Nothing to finish."""


class StreamLog:
    """How the stream goes, one JSON line a note, in a file beside the log.

    Parameters
    ----------
    log : Path
        Of the decisions; ``live.jsonl`` gets ``live.stream.jsonl`` beside it.

    Raises
    ------
    InputError
        As `LineFile` does.
    """

    def __init__(self, log: Path) -> None:
        self._file = LineFile(stream_log(log))

    def note(self, note: StreamEvent, snapshot: Snapshot) -> None:
        """Write one note with the stream's numbers."""
        stream = snapshot.stream
        line = {
            "at": note.at,
            "kind": note.kind,
            "text": note.text,
            "status": snapshot.status,
            "source_id": stream.source_id,
            "uid": stream.uid,
            "nominal_rate": stream.nominal_rate,
            "measured_rate": stream.measured_rate,
            "drift_s_per_hour": stream.drift_s_per_hour,
            "lost_samples": stream.lost_samples,
            "dropped_decisions": stream.dropped_decisions,
            "age_p50_ms": stream.age_p50_ms,
            "age_p95_ms": stream.age_p95_ms,
        }
        self._file.write(json.dumps(line))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class CueLog:
    """One JSON line a marker, in a file beside the log of decisions.

    Parameters
    ----------
    log : Path
        Of the decisions; ``live.jsonl`` gets ``live.markers.jsonl`` beside it.
    expected : bool
        Whether there are markers for sure; else the file is begun with the first.

    Raises
    ------
    InputError
        As `LineFile` does.
    """

    def __init__(self, log: Path, expected: bool = True) -> None:
        self._path = cue_log(log)
        self._file = LineFile(self._path) if expected else None

    def mark(self, cue: Cue) -> None:
        """Write one marker."""
        if self._file is None:
            self._file = LineFile(self._path)
        self._file.write(cue_line(cue))

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()


class StderrLog:
    """Tells the person on stderr what happens to the stream.

    Parameters
    ----------
    say : callable
        Takes one line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def note(self, note: StreamEvent, snapshot: Snapshot) -> None:
        """Say what happened; how the stream goes each second is for the log."""
        if note.kind != "stream":
            self._say(note.text)

    def close(self) -> None:
        """Nothing to finish."""


class Outlets:
    """The streams ``EEGPT-Decisions`` and ``EEGPT-Probabilities``, and one for each other task.

    Parameters
    ----------
    readouts : sequence of Readout
        Of the decoder, the first one first.
    rate : float
        Decisions a second.
    correction : callable
        What to add to a decision's time to have it on this machine's LSL clock.
    """

    def __init__(
        self, readouts: Sequence[Readout], rate: float, correction: Callable[[], float]
    ) -> None:
        first, *others = readouts
        self._decisions = DecisionOutlet()
        self._values: dict[str, ValueOutlet] = {first.task: ProbabilityOutlet(first.classes, rate)}
        self._values |= {readout.task: _outlet(readout, rate) for readout in others}
        self._correction = correction

    def publish(self, decision: Decision) -> None:
        """Send one decision and what each task says; a refused window has NaN, not old values."""
        time = decision.time + self._correction()
        self._decisions.push(decision.to_json(), time)
        for task, outlet in self._values.items():
            output = decision.outputs.get(task)
            outlet.push(None if output is None else output.values, time)

    def close(self) -> None:
        """Take the streams off the network: liblsl does so when nobody holds them."""
        del self._decisions, self._values


def _outlet(readout: Readout, rate: float) -> ValueOutlet:
    """Return the outlet of a task beside the first."""
    if isinstance(readout.head, RetrievalHead):
        return SimilarityOutlet(readout.head.gallery.entries, rate, readout.task)
    if isinstance(readout.head, ScaleHead):
        return ScaleOutlet(rate, readout.task)
    return ProbabilityOutlet(readout.classes, rate, readout.task)


def cue_line(cue: Cue) -> str:
    """Return a marker as one line of JSON; `task` only where a feedback task set it."""
    line = {"time": cue.time, "sample": cue.sample, "label": cue.label, "class": cue.name}
    return json.dumps(line | ({"task": cue.task} if cue.task else {}))


def stream_log(log: Path) -> Path:
    """Return where notes on the stream go, beside a log of decisions."""
    return log.with_suffix(f".stream{log.suffix}")


def reference_file(log: Path) -> Path:
    """Return where the reference of a run goes, beside a log of decisions."""
    return log.with_suffix(f".reference{SUFFIX}")


def decoder_file(log: Path) -> Path:
    """Return where a decoder goes that was aligned for a run, beside a log of decisions."""
    return log.with_suffix(f".decoder{SUFFIX}")


def cue_log(log: Path) -> Path:
    """Return where markers go, beside a log of decisions."""
    return log.with_suffix(f".markers{log.suffix}")


def _new_file(path: Path) -> TextIO:
    try:
        return new_text_file(path)
    except FileExistsError:
        raise InputError(f"The log {path} exists already; choose another name.") from None
    except OSError as error:
        raise InputError(f"The log {path} cannot be written: {error.strerror}.") from error

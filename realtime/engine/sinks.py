"""Sinks of decisions and of events of the stream: log files, LSL outlets, stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from core.decoding.adaptation import Adaptation
from core.decoding.embedding_heads import RetrievalHead, ScaleHead
from core.decoding.readouts import Readout
from core.decoding.recentring import DECODER
from core.decoding.storage.reference_file import SUFFIX, save_reference
from core.decoding.window_decoder import WindowDecoder
from core.stream.outlets import (
    DecisionOutlet,
    ProbabilityOutlet,
    ScaleOutlet,
    SimilarityOutlet,
    ValueOutlet,
)
from realtime.engine.adaptation_log import AdaptationLog
from realtime.engine.cued_trials import Cue
from realtime.engine.line_file import LineFile
from realtime.engine.outputs import Sink
from realtime.engine.snapshot import Decision, Snapshot, StreamEvent


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


def log_sinks(log: Path, windows: WindowDecoder, adaptation: Adaptation | None) -> list[Sink]:
    """Return what writes a run's decisions, its reference and its steps of adaptation.

    Parameters
    ----------
    log : Path
        Of the decisions; the others lie beside it.
    windows : WindowDecoder
        That makes the decisions.
    adaptation : Adaptation or None
        Of these windows.

    Raises
    ------
    InputError
        As `LineFile` does.
    """
    sinks: list[Sink] = [Log(log), ReferenceLog(log, windows)]
    return sinks if adaptation is None else [*sinks, AdaptationLog(log, adaptation)]


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
            "at": note.time,
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

"""Recording what is read live, with the recorder of a calibration session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Full, Queue
from threading import Thread

from calibration.recording.bids import BidsRun, next_run
from calibration.recording.recorder import Recorder
from calibration.recording.sidecars import Details
from core.errors import InputError, one_line
from core.feed.segments import Segment
from core.program import say
from core.stream.description import StreamFacts
from realtime.engine.cued_trials import Cue
from realtime.engine.snapshot import Decision

TASK = "online"  # another one than a calibration's, whose runs are fitted together

_DETAILS = Details(description="Motor imagery that was decoded while it was recorded")
_WAITING = 2000  # blocks and decisions, while one run is closed and the next begun
_PATIENCE = 40.0  # s that closing waits for a disk that stalls; the recorder waits for 30


def next_live_run(root: Path, subject: str) -> BidsRun:
    """Return the next run of a person's live recordings, as `calibration.recording.bids.next_run`.

    Raises
    ------
    InputError
        If the label is none, or the folder is no folder or takes no files.
    """
    return next_run(root, subject, task=TASK)


class LiveRecording:
    """Records a live stream and what was decided on it, as runs of a BIDS data set.

    A stream that comes back with the same channels, units and rate goes on in its run, after a
    boundary; one that differs begins the next run.

    Parameters
    ----------
    root : Path
        Folder of the data set.
    subject : str
        Label of the person.
    facts : StreamFacts
        Of the stream, from `Overrides.on`.

    Raises
    ------
    InputError
        As `calibration.recording.recorder.Recorder`.

    Notes
    -----
    Runs are written, closed and begun in threads of their own: `take` and `publish` never wait for
    the disk. Decisions become events where they change, such as ``decision/left_hand``,
    ``decision/none`` where the evidence was not enough, ``decision/idle`` where that means rest, or
    ``decision/gap``, at the last sample of their window; their names are none of a class, so that
    nobody takes one for a cue. Markers become events by their own texts.
    """

    def __init__(self, root: Path, subject: str, facts: StreamFacts) -> None:
        self._root, self._subject = root, subject
        self._ended = ""  # why nothing more is recorded, where the recorder does not know it
        self._recorder = self._begun(facts)
        self._shown = ""  # event of the newest decision
        self._waiting: Queue[tuple[Sequence[Segment], StreamFacts] | Decision | Cue | None]
        self._waiting = Queue(_WAITING)
        self._thread = Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    def take(self, segments: Sequence[Segment], facts: StreamFacts) -> Mapping[str, str]:
        """Record segments of a stream; return what is wrong with the recording."""
        self._put((segments, facts))
        recorder = self._recorder
        if words := self._ended or (recorder.failed and recorder.error):
            return {"recording ended": f"{words} Decoding goes on."}
        return {"recording": recorder.error} if recorder.error else {}

    def publish(self, decision: Decision) -> None:
        """Record a decision, if it is another one than before."""
        self._put(decision)

    def mark(self, cue: Cue) -> None:
        """Record a marker by its own text: of another program, or of a feedback task."""
        self._put(cue)

    def close(self) -> None:
        """Write what is left and close the run. May be called again."""
        if self._thread.is_alive():
            with suppress(Full):
                self._waiting.put(None, timeout=_PATIENCE)
            self._thread.join(_PATIENCE)

    def _put(self, taken: tuple[Sequence[Segment], StreamFacts] | Decision | Cue) -> None:
        if self._ended:
            return
        try:
            self._waiting.put_nowait(taken)
        except Full:
            self._ended = f"The recording ended, for the disk of {self._root} does not answer."

    def _run(self) -> None:
        # Whatever happens here must end in a sentence, not in a thread that is gone.
        try:
            while (taken := self._waiting.get()) is not None:
                if self._recorder.failed:
                    continue
                if isinstance(taken, Decision):
                    self._mark(taken)
                elif isinstance(taken, Cue):
                    self._recorder.event(taken.label, None, taken.time, 0.0)
                else:
                    self._write(*taken)
        except Exception as error:
            words = str(error) if isinstance(error, InputError) else f"{one_line(error)}."
            self._ended = f"The recording ended: {words}"
        self._finish()

    def _write(self, segments: Sequence[Segment], facts: StreamFacts) -> None:
        before = self._recorder.facts
        if (facts.labels, facts.units, facts.rate) != (before.labels, before.units, before.rate):
            say("The stream came back with other channels, units or rate: the next run begins.")
            self._finish()
            self._recorder = self._begun(facts)
            self._shown = ""
        self._recorder.write(segments)

    def _mark(self, decision: Decision) -> None:
        """Write a decision as an event, where it changes."""
        decided = decision.status
        if decision.status == "ok":
            decided = "idle" if decision.idle else "none"
        name = f"decision/{decision.decision or decided}"
        if name != self._shown:
            self._shown = name
            self._recorder.event(name, None, decision.time, 0.0)

    def _begun(self, facts: StreamFacts) -> Recorder:
        recorder = Recorder(next_live_run(self._root, self._subject), facts, _DETAILS)
        say(f"Recording: {recorder.run.file('eeg.vhdr')}")
        return recorder

    def _finish(self) -> None:
        self._recorder.close()
        if self._recorder.error is not None:  # also one of the last moment
            say(self._recorder.error)

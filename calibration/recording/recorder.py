"""Recording a stream in a thread of its own, so that nothing else can slow it down or stop it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Self

from calibration.recording.bids import BidsRun
from calibration.recording.brainvision import plain_name
from calibration.recording.events import EventRow
from calibration.recording.sidecars import Details
from calibration.recording.writing import RunFiles
from core.feed.segments import Segment
from core.machine.files import bytes_free, write_whole
from core.stream.description import StreamFacts

_FLUSH = 0.05  # s between two writes; the promise is 0.2
_SYNC = 0.5  # s between two fsyncs; the promise is 1
_PATIENCE = 30.0  # s that closing waits for a disk that stalls


class Recorder:
    """One run being recorded.

    Parameters
    ----------
    run : BidsRun
        From `calibration.recording.bids.next_run`.
    facts : StreamFacts
        What the stream says about itself. Channels whose unit is a voltage are written in µV,
        others as they come.
    details : Details, optional
        What it does not say.
    memory : float
        Seconds of signal that are kept for a disk that stalls.

    Attributes
    ----------
    error : str or None
        What went wrong, in one sentence; None while all is well.
    failed : bool
        Whether nothing more is recorded, because of `error`.
    dropped_samples : int
        Samples that were left out because the disk did not keep up. Their stamps are missing
        too, so the recording has a break there.
    free_bytes : int
        Free space on the run's disk, as of the last half second.

    Raises
    ------
    InputError
        If the run is there already, two channels have one name, or the folder cannot be written.

    Notes
    -----
    `write` and `event` never wait for the disk and never raise; whoever calls them looks at
    `error` now and then. What they took is in the files within 200 ms and on the disk within a
    second, unless the disk is slow; `behind` says by how much.
    """

    def __init__(
        self, run: BidsRun, facts: StreamFacts, details: Details | None = None, memory: float = 60.0
    ) -> None:
        self.run, self.facts = run, facts
        self.error: str | None = None
        self.failed = False
        self.dropped_samples = 0
        self.free_bytes = bytes_free(run.root)
        self._files = RunFiles(run, facts, details or Details())
        self._capacity = round(memory * facts.rate)  # samples
        self._lock = threading.Lock()
        self._waiting: deque[Segment | EventRow] = deque()  # in the order in which they came
        self._queued = 0  # samples
        self._gap = False  # whether samples were left out just before the next ones
        self._closing = threading.Event()
        # A slow disk may keep the second one waiting, not the first.
        self._writing = threading.Thread(target=self._keep_writing, name="write", daemon=True)
        self._syncing = threading.Thread(target=self._keep_syncing, name="sync", daemon=True)
        self._syncing.start()
        self._writing.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def samples_written(self) -> int:
        """Samples that are in the file, so that they outlive this process."""
        return self._files.samples

    @property
    def seconds(self) -> float:
        """Length of what is in the file."""
        return self.samples_written / self.facts.rate

    @property
    def behind(self) -> float:
        """Seconds of signal that wait for the disk."""
        return self._queued / self.facts.rate

    def write(self, segments: Sequence[Segment]) -> None:
        """Take the next segments, whose times are the sender's own stamps; returns at once."""
        for segment in segments:
            self._take(segment)

    def event(
        self, name: str, code: int | None, time: float, duration: float, trial: int | None = None
    ) -> None:
        """Take an event; returns at once.

        It is written as soon as the sample at its time is, and what was stamped with that. An event
        before the first sample is put there with ``before/`` before its name, so that it is no cue,
        and one after the last sample there; its own time is kept in ``events.tsv``.

        Parameters
        ----------
        name : str
            Such as ``left_hand``.
        code : int or None
            Of the General Data Format, such as 769.
        time : float
            In seconds of the clock that stamps the samples.
        duration : float
            In seconds; 0 for a moment.
        trial : int, optional
            Number of the trial in the plan.
        """
        if self._closing.is_set() or self.failed:
            return
        event = EventRow(-1, plain_name(name), float(duration), code, trial, float(time))
        with self._lock:
            self._waiting.append(event)

    def attach(self, ending: str, content: str) -> Path:
        """Save a text beside the run, in ``sourcedata``.

        Parameters
        ----------
        ending : str
            What the file's name ends with, such as ``plan.json``.
        content : str
            The text.

        Raises
        ------
        InputError
            If it is there already or cannot be written.
        """
        return write_whole(self.run.source(ending), content.encode())

    def close(self) -> None:
        """Write what is left, complete the sidecars and close all files. May be called again."""
        self._closing.set()
        self._writing.join(_PATIENCE)
        if self._writing.is_alive():
            self._fail(
                f"The disk took nothing for {_PATIENCE:g} s; the last {self.behind:.1f} s may be "
                "missing in the recording."
            )

    def _take(self, segment: Segment) -> None:
        shape, count = segment.samples_uv.shape, len(self.facts.labels)
        if self._closing.is_set() or self.failed:
            return
        if shape != (len(segment), count):
            self._fail(
                f"A block of {' x '.join(map(str, shape))} with {len(segment)} stamps came "
                f"from a stream of {count} channels; the recording ended before it."
            )
            return
        with self._lock:
            if self._queued and self._queued + len(segment) > self._capacity:
                self.dropped_samples += len(segment)
                self.error = (
                    f"The disk does not keep up: {self.dropped_samples / self.facts.rate:.1f} s "
                    "of signal are missing in the recording."
                )
                self._gap = True
                return
            if self._gap and not segment.begins:
                segment = replace(segment, begins=True)
            self._gap = False
            self._waiting.append(segment)
            self._queued += len(segment)

    def _keep_writing(self) -> None:
        # Whatever happens here must end in a sentence on the screen, not in a thread that is gone.
        try:
            while not (self._closing.wait(_FLUSH) or self.failed):
                self._write_queued()
            self._write_queued()
            self._files.finish()
        except Exception as error:
            self._fail(self._sentence(error))
        self._syncing.join()
        try:
            self._files.close(cut=self.failed)
        except Exception as error:
            self._fail(self._sentence(error))

    def _keep_syncing(self) -> None:
        try:
            while not (self._closing.wait(_SYNC) or self.failed):
                self._files.sync()
                self.free_bytes = bytes_free(self.run.root)  # a slow disk answers slowly too
        except Exception as error:
            self._fail(self._sentence(error))

    def _write_queued(self) -> None:
        with self._lock:
            waiting = list(self._waiting)
        segments: list[Segment] = []
        # In order: an event's time is by the clock of the samples that came around it.
        for kind, group in groupby(waiting, type):
            taken = list(group)
            if kind is EventRow:
                self._files.add([row for row in taken if isinstance(row, EventRow)])
            else:
                segments = [segment for segment in taken if isinstance(segment, Segment)]
                self._files.write(segments)
        if not segments:
            self._files.settle()
        with self._lock:
            for row_or_segment in waiting:
                self._waiting.popleft()
                if isinstance(row_or_segment, Segment):
                    self._queued -= len(row_or_segment)

    def _fail(self, sentence: str) -> None:
        if not self.failed:
            self.error, self.failed = sentence, True

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, FileNotFoundError) or not self.run.folder.is_dir():
            return f"{self.run.folder} has vanished, and with it what was recorded there."
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        return (
            f"The recording ended, for it cannot be written any more: {reason.rstrip('.')}. "
            f"{self.seconds:.1f} s are saved in {self.run.folder}."
        )

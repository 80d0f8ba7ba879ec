"""Writing the files of one run so that they can be read at every moment.

Order on disk: stamps, samples, rows of events, markers. So whenever the process is killed, a
marker lies within the data and every sample has its stamp. No file of the recording is there
before the first sample, for readers refuse an empty one; the header comes last of the first
block, for what can be seen must be readable.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

import numpy as np

from calibration.recording import sidecars
from calibration.recording.bids import BidsRun, check_inside
from calibration.recording.brainvision import (
    MarkerFile,
    first_segment,
    header,
    plain_label,
    write_all,
)
from calibration.recording.events import (
    BOUNDARY,
    EARLY,
    EventRow,
    events_json,
    events_tsv,
    in_order,
    read_events,
)
from calibration.recording.lock import hold
from core.errors import InputError
from core.feed.segments import Segment
from core.feed.timeline import GrowingTimeline
from core.machine.files import make_folder, new_file, write_whole
from core.stream.description import StreamFacts


class RunFiles:
    """The growing files of a run.

    Parameters
    ----------
    run : BidsRun
        Of which nothing is there yet; its number is taken at once.
    facts : StreamFacts
        What the stream says about itself.
    details : Details
        What it does not say.

    Attributes
    ----------
    samples : int
        Samples that were handed to the system, so that they outlive this process.

    Raises
    ------
    InputError
        If the run is there already, two channels have one name, or the folder cannot be written.
    """

    def __init__(self, run: BidsRun, facts: StreamFacts, details: sidecars.Details) -> None:
        facts = replace(facts, labels=tuple(map(plain_label, facts.labels)))
        twice = sorted({name for name in facts.labels if facts.labels.count(name) > 1})
        if twice:
            raise InputError(
                f"Several channels are named {', '.join(twice)}; a recording tells channels by "
                "name. Name them with --channels."
            )
        self.run, self.facts = run, facts
        self.samples = 0
        self._details = details
        self._timeline = GrowingTimeline(facts.rate)
        self._pending: list[EventRow] = []  # whose sample has not come yet
        self._started = ""  # UTC, once the first sample has come
        self._stamps = self._take_number()
        self._data: FileIO | None = None
        self._events: FileIO | None = None
        self._markers: MarkerFile | None = None

    def write(self, segments: Sequence[Segment]) -> None:
        """Write samples, and the breaks and events that lie among them.

        Parameters
        ----------
        segments : sequence of Segment
            At least one; their times are the stamps as the sender gave them.

        Raises
        ------
        OSError, InputError
            If the system does not take everything.
        """
        start = sample = self.samples
        if not start:
            self._begin()
        assert self._data is not None
        stamps = np.concatenate([segment.times for segment in segments])
        samples_uv = np.concatenate([segment.samples_uv for segment in segments])
        write_all(self._stamps, stamps.astype("<f8").tobytes())
        write_all(self._data, samples_uv.astype("<f4").tobytes())
        self.samples += len(stamps)
        if not start:
            self._show()
        rows: list[EventRow] = []
        for segment in segments:
            if segment.begins and sample:
                if self._timeline.steps_back(segment.time):
                    rows += self._due(wait=False)  # the clock they were timed by is gone
                rows.append(EventRow(sample, BOUNDARY, time=segment.time))
            self._timeline.add(segment.times, follows=not segment.begins)
            rows += self._due()
            sample += len(segment)
        self._write_rows(rows)

    def add(self, events: list[EventRow]) -> None:
        """Write events at the samples of their times, as soon as these are there."""
        self._pending += events
        if self.samples:
            self._write_rows(self._due())

    def settle(self) -> None:
        """Write the events whose sample is there, as the stream pauses, and may have ended."""
        if self.samples:
            self._write_rows(self._due(paused=True))

    def sync(self) -> None:
        """Have the system write to the disk, and see that the files are where they were.

        Raises
        ------
        OSError
            If it cannot.
        FileNotFoundError
            If a file is gone: a deleted file takes everything and keeps nothing.
        """
        for path, file in self._growing():
            os.fsync(file.fileno())
            if not os.path.samestat(os.stat(path), os.fstat(file.fileno())):
                raise FileNotFoundError(None, "it was replaced", str(path))

    def finish(self) -> None:
        """Write the events that still wait, at the last sample."""
        if self.samples:
            self._write_rows(self._due(wait=False))
        self.sync()

    def close(self, cut: bool) -> None:
        """Close what grows, and complete the sidecars now that the length is known.

        Parameters
        ----------
        cut : bool
            Whether to cut what was half written, after a failure.
        """
        frame = 4 * len(self.facts.labels)  # bytes
        try:
            for file, size in ((self._stamps, 8), (self._data, frame)):
                if cut and file is not None:
                    file.truncate(size * self.samples)
            for _, file in self._growing()[1:]:
                file.close()
            if self.samples:
                self._complete()
        finally:
            self._stamps.close()  # the last: while it is open, the run is being written

    def _take_number(self) -> FileIO:
        """Write what comes before the first sample, and see that the folders take files."""
        run = self.run
        if run.exists():
            raise InputError(f"{run.name} exists already in {run.root}; it is left as it is.")
        check_inside(run)
        try:
            make_folder(run.folder)
            make_folder(run.source_folder)
            sidecars.begin_dataset(run.root)
            write_whole(attempt := run.folder / f".{run.name}.part", b"")
            attempt.unlink()
            stamps = new_file(run.source("stamps.f64"))
        except OSError as error:
            raise InputError(
                f"{run.folder} cannot be written: {error.strerror or error}."
            ) from error
        hold(stamps)
        return stamps

    def _begin(self) -> None:
        """Write everything that stands around the samples, but the header."""
        run, facts = self.run, self.facts
        self._started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for path, content in (
            (run.source("stamps.json"), sidecars.stamps_json(facts, self._started)),
            (run.file("channels.tsv"), sidecars.channels_tsv(facts)),
            (run.file("eeg.json"), sidecars.eeg_json(run, facts, self._details)),
            (run.file("events.json"), events_json()),
        ):
            write_whole(path, content)
        self._events = new_file(run.file("events.tsv"))
        write_all(self._events, events_tsv([], facts.rate))
        self._markers = MarkerFile(run.file("eeg.vmrk"), f"{run.name}_eeg")
        self._data = new_file(run.file("eeg.eeg"))

    def _show(self) -> None:
        """Make the run visible to readers, now that its first samples are there."""
        assert self._markers is not None
        self._markers.add(first_segment(self._started))
        facts = self.facts
        head = header(f"{self.run.name}_eeg", facts.labels, facts.units, facts.rate)
        write_whole(self.run.file("eeg.vhdr"), head)
        self._name_in(sidecars.participant(self.run))

    def _name_in(self, table: sidecars.Row) -> None:
        """Add a row to a table of the data set; one that is no table of ours is not worth a run."""
        with suppress(OSError, ValueError):  # `check` says it
            table.add()

    def _due(self, wait: bool = True, paused: bool = False) -> list[EventRow]:
        """Take those events out of the ones that wait whose sample has come, and place them."""
        has = self._timeline.has
        due = [event for event in self._pending if not wait or has(event.time, paused)]
        self._pending = [event for event in self._pending if event not in due]
        return [self._placed(event) for event in due]

    def _placed(self, event: EventRow) -> EventRow:
        """Return an event at its sample; one from before the first is no cue there any more."""
        early = self._timeline.precedes(event.time)
        name = f"{EARLY}{event.name}" if early else event.name
        return replace(event, name=name, sample=self._timeline.sample_at(event.time))

    def _write_rows(self, rows: list[EventRow]) -> None:
        """Write events, each to its table first, for a marker alone says less."""
        if not rows:
            return
        assert self._events is not None
        assert self._markers is not None
        for row in in_order(rows):
            write_all(self._events, row.line(self.facts.rate))
            self._markers.add(row.marker(self.facts.rate))

    def _growing(self) -> list[tuple[Path, FileIO]]:
        """Return the open files, data before what points into it."""
        run = self.run
        markers = None if self._markers is None else self._markers.file
        files = (
            (run.source("stamps.f64"), self._stamps),
            (run.file("eeg.eeg"), self._data),
            (run.file("events.tsv"), self._events),
            (run.file("eeg.vmrk"), markers),
        )
        return [(path, file) for path, file in files if file is not None]

    def _complete(self) -> None:
        run = self.run
        rows = read_events(run.file("events.tsv").read_bytes())
        if rows != (ordered := in_order(rows)):
            # An event that was told late stands behind later ones.
            table = events_tsv(ordered, self.facts.rate)
            write_whole(run.file("events.tsv"), table, overwrite=True)
        self._name_in(sidecars.scan(run, self._started))
        # The last: it says that the run was closed.
        path = run.file("eeg.json")
        complete = sidecars.with_duration(path.read_bytes(), self.samples / self.facts.rate)
        write_whole(path, complete, overwrite=True)

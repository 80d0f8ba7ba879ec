"""What has to be known before the first cue: the stream, the person, the place on the disk."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from calibration.doubts import doubts
from calibration.recording.bids import BidsRun, next_run, recorded_runs
from calibration.session.acquisition import Acquisition
from calibration.session.setup_state import (
    ChannelRow,
    SetupState,
    channel_rows,
    implausible_stream,
)
from core.errors import InputError
from core.machine.files import bytes_free
from core.signal.monitor import ChannelStatus, Traces
from core.stream.boards import motor_words
from core.stream.description import FoundStream, StreamFacts
from core.stream.discovery import list_streams
from core.stream.inlet import Inlet
from core.stream.kept_names import with_kept_names
from core.stream.stream_feed import Overrides
from core.suggestions import did_you_mean

_BYTES = 12  # of a sample of one channel on the disk, with all that goes with it, at most


@dataclass(frozen=True)
class Person:
    """Labels as they were typed; an empty run is the next free one."""

    subject: str = ""
    session: str = ""
    run: str = ""


class Setup:
    """Opens the stream that is chosen, and checks the labels that are typed.

    Parameters
    ----------
    root : Path
        Folder of the data set.
    seconds : float
        How long the run will take.
    person : Person
        From the command line.
    overrides : Overrides
    known : sequence of str
        Electrodes that the encoder knows.
    home : Path, optional
        The programs' folder, with the names that were kept for streams.
    alone : str
        What is to be said where the session has no run yet.

    Attributes
    ----------
    sent : StreamFacts or None
        What the chosen stream says of itself.
    """

    def __init__(
        self,
        root: Path,
        seconds: float,
        person: Person,
        overrides: Overrides,
        known: Sequence[str],
        home: Path | None = None,
        alone: str = "",
    ) -> None:
        self.acquisition: Acquisition | None = None
        self.sent: StreamFacts | None = None
        self.home = home
        self._alone = alone
        self._stream: FoundStream | None = None
        self.person = person
        self._root, self._seconds = root, seconds
        self._given, self._known = overrides, known
        self._overrides = overrides  # with what was kept for the stream
        self._problem = ""
        self._rows: tuple[ChannelRow, ...] = ()
        self._missing: tuple[str, ...] = ()
        self._opening: threading.Thread | None = None
        self._looked_up = ("", "")
        self._judged: tuple[tuple[ChannelStatus, ...], str] = ((), "")

    def list_streams(self) -> Sequence[FoundStream]:
        """Return the signals on the network."""
        return [stream for stream in list_streams() if stream.is_signal]

    def choose_stream(self, stream: FoundStream) -> None:
        """Take a stream; connecting goes on in the background."""
        before = self._opening
        self._opening = threading.Thread(target=self._open, args=(stream, before), daemon=True)
        self._opening.start()

    def open(self, stream: FoundStream) -> Acquisition:
        """Open a stream now.

        Raises
        ------
        InputError
            If it cannot be used.
        """
        self._stream = stream
        inlet = Inlet(stream)
        self.sent, self._overrides = inlet.facts, self._given
        try:
            if self.home is not None:
                self._overrides = with_kept_names(self._given, inlet.facts, self.home)
            acquisition = Acquisition(inlet, self._overrides)
        except InputError:
            inlet.close()
            raise
        facts = acquisition.facts
        try:
            self._rows, self._missing = channel_rows(facts.labels, facts.units, self._known)
        except InputError:
            acquisition.close()
            raise
        self.acquisition, self._problem = acquisition, ""
        return acquisition

    def refuse(self, words: str) -> None:
        """Say why the stream that was asked for cannot be used, until one is chosen."""
        self._problem = words

    def choose_again(self) -> None:
        """Open the stream anew, with the names that were kept meanwhile."""
        if self._stream is not None:
            self.choose_stream(self._stream)

    def name_person(self, subject: str, session: str, run: str) -> None:
        """Take labels as they were typed."""
        self.person = Person(subject, session, run)

    def new_subject(self) -> str:
        """Return the first number that is nobody's label in the folder yet."""
        owners = {run.subject for run in recorded_runs(self._root)}
        return next(label for n in count(1) if (label := f"{n:02d}") not in owners)

    def run(self) -> BidsRun:
        """Return where the person's run will be.

        Raises
        ------
        InputError
            If a label follows no rule, or the run is there already.
        """
        person = self.person
        if person.run and not person.run.isdecimal():
            raise InputError(f'Run "{person.run}" is not a valid run number; give 1 or more.')
        number = int(person.run) if person.run else None
        return next_run(self._root, person.subject, person.session, number)

    def state(self) -> SetupState:
        """Return what is known right now; nothing of a stream while another one is opened."""
        opening = self._opening is not None and self._opening.is_alive()
        acquisition = None if opening else self.acquisition
        problem, run = "", None
        if self.person.subject:
            try:
                run = self.run()
            except InputError as error:
                problem = str(error)
        state = SetupState(
            subject=self.person.subject,
            session=self.person.session,
            run="" if run is None else f"{run.number:02d}",
            folder=str(self._root),
            free_bytes=bytes_free(self._root),
            minutes=self._seconds / 60.0,
            stream_problem=self._problem,
            person_problem=problem,
        )
        if acquisition is None:
            return state
        facts = acquisition.facts
        return replace(
            state,
            stream=facts.identity.name,
            host=facts.identity.host,
            rate=facts.rate,
            live=acquisition.live,
            rows=self._rows,
            missing=self._missing,
            channels=acquisition.channels,
            needed_bytes=round(self._seconds * facts.rate * len(facts.labels) * _BYTES),
            stream_problem=self._problem or acquisition.failure or self._implausible(acquisition),
            doubts=self._doubts(),
            motor=motor_words(facts.labels),
            remarks=(
                *filter(None, [self._stranger()]),
                *filter(None, [self._alone if run is not None and run.number == 1 else ""]),
                *facts.warnings,
                *filter(None, [acquisition.doubt]),
            ),
        )

    def _implausible(self, acquisition: Acquisition) -> str:
        """Return what is wrong with the amplitude; looked at when channels are judged anew."""
        channels, words = self._judged
        if channels is not acquisition.channels:
            rate = acquisition.facts.rate
            words = implausible_stream(acquisition.monitor.raw(), rate, self._rows)
            self._judged = acquisition.channels, words
        return words

    def _stranger(self) -> str:
        """Ask about a person who has no run, if there is one with nearly the same label."""
        subject = self.person.subject.removeprefix("sub-")
        if self._looked_up[0] != subject:
            owners = [run.subject for run in recorded_runs(self._root)]
            meant = did_you_mean(subject, owners) if subject not in owners else ""
            words = f"Subject {subject} has no run here yet.{meant}" if meant else ""
            self._looked_up = subject, words
        return self._looked_up[1]

    def _doubts(self) -> tuple[str, ...]:
        units = dict.fromkeys(row.unit for row in self._rows if row.electrode is not None)
        given = self._overrides
        unit = " or ".join(filter(None, units)) or "unknown"
        known = given.unit is not None or any(given.units or ())
        return doubts(given.channels is not None, unit, known)

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all channels, oldest first."""
        if self.acquisition is None:
            return Traces(np.empty(0), np.empty((0, 0)))
        return self.acquisition.traces(seconds)

    def raw(self) -> np.ndarray:
        """Return the newest two seconds as received, shape (samples, channels), in µV."""
        return np.empty((0, 0)) if self.acquisition is None else self.acquisition.monitor.raw()

    def close(self) -> None:
        """Let the stream go."""
        if self._opening is not None:
            self._opening.join()
        if self.acquisition is not None:
            self.acquisition.close()

    def _open(self, stream: FoundStream, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        if self.acquisition is not None:
            self.acquisition.close()
            self.acquisition = None
        try:
            self.open(stream)
        except InputError as error:
            self._problem = str(error)

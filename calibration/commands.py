"""The subcommands that have to do with sessions: run, resume, check and timing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from calibration.paradigm.flags import ParadigmFlags
from core.errors import InputError, show

if TYPE_CHECKING:
    from calibration.paradigm.plan import Plan
    from calibration.session.running import Options
    from core.stream.discovery import StreamQuery


@dataclass(frozen=True)
class StreamFlags:
    """Which stream, and what is known better than it says."""

    stream: str = "EEG"
    """Name of the stream, else its type."""
    type: str | None = None
    """Type of the stream, if the name is not enough."""
    source_id: str | None = None
    """Its source_id, if name and type are not enough."""
    host: str | None = None
    """The machine that sends it, if several do."""
    channels: str | None = None
    """Names for the stream's channels, in order, separated by commas."""
    unit: str | None = None
    """Unit of the stream's values, such as uV, instead of what the stream says."""
    timeout: float = 5.0
    """Seconds to look for the stream."""
    local: bool = False
    """Keep LSL to this machine: what is sent and what is found."""

    def keep_where_told(self) -> None:
        """Keep LSL to this machine, if that was asked for; before anything else of LSL."""
        if self.local:
            from core.stream.local import keep_local

            keep_local()

    @property
    def query(self) -> StreamQuery:
        """The question to the network."""
        from core.stream.discovery import StreamQuery

        return StreamQuery.matching(
            self.stream, type=self.type, source_id=self.source_id, host=self.host
        )


@dataclass(frozen=True)
class SessionFlags:
    """Whose session it is, where it goes, and how the decoder is fitted."""

    subject: str = ""
    """Whose it is: letters and digits. Asked for if left out."""
    session: str = ""
    """Label of the session, if the person has several."""
    data: Path | None = None
    """Folder of the BIDS data set; by default "recordings" in the programs' folder."""
    encoder: str = "starter"
    """Encoder by name (starter, untrained, eegpt) or path."""
    head: str = "auto"
    """encoder, riemann, hybrid, or auto: the best by nested cross-validation."""
    prior: tuple[Path, ...] = ()
    """What to start from: recordings, or folders of them, of earlier sessions or other people, with
    the same events; decoders; prior files; population, for the one that comes with the program; or
    none. By default auto starts from the population where it tells left from right hand."""
    refine: bool = False
    """Afterwards train filter and probe through the frozen encoder, for minutes, and keep them as
    another decoder if they do better."""
    mains: float | None = None
    """Mains frequency in Hz (50 or 60): filtered out, and noted with the recording."""
    recorded_against: str = ""
    """Electrode that the amplifier measured against, for the recording's description."""
    amplifier: str = ""
    """Manufacturer and model, for the recording's description."""
    no_setup: bool = False
    """Begin at once, without the first screen."""
    windowed: bool = False
    """Show the cues in a window instead of full screen."""
    leave: bool = False
    """Close the windows as soon as the decoder is there."""
    speed: float = 1.0
    """Run the clock so much faster, with a stream that does too: for rehearsals."""
    home: Path | None = None
    """The programs' folder, instead of EEGPT_HOME or the platform's data folder."""


@dataclass(frozen=True)
class RunCommand:
    """Take a person through cued imagery, record it, and fit a decoder. The default.

    Example: eegpt-calibrate --stream EEG --subject 01
    """

    stream: tyro.conf.OmitArgPrefixes[StreamFlags] = field(default_factory=StreamFlags)
    person: tyro.conf.OmitArgPrefixes[SessionFlags] = field(default_factory=SessionFlags)
    timing: tyro.conf.OmitArgPrefixes[ParadigmFlags] = field(default_factory=ParadigmFlags)
    paradigm: Path | None = None
    """YAML file with changes to the paradigm; flags change it further."""
    run: str = ""
    """Number of the run; by default the next free one."""
    seed: int | None = None
    """Seed of the trials' order; by default a new one. It is saved with the recording."""

    def execute(self) -> int:
        """Record a new run."""
        from calibration.paradigm.model import load_paradigm
        from calibration.paradigm.plan import new_plan

        paradigm = load_paradigm(self.paradigm, vars(self.timing))
        return _record(self.stream, self.person, new_plan(paradigm, self.seed), self.run)


@dataclass(frozen=True)
class ResumeCommand:
    """Go on with the trials that an interrupted run left, as a new run.

    Example: eegpt-calibrate resume --stream EEG --subject 01
    """

    stream: tyro.conf.OmitArgPrefixes[StreamFlags] = field(default_factory=StreamFlags)
    person: tyro.conf.OmitArgPrefixes[SessionFlags] = field(default_factory=SessionFlags)

    def execute(self) -> int:
        """Repair what a crash left, and record the rest."""
        from calibration.checking import repair
        from calibration.paradigm.plan import unfinished
        from calibration.recording.bids import next_run

        root = _data_folder(self.person.data, self.person.home)
        if not self.person.subject:
            raise InputError("Say whose run is to be resumed, with --subject.")
        after = next_run(root, self.person.subject, self.person.session)
        if (root / "dataset_description.json").is_file():
            for sentence in repair(root):
                show(sentence)
        plan, run = unfinished(after)
        print(f"Run {run.number} left {len(plan.trials)} trials; going on as run {after.number}.")
        return _record(self.stream, self.person, plan, "")


@dataclass(frozen=True)
class CheckCommand:
    """Validate a data set, and mend what a crash left of its runs.

    Example: eegpt-calibrate check
    """

    folder: tyro.conf.Positional[Path | None] = None
    """Folder of the data set; by default "recordings" in the programs' folder."""
    only_look: bool = False
    """Mend nothing."""
    home: Path | None = None
    """The programs' folder, instead of EEGPT_HOME or the platform's data folder."""

    def execute(self) -> int:
        """Repair and validate; 2 if something is wrong with it."""
        from calibration.checking import check, repair

        folder = _data_folder(self.folder, self.home)
        done = [] if self.only_look else repair(folder)
        findings = check(folder)
        left = {finding.text for finding in findings}
        for sentence in done:
            if sentence not in left:
                show(sentence)
        for finding in findings:
            show(f"{finding.kind}: {finding.text}")
        bad = sum(finding.kind in ("error", "broken") for finding in findings)
        show(f"{folder}: {'valid' if not bad else f'{bad} errors'}.")
        return 2 if bad else 0


@dataclass(frozen=True)
class TimingCommand:
    """Measure when cues are seen: flashes a square, and compares stamps with a photodiode.

    Example: eegpt-calibrate timing --stream EEG --photodiode AUX1
    """

    stream: tyro.conf.OmitArgPrefixes[StreamFlags] = field(default_factory=StreamFlags)
    photodiode: str | None = None
    """Channel of the stream that the photodiode is on; without it, stamps are compared with the
    rhythm of frames."""
    flashes: int = 100
    """How many."""
    corner: str = "bottom_left"
    """Where the square is: top_left, top_right, bottom_left or bottom_right."""
    limits: Path | None = None
    """YAML file with limits to pass: latency, spread, missed, frame_spread, dropped."""
    out: Path | None = None
    """Write the result to this new file, as JSON; by default beside the recordings."""
    windowed: bool = False
    """Flash in a window instead of full screen."""
    data: Path | None = None
    """Folder of the BIDS data set; by default "recordings" in the programs' folder."""
    home: Path | None = None
    """The programs' folder, instead of EEGPT_HOME or the platform's data folder."""

    def execute(self) -> int:
        """Run the test; 1 if it was not passed."""
        from calibration.timing.measuring import measure

        self.stream.keep_where_told()
        return measure(self, _data_folder(self.data, self.home))


COMMANDS = {
    "run": RunCommand,
    "resume": ResumeCommand,
    "check": CheckCommand,
    "timing": TimingCommand,
}


def _data_folder(given: Path | None, home: Path | None) -> Path:
    from core.machine.home import home_folder

    return given.expanduser() if given is not None else home_folder(home) / "recordings"


def _record(stream: StreamFlags, person: SessionFlags, plan: Plan, run: str) -> int:
    from calibration.session.running import run_session

    stream.keep_where_told()
    return run_session(_options(stream, person, run), plan)


def _options(stream: StreamFlags, person: SessionFlags, run: str) -> Options:
    from calibration.fitting import FitSettings
    from calibration.recording.sidecars import Details
    from calibration.session.acquisition import Overrides
    from calibration.session.running import Options
    from calibration.session.setup import Person
    from core.machine.home import home_folder
    from core.signal.filtering import Band, mains

    if not person.speed > 0:
        raise InputError(f"--speed is {person.speed:g}; it must be above 0.")
    if person.no_setup and not person.subject:
        raise InputError("Say whose session this is, with --subject.")
    names, home = None, home_folder(person.home)
    if stream.channels is not None:
        names = tuple(name.strip() for name in stream.channels.split(","))
    return Options(
        query=stream.query,
        person=Person(person.subject, person.session, run),
        root=_data_folder(person.data, person.home),
        home=home,
        overrides=Overrides(names, stream.unit, person.speed),
        details=Details(
            reference=person.recorded_against,
            power_line=person.mains,
            manufacturer=person.amplifier,
        ),
        fit=FitSettings(
            person.encoder, person.head, band=Band(notch=mains(person.mains)), home=home
        ),
        prior=person.prior,
        refine=person.refine,
        timeout=stream.timeout,
        ask=not person.no_setup,
        windowed=person.windowed,
        leave=person.leave,
        speed=person.speed,
    )

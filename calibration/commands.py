"""The subcommands that have to do with sessions: run, resume, check and timing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from calibration.options import SessionFlags, StreamFlags, TimingFlags, resume_command
from calibration.paradigm.flags import ParadigmFlags
from core.command_line import ProgramOptions
from core.errors import InputError
from core.program import write_line

if TYPE_CHECKING:
    from calibration.paradigm.plan import Plan
    from calibration.session.app import SessionOptions
    from core.stream.description import StreamIdentity


@dataclass(frozen=True)
class RunCommand(ProgramOptions):
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
    """Seed of what is random: the order of the trials. By default a new one; it is saved with the
    recording."""

    def execute(self) -> int:
        """Record a new run."""
        from calibration.paradigm.model import load_paradigm
        from calibration.paradigm.plan import new_plan

        paradigm = load_paradigm(self.paradigm, self.timing.changes)
        return _record(self.stream, self.person, new_plan(paradigm, self.seed), self.run)


@dataclass(frozen=True)
class ResumeCommand(ProgramOptions):
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
                write_line(sentence)
        plan, run = unfinished(after)
        print(f"Run {run.number} left {len(plan.trials)} trials; going on as run {after.number}.")
        return _record(self.stream, self.person, plan, "")


@dataclass(frozen=True)
class CheckCommand(ProgramOptions):
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
                write_line(sentence)
        for finding in findings:
            write_line(f"{finding.kind}: {finding.text}")
        bad = sum(finding.kind in ("error", "broken") for finding in findings)
        write_line(f"{folder}: {'valid' if not bad else f'{bad} errors'}.")
        return 2 if bad else 0


@dataclass(frozen=True)
class TimingCommand(TimingFlags, ProgramOptions):
    """Measure when cues are seen: flashes a square, and compares stamps with a photodiode.

    Example: eegpt-calibrate timing --stream EEG --photodiode AUX1
    """

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
    from ui.display import dress

    dress(person.theme, person.scale)
    stream.keep_where_told()
    from calibration.session.app import run_session

    return run_session(_options(stream, person, run), plan)


def _options(stream: StreamFlags, person: SessionFlags, run: str) -> SessionOptions:
    from calibration.recording.sidecars import Details
    from calibration.session.app import SessionOptions
    from calibration.session.setup import Person
    from core.machine.files import check_folder
    from core.machine.home import home_folder
    from core.montage import names_in
    from core.stream.stream_feed import Overrides

    home = check_folder(home_folder(person.home), "--home")
    root = check_folder(_data_folder(person.data, person.home), "--data")
    if not person.speed > 0:
        raise InputError(f"--speed is {person.speed:g}; it must be above 0.")
    if person.no_setup and not person.subject:
        raise InputError("Say whose session this is, with --subject.")
    return SessionOptions(
        query=stream.query,
        person=Person(person.subject, person.session, run),
        root=root,
        home=home,
        overrides=Overrides(names_in(stream.channels), stream.unit, speed=person.speed),
        details=Details(
            reference=person.recorded_against,
            power_line=person.fit.notch,
            manufacturer=person.amplifier,
        ),
        fit=person.fit.settings(home),
        prior=person.fit.prior,
        refine=person.fit.refine,
        timeout=stream.timeout,
        ask=not person.no_setup,
        windowed=person.windowed,
        leave=person.leave,
        speed=person.speed,
        resume=lambda name, subject, session: resume_command(
            # As the first screen may have changed them.
            stream if stream.stream == name else replace(stream, stream=name),
            replace(person, subject=subject, session=session),
        ),
        decode=partial(_decode_flags, stream, person),
    )


def _decode_flags(
    stream: StreamFlags, person: SessionFlags, identity: StreamIdentity, decoder: Path
) -> list[str]:
    """Return the arguments of ``eegpt-realtime`` that decode a session's stream."""
    known = {"channels": stream.channels, "unit": stream.unit, "home": person.home}
    more = [f"--{flag}={value}" for flag, value in known.items() if value is not None]
    return [*identity.flags, f"--decoder={decoder}", *more, *["--local"] * stream.local]

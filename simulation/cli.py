"""The command ``eegpt-stream``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import tyro

from core.command_line import ProgramOptions, parse_command
from core.errors import InputError, check_number
from core.machine.files import new_text_file
from core.program import print_version, run_command_line, say, write_line

PROGRAM = "eegpt-stream"


@dataclass(frozen=True)
class Replay(ProgramOptions):
    """Send recordings as one LSL stream, and their events as the stream NAME-Markers."""

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Recordings of any format that eegpt-calibrate fit reads, sent one after another."""
    name: str = "EEG"
    """Name of the stream; its type is EEG."""
    speed: float = 1.0
    """Times real time."""
    chunk: int | None = None
    """Samples sent at once; by default 32 ms of signal."""
    no_wait: bool = False
    """Start at once, without waiting for a first receiver."""
    loop: bool = False
    """Begin again after the last file, until Ctrl+C."""
    unit: str | None = None
    """Unit of the values, such as uV: of recordings that do not say it."""
    stream: str | None = None
    """Name of the stream, else its type: of XDF files that have several."""
    local: bool = False
    """Keep LSL to this machine: what is sent."""
    fault: tuple[str, ...] = ()
    """What goes wrong on purpose, such as lose:samples=50,at=12 (docs/faults.md names them all)."""
    truth: Path | None = None
    """Write what was sent, and which faults were done when, to this new file, one JSON a line."""


@dataclass(frozen=True)
class Simulate(ProgramOptions):
    """Send a simulated subject as an LSL stream, until Ctrl+C."""

    name: str = "EEG"
    """Name of the stream; its type is EEG."""
    seed: int = 0
    """Seed of what is random: each is a subject with a head and rhythms of its own."""
    rate: float = 250.0
    """Sampling rate in Hz."""
    markers: str | None = None
    """Marker stream whose cues it follows: left_hand, right_hand, feet, tongue or their GDF codes
    769 to 772 start imagery, 800 and others end it."""
    duration: float | None = None
    """Seconds after which it ends by itself."""
    run: int = 0
    """Which of the subject's recordings this is: runs differ by chance alone."""
    channels: str | None = None
    """Names of the channels, in order, separated by commas: those to send; by default 32 of the
    10-10 system."""
    speed: float = 1.0
    """Live so much faster: stamps are those of the LSL clock times this."""
    record: Path | None = None
    """Write what was sent when, and which markers came, to this new file, one JSON a line."""
    local: bool = False
    """Keep LSL to this machine: what is sent."""
    fault: tuple[str, ...] = ()
    """What goes wrong on purpose, such as lose:samples=50,at=12 (docs/faults.md names them all)."""
    truth: Path | None = None
    """Write what was sent, and which faults were done when, to this new file, one JSON a line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with command line arguments, and return its exit code."""
    return run_command_line(PROGRAM, argv, _run)


def _run(given: list[str]) -> None:
    if given[:1] == ["--version"]:
        print_version(PROGRAM)
        return
    command = parse_command(
        {"replay": Replay, "simulate": Simulate}, PROGRAM, given, "Send EEG as an LSL stream."
    )
    if command.local:
        from core.stream.local import keep_local

        keep_local()  # before anything else of LSL
    if isinstance(command, Replay):
        _replay(command)
    else:
        _simulate(command)


def _replay(settings: Replay) -> None:
    from core.recordings import print_notes, read_recordings
    from simulation.faults.spec import parse_all
    from simulation.player import replay

    faults = parse_all(settings.fault)
    recordings = read_recordings(settings.files, settings.unit, settings.stream, eog=True)
    print_notes(recordings)
    with _Diary(settings.truth) as truth:
        replay(
            recordings,
            settings.name,
            chunk=settings.chunk,
            speed=settings.speed,
            wait=not settings.no_wait,
            loop=settings.loop,
            say=write_line,
            faults=faults,
            truth=truth.note,
        )


def _simulate(settings: Simulate) -> None:
    import threading

    from core.electrodes import electrode
    from core.montage import match
    from simulation.cues import follow_cues
    from simulation.faults.spec import parse_all
    from simulation.player import simulate
    from simulation.synthetic import LABELS, SimulatedSubject

    faults = parse_all(settings.fault)
    labels = LABELS
    if settings.channels is not None:
        labels = tuple(name.strip() for name in settings.channels.split(","))
        match(labels, [name for name in map(electrode, labels) if name])  # none is there twice
    check_number("--seed", settings.seed, 0, 2**32 - 1)
    check_number("--run", settings.run, 0, 2**32 - 1)
    check_number("--rate", settings.rate, 1.0, 100_000.0, " Hz")
    subject = SimulatedSubject(settings.seed, settings.rate, labels, settings.run)
    stop = threading.Event()
    with _Diary(settings.record) as diary, _Diary(settings.truth) as truth:
        follower = None
        if settings.markers is not None:
            follower = threading.Thread(
                target=follow_cues, args=(subject, settings.markers, stop, diary.note)
            )
            follower.start()
            write_line(f'Following the cues of the marker stream "{settings.markers}".')
        try:
            simulate(
                subject,
                settings.name,
                duration=settings.duration,
                stop=stop,
                say=write_line,
                speed=settings.speed,
                note=diary.note,
                faults=faults,
                truth=truth.note,
            )
        finally:
            stop.set()
            if follower is not None:
                follower.join()


class _Diary:
    """A new file with one JSON a line; nothing at all without a path."""

    def __init__(self, path: Path | None) -> None:
        self._file = None
        if path is not None:
            try:
                self._file = new_text_file(path)
            except FileExistsError:
                raise InputError(f"{path} exists already; choose another name.") from None
            except OSError as error:
                raise InputError(f"{path} cannot be written: {error.strerror}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def note(self, fact: dict[str, Any]) -> None:
        """Write a line at once."""
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(fact) + "\n")
            self._file.flush()
        except OSError as error:
            say(f"{self._file.name} cannot be written any more: {error.strerror}. Sending goes on.")
            with suppress(OSError):
                self._file.close()
            self._file = None


if __name__ == "__main__":
    sys.exit(main())

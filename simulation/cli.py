"""The command ``eegpt-stream``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import tyro

from core.errors import InputError, check_number, run, show
from core.machine.files import new_text_file
from core.machine.threads import share_cores

PROGRAM = "eegpt-stream"


@dataclass(frozen=True)
class Replay:
    """Send recordings as one LSL stream, and their events as the stream NAME-Markers."""

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Recordings that MNE or pyxdf can read, sent one after another."""
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
    """Unit of an XDF stream that does not say it, such as uV."""
    local: bool = False
    """Keep the stream to this machine."""
    fault: tuple[str, ...] = ()
    """What goes wrong on purpose, such as lose:samples=50,at=12 (docs/faults.md names them all)."""
    truth: Path | None = None
    """Write what was sent, and which faults were done when, to this new file, one JSON a line."""


@dataclass(frozen=True)
class Simulate:
    """Send a simulated subject as an LSL stream, until Ctrl+C."""

    name: str = "EEG"
    """Name of the stream; its type is EEG."""
    seed: int = 0
    """The subject: one seed has one head and its own rhythms."""
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
    """Electrodes to send, separated by commas; by default 32 of the 10-10 system."""
    speed: float = 1.0
    """Live so much faster: stamps are those of the LSL clock times this."""
    record: Path | None = None
    """Write what was sent when, and which markers came, to this new file, one JSON a line."""
    local: bool = False
    """Keep the stream to this machine."""
    fault: tuple[str, ...] = ()
    """What goes wrong on purpose, such as lose:samples=50,at=12 (docs/faults.md names them all)."""
    truth: Path | None = None
    """Write what was sent, and which faults were done when, to this new file, one JSON a line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with command line arguments, and return its exit code."""
    share_cores()
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["--version"]:
        from importlib.metadata import version

        print(f"{PROGRAM} {version('eegpt-realtime')}")
        return 0
    command = tyro.extras.subcommand_cli_from_dict(
        {"replay": Replay, "simulate": Simulate},
        prog=PROGRAM,
        description="Send EEG as an LSL stream.",
        args=given,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    if command.local:
        from core.stream.local import keep_local

        keep_local()  # before anything else of LSL
    send = _replay if isinstance(command, Replay) else _simulate
    return run(PROGRAM, lambda: send(command))


def _say(text: str) -> None:
    show(text)


def _replay(settings: Replay) -> None:
    from core.recordings import read_recordings
    from simulation.faults.spec import parse_all
    from simulation.player import replay

    faults = parse_all(settings.fault)
    recordings = read_recordings(settings.files, settings.unit)
    with _Diary(settings.truth) as truth:
        replay(
            recordings,
            settings.name,
            chunk=settings.chunk,
            speed=settings.speed,
            wait=not settings.no_wait,
            loop=settings.loop,
            say=_say,
            faults=faults,
            truth=truth.note,
        )


def _simulate(settings: Simulate) -> None:
    import threading

    from simulation.cues import follow_cues
    from simulation.faults.spec import parse_all
    from simulation.player import simulate
    from simulation.synthetic import LABELS, SimulatedSubject

    faults = parse_all(settings.fault)
    labels = LABELS
    if settings.channels is not None:
        labels = tuple(name.strip() for name in settings.channels.split(","))
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
            _say(f'Following the cues of the marker stream "{settings.markers}".')
        try:
            simulate(
                subject,
                settings.name,
                duration=settings.duration,
                stop=stop,
                say=_say,
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

    def note(self, fact: dict) -> None:
        """Write a line at once."""
        if self._file is not None:
            self._file.write(json.dumps(fact) + "\n")
            self._file.flush()


if __name__ == "__main__":
    sys.exit(main())

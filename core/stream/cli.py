"""The command ``eegpt-stream``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from core.errors import run
from core.threads import share_cores

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
    send = _replay if isinstance(command, Replay) else _simulate
    return run(PROGRAM, lambda: send(command))


def _say(text: str) -> None:
    print(text, flush=True)


def _replay(settings: Replay) -> None:
    from core.recordings import read_recordings
    from core.stream.player import replay

    replay(
        read_recordings(settings.files, settings.unit),
        settings.name,
        chunk=settings.chunk,
        speed=settings.speed,
        wait=not settings.no_wait,
        loop=settings.loop,
        say=_say,
    )


def _simulate(settings: Simulate) -> None:
    import threading

    from core.stream.cues import follow_cues
    from core.stream.player import simulate
    from core.synthetic import SimulatedSubject

    subject = SimulatedSubject(settings.seed, settings.rate)
    stop = threading.Event()
    threads = []
    if settings.markers is not None:
        threads.append(threading.Thread(target=follow_cues, args=(subject, settings.markers, stop)))
        _say(f'Following the cues of the marker stream "{settings.markers}".')
    for thread in threads:
        thread.start()
    try:
        simulate(subject, settings.name, duration=settings.duration, stop=stop, say=_say)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    sys.exit(main())

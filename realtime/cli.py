"""The command ``eegpt-realtime``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from core.errors import InputError, run, show
from core.machine.threads import share_cores

if TYPE_CHECKING:
    from realtime.engine.evidence import EvidenceSettings

PROGRAM = "eegpt-realtime"


@dataclass(frozen=True)
class Options:
    """Decode motor imagery from a live EEG stream.

    eegpt-realtime --demo shows a simulated subject; eegpt-realtime --list shows the streams;
    eegpt-realtime --stream EEG decodes one; eegpt-realtime doctor checks the installation.
    """

    stream: str | None = None
    """Name of the stream, else its type."""
    type: str | None = None
    """Type of the stream, if the name is not enough."""
    source_id: str | None = None
    """Its source_id, if name and type are not enough."""
    host: str | None = None
    """The machine that sends it, if several do."""
    subject: str | None = None
    """Take this person's newest decoder."""
    decoder: Path | None = None
    """Take this decoder file."""
    uncalibrated: bool = False
    """Without a decoder of one's own: other people's, for left against right hand, aligned with the
    first minute of signal."""
    encoder: str | None = None
    """Where the decoder's encoder is now, if it has moved: a name or a path."""
    channels: str | None = None
    """Names for the stream's channels, in order, separated by commas."""
    unit: str | None = None
    """Unit of the stream's values, such as uV, instead of what the stream says; of a --file, where
    that does not say it."""
    hop: float | None = None
    """Seconds between two decisions: 0.25 or a whole part of it."""
    threshold: float = 0.5
    """Smallest probability for a decision."""
    dwell: float = 0.0
    """Seconds for which it must hold."""
    smoothing: float = 0.0
    """Time constant in seconds over which probabilities are averaged; 0 for none."""
    confirm: bool = False
    """Give a decision only when the quarter of a second after it has no artifact either: later by
    that much, and not from a window in which a fault of at least 0.3 s has just begun."""
    headless: bool = False
    """No window: decisions go to the outlets and the log."""
    duration: float | None = None
    """Stop after this many seconds."""
    log: Path | None = None
    """Write one JSON line a decision to this new file."""
    screenshot: Path | None = None
    """Save a picture of the window to this file before it closes."""
    file: Path | None = None
    """Decode a recording in one pass instead of a stream."""
    demo: bool = False
    """Calibrate on a simulated subject and decode it; arrow keys make it imagine."""
    list: bool = False
    """Print the streams that can be seen."""
    home: Path | None = None
    """The programs' folder, instead of EEGPT_HOME or the platform's data folder."""
    timeout: float = 5.0
    """Seconds to look for the stream."""
    reconnect: Literal["same", "any"] = "same"
    """After a loss: wait for the same sender, or take any stream of that name and type."""
    local: bool = False
    """Keep LSL to this machine: what is sent and what is found."""
    version: bool = False
    """Print the version."""

    @property
    def evidence(self) -> EvidenceSettings:
        """Threshold, dwell and smoothing, checked."""
        from realtime.engine.evidence import EvidenceSettings

        return EvidenceSettings(self.threshold, self.dwell, self.smoothing)

    @property
    def channel_names(self) -> tuple[str, ...] | None:
        """Names for the channels, if any were given."""
        if self.channels is None:
            return None
        return tuple(name.strip() for name in self.channels.split(","))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    share_cores()
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["doctor"]:
        from realtime.doctor import main as doctor

        return run(PROGRAM, lambda: doctor(given[1:]))
    options = tyro.cli(
        Options,
        prog=PROGRAM,
        args=given,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return run(PROGRAM, lambda: _main(options))


def _main(options: Options) -> int:
    if options.version:
        from importlib.metadata import version

        print(f"{PROGRAM} {version('eegpt-realtime')}")
        return 0
    if options.local:
        from core.stream.local import keep_local

        keep_local()
    if options.list:
        return _list_streams()
    options.evidence  # noqa: B018 - refuses nonsense before anything is opened
    if options.duration is not None and not options.duration > 0:
        raise InputError(f"--duration is {options.duration:g} s; it must be more than 0.")
    if options.decoder is not None and options.subject is not None:
        raise InputError("Both --subject and --decoder were given; choose one.")
    if options.uncalibrated and (options.decoder or options.subject or options.file):
        raise InputError("--uncalibrated takes no --decoder, --subject or --file; choose one.")
    if options.file is not None:
        if options.stream is not None or options.duration is not None:
            raise InputError(
                "--file decodes all of a recording; leave out --stream and --duration."
            )
        from realtime.offline import decode_file

        return decode_file(options)
    if options.demo:
        from realtime.demo import run_demo

        return run_demo(options)
    from realtime.live import run_live

    return run_live(options)


def _list_streams() -> int:
    from core.stream.discovery import heard_streams

    stream = None
    for stream in heard_streams():
        show(stream)
    if stream is None:
        print("No LSL stream can be seen. Is the sender running, and on this network?")
    return 0


if __name__ == "__main__":
    sys.exit(main())

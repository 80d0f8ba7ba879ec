"""What the launcher starts: every program with its command line, in a process of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.stream.description import MARKERS, StreamIdentity

SIMULATED = "EEGPT-Simulated"
"""Name of the stream of the simulated subject."""


@dataclass(frozen=True)
class Program:
    """A program to start.

    Attributes
    ----------
    name : str
        What a person calls it: "Session".
    module : str
        Of its command line.
    arguments : tuple of str
    """

    name: str
    module: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Programs:
    """Command lines of the programs, with what all of them are told.

    Attributes
    ----------
    home : Path or None
        The programs' folder, if one was named.
    local : bool
        Whether LSL is kept to this machine.
    """

    home: Path | None = None
    local: bool = False

    def calibrate(self, stream: StreamIdentity, subject: str = "") -> Program:
        """Return a session with a stream."""
        person = ["--subject", subject] if subject else []
        flags = (*stream.flags, *person, *self._shared)
        return Program("Session", "calibration.cli", ("run", *flags))

    def decode(self, stream: StreamIdentity, choice: Sequence[str] = ()) -> Program:
        """Return live decoding of a stream, by the decoder that `choice` names in flags."""
        return Program("Decoding", "realtime.cli", (*stream.flags, *choice, *self._shared))

    def demo(self) -> Program:
        """Return the demo."""
        return Program("Demo", "realtime.cli", ("--demo", *self._shared))

    def replay(self, file: Path) -> Program:
        """Return a sender of a recording, again and again."""
        name = re.sub(r"[^A-Za-z0-9]+", "-", file.stem).strip("-") or "recording"
        flags = (str(file), "--name", f"Replay-{name}", "--loop", *self._local)
        return Program(f"Replay of {file.name}", "simulation.cli", ("replay", *flags))

    def simulate(self) -> Program:
        """Return a sender of a subject who does what the cues of a session say."""
        flags = ("--name", SIMULATED, "--markers", MARKERS, *self._local)
        return Program("Simulated subject", "simulation.cli", ("simulate", *flags))

    @property
    def _local(self) -> tuple[str, ...]:
        return ("--local",) if self.local else ()

    @property
    def _shared(self) -> tuple[str, ...]:
        return (*(() if self.home is None else ("--home", str(self.home))), *self._local)

"""How far a session is: what the operator's window shows of it. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from calibration.paradigm.sequencer import TrialPhase
from core.signal.monitor import ChannelStatus, Traces


@dataclass(frozen=True)
class Accuracy:
    """How well the trials so far are classified, on trials that were left out."""

    score: float  # balanced accuracy, 0 to 1
    chance: float  # what guessing stays below, 95 % bound
    trials: int  # that it was measured on
    head: str = ""  # "encoder", "riemann" or "hybrid"


@dataclass(frozen=True)
class Alarm:
    """Something the operator must know at once.

    Attributes
    ----------
    title : str
        In two or three words: "Disk full".
    advice : str
        What happened, what it means for the session and what to do, in a sentence.
    fatal : bool
        Whether the session has ended because of it.
    """

    title: str
    advice: str
    fatal: bool = False


@dataclass(frozen=True)
class Progress:
    """A session at one moment.

    Attributes
    ----------
    subject, session, run : str
        BIDS labels; the session may be empty.
    stream : str
        Name of the stream.
    rate : float
        Its nominal rate in Hz.
    measured_rate : float or None
        In Hz; None until measured.
    lost_samples : int
        Lost since the run began.
    live : bool
        Whether samples are arriving.
    step : TrialPhase or None
        What the person sees now; None before the first cue screen.
    phase_left, time_left, elapsed : float
        Seconds left of the phase and of the run, and gone since it began.
    pausing, stopping : bool
        Whether a pause, or the end, waits for the end of the trial.
    done, total : int
        Trials done, and planned; without practice.
    blocks : int
        Number of the last block planned; the rest of a run keeps the numbers it had.
    rejected : int
        Trials left out by now because of artifacts or gaps.
    accuracy : Accuracy or None
        None while there are too few trials.
    recorded : float
        Seconds of signal on the disk.
    file : str
        Where they are.
    free_bytes : int
        Left on that disk.
    sound : bool
        Whether tones can be heard.
    alarms : tuple of Alarm
        The most urgent first.
    """

    subject: str
    session: str
    run: str
    stream: str
    rate: float
    measured_rate: float | None
    lost_samples: int
    live: bool
    step: TrialPhase | None
    phase_left: float
    time_left: float
    elapsed: float
    pausing: bool
    stopping: bool
    done: int
    total: int
    blocks: int
    rejected: int
    accuracy: Accuracy | None
    recorded: float
    file: str
    free_bytes: int
    sound: bool
    alarms: tuple[Alarm, ...] = ()


class SessionView(Protocol):
    """A session as the operator's screen sees it; every call is cheap."""

    @property
    def channels(self) -> tuple[ChannelStatus, ...]:
        """All channels of the stream, and how they look."""
        ...

    def progress(self) -> Progress:
        """Return what is known right now."""
        ...

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all channels, oldest first."""
        ...

    def toggle_pause(self) -> None:
        """Hold before the next trial, or go on."""
        ...

    def stop(self) -> None:
        """End the session after the current trial, and keep everything."""
        ...


def size(count: float) -> str:
    """Return a number of bytes in the unit that people use for it, 12.3 GB."""
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.0f} {unit}"
    return f"{count / 1000:.1f} GB"

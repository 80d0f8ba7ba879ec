"""A session's view with a signal made up from a seed, for windows to look at."""

from dataclasses import replace

import pytest

from calibration.paradigm.sequencer import PlannedTrial, TrialPhase
from calibration.session.progress import Accuracy, Progress
from core.encoders.eegpt.electrodes import CODEX
from core.signal.monitor import ChannelStatus, Monitor
from simulation.synthetic import LABELS, SimulatedSubject

RATE = 250.0  # Hz


@pytest.fixture(autouse=True)
def application(qapp):
    """Qt's application, which fonts and painters need even where no window is made."""


class ScriptedSession:
    """Holds what it shows; a test changes it, and reads what was asked for."""

    def __init__(self, labels=LABELS):
        self.channels = tuple(
            ChannelStatus(label, label if label in CODEX else None, "good") for label in labels
        )
        self.asked = []
        self.traces_asked = 0
        self.monitor = Monitor(
            labels, [c.electrode for c in self.channels], [1.0] * len(labels), RATE
        )
        self._subject = SimulatedSubject(3, RATE, labels)
        self.time = 5000.0
        self.later(20.0)
        trial = PlannedTrial(14, "right_hand", 1, 2.0)
        self.state = Progress(
            subject="S001",
            session="02",
            run="03",
            stream="actiCHamp-0123",
            rate=500.0,
            measured_rate=499.98,
            lost_samples=0,
            live=True,
            step=TrialPhase("cue", 1.25, trial),
            phase_left=1.0,
            time_left=222.4,
            elapsed=130.0,
            pausing=False,
            stopping=False,
            done=13,
            total=40,
            blocks=2,
            rejected=1,
            accuracy=Accuracy(0.78, 0.69, 12, "riemann"),
            recorded=141.0,
            file="sub-S001_ses-02_task-imagery_run-03_eeg.eeg",
            free_bytes=182 * 10**9,
            sound=True,
        )

    def progress(self):
        return self.state

    def traces(self, seconds):
        self.traces_asked += 1
        return self.monitor.traces(seconds)

    def later(self, seconds):
        """Let time pass: the signal moves on."""
        self.time += seconds
        self.monitor.push(self._subject.generate(round(seconds * RATE)), self.time)

    def toggle_pause(self):
        self.asked.append("pause")
        self.change(pausing=not self.state.pausing)

    def stop(self):
        self.asked.append("stop")
        self.change(stopping=True)

    def change(self, **fields):
        """Show something else from now on."""
        self.state = replace(self.state, **fields)

    def phase(self, phase, **fields):
        """Go to another phase of the same trial."""
        self.change(step=replace(self.state.step, phase=phase), **fields)

    def mark(self, **qualities):
        """Give channels another quality."""
        self.channels = tuple(
            replace(channel, quality=qualities.get(channel.label, channel.quality))
            for channel in self.channels
        )


@pytest.fixture
def make_session():
    """Return the maker of such sessions."""
    return ScriptedSession

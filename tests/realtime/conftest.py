"""The contract's other side: an engine's view with a signal and decisions made up from a seed."""

from dataclasses import replace

import numpy as np
import pytest

from core.encoders.eegpt.electrodes import CODEX
from core.signal.monitor import ChannelStatus, Traces
from core.stream import reconnecting_feed
from realtime.engine import decisions as engine_decisions
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.snapshot import Decision, DecoderStatus, Snapshot, StreamStatus
from realtime.window import MainWindow

HOP = 0.25  # s
RATE = 256.0  # Hz
EIGHT = ("FC3", "FC4", "C3", "CZ", "C4", "CP3", "CP4", "PZ")
SIXTY_FOUR = (*CODEX, "M1", "M2")


class ScriptedView:
    """Holds what it shows; a test changes it, and reads what was asked for."""

    def __init__(self, channels, classes, seed=0):
        rng = np.random.default_rng(seed)
        self.asked_evidence = []
        self.asked_pause = []
        self.accepted = []
        self.adaptations_toggled = 0
        self.marked, self.marker_queries = [], []
        self.traces_asked = 0
        self.snapshots_asked = 0
        self.time = 4000.0  # LSL clock of the newest sample, s
        self._signal = eeg(rng, len(channels), seconds=70)
        decoder = classes and DecoderStatus(
            subject="S001",
            head="hybrid",
            encoder="eegpt-small untrained",
            classes=tuple(classes),
            score=0.734,
            chance=0.62,
            trials=45,
        )
        recent = decisions(rng, classes, self.time) if classes else ()
        self.state = Snapshot(
            status="ok",
            message="",
            stream=StreamStatus(
                name="actiCHamp-0123",
                type="EEG",
                source_id="20110123-A",
                host="lab-recorder-2",
                uid="0f6f3c0a",
                nominal_rate=160.0,
                measured_rate=159.98,
                lost_samples=0,
                age_p50_ms=31.2,
                age_p95_ms=47.9,
            ),
            channels=tuple(
                ChannelStatus(name, name if name in CODEX else None, "good") for name in channels
            ),
            decoder=decoder or None,
            latest=recent[-1] if recent else None,
            recent=recent,
            evidence=EvidenceSettings(threshold=0.65, dwell=0.5, smoothing=1.0),
            paused=False,
        )

    def snapshot(self):
        self.snapshots_asked += 1
        return self.state

    def traces(self, seconds):
        self.traces_asked += 1
        count = int(seconds * RATE)
        newest = int(self.time * RATE)
        positions = np.arange(newest - count + 1, newest + 1)
        samples = self._signal[positions % len(self._signal)]
        for index, channel in enumerate(self.state.channels):
            samples[:, index] = spoil(samples[:, index], channel.quality, positions)
        return Traces(positions / RATE, samples)

    def raw_traces(self, seconds):
        return self.traces(seconds)

    def set_evidence(self, settings):
        self.asked_evidence.append(settings)
        self.change(evidence=settings)

    def pause(self, on):
        self.asked_pause.append(on)
        self.change(paused=on)

    def toggle_adaptation(self):
        self.adaptations_toggled += 1

    def accept(self, uid):
        self.accepted.append(uid)

    def decisions(self, after):
        return tuple(decision for decision in self.state.recent if decision.index > after)

    def change(self, **fields):
        """Show something else from now on."""
        self.state = replace(self.state, **fields)

    def refuse(self, status, message):
        """Let the newest two seconds be refused, as a real engine does."""
        recent = self.state.recent
        kept = recent[: -int(2 / HOP)]
        refused = tuple(
            replace(d, status=status, probabilities=None, decision=None)
            for d in recent[-int(2 / HOP) :]
        )
        self.change(
            status=status, message=message, recent=kept + refused, latest=(kept + refused)[-1]
        )

    def mark(self, label, time, task):
        self.marked.append((label, time, task))
        return time

    def read_markers(self, query):
        self.marker_queries.append(query)

    def judge(self, **qualities):
        """Give channels another quality."""
        self.change(
            channels=tuple(
                replace(channel, quality=qualities.get(channel.label, channel.quality))
                for channel in self.state.channels
            )
        )

    def later(self, seconds):
        """Let time pass: the signal moves on."""
        self.time += seconds


def eeg(rng, channels, seconds):
    """Something like a filtered EEG in µV: coloured noise with some alpha, (samples, channels)."""
    n = int(seconds * RATE)
    if not channels:
        return np.empty((n, 0), dtype=np.float32)
    frequency = np.fft.rfftfreq(n, 1 / RATE)
    shape = np.where((frequency > 0.5) & (frequency < 38), 1 / np.maximum(frequency, 0.5), 0)
    noise = rng.standard_normal((channels + 1, len(frequency), 2)) @ np.array([1, 1j])
    signal = np.fft.irfft(noise * shape, n)
    signal = signal[:-1] + 0.6 * signal[-1]
    time = np.arange(n) / RATE
    waxing = np.clip(np.sin(2 * np.pi * time / 3.7 + rng.random((channels, 1))), 0, None)
    phase = 2 * np.pi * rng.random((channels, 1)) / 4
    alpha = waxing * np.sin(2 * np.pi * 10.2 * time + phase)
    signal = signal / signal.std() * 11 + alpha * rng.uniform(2, 12, (channels, 1))
    return np.ascontiguousarray(signal.T, dtype=np.float32)


def spoil(signal, quality, positions):
    """Make a good signal look like what its quality says."""
    time = positions / RATE
    if quality == "flat":
        return np.zeros_like(signal)
    if quality == "railed":
        return np.where(time % 1.7 < 0.5, 260.0, -30.0) + 0.0 * signal
    if quality == "noisy":
        return 5.0 * signal * (1 + np.sin(time * 9.1))
    if quality == "line":
        return signal + 28.0 * np.sin(2 * np.pi * 50 * time)
    return signal


def decisions(rng, classes, newest):
    """A minute of decisions of a person who changes their mind now and then."""
    count = int(60 / HOP)
    scores = np.zeros(len(classes))
    made = []
    for index in range(count):
        target = (index // 34) % len(classes)
        pull = np.eye(len(classes))[target] * 3.0 - 1.0
        scores = 0.88 * scores + 0.12 * pull + rng.normal(0, 0.16, len(classes))
        p = np.exp(1.6 * scores) / np.exp(1.6 * scores).sum()
        leader = int(p.argmax())
        status = "gap" if 96 <= index < 116 else "artifact" if 170 <= index < 180 else "ok"
        made.append(
            Decision(
                index=index,
                time=newest - (count - 1 - index) * HOP,
                sample=index * 64,
                status=status,
                probabilities=dict(zip(classes, p.tolist(), strict=True))
                if status == "ok"
                else None,
                decision=classes[leader] if status == "ok" and p[leader] > 0.65 else None,
                age_ms=30.0,
                compute_ms=6.0,
            )
        )
    return tuple(made)


@pytest.fixture
def make_view():
    """Return a function that makes a view of so many channels, deciding among classes."""

    def make(channels=8, classes=("left_hand", "right_hand"), seed=0):
        names = {8: EIGHT, 64: SIXTY_FOUR}.get(channels)
        if names is None:
            names = tuple(f"Ch{index + 1}" for index in range(channels))
        return ScriptedView(names, classes, seed)

    return make


@pytest.fixture
def show(qtbot):
    """Return a function that opens a window on a view."""

    def open_window(view, **hooks):
        window = MainWindow(view, **hooks)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitUntil(lambda: window.traces.frames_drawn > 0 or not view.state.channels)
        return window

    return open_window


@pytest.fixture
def unhurried(monkeypatch):
    """Have nothing dropped, however busy this machine is: a fast replay counts it many times."""
    monkeypatch.setattr(reconnecting_feed, "_PATIENCE", 60.0)
    monkeypatch.setattr(engine_decisions, "_LATE", 60.0)
    monkeypatch.setattr(engine_decisions, "_OLD", 60.0)

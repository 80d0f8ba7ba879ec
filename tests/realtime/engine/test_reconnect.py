"""A stream that is lost, silent, replaced or accompanied, over real LSL."""

import json
import re
import threading

import numpy as np
import pylsl
import pytest

from core.stream import reconnecting_feed
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.outlets import MarkerOutlet, SignalOutlet
from core.stream.stream_feed import Overrides
from realtime.app import build_engine
from realtime.engine import decisions as engine_decisions
from realtime.engine.cues import CueWatch
from realtime.engine.engine import Engine
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.outputs import Outputs
from realtime.options import Options

RATE = 250.0

pytestmark = pytest.mark.slow


class Sender:
    """Sends a recording's samples live, until it is stopped."""

    def __init__(
        self,
        recording,
        name,
        source_id="amp",
        labels=None,
        unit="microvolts",
        scale=1.0,
        every=0.02,
        behind=0.0,
    ):
        labels = labels or recording.labels
        self.outlet = SignalOutlet(name, "EEG", labels, unit, RATE, source_id)
        self._samples = recording.samples_uv[:, : len(labels)] * scale
        self._every = every  # s between two chunks
        self._behind = behind  # s by which stamps are older than the samples
        self.hold = threading.Event()  # announced, but silent
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        start, at = pylsl.local_clock(), 0
        while not self._stop.wait(self._every):
            due = int((pylsl.local_clock() - start) * RATE)
            if due > at and not self.hold.is_set():
                rows = np.arange(at, due) % len(self._samples)
                stamps = start - self._behind + np.arange(at, due) / RATE
                self.outlet.push(self._samples[rows], stamps)
            at = due

    def stop(self):
        self._stop.set()
        self._thread.join()
        self.outlet.close()


@pytest.fixture
def sender(imagery_recording):
    started = []
    recording = imagery_recording(seed=9)

    def start(name, **how):
        started.append(Sender(recording, name, **how))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def engine_on(fitted, tmp_path):
    started = []

    def start(name, **given):
        inlet = Inlet(find_stream(StreamQuery(name=name), 10.0))
        options = Options(stream=name, log=tmp_path / "live.jsonl", **given)
        engine = build_engine(options, inlet, fitted["riemann"])
        engine.start()
        started.append(engine)
        return engine

    yield start
    for engine in started:
        engine.stop()
        assert engine.error is None


def decisions(tmp_path):
    return [json.loads(line) for line in (tmp_path / "live.jsonl").read_text().splitlines()]


def rows(tmp_path):
    return [json.loads(row) for row in (tmp_path / "live.stream.jsonl").read_text().splitlines()]


def notes(tmp_path):
    return [row for row in rows(tmp_path) if row["kind"] != "stream"]


def begun(engine):
    return lambda: engine.snapshot().latest is not None


def ok(engine):
    return lambda: engine.snapshot().status == "ok"


@pytest.fixture
def steady(monkeypatch):
    """Have nothing called silent, nor dropped as too late, that a busy machine holds up."""
    monkeypatch.setattr(reconnecting_feed, "_SILENT_AFTER", 30.0)
    monkeypatch.setattr(engine_decisions, "_LATE", 30.0)


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("source_id", ["amp", ""])
def test_the_same_sender_is_taken_again_by_itself(sender, engine_on, tmp_path, source_id, until):
    first = sender("Again", source_id=source_id)
    engine = engine_on("Again")
    until(ok(engine))
    first.stop()
    gone = until(lambda: (s := engine.snapshot()).status == "lost" and s)
    assert "looking for it" in gone.message
    sender("Again", source_id=source_id)
    back = until(lambda: (s := engine.snapshot()).status == "gap" and s)
    assert "back after" in back.message
    assert "decisions return in" in back.message
    assert back.stream.uid != gone.stream.uid
    until(ok(engine))
    engine.stop()
    lines = decisions(tmp_path)
    assert [line["index"] for line in lines] == list(range(len(lines)))
    samples = [line["sample"] for line in lines]
    assert samples == sorted(samples)
    kinds = [note["kind"] for note in notes(tmp_path) if note["kind"] in ("lost", "back")]
    assert kinds == ["lost", "back"]
    # No window spans the outage: the first good one lies a whole window after it.
    statuses = [line["status"] for line in lines]
    lost = statuses.index("lost")
    again = statuses.index("ok", lost)
    assert statuses[again - 15 : again] == ["gap"] * 15
    assert lines[again]["sample"] - max(samples[: lost + 1]) > 1024


def test_another_sender_is_offered_and_taken_only_when_somebody_says_so(
    sender, engine_on, tmp_path, capfd, until
):
    first = sender("Other")
    engine = engine_on("Other")
    until(begun(engine))
    first.stop()
    sender("Other", source_id="spare")
    (offer,) = until(lambda: engine.snapshot().offers)
    assert 'source_id "spare" instead of "amp"' in offer.words
    until(lambda: "offer" in [note["kind"] for note in notes(tmp_path)])
    until(lambda: engine.snapshot().latest.status == "lost")
    assert engine.snapshot().stream.source_id == "amp"
    assert "spare" in capfd.readouterr().err
    engine.accept(offer.uid)
    until(lambda: engine.snapshot().status == "gap")
    assert engine.snapshot().stream.source_id == "spare"
    assert engine.snapshot().offers == ()


def test_any_sender_is_taken_if_the_options_say_so(sender, engine_on, until):
    first = sender("Any")
    engine = engine_on("Any", reconnect="any")
    until(begun(engine))
    first.stop()
    sender("Any", source_id="spare")
    until(lambda: engine.snapshot().stream.source_id == "spare")
    until(lambda: engine.snapshot().status == "gap")


@pytest.mark.usefixtures("steady")
def test_a_second_stream_of_the_name_changes_nothing(sender, engine_on, tmp_path, until):
    sender("Twins")
    engine = engine_on("Twins")
    until(ok(engine))
    sender("Twins", source_id="twin")
    uid = engine.snapshot().stream.uid
    seen = len(decisions(tmp_path))
    until(lambda: len(decisions(tmp_path)) > seen + 8)
    assert engine.snapshot().stream.uid == uid
    assert {line["status"] for line in decisions(tmp_path)[seen:]} == {"ok"}


def test_a_sender_that_no_longer_fits_is_not_taken(sender, engine_on, until):
    right = sender("Unfit")
    engine = engine_on("Unfit")
    until(begun(engine))
    right.stop()
    for how, words in (
        ({"labels": ("FZ", "FC3", "FC1")}, "lacks 14 of the decoder's"),
        ({"unit": "microvlots"}, "microvlots"),
        ({"unit": ""}, "said its unit before"),
    ):
        wrong = sender("Unfit", **how)
        seen = until(lambda words=words: words in (s := engine.snapshot()).message and s)
        assert seen.status == "lost"
        wrong.stop()
    sender("Unfit", unit="V", scale=1e-6)
    until(lambda: engine.snapshot().status == "gap")
    until(ok(engine))  # volts are converted: anything else would be an artifact
    until(lambda: 1.0 < np.median(engine.raw_traces(1.0).samples_uv.std(axis=0)) < 100.0)


def test_silence_is_said_and_ended_by_the_first_sample(sender, engine_on, tmp_path, until):
    amplifier = sender("Quiet")
    engine = engine_on("Quiet")
    until(ok(engine))
    amplifier.hold.set()
    quiet = until(lambda: (s := engine.snapshot()).status == "silent" and s)
    assert "sent nothing" in quiet.message
    until(lambda: [line["status"] for line in decisions(tmp_path)][-4:] == ["silent"] * 4)
    amplifier.hold.clear()
    back = until(lambda: (s := engine.snapshot()).status == "gap" and s)
    assert "samples were lost; decisions return in" in back.message
    until(ok(engine))
    engine.stop()
    said = notes(tmp_path)
    silent, again = (next(n for n in said if n["kind"] == kind) for kind in ("silent", "back"))
    assert again["at"] > silent["at"]
    assert "back after" in again["text"]
    lines = [line for line in decisions(tmp_path) if line["status"] == "silent"]
    refused = [line["time"] + line["age_ms"] / 1e3 for line in lines]
    assert min(np.diff(refused)) > 0.24  # once a hop
    told = [row["at"] for row in rows(tmp_path) if row["kind"] == "stream"]
    assert len(told) <= told[-1] - told[0] + 4  # once a second, and where the rate's level changes


def test_long_chunks_are_no_silence(sender, engine_on, tmp_path, until):
    sender("Chunks", every=0.9)
    engine = engine_on("Chunks")
    until(ok(engine))
    seen = len(decisions(tmp_path))
    until(lambda: len(decisions(tmp_path)) > seen + 8)
    assert {line["status"] for line in decisions(tmp_path)[seen:]} == {"ok"}


@pytest.mark.usefixtures("steady")
def test_signal_that_is_too_old_is_refused_and_its_age_is_said(sender, engine_on, tmp_path, until):
    sender("Old", behind=5.0)
    engine = engine_on("Old")
    late = until(lambda: (s := engine.snapshot()).status == "late" and s)
    assert re.match(r"The signal is [5-9]\.\d s old when it could be decoded", late.message)
    until(lambda: late.message[:12] in " ".join(note["text"] for note in notes(tmp_path)))
    assert {line["status"] for line in decisions(tmp_path)} == {"warming", "late"}


@pytest.mark.usefixtures("steady")
def test_evidence_that_is_asked_for_counts_from_then_on(sender, engine_on, until):
    sender("Asked")
    engine = engine_on("Asked")
    until(lambda: (newest := engine.snapshot().latest) and newest.status == "ok")
    for threshold, decided in ((0.0, True), (1.0, False)):
        engine.set_evidence(EvidenceSettings(threshold))
        index = engine.snapshot().latest.index + 1  # which may be under way
        found = until(
            lambda index=index: (
                len(made := [d for d in engine.decisions(index) if d.status == "ok"]) > 2 and made
            )
        )
        assert {d.decision is not None for d in found} == {decided}


def test_markers_of_another_stream_are_read_once_a_person_names_it(sender, engine_on, name, until):
    sender("Cued")
    engine, outlet = engine_on("Cued"), MarkerOutlet(name)
    assert engine.snapshot().cues is None
    engine.read_markers(StreamQuery(name=name))
    assert outlet.wait_for_consumer(20.0)
    outlet.push("left_hand", pylsl.local_clock())
    (cue,) = until(lambda: engine.snapshot().cues)
    assert (cue.name, cue.task) == ("left_hand", "")
    outlet.close()


def test_a_trial_that_a_task_ends_early_is_not_learned_from(sender, engine_on, tmp_path, until):
    sender("Ended")
    engine = engine_on("Ended", adapt=("labels",))
    until(ok(engine))
    now = pylsl.local_clock()
    engine.mark("left_hand", now, "game")
    engine.mark("task/hit", now + 1.0, "game")
    until(lambda: "it ended early" in (tmp_path / "live.adaptation.jsonl").read_text())


def test_a_marker_of_a_task_has_a_time_of_the_senders_clock(sender, engine_on, until):
    sender("Marked")
    engine = engine_on("Marked")
    until(lambda: engine.correction)
    stream_time = engine.mark("left_hand", 1000.0, "game")
    assert stream_time == 1000.0 - engine.correction
    (cue,) = until(lambda: engine.snapshot().cues)
    assert (cue.time, cue.task) == (stream_time, "game")


@pytest.mark.usefixtures("steady")
def test_a_time_of_this_machine_is_told_by_stamps_of_another_clock_too(sender, engine_on, until):
    sender("Unix", behind=-1.7e9)
    engine = engine_on("Unix")
    until(ok(engine))
    decided, now = engine.snapshot().latest, pylsl.local_clock()
    assert engine.mark("left_hand", now, "bar") == pytest.approx(decided.time, abs=5.0)
    assert decided.time + engine.correction == pytest.approx(now, abs=5.0)  # as outlets send it


@pytest.mark.usefixtures("steady")
def test_markers_are_opened_anew_with_a_stream_whose_sender_did_not_end(
    sender, engine_on, until, monkeypatch
):
    renewed = []
    monkeypatch.setattr(CueWatch, "renew", lambda watch: renewed.append(watch))
    first = sender("Same")
    engine = engine_on("Same")
    until(begun(engine))
    monkeypatch.setattr(engine._feed, "_asleep", lambda: 1e9)
    until(lambda: renewed)
    first.stop()
    until(lambda: engine.snapshot().status == "lost")
    sender("Same")
    until(lambda: engine.snapshot().status == "gap")
    assert len(renewed) == 1


@pytest.mark.usefixtures("steady")
def test_a_stream_that_comes_back_too_slow_to_be_drawn_is_not_taken(sender, until):
    first = sender("Slow")
    inlet = Inlet(find_stream(StreamQuery(name="Slow"), 10.0))
    engine = Engine(inlet, Overrides(), lambda _: None, None, EvidenceSettings(), Outputs())
    engine.start()
    until(ok(engine))
    first.stop()
    until(lambda: engine.snapshot().status == "lost")
    slow = SignalOutlet("Slow", "EEG", first.outlet.labels, "microvolts", 50.0, "amp")

    def words():
        slow.push(np.ones((1, 17)), np.array([pylsl.local_clock()]))
        message = engine.snapshot().message
        return message if "needs a sampling rate above 84 Hz" in message else None

    assert "What was found cannot take its place" in until(words)
    engine.stop()
    assert engine.error is None
    slow.close()

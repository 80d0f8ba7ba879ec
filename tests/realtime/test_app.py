"""The main road over real LSL streams: a replay in one process, decisions in another."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from fif_files import write_fif

from core.decoding.storage.decoder_file import save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.recordings import Recording
from core.stream import marker_feed
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet, MarkerInlet
from core.stream.outlets import DECISIONS, PROBABILITIES, MarkerOutlet, SignalOutlet
from realtime import app
from realtime.app import build_engine
from realtime.cli import main as realtime
from realtime.offline import decode_recording
from realtime.options import Options
from simulation.player import replay

pytestmark = pytest.mark.slow

SPEED = 8.0


@pytest.fixture
def short(imagery_recording):
    recording = imagery_recording(seed=9)
    return replace(recording, samples_uv=recording.samples_uv[: int(20 * recording.rate)])


@pytest.fixture
def sender(short):
    """A replay in the background; give it a name."""
    stop = threading.Event()
    threads = []

    def start(name, recording: Recording = short, speed=SPEED, loop=False):
        given = {"speed": speed, "loop": loop, "stop": stop}
        thread = threading.Thread(target=replay, args=([recording], name), kwargs=given)
        threads.append(thread)
        thread.start()

    start.stop = stop.set
    yield start
    stop.set()
    for thread in threads:
        thread.join()


def encoders():
    """Return the processes that encode for this one."""
    return {p.pid for p in multiprocessing.active_children() if p.name == "encoder"}


def read_to_the_end(engine, until):
    """Wait until the engine has read all of a replay, and said that the stream is lost."""
    until(lambda: (newest := engine.snapshot().latest) and newest.status == "lost", 60.0)


def engine_on(name, decoder, **given):
    inlet = Inlet(find_stream(StreamQuery(name=name), 10.0), seconds=60.0)
    try:
        return build_engine(Options(stream=name, **given), inlet, decoder), inlet
    except InputError:
        inlet.close()
        raise


def unasked(decoder):
    """The windows of a run that was asked for nothing in particular."""
    return WindowDecoder(decoder, None, recentre=Options().recentre_for(decoder))


@pytest.mark.parametrize(("head", "apart"), [("riemann", 0), ("hybrid", 0), ("hybrid", 1)])
@pytest.mark.usefixtures("unhurried")
def test_live_equals_offline(fitted, short, sender, head, apart, tmp_path, monkeypatch, until):
    decoder = fitted[head]
    if apart:
        monkeypatch.setattr(app, "_LARGE", 0)
    before = encoders()
    sender(f"Replay-{head}-{apart}")
    log = tmp_path / "live.jsonl"
    engine, _ = engine_on(f"Replay-{head}-{apart}", decoder, log=log)
    assert len(encoders() - before) == apart
    engine.start()
    read_to_the_end(engine, until)
    engine.stop()
    assert engine.error is None

    windows = WindowDecoder(
        decoder, decoder.load_encoder(), recentre=Options().recentre_for(decoder)
    )
    offline = list(decode_recording(short, decoder, windows, Options().evidence()))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    came = [line for line in lines if line["status"] in ("ok", "warming")]
    assert [line["sample"] for line in came] == [d.sample for d in offline]
    assert [line["decision"] for line in came] == [d.decision for d in offline]
    for line, expected in zip(came, offline, strict=True):
        assert line["status"] == expected.status
        if expected.probabilities is None:
            assert line["probabilities"] is None
        else:
            assert line["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
    start = came[0]["time"] - offline[0].time
    assert all(
        line["time"] - start == pytest.approx(d.time, abs=1e-6)
        for line, d in zip(came, offline, strict=True)
    )
    # What came after the end of the replay carries nothing.
    rest = [line for line in lines if line not in came]
    assert all(line["status"] in ("silent", "lost") for line in rest)
    assert all(line["probabilities"] is None and line["decision"] is None for line in rest)


@pytest.mark.usefixtures("unhurried")
def test_artifacts_are_the_same_live_and_offline(fitted, short, sender, tmp_path, until):
    decoder = fitted["riemann"]
    samples = short.samples_uv.copy()
    samples[1500:1700, short.labels.index("C3")] = 0.0
    samples[3300, short.labels.index("C4")] = np.nan
    spoilt = replace(short, samples_uv=samples)
    sender("Spoilt", spoilt)
    log = tmp_path / "live.jsonl"
    engine, _ = engine_on("Spoilt", decoder, log=log)
    engine.start()
    read_to_the_end(engine, until)
    engine.stop()
    offline = list(decode_recording(spoilt, decoder, unasked(decoder), Options().evidence()))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    live = [line for line in lines if line["status"] not in ("silent", "lost")]
    assert {d.status for d in offline} == {"warming", "ok", "artifact"}
    assert [(line["sample"], line["status"], line["decision"]) for line in live] == [
        (d.sample, d.status, d.decision) for d in offline
    ]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("fault", ["flat", "full of mains hum"])
def test_a_bad_electrode_is_set_aside_live_as_offline_and_never_silently(
    fitted, short, sender, tmp_path, capfd, fault, until
):
    decoder = fitted["riemann"]
    samples = short.samples_uv.copy()
    since = samples[1200:, short.labels.index("C3")]
    hum = 200.0 * np.sin(2 * np.pi * 50.0 * np.arange(len(since)) / short.rate)
    since[:] = 0.0 if fault == "flat" else since + hum
    spoilt = replace(short, samples_uv=samples)
    sender("Bad contact", spoilt)
    log = tmp_path / "live.jsonl"
    engine, _ = engine_on("Bad contact", decoder, log=log)
    engine.start()
    until(lambda: engine.snapshot().channels[short.labels.index("C3")].aside, 60.0)
    read_to_the_end(engine, until)
    warnings = engine.snapshot().warnings
    engine.stop()
    offline = list(decode_recording(spoilt, decoder, unasked(decoder), Options().evidence()))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    live = [line for line in lines if line["status"] not in ("silent", "lost")]
    assert offline[-1].status == "ok"
    assert offline[-1].set_aside == ("C3",)
    names = ("sample", "status", "probabilities", "set_aside", "faults")
    rows = [json.loads(decision.to_json()) for decision in offline]
    assert [[d.get(name) for name in names] for d in live] == [
        [d.get(name) for name in names] for d in rows
    ]
    assert (live[-1]["set_aside"], live[-1]["faults"]) == (["C3"], {"C3": fault})
    assert "gap" not in {d["status"] for d in live}
    words = f"Set aside: C3 ({fault}). What the decoder gets there is interpolated"
    assert any(words in warning for warning in warnings)
    assert capfd.readouterr().err.count(words) == 1
    stream_log = (tmp_path / "live.stream.jsonl").read_text().splitlines()
    notes = [json.loads(line) for line in stream_log]
    assert [note["kind"] for note in notes if words in note["text"]] == ["aside"]
    words = f"C3 is {fault}; decisions return 4.0 s after it is over."
    assert words in [note["text"] for note in notes if note["kind"] == "artifact"]


@pytest.mark.usefixtures("unhurried")
def test_an_electrode_is_set_aside_and_used_again_by_a_click(fitted, short, sender, capfd, until):
    sender("Clicked", loop=True)
    engine, _ = engine_on("Clicked", fitted["riemann"])
    engine.start()
    until(lambda: engine.snapshot().status == "ok")
    engine.toggle_channel("C4")
    shown = until(lambda: (s := engine.snapshot()).status != "ok" and s)
    assert shown.status == "warming"  # nothing is missing: a new window is being filled
    assert shown.message.startswith("C4 is set aside and interpolated; decisions return in ")
    until(lambda: (d := engine.snapshot().latest) and d.set_aside == ("C4",))
    engine.toggle_channel("C3")  # more than may be
    until(lambda: "2 of the decoder's 17 electrodes" in capfd.readouterr().err)
    assert engine.snapshot().latest.set_aside == ("C4",)
    engine.toggle_channel("C4")
    until(lambda: engine.snapshot().latest.set_aside == ())
    engine.stop()


def test_bad_electrodes_are_named_on_the_command_line(fitted, short, sender, until):
    sender("Bad", loop=True)
    with pytest.raises(InputError, match="no electrode OZ"):
        engine_on("Bad", fitted["riemann"], bad="Oz")
    engine, _ = engine_on("Bad", fitted["riemann"], bad="c3")
    engine.start()
    decision = until(lambda: engine.snapshot().latest)
    engine.stop()
    assert decision.set_aside == ("C3",)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"event": ("T1=left_hnd",)}, "a class that the decoder does not have"),
        ({"false_alarms": 2.0}, "false alarms"),
    ],
)
def test_what_is_refused_leaves_nothing_on_the_disk(fitted, sender, tmp_path, given, says):
    sender("Refused", loop=True)
    places = {"log": tmp_path / "out" / "live.jsonl", "record": tmp_path / "out" / "data"}
    with pytest.raises(InputError, match=says):
        engine_on("Refused", fitted["riemann"], subject="07", **places, **given)
    assert not (tmp_path / "out").exists()


def test_decisions_and_probabilities_go_out(fitted, sender, until):
    decoder = fitted["riemann"]
    sender("Published", speed=1.0, loop=True)
    engine, _ = engine_on("Published", decoder)
    engine.start()
    try:
        with (
            MarkerInlet(find_stream(StreamQuery(name=DECISIONS), 10.0, markers=True)) as decisions,
            Inlet(find_stream(StreamQuery(name=PROBABILITIES), 10.0)) as probabilities,
        ):
            assert probabilities.facts.labels == decoder.classes
            assert probabilities.facts.rate == 4.0
            found = []
            until(lambda: found.extend(decisions.read(0.1)) or len(found) >= 3)
            rows = until(lambda: probabilities.read(0.5))
            for marker in found:
                line = json.loads(marker.text)
                assert marker.time == pytest.approx(line["time"], abs=0.01)
                assert set(line) == {
                    *("index", "time", "sample", "status", "probabilities", "decision"),
                    *("age_ms", "compute_ms", "reference"),
                }
            assert rows.samples.shape[1] == 2
    finally:
        engine.stop()


@pytest.mark.usefixtures("unhurried")
def test_the_snapshot_says_what_goes_on(fitted, short, sender, until):
    decoder = fitted["riemann"]
    sender("Watched", loop=True)
    engine, inlet = engine_on("Watched", decoder)
    engine.start()
    try:
        # The signal is "ok" a moment before the first window of it has been decoded.
        until(lambda: (last := engine.snapshot().latest) and last.probabilities)
        seen = until(lambda: (s := engine.snapshot()).status == "ok" and s)
        assert seen.stream.name == "Watched"
        assert seen.stream.nominal_rate == 250.0
        assert seen.decoder.head == "riemann"
        assert [c.label for c in seen.channels] == list(short.labels)
        until(lambda: 0.0 < engine.snapshot().next_in <= 0.25)
        # A block's decisions are given before it is drawn.
        until(lambda: engine.traces(1.0).samples_uv.shape == (128, 17))
        sender.stop()
        until(lambda: inlet.lost)
        gone = until(lambda: (s := engine.snapshot()).status == "lost" and s)
        assert "lost" in gone.message
        until(lambda: engine.snapshot().latest.status == "lost")
        assert engine.snapshot().latest.probabilities is None
    finally:
        engine.stop()


def test_pause_gives_nothing_away(fitted, sender, tmp_path, until):
    sender("Paused", speed=4.0)
    log = tmp_path / "paused.jsonl"
    engine, inlet = engine_on("Paused", fitted["riemann"], log=log)
    engine.pause(True)
    engine.start()
    until(lambda: inlet.lost)
    engine.stop()
    assert engine.snapshot().paused
    assert log.read_text() == ""


def test_a_silent_stream_is_said_to_be_silent(fitted, until):
    labels = fitted["riemann"].settings.channels
    outlet = SignalOutlet("Mute", "EEG", labels, "microvolts", 250.0, "mute")
    engine, _ = engine_on("Mute", fitted["riemann"])
    engine.start()
    try:
        seen = until(lambda: (s := engine.snapshot()).status == "silent" and s.latest and s)
        assert seen.latest.status == "silent"
        assert "sent nothing" in seen.message
    finally:
        engine.stop()
    del outlet


def test_what_ends_decoding_is_said_and_is_no_success(
    fitted, sender, tmp_path, monkeypatch, capfd, until
):
    def fail(windows):
        raise InputError("The encoder's process has ended.")

    monkeypatch.setattr(WindowDecoder, "prepare", fail)
    sender("Failing", speed=1.0, loop=True)
    engine, _ = engine_on("Failing", fitted["riemann"])
    engine.start()
    until(lambda: not engine.running)
    seen = engine.snapshot()
    words = "Decoding stopped: The encoder's process has ended."
    assert (seen.status, seen.message) == ("lost", words)
    decoder = save_decoder(fitted["riemann"], tmp_path / "decoder.safetensors")
    given = ["--stream", "Failing", "--headless", "--decoder", str(decoder), "--timeout", "40"]
    assert realtime(given) == 2
    assert "The encoder's process has ended." in capfd.readouterr().err


def test_markers_that_were_dropped_are_said(fitted, sender, name, monkeypatch, until):
    monkeypatch.setattr(marker_feed, "MarkerInlet", partial(MarkerInlet, capacity=3))
    sender("Crowded", loop=True)
    found = find_stream(StreamQuery(name="Crowded"), 10.0)
    options, outlet = Options(stream="Crowded", markers=name), MarkerOutlet(name)
    with app.marker_feed(options, found) as markers, Inlet(found) as inlet:
        assert outlet.wait_for_consumer(20.0)
        for number in range(5):
            outlet.push(str(number), 1.0 + number)
        until(lambda: markers.dropped_markers == 2)
        engine = build_engine(options, inlet, fitted["riemann"], markers)
        engine.start()
        until(lambda: "were dropped (2 so far)" in " ".join(engine.snapshot().warnings))
        engine.stop()
    outlet.close()


def test_without_a_decoder_there_are_signals_and_no_probabilities(sender, until):
    sender("Undecoded")
    engine, _ = engine_on("Undecoded", None)
    engine.start()
    try:
        until(lambda: len(engine.traces(1.0).samples_uv) == 128)
        seen = engine.snapshot()
        assert seen.decoder is None
        assert seen.latest is None
        assert seen.recent == ()
    finally:
        engine.stop()


def test_without_a_decoder_a_wrong_unit_and_a_board_without_motor_electrodes_are_said(
    short, sender, until
):
    samples = 1e3 * short.samples_uv[:, :2]
    sender("Unsuited", replace(short, samples_uv=samples, labels=("FP1", "O2")), loop=True)
    engine, _ = engine_on("Unsuited", None)
    engine.start()
    try:
        until(lambda: "1 000 times too large" in " ".join(engine.snapshot().warnings))
        assert "No electrode of this board lies over the motor" in engine.snapshot().warnings[0]
    finally:
        engine.stop()


def test_the_newest_decoder_that_fits_is_taken(fitted, home, sender):
    from core.decoding.storage.library import new_decoder_path

    for subject, created, labels in [
        ("fits", "2026-01-01T00:00:00", None),
        ("other", "2026-02-01T00:00:00", ("O1", "O2")),
    ]:
        decoder = fitted["riemann"]
        settings = decoder.settings
        if labels:
            settings = replace(settings, channels=(*settings.channels[:-2], *labels))
        facts = replace(decoder.facts, subject=subject, created=created)
        path = new_decoder_path(home, subject, created)
        save_decoder(replace(decoder, settings=settings, token_channels=(), facts=facts), path)
    sender("Choice")
    engine, _ = engine_on("Choice", None)
    engine.start()
    try:
        assert engine.snapshot().decoder.subject == "fits"
    finally:
        engine.stop()


def test_a_replay_process_into_a_headless_process(fitted, imagery_recording, tmp_path):
    recording = imagery_recording(seed=9, trials=2)
    file = write_fif(replace(recording, events=()), tmp_path / "person_raw.fif")
    decoder = save_decoder(fitted["hybrid"], tmp_path / "decoder.safetensors")

    def start(module, *words):
        return subprocess.Popen(
            [sys.executable, "-m", module, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
        )

    stream = f"Process-{os.getpid()}"
    sending = start("simulation.cli", "replay", file, "--name", stream, "--speed", 2)
    live, offline = tmp_path / "live.jsonl", tmp_path / "offline.jsonl"
    decoding = start(
        *("realtime.cli", "--stream", stream, "--decoder", decoder, "--headless"),
        *("--log", live, "--duration", 22, "--timeout", 40),
    )
    said = decoding.communicate(timeout=90)
    assert decoding.returncode == 0, said
    assert sending.wait(30) == 0
    sending.communicate()
    assert fitted["hybrid"].encoder.label in said[1]
    assert realtime(["--file", str(file), "--decoder", str(decoder), "--log", str(offline)]) == 0
    lines, expected = (
        [json.loads(line) for line in path.read_text().splitlines()] for path in (live, offline)
    )
    first, second = ([line for line in some if line["probabilities"]] for some in (lines, expected))
    assert first
    by_sample = {line["sample"]: line for line in second}
    assert len(by_sample) > 50
    # A loaded machine may refuse decisions, and drop some, which leaves holes in their index; what
    # it gives is what the file gives.
    dropped = set(range(lines[-1]["index"] + 1)) - {line["index"] for line in lines}
    refused = {line["sample"] for line in lines if not line["probabilities"]} & by_sample.keys()
    missing = by_sample.keys() - {line["sample"] for line in first} - refused
    assert len(missing) <= len(dropped)
    for one in first:
        two = by_sample[one["sample"]]
        assert one["probabilities"] == pytest.approx(two["probabilities"], abs=1e-5)
        if not refused and not dropped:  # evidence begins anew after a refusal
            assert one["decision"] == two["decision"]

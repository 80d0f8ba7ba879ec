"""Somebody new is decoded from a minute of signal, over a real stream."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QTimer

from core.electrodes import normalise
from core.errors import InputError
from core.feed.segments import Segmenter
from core.fitting.transfer.uncalibrated import CALLED
from core.stream.description import StreamFacts, StreamIdentity
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.stream_feed import StreamFeed
from realtime.app import _alignment
from realtime.cli import main
from realtime.engine.snapshot import DecoderStatus
from realtime.options import Options
from realtime.uncalibrated import Gathered, gather, population_decoder
from simulation.faults.spec import parse_all
from simulation.player import replay

pytestmark = pytest.mark.slow

SPEED = 10.0


@pytest.fixture
def sent(imagery_recording):
    """A replay of somebody new in the background, ten times as fast; returns the recording."""
    stop = threading.Event()
    threads = []

    def start(name, *faults, trials=10):
        recording = imagery_recording(5, trials=trials)
        given = {"speed": SPEED, "stop": stop, "faults": parse_all(faults)}
        threads.append(threading.Thread(target=replay, args=([recording], name), kwargs=given))
        threads[0].start()
        return recording

    yield start
    stop.set()
    for thread in threads:
        thread.join()


def test_a_new_person_is_decoded_after_a_minute(sent, tmp_path, capfd):
    sent("New", trials=60)  # aligning takes as long as the computer is slow
    log = tmp_path / "log.jsonl"
    given = ["--stream", "New", "--uncalibrated", "--headless", "--log", str(log)]
    given += ["--record", str(tmp_path / "data"), "--subject", "new"]
    assert main([*given, "--duration", "10"]) == 0
    said = capfd.readouterr().err
    assert f"{CALLED}. Expect a balanced accuracy of about 0.6" in said
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    decided = [line for line in lines if line["status"] == "ok"]
    assert len(decided) > 20
    assert all(set(line["probabilities"]) == {"left_hand", "right_hand"} for line in decided)
    # The decoder that the minute gave decides again what was decided live.
    (recording,) = (tmp_path / "data").rglob("*.vhdr")
    again = tmp_path / "again.jsonl"
    given = ["--file", str(recording), "--decoder", str(tmp_path / "log.decoder.safetensors")]
    assert main([*given, "--log", str(again)]) == 0
    replayed = {one["sample"]: one for one in map(json.loads, again.read_text().splitlines())}
    assert all(
        replayed[line["sample"]]["probabilities"] == line["probabilities"] for line in decided
    )


def test_the_window_shows_signals_for_a_minute_and_then_decisions(sent, tmp_path, qapp, capfd):
    sent("Shown", trials=60)  # aligning takes as long as the computer is slow
    log, picture = tmp_path / "log.jsonl", tmp_path / "window.png"

    def decided():
        lines = log.read_text().splitlines(keepends=True) if log.exists() else []
        return sum(json.loads(line)["status"] == "ok" for line in lines if line.endswith("\n"))

    watch = QTimer(interval=200)
    watch.timeout.connect(lambda: qapp.closeAllWindows() if decided() > 20 else None)
    watch.start()
    given = ["--stream", "Shown", "--uncalibrated", "--log", str(log), "--duration", "100"]
    try:
        assert main([*given, "--screenshot", str(picture)]) == 0
    finally:
        watch.stop()
    assert "Aligning other people's decoder" in capfd.readouterr().err
    assert decided() > 20
    assert picture.is_file()


def test_a_window_that_is_closed_within_the_minute_decodes_nothing(sent, tmp_path, qapp, capfd):
    sent("Closed")
    log = tmp_path / "log.jsonl"
    given = ["--stream", "Closed", "--uncalibrated", "--log", str(log), "--duration", "1"]
    assert main(given) == 0
    assert "was cut short; nothing was decoded" in capfd.readouterr().err
    assert not log.exists()


def test_a_channel_that_is_clicked_within_the_minute_is_set_aside_after_it(sent, until, tmp_path):
    labels = sent("Clicked", trials=30).labels  # so that aligning may take long
    clicked, again = (label for label in labels if normalise(label) in ("C3", "C4"))
    found = find_stream(StreamQuery("Clicked"), timeout=20)
    options = Options(stream="Clicked", uncalibrated=True, home=tmp_path)
    with Inlet(found) as inlet:
        alignment = _alignment(options, found, inlet, None)
        alignment.start()
        try:
            for label in (clicked, again, again):
                alignment.toggle_channel(label)
            until(lambda: alignment.snapshot().channels, 20)
            snapshot = alignment.snapshot()
            assert snapshot.aligning is not None
            assert [c.label for c in snapshot.channels if c.aside] == [clicked]
            until(lambda: alignment.snapshot().latest is not None, 60)
            until(lambda: any(c.aside for c in alignment.snapshot().channels))
            until(lambda: alignment.snapshot().latest.set_aside == (normalise(clicked),))
            snapshot = alignment.snapshot()
            assert snapshot.aligning is None
            assert [c.label for c in snapshot.channels if c.aside] == [clicked]
        finally:
            alignment.stop()
    assert alignment.error is None


def test_what_was_gathered_is_what_was_sent(sent):
    recording = sent("Gathered")
    with Inlet(find_stream(StreamQuery("Gathered"), timeout=20)) as inlet:
        found = gather(StreamFeed(inlet), seconds=30.0)
    assert found.labels == recording.labels
    assert found.duration >= 30.0
    assert not found.breaks
    # The inlet may have come a moment after the first sample.
    starts = np.flatnonzero((recording.samples_uv[:2000] == found.samples_uv[0]).all(axis=1))
    at = int(starts[0])
    np.testing.assert_array_equal(
        found.samples_uv, recording.samples_uv[at : at + len(found.samples_uv)]
    )


def test_how_many_samples_come_at_once_changes_nothing_that_is_gathered():
    identity = StreamIdentity("EEG", "EEG", "amp", "here", "1")
    facts = StreamFacts(identity, 250.0, ("C3",), ("uV",), ("EEG",), 1, "float32", ())
    samples, stamps = np.arange(9000.0)[:, None], np.arange(9000) / 250.0
    for chunk in (1, 32, 1000, 9000):
        segmenter, gathered = Segmenter(("C3",), ("uV",), 250.0), Gathered(facts, 30.0)
        for start in range(0, 9000, chunk):
            stop = start + chunk
            for segment in segmenter.push(samples[start:stop], stamps[start:stop]):
                gathered.add(segment)
        assert gathered.left == 0
        np.testing.assert_array_equal(gathered.recording(0).samples_uv, samples[:7500])


def test_a_stream_that_ends_is_too_little(sent, imagery_recording):
    sent("Short")
    with (
        Inlet(find_stream(StreamQuery("Short"), timeout=20)) as inlet,
        pytest.raises(InputError, match=r'Stream "Short" stopped after \d+ of the 1000 s'),
    ):
        gather(StreamFeed(inlet), seconds=1000.0)


def test_nothing_is_aligned_on_another_rate_than_the_stream_says(sent):
    sent("Fast", "rate:percent=8")
    with (
        Inlet(find_stream(StreamQuery("Fast"), timeout=20)) as inlet,
        pytest.raises(InputError, match=r"says 250 Hz and sends 2[67]"),
    ):
        gather(StreamFeed(inlet))


def test_it_is_called_what_it_is_on_every_screen(imagery_recording, capfd):
    new = imagery_recording(5)
    minute = replace(new, samples_uv=new.samples_uv[: round(60 * new.rate)], events=())
    decoder = population_decoder(lambda: minute, minute.labels)
    shown = DecoderStatus.of(decoder)
    assert shown.head == CALLED
    assert shown.trials == 0
    assert 0.6 < shown.score < 0.75
    assert "Aligning other people's decoder: 60 s" in capfd.readouterr().err
    with pytest.raises(InputError, match="The stream has 0 electrodes that the encoder"):
        population_decoder(lambda: minute, [f"Ch{n}" for n in range(len(minute.labels))])
    assert "Aligning" not in capfd.readouterr().err


def test_what_a_bad_electrode_sent_in_the_minute_changes_nothing(imagery_recording):
    new = imagery_recording(5)
    whole = replace(new, samples_uv=new.samples_uv[: round(60 * new.rate)], events=())
    at = whole.labels.index("CP3")

    def aligned(sent, aside=(), clicked=()):
        samples = whole.samples_uv.copy()
        samples[:, at] = sent
        minute = replace(whole, samples_uv=samples, bad_channels=clicked)
        return population_decoder(lambda: minute, minute.labels, aside=aside)

    noise = np.random.default_rng(0).normal(0.0, 200.0, len(whole.samples_uv))
    flat = aligned(0.0, aside=("CP3",))
    for other in (aligned(noise, aside=("CP3",)), aligned(noise, clicked=("CP3",))):
        for one, two in zip(flat.tangents, other.tangents, strict=True):
            np.testing.assert_array_equal(one.whitener, two.whitener)
        np.testing.assert_array_equal(flat.spatial, other.spatial)
    taken_back = aligned(noise, aside=("CP3",), clicked=("CP3",))
    assert not np.array_equal(taken_back.spatial, flat.spatial)


def test_what_cannot_be_is_refused_before_the_minute(imagery_recording):
    labels = imagery_recording(5).labels
    collected = []
    with pytest.raises(InputError, match="no electrode XX, so it cannot be set aside"):
        population_decoder(lambda: collected.append(1), labels, aside=("XX",))
    with pytest.raises(InputError, match=r"hop of 0\.3 s does not divide the patch"):
        population_decoder(lambda: collected.append(1), labels, hop=0.3)
    assert not collected


def test_it_takes_no_other_decoder(capsys):
    assert main(["--stream", "EEG", "--uncalibrated", "--subject", "01"]) == 2
    assert "--uncalibrated takes no --decoder, --subject or --file" in capsys.readouterr().err

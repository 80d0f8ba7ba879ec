"""Recentring on a run's first signal, from the command to the log, in a file and over LSL."""

import json
import threading
from dataclasses import replace

import pytest
from fif_files import write_fif

from core.decoding.recentring import DECODER, GROWING
from core.decoding.storage.decoder_file import save_decoder
from core.decoding.storage.reference_file import load_reference
from core.recordings import read_recording
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from realtime.app import build_engine
from realtime.cli import main
from realtime.options import Options
from simulation.player import replay

SPEED = 8.0


@pytest.fixture
def run(imagery_recording):
    recording = imagery_recording(seed=9)
    return replace(recording, samples_uv=recording.samples_uv[: round(36 * recording.rate)])


@pytest.fixture
def files(fitted, run, tmp_path):
    """A decoder file and a recording, as arguments."""
    decoder = save_decoder(fitted["riemann"], tmp_path / "riemann.safetensors")
    file = write_fif(replace(run, events=()), tmp_path / "run_raw.fif")
    return ["--file", str(file), "--decoder", str(decoder)]


def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.slow
def test_the_log_of_a_file_says_what_every_decision_refers_to(files, tmp_path, capsys):
    log = tmp_path / "log.jsonl"
    given = ["--recentre", "start", "--recentre-seconds", "30", "--log", str(log)]
    assert main([*files, *given]) == 0
    said = capsys.readouterr().out
    assert "Recentred on the first 30 s of signal without artifacts: decisions from 30.2" in said
    lines = lines_of(log)
    reference = load_reference(tmp_path / "log.reference.safetensors")
    order = [DECODER, GROWING, reference.name]
    own = [order.index(line["reference"]) for line in lines]
    assert own == sorted(own)
    assert len(set(own)) == 3
    assert "exists already" in refused([*files, *given[:-1], str(log)], capsys)
    log.unlink()  # a reference without its log is not overwritten either
    assert "exists already" in refused([*files, *given], capsys)


@pytest.mark.slow
def test_in_a_recording_that_is_too_short_the_reference_grows_to_the_end_and_it_says_so(
    files, tmp_path, capsys
):
    log = tmp_path / "log.jsonl"
    assert main([*files, "--recentre", "start", "--log", str(log)]) == 0
    assert "Not recentred, as more than 24.25 s more of signal" in capsys.readouterr().out
    assert {line["reference"] for line in lines_of(log)} == {DECODER, GROWING}
    assert not (tmp_path / "log.reference.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("given", [[], ["--recentre", "off"]])
def test_the_decoder_file_says_whether_anything_is_recentred(files, fitted, given, capsys):
    decoder = fitted["riemann"]
    fit = {**decoder.facts.fit, "recentre": 30.0}
    told = replace(decoder, facts=replace(decoder.facts, fit=fit))
    save_decoder(told, files[-1], overwrite=True)
    assert main([*files, *given]) == 0
    assert ("Recentred on the first 30 s" in capsys.readouterr().out) is not bool(given)


def refused(given, capsys):
    assert main(given) == 2
    return capsys.readouterr().err


@pytest.mark.slow
def test_a_recentring_that_cannot_be_is_refused(files, capsys):
    assert "choose 30 to 3600 s" in refused([*files, "--recentre-seconds", "5"], capsys)
    both = ["--recentre", "off", "--recentre-seconds", "60"]
    assert "leave one of them out" in refused([*files, *both], capsys)
    anyway = ["--uncalibrated", "--recentre", "start"]
    assert "from the first minute anyway" in refused(anyway, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("given", [["--recentre", "start"], ["--adapt", "recentre"]])
def test_what_stays_the_same_for_a_run_is_not_taken_away(files, fitted, given, capsys):
    facts = fitted["riemann"].facts
    told = replace(facts, fit={**facts.fit, "recentre": None, "in_blocks": ["eyes"]})
    save_decoder(replace(fitted["riemann"], facts=told), files[-1], overwrite=True)
    assert "was fitted to tell apart (eyes)" in refused([*files, *given], capsys)
    assert main(files) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("unhurried")
def test_a_replay_over_lsl_is_recentred_as_its_file_is(fitted, files, name, tmp_path, until):
    stop, sent = threading.Event(), [read_recording(files[1])]
    sending = threading.Thread(
        target=replay, args=(sent, name), kwargs={"speed": SPEED, "stop": stop}
    )
    sending.start()
    live, offline = tmp_path / "live.jsonl", tmp_path / "offline.jsonl"
    asked = Options(stream=name, recentre="start", recentre_seconds=30.0, log=live)
    inlet = Inlet(find_stream(StreamQuery(name=name), 10.0), seconds=60.0)
    engine = build_engine(asked, inlet, fitted["riemann"])
    try:
        engine.start()
        until(lambda: (newest := engine.snapshot().latest) and newest.status == "lost", 60.0)
    finally:
        engine.stop()
        stop.set()
        sending.join()
    given = ["--recentre", "start", "--recentre-seconds", "30", "--log", str(offline)]
    assert main([*files, *given]) == 0
    first, second = (
        [(d["sample"], d["reference"], d["decision"]) for d in lines_of(log) if d["probabilities"]]
        for log in (live, offline)
    )
    assert first == second
    assert len({reference for _, reference, _ in first}) == 3
    one, two = (
        load_reference(log.with_suffix(".reference.safetensors")) for log in (live, offline)
    )
    assert one.digest == two.digest
    notes = [
        note for note in lines_of(tmp_path / "live.stream.jsonl") if note["kind"] == "reference"
    ]
    assert [note["text"].split(" ", 1)[0] for note in notes] == ["The", "Recentred"]
    assert one.name in notes[1]["text"]

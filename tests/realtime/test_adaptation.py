"""Adaptation from the command to the log and back again, in a file and over LSL."""

import json
from dataclasses import replace

import pytest
from fif_files import write_fif

from core.decoding.adaptation import LEAST
from core.decoding.storage.decoder_file import decoder_digest, save_decoder
from core.recordings import read_recording
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from realtime.app import build_engine, marker_feed
from realtime.cli import main
from realtime.engine.adaptation_log import read_steps
from realtime.options import Options
from simulation.player import replay

SPEED = 8.0
ADAPT = ["--adapt", "recentre", "labels", "--recentre-seconds", "30"]


@pytest.fixture
def files(fitted, imagery_recording, tmp_path):
    """A decoder file and a recording with its cues, as arguments."""
    run = imagery_recording(seed=9)
    decoder = save_decoder(fitted["riemann"], tmp_path / "riemann.safetensors")
    file = write_fif(run, tmp_path / "run_raw.fif")
    return ["--file", str(file), "--decoder", str(decoder)]


def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def decided(log):
    return [
        (line["sample"], line["probabilities"], line["decision"], line.get("adapted"))
        for line in lines_of(log)
        if line["probabilities"]
    ]


@pytest.mark.slow
def test_a_file_adapts_by_its_events_and_its_log_gives_the_same_again(files, tmp_path, capsys):
    first, again = tmp_path / "first.jsonl", tmp_path / "again.jsonl"
    assert main([*files, *ADAPT, "--log", str(first)]) == 0
    said = capsys.readouterr().out
    assert "trials learned: 16" in said
    assert "recentred: 3" in said
    steps = read_steps(first)
    assert [step.kind for step in steps].count("labels") == 16
    assert steps[-1].kind == "end"
    states = {step.state for step in steps}
    named = {line["adapted"] for line in lines_of(first) if "adapted" in line}
    assert named
    assert named <= states
    repeated = ["--recentre-seconds", "30", "--adapt-from", str(first), "--log", str(again)]
    assert main([*files, *repeated]) == 0
    assert decided(again) == decided(first)
    assert read_steps(again) == steps
    cut = tmp_path / "cut.jsonl"
    lines = (tmp_path / "first.adaptation.jsonl").read_text().splitlines(keepends=True)
    cut.write_text("".join(lines[:8]))
    assert "its run was over" in refused([*files, *repeated[:2], "--adapt-from", str(cut)], capsys)


@pytest.mark.slow
def test_what_began_otherwise_is_refused_before_a_log_is_begun(fitted, files, tmp_path, capsys):
    """Decisions of a wrong decoder or of other options look like any."""
    first, again = tmp_path / "first.jsonl", tmp_path / "again.jsonl"
    assert main([*files, "--adapt", "labels", "--bad", "C3", "--log", str(first)]) == 0
    repeated = ["--adapt-from", str(first), "--log", str(again)]
    other = replace(fitted["riemann"], head=replace(fitted["riemann"].head, temperature=2.0))
    decoder = save_decoder(other, tmp_path / "other.safetensors")
    bad = ["--bad", "C3"]
    for given, words in (
        ([*files], "--bad C3, here none"),
        ([*files, "--bad", "C4"], "--bad C3, here C4"),
        ([*files, *bad, "--confirm"], "--confirm no, here yes"),
        ([*files, *bad, "--hop", "0.125"], "--hop 0.25, here 0.125"),
        ([*files, *bad, "--recentre", "off"], "--recentre-seconds 60.0, here none"),
        ([*files[:3], str(decoder), *bad], f"here {decoder_digest(other)}"),
    ):
        assert words in refused([*given, *repeated], capsys)
        assert not again.exists()
    assert main([*files, *bad, *repeated]) == 0
    assert decided(again) == decided(first)


@pytest.mark.slow
def test_without_adapt_nothing_of_it_is_written(files, tmp_path, capsys):
    log = tmp_path / "plain.jsonl"
    assert main([*files, "--log", str(log)]) == 0
    assert "adapted" not in capsys.readouterr().out
    assert not any("adapted" in line for line in lines_of(log))
    assert not (tmp_path / "plain.adaptation.jsonl").exists()


def refused(given, capsys):
    assert main(given) == 2
    return capsys.readouterr().err


@pytest.mark.slow
def test_an_adaptation_that_cannot_be_is_refused(files, tmp_path, capsys):
    off = ["--adapt", "recentre", "--recentre", "off"]
    assert "choose one" in refused([*files, *off], capsys)
    assert "names one of them twice" in refused([*files, "--adapt", "labels", "labels"], capsys)
    log = tmp_path / "none.jsonl"
    both = ["--adapt", "labels", "--adapt-from", str(log)]
    assert "leave out --adapt" in refused([*files, *both], capsys)
    assert "give it with --file" in refused(["--stream", "EEG", "--adapt-from", str(log)], capsys)
    assert "cannot be read" in refused([*files, "--adapt-from", str(log)], capsys)
    quiet = replace(read_recording(files[1]), events=())
    files[1] = str(write_fif(quiet, tmp_path / "quiet_raw.fif"))
    assert "asks for left_hand or right_hand" in refused([*files, "--adapt", "labels"], capsys)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "its first line is missing"),
        ("nonsense", "Line 1 of"),
        ('{"sample": 1}', "Line 1 of"),
        ('{"sample": -1, "time": null, "kind": "begin"}', "of an older version"),
        (
            '{"windows": 0, "sample": -1, "time": null, "kind": "begin", "state": "", "text": "x"}',
            "Line 1 of",
        ),
        (
            '{"windows": 0, "sample": 1, "time": 0.1, "kind": "undo", "state": "", "text": "x", '
            '"detail": {}}',
            "its first line is missing",
        ),
    ],
)
def test_a_log_that_is_none_is_refused(files, tmp_path, capsys, text, words):
    log = tmp_path / "log.jsonl"
    log.write_text(text)
    assert words in refused([*files, "--adapt-from", str(log)], capsys)


@pytest.mark.slow
@pytest.mark.usefixtures("unhurried")
def test_a_live_run_with_an_undo_is_repeated_from_its_log(
    fitted, files, name, tmp_path, until, background
):
    background(replay, [read_recording(files[1])], name, speed=SPEED)
    live, again, frozen = (tmp_path / f"{each}.jsonl" for each in ("live", "again", "frozen"))
    asked = Options(
        stream=name, adapt=("recentre", "labels"), recentre_seconds=30.0, recentre="start", log=live
    )
    found = find_stream(StreamQuery(name=name), 10.0)
    with marker_feed(asked, found) as markers:
        engine = build_engine(asked, Inlet(found, seconds=60.0), fitted["riemann"], markers)
        engine.start()
        try:
            until(lambda: "trials learned" in engine.snapshot().adaptation, 60.0)
            engine.toggle_adaptation()
            assert "undone" in engine.snapshot().adaptation
            until(lambda: (newest := engine.snapshot().latest) and newest.status == "lost", 60.0)
        finally:
            engine.stop()
    start = ["--recentre", "start", "--recentre-seconds", "30"]
    assert main([*files, *start, "--adapt-from", str(live), "--log", str(again)]) == 0
    assert main([*files, *start, "--log", str(frozen)]) == 0
    assert decided(again) == decided(live)
    steps = read_steps(live)
    assert [(one.windows, one.kind, one.state) for one in read_steps(again)] == [
        (one.windows, one.kind, one.state) for one in steps
    ]
    undo = next(step for step in steps if step.kind == "undo")
    assert [step.kind for step in steps[-2:]] == ["undo", "end"]
    assert sum(step.kind == "labels" for step in steps) >= 2 * LEAST
    after = {row[0]: row[1] for row in decided(frozen)}
    for sample, probabilities, _, adapted in decided(live):
        if sample > undo.sample:
            assert adapted is None
            assert probabilities == after[sample]
    notes = [
        note["text"]
        for note in lines_of(tmp_path / "live.stream.jsonl")
        if note["kind"] == "adaptation"
    ]
    assert any("undone" in note for note in notes)

"""The score of live decoding, of its log, and of the recording decoded in one pass: one number."""

import json
import threading
from dataclasses import replace

import pytest
from fif_files import write_fif

from core.decoding.storage.decoder_file import save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.recordings import Event
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from realtime.app import build_engine, marker_feed
from realtime.cli import main as realtime
from realtime.engine.cued_trials import CuedScore
from realtime.offline import decode_recording, recorded_cues
from realtime.options import Options
from realtime.scoring import ScoredLog, in_words, read_log
from simulation.player import replay


def write_log(path, lines, markers):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    path.with_suffix(".markers.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in markers)
    )


def line(time, decision):
    return {"time": time, "decision": decision, "probabilities": {"left": 0.5, "right": 0.5}}


def test_a_log_is_scored_by_the_markers_beside_it(tmp_path, capsys):
    log = tmp_path / "live.jsonl"
    lines = [line(0.25 * k, "left" if k < 40 else "right") for k in range(100)]
    names = {2.0: "left", 7.0: "right", 12.0: "right"}
    markers = [{"time": t, "sample": 0, "label": "x", "class": n} for t, n in names.items()]
    markers.append({"time": 1.0, "sample": None, "label": "start", "class": ""})
    write_log(log, lines, markers)
    score = read_log(log).score()
    assert [(t.asked, t.decided) for t in score.trials] == [
        ("left", "left"),
        ("right", "right"),
        ("right", "right"),
    ]
    assert realtime(["score", str(log)]) == 0
    assert "3 of 3 cues decided as asked: 100.0 %" in capsys.readouterr().out
    assert realtime(["score", str(log), "--event", "x=left"]) == 0
    assert "1 of 3 cues" in capsys.readouterr().out
    assert realtime(["score", str(log), "--event", "T9=left"]) == 2
    assert "T9 is no marker of" in capsys.readouterr().err
    assert realtime(["score", str(log), "--event", "x=foo"]) == 2
    assert "--event x=foo asks for a class" in (said := capsys.readouterr().err)
    assert "they have left, right." in said


def test_an_event_that_is_named_leaves_other_markers_as_they_were(tmp_path):
    log = tmp_path / "live.jsonl"
    names = {2.0: ("T1", "right"), 7.0: ("T2", "right")}
    markers = [{"time": t, "label": label, "class": n} for t, (label, n) in names.items()]
    write_log(log, [line(0.25 * k, "left") for k in range(60)], markers)
    trials = read_log(log).score({"T1": "left"}).trials
    assert [trial.asked for trial in trials] == ["left", "right"]


def test_headings_of_long_names_are_apart(tmp_path):
    log, name = tmp_path / "live.jsonl", "right_forearm"
    row = {"decision": name, "probabilities": {"left_forearm": 0.1, name: 0.9}}
    rows = [row | {"time": 0.25 * k} for k in range(40)]
    write_log(log, rows, [{"time": 0.0, "label": name, "class": name}])
    assert " left_forearm  right_forearm " in in_words(read_log(log).score())


def test_what_cannot_be_scored_is_said(tmp_path, capsys):
    log = tmp_path / "live.jsonl"
    with pytest.raises(InputError, match=r"There is no .*live.jsonl"):
        read_log(log)
    log.write_text(json.dumps(line(1.0, None)) + "\n")
    with pytest.raises(InputError, match=r"There is no .*live.markers.jsonl.*--markers"):
        read_log(log)
    write_log(log, [{"time": 1.0, "decision": None, "probabilities": None}], [])
    with pytest.raises(InputError, match="no window that was decoded"):
        read_log(log)
    write_log(log, [line(1.0, "left")], [{"at": 1}])
    with pytest.raises(InputError, match="lacks time, label, class"):
        read_log(log)
    log.write_text(json.dumps({"score": 0.5}, indent=1))  # a report
    with pytest.raises(InputError, match=r"cannot be read as lines of JSON, .* another file\?$"):
        read_log(log)
    with pytest.raises(InputError, match=r"is a folder; name the log in it\.$"):
        read_log(tmp_path)
    write_log(log, [line(1.0, "left")], [])
    assert "nothing to score" in in_words(read_log(log).score())
    assert realtime(["score", str(tmp_path / "none.jsonl")]) == 2


@pytest.fixture
def cued(imagery_recording):
    """A recording with a break, and with markers of other names and of no class."""
    recording = imagery_recording(seed=9, trials=3)
    labels = {"left_hand": "T1", "right_hand": "T2"}
    events = [replace(e, label=labels[e.label]) for e in recording.events]
    events += [Event(0.0, 0.0, "begin"), *(Event(e.onset + 4.0, 0.0, "T0") for e in events)]
    return replace(recording, events=tuple(events), breaks=(round(17.0 * recording.rate),))


@pytest.mark.slow
def test_live_score_is_that_of_the_log_and_of_the_recording_in_one_pass(
    cued, fitted, name, until, unhurried, tmp_path
):
    decoder = fitted["riemann"]
    events = {"T1": "left_hand", "T2": "right_hand"}
    log = tmp_path / "live.jsonl"
    options = Options(stream=name, log=log, event=("T1=left_hand", "T2=right_hand"))
    stop = threading.Event()
    sender = threading.Thread(
        target=replay, args=([cued], name), kwargs={"speed": 6.0, "stop": stop}
    )
    sender.start()
    found = find_stream(StreamQuery(name=name), 10.0)
    try:
        with marker_feed(options, found) as markers, Inlet(found) as inlet:
            engine = build_engine(options, inlet, decoder, markers)
            engine.start()
            sender.join(60)
            until(lambda: engine.snapshot().status in ("silent", "lost"))
            snapshot = engine.snapshot()
            engine.stop()
    finally:
        stop.set()
        sender.join()
    live = CuedScore(snapshot.trials, decoder.classes)
    assert len(live.trials) == 6
    assert read_log(log).score() == live
    assert {cue.name for cue in snapshot.cues} == {"left_hand", "right_hand", ""}

    windows = WindowDecoder(decoder, None, decoder.hop, recentre=options.recentre_for(decoder))
    once = list(decode_recording(cued, decoder, windows, options.evidence()))
    cues = recorded_cues(cued, decoder, events)
    trials = ScoredLog(once, cues, decoder.classes).score().trials
    assert [(t.asked, t.decided) for t in trials] == [(t.asked, t.decided) for t in live.trials]
    assert [t.seconds for t in trials] == pytest.approx([t.seconds for t in live.trials])
    # Markers lie on the samples that they lay on in the file.
    texts = log.with_suffix(".markers.jsonl").read_text("utf-8").splitlines()
    lines = [json.loads(text) for text in texts]
    offline = {round(c.time, 3): c.sample for c in cues}
    assert lines[0]["label"] == "begin"  # sent with the first sample
    start = lines[0]["time"]
    for marker in lines:
        if marker["sample"] is not None:
            assert marker["sample"] == offline[round(marker["time"] - start, 3)]


@pytest.mark.slow
def test_the_programs_themselves_score_a_replay_by_its_own_markers(
    imagery_recording, fitted, name, program, tmp_path, capsys
):
    recording = imagery_recording(seed=9, trials=2)
    file = write_fif(recording, tmp_path / "imagery_raw.fif")
    save_decoder(fitted["riemann"], tmp_path / "decoder.safetensors")
    log = tmp_path / "live.jsonl"
    program("replay", file, "--name", name, "--local")
    given = ["--stream", name, "--decoder", tmp_path / "decoder.safetensors", "--log", log]
    given += ["--headless", "--duration", 26, "--local", "--timeout", 20]
    assert realtime([str(word) for word in given]) == 0
    capsys.readouterr()
    assert realtime(["score", str(log)]) == 0
    live = capsys.readouterr().out
    assert "of 4 cues decided as asked" in live
    offline = tmp_path / "offline.jsonl"
    given = ["--file", file, "--decoder", tmp_path / "decoder.safetensors", "--log", offline]
    assert realtime([str(word) for word in given]) == 0
    capsys.readouterr()
    assert realtime(["score", str(offline)]) == 0
    assert capsys.readouterr().out == live

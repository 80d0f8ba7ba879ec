"""Sidecars that a disk, an editor or an attacker changed: said in a sentence, never a crash."""

import json
import os
import shutil
from contextlib import suppress

import pytest

import calibration.checking as checking
from calibration.checking import check, repair
from calibration.paradigm.model import Paradigm
from calibration.paradigm.plan import new_plan, unfinished
from calibration.recording.bids import next_run
from calibration.recording.brainvision import SEGMENT, plain_label
from calibration.recording.events import read_events
from calibration.recording.recorder import Recorder
from calibration.recording.sidecars import Details
from core.errors import InputError
from core.recordings import read_recording

DEEP = "[" * 200_000
DAMAGES = {
    "empty": b"",
    "a list": b"[1, 2]",
    "a number": b"7",
    "nothing": b"null",
    "deep": DEEP.encode(),
    "digits": b"9" * 5000,
    "half": b'{"Stream": {"Nom',
    "Latin-1": '{"Stream": "Jürgen"}'.encode("latin-1"),
    "zeros": bytes(500),
    "twice": b'{"RecordingDuration": 4, "RecordingDuration": 5}',
    "text for a length": b'{"RecordingDuration": "4 s"}',
    "a huge length": b'{"RecordingDuration": 1e400}',
    "a list for a length": b'{"RecordingDuration": [4]}',
    "a list for a stream": b'{"Stream": [], "FirstSampleArrived": "x"}',
    "no channels": b'{"Stream": {"NominalRate": 250, "ChannelLabels": [], "ChannelUnits": []}, '
    b'"FirstSampleArrived": "x"}',
    "a tiny rate": b'{"Stream": {"NominalRate": 1e-300, "ChannelLabels": ["C3"], '
    b'"ChannelUnits": ["uV"]}, "FirstSampleArrived": "x"}',
    "numbers for labels": b'{"Stream": {"NominalRate": 250, "ChannelLabels": [1, 2, 3], '
    b'"ChannelUnits": [1, 2, 3]}, "FirstSampleArrived": 5}',
}


@pytest.fixture(autouse=True)
def no_validator(monkeypatch):
    monkeypatch.setattr(checking, "find_spec", lambda name: None)


def make(root, make_facts, make_signal):
    run = next_run(root, "01")
    with Recorder(run, make_facts()) as recorder:
        recorder.attach("plan.json", new_plan(Paradigm(), seed=1).to_json())
        recorder.event("left_hand", 769, 100.4, 1.0, 1)
        make_signal().give(recorder)
    said = json.loads(run.file("eeg.json").read_bytes())
    del said["RecordingDuration"]
    run.file("eeg.json").write_text(json.dumps(said))
    return run


@pytest.fixture
def crashed(tmp_path, make_facts, make_signal):
    return make(tmp_path / "data", make_facts, make_signal)


SIDECARS = {
    "eeg.json": lambda run: run.file("eeg.json"),
    "events.tsv": lambda run: run.file("events.tsv"),
    "eeg.vmrk": lambda run: run.file("eeg.vmrk"),
    "channels.tsv": lambda run: run.file("channels.tsv"),
    "stamps.json": lambda run: run.source("stamps.json"),
    "plan.json": lambda run: run.source("plan.json"),
    "scans.tsv": lambda run: run.scans,
    "participants.tsv": lambda run: run.root / "participants.tsv",
    "dataset_description.json": lambda run: run.root / "dataset_description.json",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SIDECARS)
def test_any_damaged_sidecar_ends_in_sentences(crashed, tmp_path, name):
    path = SIDECARS[name](crashed)
    samples = crashed.file("eeg.eeg").read_bytes()
    for damage in DAMAGES.values():
        path.write_bytes(damage)
        assert all(finding.text.isprintable() for finding in check(crashed.root))
        copy = tmp_path / "copy"
        shutil.copytree(crashed.root, copy)
        for _ in range(2):
            assert all(text.isprintable() for text in repair(copy))
        left = [finding for finding in check(copy) if finding.kind == "broken"]
        assert left == [], "what can be mended is mended the first time"
        with suppress(InputError):
            unfinished(next_run(copy, "01"))
        assert (copy / crashed.file("eeg.eeg").relative_to(crashed.root)).read_bytes() == samples
        shutil.rmtree(copy)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_sidecars_in_other_encodings_of_unicode_are_understood(crashed, encoding):
    for path in (crashed.file("eeg.json"), crashed.source("stamps.json")):
        path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    assert [text for text in repair(crashed.root) if "now says" in text]
    assert [f.text for f in check(crashed.root) if f.kind in ("error", "broken")] == []


@pytest.mark.parametrize(
    "content", [b"\n", b"", b"\xef\xbb\xbf", b" \r\n"], ids=["line", "empty", "BOM", "blank"]
)
def test_an_empty_table_counts_as_absent(crashed, content):
    for path in (crashed.root / "participants.tsv", crashed.scans, crashed.file("events.tsv")):
        path.write_bytes(content)
    if content:
        crashed.file("events.tsv").write_bytes(b"")
    done = repair(crashed.root)
    assert f"sub-01/eeg/{crashed.name}_events.tsv: wrote it and added 1 events." in done
    people = (crashed.root / "participants.tsv").read_text(encoding="utf-8-sig").split()
    assert people[:2] == ["participant_id", "species"]
    assert "sub-01" in people
    rows = read_events(crashed.file("events.tsv").read_bytes())
    assert [row.name for row in rows] == ["left_hand"]
    assert repair(crashed.root) == []


@pytest.mark.parametrize(
    "table",
    ["participant_id\tname\nsub-07\tJürgen\n".encode("utf-16"), b"name\tage\nJ\xfcrgen\t30\n"],
    ids=["UTF-16", "other columns"],
)
def test_a_table_that_is_no_table_of_ours_keeps_its_bytes(crashed, table):
    path = crashed.root / "participants.tsv"
    path.write_bytes(table)
    assert any("now says" in text for text in repair(crashed.root))
    assert path.read_bytes() == table
    assert [f.text for f in check(crashed.root) if f.kind == "warning"] == [
        "participants.tsv is no table in UTF-8 with the column participant_id; it is left as it "
        "is, and lacks sub-01."
    ]


def test_a_table_in_another_encoding_gets_its_row_behind_its_bytes(crashed):
    path = crashed.root / "participants.tsv"
    table = b"participant_id\tname\nsub-07\tJ\xfcrgen\n"
    path.write_bytes(table)
    repair(crashed.root)
    assert path.read_bytes() == table + b"sub-01\tn/a\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_in_a_data_set_is_not_waited_for(crashed):
    for path in (find(crashed) for name, find in SIDECARS.items() if name[0] != "d"):
        content = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        check(crashed.root)
        repair(crashed.root)
        path.unlink()
        path.write_bytes(content)


@pytest.mark.parametrize(
    "row", ["9" * 4000, "-5", "1e5", "nan"], ids=["huge", "negative", "float", "nan"]
)
def test_rows_of_impossible_events_are_none_of_ours(row):
    head = "onset\tduration\ttrial_type\tvalue\tsample\ttrial\tlsl_time\n"
    found = read_events(f"{head}0\t1\tleft_hand\t769\t{row}\t1\t1.0\n".encode())
    assert found == []


def test_whatever_a_person_calls_things_can_be_read_again(tmp_path, make_facts, make_signal):
    labels = (
        "C3\n[Comment]",
        "é" * 200,
        "C\udcff4",
        "a,b=c;d",
        "[Common Infos]",
        "\x1b[31mCz\u202e",
    )
    run = next_run(tmp_path / "d\udcffata", "01")
    details = Details(reference="M\udcff1\n", manufacturer="x" * 500, instructions="\x00\x1b")
    with Recorder(run, make_facts(labels), details) as recorder:
        recorder.event("left\n\udcff,hand" + "x" * 300, None, 100.4, 1.0)
        make_signal(channels=len(labels)).give(recorder)
    assert recorder.error is None
    found = read_recording(run.file("eeg.vhdr"))
    assert len(found.samples_uv) == 1000
    assert list(found.labels) == [plain_label(label) for label in labels]
    assert [f.text for f in check(run.root) if f.kind in ("error", "broken", "warning")] == []
    assert SEGMENT.encode() in run.file("eeg.vmrk").read_bytes()

"""What a crash leaves is found, said and mended; what is whole is not touched."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import calibration.checking as checking
from calibration.checking import check, repair
from calibration.recording.bids import next_run
from calibration.recording.events import read_events
from calibration.recording.recorder import Recorder
from core.errors import InputError
from core.recordings import read_recording

ROOT = Path(__file__).parents[2]


@pytest.fixture
def dataset(tmp_path, make_facts, make_signal):
    """A whole data set of two runs with three events and a break each, and its second run."""
    for _ in range(2):
        run = next_run(tmp_path, "01", "02")
        signal = make_signal()
        signal.stamps[500:] += 0.5
        with Recorder(run, make_facts()) as recorder:
            recorder.event("left_hand", 769, 100.4, 1.0, 1)
            recorder.event("beep", 785, 101.0, 0.0)
            recorder.event("right_hand", 770, 103.5, 1.0, 2)
            signal.give(recorder)
        assert recorder.error is None
    return run


def grave(root):
    return [finding for finding in check(root) if finding.kind in ("error", "broken")]


@pytest.mark.slow
def test_whole_data_set_passes_the_validator_and_stays_as_it_is(dataset, files_of):
    before = files_of(dataset.root)
    findings = check(dataset.root)
    assert grave(dataset.root) == []
    checked_by = "BIDS validator" if find_spec("bids_validator_deno") else "mne-bids"
    assert any(f.kind == "note" and checked_by in f.text for f in findings)
    assert repair(dataset.root) == []
    assert files_of(dataset.root) == before


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mne_bids") is None, reason="needs mne-bids")
def test_mne_bids_reads_samples_events_and_types(dataset, make_signal, recwarn):
    import mne_bids

    path = mne_bids.BIDSPath(
        subject="01", session="02", task="imagery", run="02", datatype="eeg", root=dataset.root
    )
    raw = mne_bids.read_raw_bids(path, verbose="ERROR")
    found = raw.get_data().T * 1e6
    np.testing.assert_array_equal(found.astype(np.float32), make_signal().samples)
    assert list(raw.annotations.description) == ["left_hand", "beep", "boundary", "right_hand"]
    np.testing.assert_allclose(raw.annotations.onset, [0.4, 1.0, 2.0, 3.0])


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mne_bids") is None, reason="needs mne-bids")
def test_without_the_validator_mne_bids_is_asked(dataset, monkeypatch):
    monkeypatch.setattr(
        checking, "find_spec", lambda name: find_spec(name) if name == "mne_bids" else None
    )
    assert grave(dataset.root) == []
    assert any("Checked by mne-bids" in finding.text for finding in check(dataset.root))
    dataset.file("channels.tsv").write_text("name\ttype\tunits\nC3\tEEG\n")
    assert any("mne-bids cannot read" in finding.text for finding in grave(dataset.root))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("bids_validator_deno") is None, reason="needs the BIDS validator")
def test_what_the_validator_says_is_passed_on(dataset, monkeypatch):
    monkeypatch.setenv("PATH", "")  # as where the environment of this interpreter is not activated
    (dataset.root / "stray.txt").write_text("x")
    assert any("NOT_INCLUDED" in f.text and "stray.txt" in f.text for f in grave(dataset.root))


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def drop_lines(path, *words):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(x for x in lines if not any(w.encode() in x for w in words)))


def torn_sample(run):
    with run.file("eeg.eeg").open("ab") as file:
        file.write(b"12345")
    return run.file("eeg.eeg"), "ends in half a sample"


def more_stamps(run):
    with run.source("stamps.f64").open("ab") as file:
        file.write(b"\0" * 19)
    return run.source("stamps.f64"), "has stamps of samples that were not written"


def torn_marker(run):
    with run.file("eeg.vmrk").open("ab") as file:
        file.write(b"Mk6=Stimulus,left_")
    return run.file("eeg.vmrk"), "ends in half a line"


def uncommitted_marker(run):
    with run.file("eeg.vmrk").open("ab") as file:
        file.write(b";k6=Stimulus,left_hand,900,250,0\n")
    return run.file("eeg.vmrk"), "ends in half a line"


def torn_event(run):
    with run.file("events.tsv").open("ab") as file:
        file.write(b"3.960000\t0.000000\tbee")
    return run.file("events.tsv"), "ends in half a line"


def lost_marker(run):
    drop_lines(run.file("eeg.vmrk"), "right_hand")
    return run.file("eeg.vmrk"), "lacks 1 events"


def marker_past_the_end(run):
    with run.file("eeg.vmrk").open("ab") as file:
        file.write(b"Mk6=Stimulus,left_hand,1001,250,0\n")
    return run.file("eeg.vmrk"), "has 1 events past the end"


def event_past_the_end(run):
    with run.file("events.tsv").open("ab") as file:
        file.write(b"4.000000\t1.000000\tleft_hand\t769\t1000\t3\t104.500000\n")
    return run.file("events.tsv"), "has 1 events past the end"


def unordered_events(run):
    lines = run.file("events.tsv").read_bytes().splitlines(keepends=True)
    run.file("events.tsv").write_bytes(b"".join([lines[0], *reversed(lines[1:])]))
    return run.file("events.tsv"), "is not in order"


def no_header(run):
    run.file("eeg.vhdr").unlink()
    return run.file("eeg.vhdr"), "is missing"


def no_markers(run):
    run.file("eeg.vmrk").unlink()
    return run.file("eeg.vmrk"), "is missing and lacks 5 events"


def no_scan(run):
    drop_lines(run.scans, "run-02")
    return run.scans, f"does not name {run.name}"


def torn_scan(run):
    cut(run.scans, -11)
    return run.scans, f"does not name {run.name}"


def no_participant(run):
    drop_lines(run.root / "participants.tsv", "sub-01")
    return run.root / "participants.tsv", "does not name sub-01"


def torn_participant(run):
    cut(run.root / "participants.tsv", -13)
    return run.root / "participants.tsv", "does not name sub-01"


CRASHES = (
    torn_sample,
    more_stamps,
    torn_marker,
    uncommitted_marker,
    torn_event,
    lost_marker,
    marker_past_the_end,
    event_past_the_end,
    unordered_events,
    no_header,
    no_markers,
    no_scan,
    torn_scan,
    no_participant,
    torn_participant,
)


@pytest.fixture
def no_validator(monkeypatch):
    """It takes a second, and the test above runs it."""
    monkeypatch.setattr(checking, "find_spec", lambda name: None)


@pytest.fixture
def crashed(dataset, files_of, no_validator):
    """A run that was not closed, and the files it would have if it had been."""
    whole = files_of(dataset.root)
    said = json.loads(dataset.file("eeg.json").read_bytes())
    del said["RecordingDuration"]
    text = json.dumps(said, indent=2, ensure_ascii=False) + "\n"
    dataset.file("eeg.json").write_text(text, encoding="utf-8")
    return dataset, whole


LENGTH = "does not say how long the recording is"


@pytest.mark.slow
@pytest.mark.parametrize("crash", CRASHES)
def test_what_a_crash_leaves_is_said_and_mended_to_the_byte(crashed, files_of, crash):
    run, whole = crashed
    path, said = crash(run)
    name, sidecar = (p.relative_to(run.root).as_posix() for p in (path, run.file("eeg.json")))
    broken = files_of(run.root)
    texts = [finding.text for finding in check(run.root) if finding.kind == "broken"]
    assert texts == [f"{name} {said}.", f"{sidecar} {LENGTH}."]
    assert files_of(run.root) == broken, "checking changes nothing"
    done, length = repair(run.root)
    assert done.startswith(f"{name}: ")
    assert length == f"{sidecar}: now says that the recording is 4 s long."
    assert files_of(run.root) == whole
    assert repair(run.root) == []
    assert grave(run.root) == []


def test_several_at_once_are_mended_one_after_the_other(crashed, files_of):
    run, whole = crashed
    crashes = (torn_sample, more_stamps, torn_event, torn_marker, no_header, torn_scan)
    for crash in crashes:
        crash(run)
    assert len(repair(run.root)) == len(crashes) + 1
    assert files_of(run.root) == whole


@pytest.mark.parametrize("crash", CRASHES)
def test_run_that_was_closed_belongs_to_people(dataset, files_of, no_validator, crash):
    crash(dataset)
    before = files_of(dataset.root)
    assert repair(dataset.root) == []
    assert [finding for finding in check(dataset.root) if finding.kind == "broken"] == []
    assert files_of(dataset.root) == before


def test_event_that_only_a_marker_tells_comes_back(crashed):
    run, _ = crashed
    drop_lines(run.file("events.tsv"), "right_hand", "boundary")
    assert repair(run.root)[0].endswith("_events.tsv: added 2 events.")
    rows = read_events(run.file("events.tsv").read_bytes())
    assert [(row.name, row.sample, row.trial) for row in rows] == [
        ("left_hand", 100, 1),
        ("beep", 250, None),
        ("boundary", 500, None),
        ("right_hand", 750, None),
    ]
    assert repair(run.root) == []


def test_lost_power_costs_stamps_but_no_sample(crashed, make_signal):
    run, _ = crashed
    cut(run.source("stamps.f64"), 8 * 990 + 3)
    assert "lacked 10 stamps" in repair(run.root)[0]
    stamps = np.fromfile(run.source("stamps.f64"), "<f8")
    assert np.isnan(stamps[990:]).all()
    assert np.isfinite(stamps[:990]).all()
    found = read_recording(run.file("eeg.vhdr"))
    np.testing.assert_array_equal(found.samples_uv, make_signal().samples)


@pytest.mark.slow
@pytest.mark.usefixtures("no_validator")
def test_run_that_ended_before_its_first_sample_goes(dataset, files_of):
    whole = files_of(dataset.root)
    third = next_run(dataset.root, "01", "02")
    third.source("stamps.f64").write_bytes(b"\0" * 16)
    third.source("stamps.json").write_bytes(dataset.source("stamps.json").read_bytes())
    third.file("eeg.json").write_text("{}")
    for ending in ("channels.tsv", "events.json", "events.tsv", "eeg.vmrk"):
        third.file(ending).write_bytes(dataset.file(ending).read_bytes())
    third.file("eeg.eeg").write_bytes(b"1234")
    (third.folder / f".{third.file('eeg.vhdr').name}.77.part").touch()
    assert len(grave(dataset.root)) == 7
    assert len(repair(dataset.root)) == 7
    assert {path: files_of(dataset.root)[path] for path in whole} == whole
    assert set(files_of(dataset.root)) - set(whole) == {
        third.source(ending).relative_to(dataset.root).as_posix()
        for ending in ("stamps.f64", "stamps.json")
    }
    assert next_run(dataset.root, "01", "02").number == 4
    assert repair(dataset.root) == []


@pytest.mark.usefixtures("no_validator")
def test_run_that_is_being_recorded_is_left_alone(tmp_path, make_facts, make_signal, until):
    run = next_run(tmp_path, "01")
    with Recorder(run, make_facts()) as recorder:
        make_signal().give(recorder)
        until(lambda: recorder.samples_written == 1000)
        assert repair(tmp_path) == []
        assert "is being recorded now" in check(tmp_path)[-2].text + check(tmp_path)[-1].text
        assert "RecordingDuration" not in json.loads(run.file("eeg.json").read_bytes())
    assert recorder.error is None
    assert check(tmp_path)[-1].text.startswith("Neither the BIDS validator nor mne-bids")
    assert grave(tmp_path) == []


def test_what_no_crash_does_is_said_and_left_alone(crashed, files_of):
    run, _ = crashed
    run.file("eeg.eeg").unlink()
    before = files_of(run.root)
    texts = [finding.text for finding in grave(run.root)]
    assert f"{run.name} cannot be repaired: {run.name}_eeg.eeg is missing." in texts
    assert repair(run.root) == []
    assert files_of(run.root) == before


@pytest.mark.usefixtures("no_validator")
def test_closed_recording_that_lost_samples_is_said(dataset):
    cut(dataset.file("eeg.eeg"), -24)
    assert [finding.text for finding in grave(dataset.root)] == [
        f"{dataset.name} says that it has 1000 samples, and has 998."
    ]


def test_samples_are_never_cut_by_a_sidecar_that_a_person_changed(crashed, files_of):
    run, _ = crashed
    drop_lines(run.file("channels.tsv"), "C4")
    samples = run.file("eeg.eeg").read_bytes()
    repair(run.root)
    assert run.file("eeg.eeg").read_bytes() == samples


@pytest.mark.usefixtures("no_validator")
def test_recordings_of_other_programs_are_only_read(dataset, files_of):
    other = dataset.root / "sub-02" / "eeg" / "sub-02_task-rest_eeg.edf"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"no recording at all")
    before = files_of(dataset.root)
    assert [f.kind for f in grave(dataset.root)] == ["error"]
    assert repair(dataset.root) == []
    assert files_of(dataset.root) == before


def test_data_set_without_a_recording_is_whole(tmp_path, make_facts):
    with Recorder(next_run(tmp_path, "01"), make_facts()):
        pass
    assert [finding.text for finding in check(tmp_path)] == ["There is no recording in it yet."]
    assert repair(tmp_path) == []


def test_folder_without_a_data_set_is_refused(tmp_path):
    for action in (check, repair):
        with pytest.raises(InputError, match="no BIDS data set"):
            action(tmp_path)


@pytest.mark.slow
def test_killed_recordings_lose_less_than_a_second():
    done = subprocess.run(
        [
            sys.executable,
            "benchmarks/faults/kill_recording.py",
            "--kills",
            "4",
            "--seed",
            "7",
            "--json",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["passed"] for row in rows] == [True] * 4
    assert sum(row["read"] for row in rows) > 0
    assert sum(row["events"] for row in rows) > 0

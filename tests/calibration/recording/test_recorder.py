"""A recording holds every sample, every event and every break, and says what goes wrong."""

import json
import math
import os
import shutil

import numpy as np
import pytest

from calibration.recording import recorder as recorder_module
from calibration.recording.bids import next_run
from calibration.recording.events import read_events
from calibration.recording.recorder import Recorder
from calibration.recording.sidecars import Details
from core.errors import InputError
from core.feed.segments import Segmenter
from core.recordings import Event, read_recording


def record(run, facts, signal, events=(), **options):
    with Recorder(run, facts, **options) as recorder:
        for event in events:
            recorder.event(*event)
        signal.give(recorder)
    assert recorder.error is None
    return recorder


def test_every_sample_event_and_break_comes_back(tmp_path, make_facts, make_signal):
    signal = make_signal()
    signal.stamps[400:] += 0.5
    run = next_run(tmp_path, "01", "02")
    events = [
        ("left_hand", 769, 100.4, 1.0, 1),
        ("right_hand", 770, signal.stamps[600] + 0.0015, 0.0, 2),
        ("beep", 785, 100.4, 0.0),
    ]
    recorder = record(run, make_facts(), signal, events)
    found = read_recording(run.file("eeg.vhdr"))
    np.testing.assert_array_equal(found.samples_uv, signal.samples)
    assert (found.rate, found.labels, found.breaks) == (250.0, ("C3", "Cz", "C4"), (400,))
    assert set(found.events) == {
        Event(0.4, 1.0, "left_hand"),
        Event(0.4, 1 / 250, "beep"),
        Event(2.4, 1 / 250, "right_hand"),
    }
    assert recorder.samples_written == 1000
    assert recorder.seconds == 4.0
    np.testing.assert_array_equal(np.fromfile(run.source("stamps.f64"), "<f8"), signal.stamps)


def test_finite_float32_of_any_size_survives_bit_by_bit(tmp_path, make_facts, make_signal, give):
    bits = np.random.default_rng(1).integers(0, 2**32, (5000, 3), dtype=np.uint32)
    samples = bits.view(np.float32)
    samples[~np.isfinite(samples)] = -0.0
    run = next_run(tmp_path, "01")
    with Recorder(run, make_facts()) as recorder:
        give(recorder, samples, make_signal(5000).stamps)
    found = read_recording(run.file("eeg.vhdr")).samples_uv
    np.testing.assert_array_equal(found.view(np.uint32), samples.view(np.uint32))


@pytest.mark.parametrize("rate", [30.0, 119.0, 250.0, 256.0, 999.75, 30000.0])
def test_rate_comes_back_exactly(tmp_path, make_facts, make_signal, rate):
    run = next_run(tmp_path, "01")
    record(run, make_facts(rate=rate), make_signal(50, rate=rate))
    assert read_recording(run.file("eeg.vhdr")).rate == rate


def test_units_become_microvolts_where_they_are_voltages(tmp_path, make_facts, make_signal):
    signal = make_signal(100, channels=5)
    facts = make_facts(
        ("C3", "C4", "trigger, in", "EXG1", "HEOG"),
        units=("mV", "V", "", "uV", "uV"),
        types=("", "", "", "EOG", ""),
    )
    run = next_run(tmp_path, "01")
    record(run, facts, signal)
    import mne

    raw = mne.io.read_raw_brainvision(run.file("eeg.vhdr"), verbose="ERROR")
    assert raw.ch_names == ["C3", "C4", "trigger, in", "EXG1", "HEOG"]
    expected = signal.samples * np.array([1e-3, 1.0, 1.0, 1e-6, 1e-6])
    np.testing.assert_allclose(raw.get_data().T, expected, rtol=1e-7)
    assert [row.split("\t")[:3] for row in run.file("channels.tsv").read_text().splitlines()] == [
        ["name", "type", "units"],
        ["C3", "EEG", "µV"],
        ["C4", "EEG", "µV"],
        ["trigger, in", "MISC", "n/a"],
        ["EXG1", "EOG", "µV"],
        ["HEOG", "EOG", "µV"],
    ]


@pytest.mark.parametrize(
    ("unit", "written", "said"), [("g", "g", "g"), ("m,s", "m s", "m s"), ("", "n/a", "misc")]
)
def test_what_is_no_voltage_keeps_its_unit_and_is_not_read_as_eeg(
    tmp_path, make_facts, make_signal, unit, written, said
):
    facts = make_facts(("C3", "AccX", "C4"), units=("uV", unit, "uV"), types=("EEG", "AUX", "EEG"))
    run = next_run(tmp_path, "01")
    record(run, facts, make_signal(100, channels=3))
    assert f"AccX\tMISC\t{written}\t" in run.file("channels.tsv").read_text()
    found = read_recording(run.file("eeg.vhdr"))
    assert found.labels == ("C3", "C4")
    assert any(f"left out AccX ({said})" in note for note in found.notes)
    assert not any("taken to be" in note for note in found.notes)


def test_channels_of_which_nothing_is_known_are_read_as_microvolts(
    tmp_path, make_facts, make_signal
):
    run = next_run(tmp_path, "01")
    facts = make_facts(("Ch1", "Ch2"), units=("", ""), types=("", ""))
    record(run, facts, make_signal(100, channels=2))
    found = read_recording(run.file("eeg.vhdr"))
    assert found.labels == ("Ch1", "Ch2")
    assert any("does not say the unit of Ch1, Ch2: taken to be µV" in note for note in found.notes)


def test_events_are_told_early_late_outside_and_out_of_order(tmp_path, make_facts, make_signal):
    signal = make_signal()
    run = next_run(tmp_path, "01")
    with Recorder(run, make_facts()) as recorder:
        signal.give(recorder, 0, 100)
        recorder.event("left_hand", None, 42.0, 0.0)
        recorder.event("after", None, 4200.0, 0.0)
        recorder.event("no_number", None, math.nan, 0.0)
        recorder.event("late,\nodd\tnamé", 1, 101.0, 0.0, 5)
        signal.give(recorder, 100)
        recorder.event("told_last", 2, 100.2, 0.0)
    rows = read_events(run.file("events.tsv").read_bytes())
    places = {row.name: row.sample for row in rows}
    assert {name: places[name] for name in places if name != "no_number"} == {
        "before/left_hand": 0,  # no cue of what is recorded
        "told_last": 50,
        "late__odd_nam_": 250,
        "after": 999,
    }
    assert [row.sample for row in rows] == sorted(places.values())
    assert {row.name: row.time for row in rows}["before/left_hand"] == 42.0
    assert (rows[[row.name for row in rows].index("late__odd_nam_")].trial) == 5
    found = read_recording(run.file("eeg.vhdr"))
    assert {event.label for event in found.events} == set(places)


def test_events_lie_where_they_were_though_samples_are_stamped_in_bursts(
    tmp_path, make_facts, make_signal
):
    signal = make_signal()
    taken = signal.stamps.copy()
    for start in range(0, len(taken), 50):
        signal.stamps[start : start + 50] = taken[start : start + 50].max() + 1e-5 * np.arange(50)
    run = next_run(tmp_path, "01")
    places = [25, 410, 449, 777]
    record(run, make_facts(), signal, [("beep", 785, taken[place], 0.0) for place in places])
    rows = read_events(run.file("events.tsv").read_bytes())
    assert [row.sample for row in rows] == places


def test_an_event_is_on_disk_though_the_stream_pauses_right_after(
    tmp_path, make_facts, make_signal, until
):
    signal = make_signal()
    run = next_run(tmp_path, "01")
    with Recorder(run, make_facts()) as recorder:
        signal.give(recorder)
        recorder.event("beep", 785, signal.stamps[980], 0.0)
        events = run.file("events.tsv")
        rows = until(lambda: events.is_file() and read_events(events.read_bytes()))
        assert [row.sample for row in rows] == [980]


def test_events_of_a_clock_that_is_gone_stay_with_its_samples(
    tmp_path, make_facts, make_signal, monkeypatch
):
    monkeypatch.setattr(recorder_module, "_FLUSH", 3600.0)  # all of it is written at once
    signal = make_signal()
    signal.stamps[500:] -= 90.0  # the sender came back with another clock
    run = next_run(tmp_path, "01")
    events = [("old", None, 102.5, 0.0), ("new", None, 13.0, 0.0)]
    with Recorder(run, make_facts()) as recorder:
        signal.give(recorder, 0, 500)
        recorder.event(*events[0])
        signal.give(recorder, 500, 600)
        recorder.event(*events[1])
        signal.give(recorder, 600)
    places = {row.name: row.sample for row in read_events(run.file("events.tsv").read_bytes())}
    assert places["boundary"] == 500
    assert (places["old"], places["new"]) == (499, 750)
    assert read_recording(run.file("eeg.vhdr")).breaks == (500,)


@pytest.mark.slow
def test_chunks_change_nothing(tmp_path, make_facts, make_signal, files_of):
    signal = make_signal(700)
    signal.stamps[300:] += 1.0
    events = [("left_hand", 769, 100.0 + second, 0.5, second) for second in range(4)]
    found = []
    for number, size in enumerate((1, 7, 700), 1):
        run = next_run(tmp_path, "01", number=number)
        with Recorder(run, make_facts()) as recorder:
            for event in events:
                recorder.event(*event)
            signal.give(recorder, size=size)
        parts = [run.file(ending).read_bytes() for ending in ("eeg.eeg", "events.tsv")]
        found.append([*parts, run.source("stamps.f64").read_bytes()])
    assert found[0] == found[1] == found[2]


def test_nothing_can_be_read_before_the_first_sample_and_everything_after(
    tmp_path, make_facts, make_signal, until
):
    run = next_run(tmp_path, "01")
    signal = make_signal()
    with Recorder(run, make_facts()) as recorder:
        recorder.attach("plan.json", "{}")
        assert list(run.folder.iterdir()) == []
        assert next_run(tmp_path, "01").number == 2, "the number is taken at once"
        signal.give(recorder, 0, 1, size=1)
        until(lambda: run.file("eeg.vhdr").exists())
        assert len(read_recording(run.file("eeg.vhdr")).samples_uv) == 1
        signal.give(recorder, 1, 500)
        until(lambda: recorder.samples_written == 500)
        found = read_recording(run.file("eeg.vhdr"))
        np.testing.assert_array_equal(found.samples_uv, signal.samples[:500])
    with pytest.raises(InputError, match="exists already"):
        recorder.attach("plan.json", "other")


def test_what_was_flushed_is_synced_within_a_second(
    tmp_path, make_facts, make_signal, until, monkeypatch
):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.fstat(fd).st_size), real(fd)))
    with Recorder(next_run(tmp_path, "01"), make_facts()) as recorder:
        make_signal(100).give(recorder)
        # Stamps and data, by a thread of their own, while the recording goes on.
        until(lambda: {100 * 8, 100 * 12} <= set(synced))
        assert not recorder.failed


def test_run_without_a_sample_leaves_no_recording(tmp_path, make_facts):
    run = next_run(tmp_path, "01")
    with Recorder(run, make_facts()) as recorder:
        recorder.event("left_hand", 769, 1.0, 4.0)
    assert recorder.error is None
    assert list(run.folder.iterdir()) == []
    assert not (tmp_path / "participants.tsv").exists()


def test_sidecars_say_what_is_known(tmp_path, make_facts, make_signal):
    details = Details(reference="A1", power_line=50.0, manufacturer="Amps & Co", ground="AFz")
    for session in ("01", "01", "02"):
        run = next_run(tmp_path, "01", session)
        record(run, make_facts(), make_signal(500), details=details)
    said = json.loads(run.file("eeg.json").read_text(encoding="utf-8"))
    assert said["EEGReference"] == "A1"
    assert said["EEGGround"] == "AFz"
    assert said["PowerLineFrequency"] == 50.0
    assert said["Manufacturer"] == "Amps & Co"
    assert said["SamplingFrequency"] == 250.0
    assert said["SoftwareFilters"] == "n/a"
    assert said["RecordingDuration"] == 2.0
    assert said["EEGChannelCount"] == 3
    assert "CapManufacturer" not in said
    stamps = json.loads(run.source("stamps.json").read_text(encoding="utf-8"))
    assert stamps["Stream"]["SourceID"] == "amp-1"
    people = (tmp_path / "participants.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in people] == ["participant_id", "sub-01"]
    scans = next_run(tmp_path, "01", "01").scans.read_text().splitlines()
    assert [line.split("\t")[0] for line in scans] == [
        "filename",
        "eeg/sub-01_ses-01_task-imagery_run-01_eeg.vhdr",
        "eeg/sub-01_ses-01_task-imagery_run-02_eeg.vhdr",
    ]


def test_what_is_there_is_never_touched(tmp_path, make_facts, make_signal, files_of):
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "participants.tsv").write_text("participant_id\tweight\nsub-99\t60")
    first = next_run(tmp_path, "01")
    record(first, make_facts(), make_signal(100))
    before = files_of(tmp_path)
    with pytest.raises(InputError, match="exists already"):
        Recorder(first, make_facts())
    assert files_of(tmp_path) == before
    record(next_run(tmp_path, "02"), make_facts(), make_signal(100))
    after = files_of(tmp_path)
    for name, content in before.items():
        assert after[name].startswith(content)
        assert after[name] == content or name == "participants.tsv"
    assert after["participants.tsv"].decode().splitlines()[1:] == [
        "sub-99\t60",
        "sub-01\tn/a",
        "sub-02\tn/a",
    ]
    assert "README" not in after


@pytest.mark.parametrize("labels", [("C3", "C3", "C4")])
def test_channels_of_one_name_are_refused(tmp_path, make_facts, labels):
    with pytest.raises(InputError, match="Several channels are named C3"):
        Recorder(next_run(tmp_path, "01"), make_facts(labels))
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_is_refused_at_once(tmp_path, make_facts):
    run = next_run(tmp_path, "01")
    (tmp_path / "sub-01").write_text("a file in the place of the folder")
    with pytest.raises(InputError, match="cannot be written"):
        Recorder(run, make_facts())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write it")
def test_folder_without_permission_is_refused_at_once(tmp_path, make_facts):
    run = next_run(tmp_path, "01")
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written: Permission denied"):
        Recorder(run, make_facts())
    tmp_path.chmod(0o700)


def test_stream_that_changes_ends_the_recording_with_everything_before(
    tmp_path, make_facts, make_signal
):
    signal = make_signal()
    two_channels = np.zeros((10, 2)), np.arange(10) / 250.0
    run = next_run(tmp_path, "01")
    with Recorder(run, make_facts()) as recorder:
        signal.give(recorder)
        recorder.write(Segmenter(("C3", "C4"), ("uV", "uV"), 250.0).push(*two_channels))
        assert recorder.failed
        assert "10 x 2" in recorder.error
        signal.give(recorder)  # ignored, and no exception
        recorder.event("left_hand", 769, 100.0, 0.0)
    np.testing.assert_array_equal(read_recording(run.file("eeg.vhdr")).samples_uv, signal.samples)
    assert json.loads(run.file("eeg.json").read_text())["RecordingDuration"] == 4.0


@pytest.mark.skipif(os.name == "nt", reason="Windows does not delete a folder with open files")
def test_folder_that_vanishes_is_said(tmp_path, make_facts, make_signal, until):
    run = next_run(tmp_path / "data", "01")
    with Recorder(run, make_facts()) as recorder:
        make_signal().give(recorder)
        until(lambda: (tmp_path / "data" / "participants.tsv").exists())
        shutil.rmtree(tmp_path / "data")
        until(lambda: recorder.failed)
        assert "has vanished" in recorder.error
    assert not (tmp_path / "data").exists(), "nothing brings half a data set back"


def test_disk_that_does_not_keep_up_is_said_and_leaves_a_break(
    tmp_path, make_facts, make_signal, until
):
    signal = make_signal(3000)
    run = next_run(tmp_path, "01")
    with Recorder(run, make_facts(), memory=2.0) as recorder:
        # Faster than it writes: the first block that finds more than two seconds waiting is left
        # out.
        at = 0
        while not recorder.dropped_samples:
            signal.give(recorder, at, at + 25)
            at += 25
        assert recorder.error == (
            "The disk does not keep up: 0.1 s of signal are missing in the recording."
        )
        assert not recorder.failed
        until(lambda: recorder.behind == 0.0)
        signal.give(recorder, at, at + 400)
    found = read_recording(run.file("eeg.vhdr"))
    kept = np.delete(signal.samples[: at + 400], np.arange(at - 25, at), axis=0)
    np.testing.assert_array_equal(found.samples_uv, kept)
    assert found.breaks == (at - 25,)

"""Labels, run numbers and names."""

import os

import pytest

from calibration.recording.bids import next_run, recorded_runs
from core.errors import InputError


def test_names_follow_bids(tmp_path):
    run = next_run(tmp_path / "data", "01", "02")
    assert run.file("eeg.vhdr").relative_to(tmp_path).as_posix() == (
        "data/sub-01/ses-02/eeg/sub-01_ses-02_task-imagery_run-01_eeg.vhdr"
    )
    assert run.source("plan.json").relative_to(tmp_path).as_posix() == (
        "data/sourcedata/sub-01/ses-02/eeg/sub-01_ses-02_task-imagery_run-01_plan.json"
    )
    assert run.scans.relative_to(tmp_path).as_posix() == (
        "data/sub-01/ses-02/sub-01_ses-02_scans.tsv"
    )
    alone = next_run(tmp_path, "01")
    assert alone.file("events.tsv").relative_to(tmp_path).as_posix() == (
        "sub-01/eeg/sub-01_task-imagery_run-01_events.tsv"
    )
    assert alone.scans.relative_to(tmp_path).as_posix() == "sub-01/sub-01_scans.tsv"
    assert list(tmp_path.iterdir()) == [], "asking for a name writes nothing"


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_next_number_is_above_every_file_of_the_session(tmp_path):
    first = next_run(tmp_path, "01", "01")
    assert first.number == 1
    touch(first.file("events.tsv"))
    assert next_run(tmp_path, "01", "01").number == 2
    touch(next_run(tmp_path, "01", "01", number=7).source("plan.json"))
    assert next_run(tmp_path, "01", "01").number == 8
    touch(next_run(tmp_path, "01", "01", number=12, task="rest").file("eeg.edf"))
    assert next_run(tmp_path, "01", "01").number == 13
    touch(first.folder / "sub-01_ses-01_task-imagery_run-100_eeg.vhdr")
    assert next_run(tmp_path, "01", "01").name.endswith("run-101")
    for other in (("02", "01"), ("01", "02"), ("01", "")):
        assert next_run(tmp_path, *other).number == 1


def test_number_that_is_taken_is_refused(tmp_path):
    touch(next_run(tmp_path, "01", number=3).file("channels.tsv"))
    with pytest.raises(InputError, match=r"Run 3 of sub-01 exists already .* the next one, 4"):
        next_run(tmp_path, "01", number=3)
    with pytest.raises(InputError, match="counted from 1"):
        next_run(tmp_path, "01", number=0)
    assert next_run(tmp_path, "01", number=2).number == 2


def test_labels_that_differ_by_capitals_only_are_refused(tmp_path):
    touch(next_run(tmp_path, "Ann", "Day").file("eeg.vhdr"))
    for other in (("ann", ""), ("Ann", "day")):
        with pytest.raises(InputError, match="differ only by capitals"):
            next_run(tmp_path, *other)
    assert next_run(tmp_path, "Ann", "Day").number == 2


def test_file_in_the_place_of_the_data_set_is_refused(tmp_path):
    touch(tmp_path / "data")
    with pytest.raises(InputError, match="is a file"):
        next_run(tmp_path / "data", "01")
    with pytest.raises(InputError, match="data is a file"):
        next_run(tmp_path / "data" / "recordings", "01")


def test_folder_that_takes_no_files_is_refused(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("nothing is forbidden to this user")
    for root in (locked, locked / "data"):
        with pytest.raises(InputError, match="locked cannot be written; choose another folder"):
            next_run(root, "01")
    run = next_run(tmp_path, "01")
    run.source_folder.mkdir(parents=True, mode=0o500)
    with pytest.raises(InputError, match="eeg cannot be written"):
        next_run(tmp_path, "01")


def test_recorded_runs_are_those_with_stamps(tmp_path):
    mine = next_run(tmp_path, "01", "01")
    touch(mine.source("stamps.f64"))
    touch(next_run(tmp_path, "02").file("eeg.edf"))
    touch(mine.source_folder / "sub-09_task-imagery_run-01_stamps.f64")  # in a wrong folder
    assert recorded_runs(tmp_path) == [mine]
    assert recorded_runs(tmp_path / "nowhere") == []

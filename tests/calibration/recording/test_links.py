"""Nothing is written through a link: what lies behind it belongs to somebody else."""

import json
import os
import subprocess
import sys

import pytest

import calibration.checking as checking
from calibration.checking import check, repair
from calibration.recording.bids import next_run
from calibration.recording.recorder import Recorder
from core.errors import InputError
from core.recordings import read_recording

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


@pytest.fixture(autouse=True)
def no_validator(monkeypatch):
    monkeypatch.setattr(checking, "find_spec", lambda name: None)


@pytest.fixture
def crashed(tmp_path, make_facts, make_signal):
    """A run that was not closed, with half a sample at its end."""
    run = next_run(tmp_path / "data", "01")
    with Recorder(run, make_facts()) as recorder:
        recorder.event("left_hand", 769, 100.4, 1.0, 1)
        make_signal().give(recorder)
    said = json.loads(run.file("eeg.json").read_bytes())
    del said["RecordingDuration"]
    run.file("eeg.json").write_text(json.dumps(said))
    with run.file("eeg.eeg").open("ab") as file:
        file.write(b"12345")
    return run


def moved(path, folder):
    """Put something elsewhere, and leave a link in its place, as git-annex does with files."""
    folder.mkdir(exist_ok=True)
    other = folder / path.name
    path.rename(other)
    path.symlink_to(other)
    return other


def texts(root, *kinds):
    return [finding.text for finding in check(root) if finding.kind in kinds]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["eeg.eeg", "eeg.json", "events.tsv", "eeg.vmrk"])
def test_a_run_with_linked_files_is_left_as_it_is(crashed, files_of, tmp_path, ending):
    elsewhere = moved(crashed.file(ending), tmp_path / "annex")
    before, theirs = files_of(tmp_path), elsewhere.stat()
    (said,) = repair(crashed.root)
    assert said.startswith(f"{crashed.name} cannot be repaired: {crashed.name}_{ending} is a link")
    assert "DataLad" in said
    assert said in texts(crashed.root, "error")
    assert files_of(tmp_path) == before
    assert elsewhere.stat().st_mtime_ns == theirs.st_mtime_ns


def test_linked_stamps_are_left_as_they_are(crashed, files_of, tmp_path):
    moved(crashed.source("stamps.f64"), tmp_path / "annex")
    before = files_of(tmp_path)
    assert "is a link" in repair(crashed.root)[0]
    assert files_of(tmp_path) == before


def test_a_file_with_another_name_elsewhere_is_left_as_it_is(crashed, files_of, tmp_path):
    os.link(crashed.file("eeg.eeg"), tmp_path / "backup.eeg")
    before = files_of(tmp_path)
    assert "has another name elsewhere (a hard link)" in repair(crashed.root)[0]
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "outside"])
def test_folders_behind_links_are_not_looked_into(crashed, files_of, tmp_path, inside):
    for part in ("sub-01", "sourcedata/sub-01"):
        folder = crashed.root / part
        other = (crashed.root if inside else tmp_path) / f"other-{part.replace('/', '-')}"
        folder.rename(other)
        folder.symlink_to(other)
    before = files_of(tmp_path)
    assert repair(crashed.root) == []
    assert texts(crashed.root, "error", "broken") == []
    assert any("It holds links" in text for text in texts(crashed.root, "note"))
    assert files_of(tmp_path) == before


def test_a_linked_folder_of_sidecars_alone_is_not_written_into(crashed, files_of, tmp_path):
    folder = crashed.root / "sub-01"
    folder.rename(tmp_path / "theirs")
    folder.symlink_to(tmp_path / "theirs")
    before = files_of(tmp_path)
    assert "lies behind the link sub-01" in repair(crashed.root)[0]
    assert files_of(tmp_path) == before


def test_a_data_set_may_be_named_by_a_link(crashed, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(crashed.root)
    assert any("cut 5 bytes" in text for text in repair(link))
    assert texts(link, "error", "broken") == []


def test_a_whole_data_set_of_links_is_valid_and_says_so(crashed, files_of, tmp_path):
    repair(crashed.root)
    for number, path in enumerate(sorted(crashed.root.rglob("*"))):
        if path.is_file() and path.name != "dataset_description.json":
            moved(path, tmp_path / f"annex-{number}")
    before = files_of(tmp_path)
    assert repair(crashed.root) == []
    assert texts(crashed.root, "error", "broken", "warning") == []
    assert any("as DataLad and git-annex data sets do" in t for t in texts(crashed.root, "note"))
    assert files_of(tmp_path) == before


def test_content_that_was_not_fetched_is_said(crashed):
    repair(crashed.root)
    crashed.file("eeg.eeg").unlink()
    crashed.file("eeg.eeg").symlink_to("../../.git/annex/objects/ab/cd/SHA256E-s1--ef.eeg")
    assert any("datalad get" in text for text in texts(crashed.root, "error"))


def test_nothing_is_recorded_into_a_linked_folder(tmp_path):
    root, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (root / "sub-01").symlink_to(elsewhere)
    with pytest.raises(InputError, match="nothing is recorded through links"):
        next_run(root, "01")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("dangling", [False, True])
def test_a_linked_table_of_people_is_left_while_a_run_is_recorded(
    tmp_path, make_facts, make_signal, dangling
):
    root, theirs = tmp_path / "data", tmp_path / "participants.tsv"
    root.mkdir()
    if not dangling:
        theirs.write_text("participant_id\nsub-07\n")
    (root / "participants.tsv").symlink_to(theirs)
    run = next_run(root, "01")
    with Recorder(run, make_facts()) as recorder:
        make_signal().give(recorder)
    assert recorder.error is None
    assert len(read_recording(run.file("eeg.vhdr")).samples_uv) == 1000
    assert theirs.exists() != dangling
    assert dangling or theirs.read_text() == "participant_id\nsub-07\n"
    (said,) = texts(root, "warning")
    assert said == "participants.tsv is a link; it is left as it is, and lacks sub-01."
    assert repair(root) == []


def test_unfinished_names_cannot_be_guessed_and_links_of_such_names_are_not_followed(
    tmp_path, make_facts, make_signal
):
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    run = next_run(tmp_path / "data", "01")
    run.folder.mkdir(parents=True)
    for ending in ("eeg.json", "eeg.vhdr", "channels.tsv", "events.json"):
        (run.folder / f".{run.file(ending).name}.{os.getpid()}.part").symlink_to(victim)
    with Recorder(run, make_facts()) as recorder:
        make_signal().give(recorder)
    assert recorder.error is None
    assert victim.read_text() == "theirs"


def test_what_is_recorded_is_for_its_owner_alone(tmp_path, make_facts, make_signal):
    run = next_run(tmp_path / "home" / "data", "01")
    with Recorder(run, make_facts()) as recorder:
        make_signal().give(recorder)
    made = list((tmp_path / "home").rglob("*"))
    assert len(made) > 10
    assert {path.stat().st_mode & 0o077 for path in made} == {0}


READ_ONLY = (
    'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && '
    'exec "$2" -m calibration.cli check "$1"'
)


@pytest.mark.slow
def test_a_read_only_disk_is_looked_over_and_said(crashed, files_of):
    if (
        sys.platform != "linux"
        or subprocess.run(
            ["unshare", "-rm", "mount", "--bind", str(crashed.root), str(crashed.root)],
            capture_output=True,
            check=False,
        ).returncode
    ):
        pytest.skip("needs a mount namespace")
    before = files_of(crashed.root)
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", READ_ONLY, "sh", str(crashed.root), sys.executable],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert f"{crashed.name} cannot be repaired: " in done.stdout
    assert "Read-only file system" in done.stdout
    assert "broken: " in done.stdout
    assert "Traceback" not in done.stderr
    assert files_of(crashed.root) == before


def test_a_kill_between_two_names_of_one_file_is_mended(crashed, files_of):
    repair(crashed.root)
    said = json.loads(crashed.file("eeg.json").read_bytes())
    del said["RecordingDuration"]
    crashed.file("eeg.json").write_text(json.dumps(said))
    header = crashed.file("eeg.vhdr")
    unfinished = header.with_name(f".{header.name}.0123456789abcdef.part")
    os.link(header, unfinished)
    assert len(texts(crashed.root, "broken")) == 2
    assert "was never finished" in repair(crashed.root)[0]
    assert not unfinished.exists()
    assert texts(crashed.root, "error", "broken") == []

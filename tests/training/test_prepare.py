"""The command, from recordings to a store, also when it dies in between."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from xdf_files import eeg_stream, write_xdf

from core.errors import InputError
from training.prepare import _check_space, main
from training.store import Store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path, people, brainvision):
    """The simulated people as files."""
    for who, recording in people.items():
        brainvision(tmp_path / "lab" / who.subject / f"{who.run}.vhdr", recording)
    return tmp_path / "lab"


@pytest.fixture
def reference(folder, tmp_path, capsys):
    """The store that these files give, undisturbed."""
    assert main([f"files:{folder}", "--store", str(tmp_path / "reference"), "--jobs", "1"]) == 0
    assert "of 3 people in 4 stretches" in capsys.readouterr().out
    return Store.open(tmp_path / "reference")


@pytest.mark.slow
def test_files_become_the_store_that_the_encoder_wants(reference, people, form):
    assert reference.form == form
    assert reference.subjects == ("files-lab/1", "files-lab/2", "files-lab/3")
    assert reference.hours == pytest.approx(
        sum(recording.duration for recording in people.values()) / 3600, rel=1e-3
    )


@pytest.mark.slow
def test_dry_run_says_what_it_needs_and_does_nothing(folder, reference, tmp_path, capsys):
    store = tmp_path / "dry"
    capsys.readouterr()
    assert main([f"files:{folder}", "--store", str(store), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "files-lab: 4 shards of 3 people" in said
    assert "0 are written, 4 are to be" in said
    size = sum(shard.bytes for shard in reference.shards)
    assert f"{size / 1e9:.3f} GB" in said
    assert not store.exists()


@pytest.mark.slow
def test_several_processes_write_the_same_store(folder, reference, tmp_path):
    store = tmp_path / "store"
    assert main([f"files:{folder}", "--store", str(store), "--jobs", "2"]) == 0
    assert Store.open(store).manifest_sha256 == reference.manifest_sha256


@pytest.mark.slow
def test_only_what_was_asked_for_is_taken(folder, tmp_path):
    store = tmp_path / "store"
    arguments = [f"files:{folder}", "--store", str(store), "--jobs", "1"]
    assert main([*arguments, "--subjects", "1", "3", "--runs", "1"]) == 0
    taken = {(r.subject, r.run) for r in Store.open(store).recordings}
    assert taken == {("1", "1"), ("3", "1")}


@pytest.mark.slow
@pytest.mark.data
def test_a_killed_preparation_goes_on_where_it_was(recordings_folder, tmp_path):
    source, store = str(recordings_folder / "eegmmidb"), tmp_path / "store"
    only = ["--subjects", "S002"]
    command = [sys.executable, "-m", "training.prepare", source, "--store", str(store), *only]
    process = subprocess.Popen(
        [*command, "--jobs", "2"], cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not (done := list(store.glob("shards/*.json"))) and time.monotonic() < deadline:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
    process.kill()
    process.wait()
    assert 1 <= len(done) < 6
    before = {path: path.stat().st_mtime_ns for path in done}

    assert main([source, "--store", str(store), *only, "--jobs", "1"]) == 0
    assert {path: path.stat().st_mtime_ns for path in done} == before
    found = Store.open(store)
    found.verify()
    assert len(found.recordings) == 6
    assert not list(store.glob("shards/.*"))
    assert main([source, "--store", str(tmp_path / "whole"), *only, "--jobs", "1"]) == 0
    assert Store.open(tmp_path / "whole").manifest_sha256 == found.manifest_sha256


@pytest.mark.slow
def test_workers_do_not_outlive_the_command(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "from training.prepare import _begin_worker\n"
        "if __name__ == '__main__':\n"
        "    pool = ProcessPoolExecutor(1, get_context('spawn'), initializer=_begin_worker)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, script], cwd=ROOT, stdout=subprocess.PIPE)
    assert int(process.stdout.readline()) != process.pid
    process.kill()
    process.communicate(timeout=30)  # the pipe ends when the last process that has it ends


def said(capsys, arguments):
    """Return the one sentence with which the command refuses."""
    capsys.readouterr()
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("training.prepare: ")
    return error


@pytest.mark.slow
def test_bad_input_is_one_sentence(folder, reference, tmp_path, capsys):
    store, source = str(tmp_path / "store"), f"files:{folder}"
    assert "--store" in said(capsys, [source])
    assert "at least one source" in said(capsys, ["--store", store])
    assert "must be 1 or more" in said(capsys, [source, "--store", store, "--jobs", "0"])
    assert "does not fit" in said(capsys, [source, "--store", store, "--high", "120"])
    assert "0 < low < high" in said(capsys, [source, "--store", store, "--low", "-1"])
    assert "no subject 9" in said(capsys, [source, "--store", store, "--subjects", "9"])
    assert "no window store at" in said(capsys, ["--verify", "--store", store])
    assert not Path(store).exists()


def test_a_small_or_read_only_disk_is_said_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("training.prepare.bytes_free", lambda folder: 19_600_000)
    _check_space(tmp_path, 19_600_000)
    with pytest.raises(
        InputError, match=r"needs 93\.2 MB .* has 19\.6 MB left; make room, or choose"
    ):
        _check_space(tmp_path / "store", 93_200_000)
    with pytest.raises(InputError, match=r"needs 2\.1 GB"):
        _check_space(tmp_path, 2_100_000_000)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(InputError, match=r"--store: the folder .* \(a read-only disk"):
        _check_space(tmp_path / "store", 1)


@pytest.mark.slow
def test_a_recording_of_two_people_is_refused_or_left_out(folder, people, brainvision, capsys):
    first = next(iter(people.values()))
    brainvision(folder / "copied" / "renamed.vhdr", first)
    store = folder.parent / "doubled"
    arguments = [f"files:{folder}", "--store", str(store), "--jobs", "1"]
    sentence = said(capsys, arguments)
    assert "are the same recording: they have samples in common." in sentence
    assert "/copied and " in sentence or "/copied are the same" in sentence
    assert not (store / "manifest.json").exists()

    assert main([*arguments, "--keep-going"]) == 0
    kept = Store.open(store)
    assert len({recording.origin_sha256 for recording in kept.recordings}) == len(people)
    (left_out,) = json.loads((store / "manifest.json").read_text())["left_out"]
    assert "are the same recording" in left_out["reason"]
    assert main([*arguments, "--keep-going"]) == 0  # the same again
    assert "1 of the 5 shards asked for are not in it" in said(capsys, arguments)


@pytest.mark.slow
def test_a_finished_store_stays_as_it_is(folder, reference, people, brainvision, capsys):
    again = [f"files:{folder}", "--store", str(reference.folder)]
    before = {path: path.stat().st_mtime_ns for path in reference.folder.rglob("*")}
    assert main(again) == 0
    brainvision(folder / "4" / "1.vhdr", next(iter(people.values())))
    assert "1 of the 5 shards asked for are not in it, such as files-lab 4 1" in said(capsys, again)
    assert "was begun with band" in said(capsys, [*again, "--high", "45"])
    assert {path: path.stat().st_mtime_ns for path in reference.folder.rglob("*")} == before


@pytest.mark.slow
def test_verify_names_the_shard(reference, capsys):
    assert main(["--verify", "--store", str(reference.folder)]) == 0
    file = reference.folder / "shards" / reference.shards[3].file
    content = bytearray(file.read_bytes())
    content[-1] ^= 64
    file.write_bytes(content)
    assert f"{file} is damaged" in said(capsys, ["--verify", "--store", str(reference.folder)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "instead", "words"),
    [
        ("µV", "parsec", 'has Fp1, C3, Cz, C4, T3 in "parsec"'),
        (r"(Ch\d=)", r"\1X", "has no electrode"),
    ],
    ids=["unit", "electrodes"],
)
def test_a_recording_that_is_no_known_signal_is_named(
    folder, tmp_path, capsys, pattern, instead, words
):
    header = folder / "2" / "1.vhdr"
    header.write_text(re.sub(pattern, instead, header.read_text("utf-8")), encoding="utf-8")
    error = said(capsys, [f"files:{folder}", "--store", str(tmp_path / "store"), "--jobs", "1"])
    assert f"{header} {words}" in error


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_what_reading_assumed_is_said(folder, tmp_path, capsys, jobs):
    header = folder / "2" / "1.vhdr"
    header.write_text(header.read_text("utf-8").replace("µV", ""), encoding="utf-8")
    assert main([f"files:{folder}", "--store", str(tmp_path / "store"), "--jobs", jobs]) == 0
    error = capsys.readouterr().err
    assert error.count("Note: 1.vhdr does not say the unit of Fp1, C3, Cz, C4, T3: taken to") == 1


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_damaged_recordings_stop_it_or_are_left_out(folder, tmp_path, capsys, jobs):
    bad = folder / "2" / "1.vhdr"
    samples = np.zeros((1000, 5), dtype="<f4")
    bad.with_suffix(".eeg").write_bytes(samples.tobytes())
    store = tmp_path / "store"
    arguments = [f"files:{folder}", "--store", str(store), "--jobs", jobs]
    assert str(bad) in said(capsys, arguments)
    with pytest.raises(Exception, match="not finished"):
        Store.open(store)
    assert main([*arguments, "--keep-going"]) == 0
    assert Store.open(store).subjects == ("files-lab/1", "files-lab/3")
    text = (store / "manifest.json").read_text("utf-8")
    assert "left_out" in text
    assert bad.as_posix() in text.replace("\\\\", "/")


@pytest.mark.slow
def test_list_and_help_say_what_there_is(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert "seed\n    expects the folder Preprocessed_EEG" in listed
    assert "moabb.neurotechx.com" in listed
    heavy = "{'torch', 'mne', 'pydantic', 'scipy'}"
    code = (
        "import sys\nfrom training.prepare import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"assert not {heavy} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=60
    )


@pytest.mark.slow
def test_a_stream_is_chosen_in_packed_xdf_files_of_a_folder(tmp_path, capsys):
    (tmp_path / "lab").mkdir()
    write_xdf(tmp_path / "lab" / "anna.xdf.gz", eeg_stream())
    words = [f"files:{tmp_path / 'lab'}", "--store", str(tmp_path / "store"), "--jobs", "1"]
    assert main([*words, "--stream", "Left"]) == 2
    assert 'no stream "Left"' in capsys.readouterr().err

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fif_files import write_fif

from core.errors import InputError
from training.evaluate import main

LIVE = ("--protocols", "calibrate-then-run")


@pytest.fixture(scope="module")
def data(tmp_path_factory, imagery_recording):
    """A folder of two people's recordings, as files that MNE reads."""
    folder = tmp_path_factory.mktemp("people")
    for who in (1, 2):
        for run in (1, 2):
            one = imagery_recording(seed=10 * who + run, trials=5)
            write_fif(one, folder / f"P{who}" / f"run{run}_raw.fif")
    return f"files:{folder}"


@pytest.mark.slow
def test_a_folder_of_people_becomes_a_table(data, tmp_path, capsys):
    out = tmp_path / "out"
    words = f"{data} --out {out} --protocols within calibrate-then-run --systems riemann CSP+LDA"
    assert main([*words.split(), "--encoder", "untrained-tiny1"]) == 0
    found = json.loads((out / "results.json").read_text())
    assert len(found["rows"]) == 2 * 2 * 5 + 2 * 2
    assert {row["person"] for row in found["rows"]} == {
        f"files-{Path(data).name} P1",
        f"files-{Path(data).name} P2",
    }
    assert all(one["means"]["accuracy"] > 0.7 for one in found["summaries"])
    assert len(found["facts"]["recordings"]) == 4
    assert (out / "table.md").read_text() in capsys.readouterr().out
    before = (out / "rows.csv").read_bytes()
    assert main(words.split()) == 2
    assert "exists already" in capsys.readouterr().err
    assert (out / "rows.csv").read_bytes() == before


@pytest.mark.slow
def test_what_cannot_be_written_is_refused_at_once_or_shown_all_the_same(
    data, tmp_path, capsys, monkeypatch
):
    (tmp_path / "file").write_text("")
    words = [data, "--systems", "CSP+LDA", "--subjects", "P1", "--out"]
    monkeypatch.setattr("training.evaluation.people.read_people", None)  # not even read
    assert main([*words, str(tmp_path / "file" / "out")]) == 2
    assert f"{tmp_path / 'file'} is a file" in capsys.readouterr().err
    monkeypatch.undo()

    def full(*_):
        raise InputError("The disk is full.")

    monkeypatch.setattr("training.evaluation.report.results.write_results", full)
    assert main([*words, str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert "| CSP+LDA |" in said.out
    assert "The disk is full." in said.err


@pytest.mark.slow
def test_a_table_says_how_heads_recentred_and_adapted(data, tmp_path, capsys):
    out = tmp_path / "out"
    words = [data, "--out", str(out), *LIVE, "--systems", "riemann", "--subjects", "P1"]
    asked = ["--recentre", "start", "--recentre-seconds", "30", "--adapt", "labels"]
    assert main([*words, *asked, "--encoder", "untrained-tiny1"]) == 0
    first = (out / "table.md").read_text().splitlines()[0]
    assert first.endswith("live: `--recentre start`, `--recentre-seconds 30`, `--adapt labels`.")
    assert first in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--classes", "left_hand"], "fewer than two classes"),
        (["--classes", "feet", "tongue"], "No recording asks for feet or tongue; found: left_hand"),
        (["--systems", "SVM"], 'no system "SVM"'),
        (["--shots", "2"], "--shots 2 is too few"),
        (["--shots", "7"], "--shots is for the protocol few-shot"),
        (["--seeds", "0", "0"], "--seeds names one of them twice"),
        (["--seeds", "-1"], "--seeds -1 is negative"),
        (["--subjects", "P9"], "no subject P9"),
        (["--from-cue", "3.5"], "--from-cue 3.5 leaves less than a second"),
        (["--from-cue", "1", "--systems", "linear probe"], "takes whole windows"),
        (["--jobs", "0"], "--jobs is at least 1"),
        (["--regress-eyes", "--with-and-without-eyes"], "does --regress-eyes too"),
        (["--encoder", "nowhere.safetensors"], "no file nowhere.safetensors"),
        (["--preset", "bcic-2a"], "No event feet"),
        (["--preset", "bcic-2b", "--protocols", "within"], "leave out --classes and --protocols"),
        (["--recentre", "off", "--recentre-seconds", "60"], "takes no --recentre-seconds"),
        (["--recentre-seconds", "5"], "A reference from 5 s"),
        (["--recentre", "start"], "--recentre is for protocols that decide live"),
        (
            ["--protocols", "pseudo-online", "--classes", "left_hand", "idle"],
            "pseudo-online takes what lies between the cues for idle",
        ),
        (
            [*LIVE, "--recentre", "off", "--adapt", "recentre"],
            "--adapt recentre goes on with what --recentre off forbids",
        ),
        (
            [*LIVE, "--adapt", "labels", "--systems", "CSP+LDA"],
            "--adapt is for systems that are our heads (riemann",
        ),
        (["--others-groups", "3"], "parts the people of --others"),
        (
            ["--classes", "left_hand", "right_hand", "left_hand"],
            "--classes names one of them twice",
        ),
    ],
)
def test_bad_input_is_one_sentence(words, says, data, tmp_path, capsys):
    assert main([data, "--out", str(tmp_path / "out"), *words]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_recording_of_two_people_is_refused(data, tmp_path, capsys):
    folder = tmp_path / "people"
    shutil.copytree(data.removeprefix("files:"), folder)
    (folder / "P3").mkdir()
    shutil.copy(folder / "P1" / "run2_raw.fif", folder / "P3" / "other_raw.fif")
    words = ["--protocols", "loso", "--systems", "CSP+LDA", "--out", str(tmp_path / "out")]
    assert main([f"files:{folder}", *words]) == 2
    said = capsys.readouterr().err
    assert "run2_raw.fif of files-people P1" in said
    assert "other_raw.fif of files-people P3" in said
    assert "are the same recording" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_encoder_that_saw_a_person_is_refused_and_then_named(data, tmp_path, capsys):
    from dataclasses import replace

    from core.encoders import load_encoder, save_encoder

    encoder = load_encoder("untrained-tiny1")
    source = f"files-{Path(data).name}"
    seen = {"recordings": json.dumps([[source, "P1", "", "run1_raw"]])}
    encoder.spec = replace(encoder.spec, name="ours", trained=True, provenance=seen)
    file = save_encoder(encoder, tmp_path / "ours.safetensors")
    words = f"{data} --out {tmp_path / 'out'} --systems encoder --encoder {file}"
    words += " --protocols cross-session"
    assert main(words.split()) == 2
    assert f"tested recordings of {source} P1" in capsys.readouterr().err
    assert main([*words.split(), "--allow-seen", "run"]) == 0
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["rows"]
    assert [(row["fold"], row["seen"], row["encoder"]) for row in rows] == [
        ("run run1_raw", "run", "ours"),
        ("run run2_raw", "person", "ours"),
        ("run run1_raw", "nothing", "ours"),
        ("run run2_raw", "nothing", "ours"),
    ]


@pytest.mark.slow
def test_a_preset_brings_its_protocol_and_the_published_numbers(data, tmp_path, capsys):
    words = f"{data} --out {tmp_path / 'out'} --preset bcic-2b --systems riemann MDM --others"
    assert main([*words.split(), "--encoder", "untrained-tiny1"]) == 0
    shown = capsys.readouterr().out
    assert "## loso" in shown
    assert "| EEGPT | 0.721 | 0.443 | 0.806 |" in shown
    assert "population, uncalibrated" in shown
    assert main(["--out", str(tmp_path / "other"), "--preset", "sleep-edfx"]) == 2
    assert "name their folder, such as sleep-edfx:DIR" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.data
def test_real_recordings_are_read_as_they_are_published(recordings_folder, tmp_path):
    words = ["--subjects", "S004", "--runs", "4", "8", "--systems", "riemann", "MDM"]
    folder = str(recordings_folder / "eegmmidb")
    assert main([folder, "--out", str(tmp_path / "out"), *words]) == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["summaries"][0]["people"] == 1
    assert sum(row["tested"] for row in found["rows"]) == 60
    assert np.isfinite(found["summaries"][0]["means"]["auroc"])
    assert set(found["facts"]["recordings"]) == {"physionet-mi S004 4", "physionet-mi S004 8"}

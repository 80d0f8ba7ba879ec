"""The examples, run as their docstrings say."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pylsl
import pytest
from fif_files import write_fif
from process_trees import run_script

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(name, *words):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = run_script(EXAMPLES / name, *words, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def files(imagery_recording, tmp_path):
    """Two recordings of one person, as files."""
    return [write_fif(imagery_recording(seed), tmp_path / f"run{seed}_raw.fif") for seed in (3, 4)]


@pytest.mark.slow
def test_fit_and_decode(files):
    printed = run("fit_and_decode.py", files[0], "--test", files[1], "--head", "riemann")
    assert "by cross-validation; guessing stays below" in printed
    assert "left_hand" in printed


def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path):
    words = [tmp_path / "none.edf", "--test", tmp_path / "none.edf", "--event", "T1=left_hand"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = run_script(EXAMPLES / "fit_and_decode.py", *words, cwd=ROOT, env=environment)
    assert done.returncode == 1
    assert done.stderr == f"There is no recording at {tmp_path / 'none.edf'}.\n"


@pytest.mark.slow
def test_own_head(files):
    printed = run("own_head.py", files[0], "left_hand", "right_hand")
    assert float(printed.split()[-1]) > 0.7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fit_and_decode.py", "a.edf", "--test", "b.edf", "--event", "T1"], "is not LABEL=CLASS"),
        (["own_head.py", "none.edf", "T1", "T2"], "none.edf cannot be read: "),
        (["own_head.py", "{file}", "T9", "left_hand"], "has no T9; it has left_hand, "),
    ],
)
def test_what_cannot_be_used_is_said_as_by_any_command_line(files, words, says):
    name, *given = [word.format(file=files[0]) for word in words]
    done = run_script(EXAMPLES / name, *given, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_library_that_is_not_there_is_named(tmp_path):
    (tmp_path / "moabb.py").write_text("raise ModuleNotFoundError(name='moabb')")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": path}
    done = run_script(EXAMPLES / "moabb_pipeline.py", cwd=ROOT, env=environment)
    assert done.returncode == 1
    assert done.stderr == (
        'This example needs moabb: pip install "eegpt-realtime[data]" brings it.\n'
    )


@pytest.mark.slow
def test_encoder_family():
    assert "rhythms" not in run("fit_and_decode.py", "--help")
    assert run("encoder_family.py") == "small (untrained): streamed equals whole: True\n"


@pytest.mark.slow
def test_game_in_another_process(name):
    info = pylsl.StreamInfo(name, "Probabilities", 2, 0, "float32", name)
    channels = info.desc().append_child("channels")
    for label in ("left_hand", "right_hand"):
        channels.append_child("channel").append_child_value("label", label)
    outlet = pylsl.StreamOutlet(info)
    game = subprocess.Popen(
        [sys.executable, EXAMPLES / "game.py", "--stream", name, "--seconds", "30"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    deadline = time.monotonic() + 200.0
    try:
        while game.poll() is None:
            assert time.monotonic() < deadline
            outlet.push_sample([math.nan, math.nan])  # refused: no reason for the ball to move
            outlet.push_sample([0.9, 0.1])
            time.sleep(0.02)
    finally:
        game.kill()
        printed, _ = game.communicate()
    assert printed.endswith("left_hand wins\n")


@pytest.mark.slow
def test_moabb_pipeline():
    pytest.importorskip("moabb")
    assert "starter" in run("moabb_pipeline.py")

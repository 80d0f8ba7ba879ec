import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from core.settings import as_yaml
from tests.training.conftest import CHANNELS
from training.manifest import Form
from training.pretrain import CONFIGS, config_file, main
from training.pretraining.output.folder import RunFolder
from training.recipes import RECIPES, settings_from
from training.recipes.settings import EEGPTSettings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FAST = "--window 256 --size tiny1 --device cpu --threads 1 --log-every 1".split()
SAME = ("step", "alignment", "reconstruction", "loss", "token_variance", "token_rank")


@pytest.fixture
def start(store, tmp_path):
    """Return a function that runs the command in this process; the run's folder and exit code."""

    def start(*flags, name="run"):
        path = tmp_path / name
        code = main([*flags, *FAST, "--store", str(store.folder), "--folder", str(path)])
        return RunFolder(path), code

    return start


def losses(folder):
    return [[row[name] for name in SAME] for row in folder.curves()]


def environment():
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def test_a_run_from_a_config_of_ours(start, store, capsys):
    folder, code = start("tiny", "--steps", "3", "--batch", "4", "--validation-subjects", "3")
    assert code == 0
    assert "3 steps of 4 windows" in capsys.readouterr().out
    settings = settings_from(folder.settings_file)
    assert (settings.steps, settings.batch, settings.validation_windows) == (3, 4, 16)
    assert settings.validation_subjects == ("simulated/3",)
    facts = folder.facts()
    assert facts["manifest_sha256"] == store.manifest_sha256
    assert facts["validation"]["subjects"] == ["simulated/3"]
    assert "simulated/3" not in facts["training"]["subjects"]
    assert np.array(facts["covariance"]).shape == (len(facts["channels"]),) * 2
    assert facts["started"]["git_commit"] is None or len(facts["started"]["git_commit"]) >= 40
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "best.safetensors",
        "last.safetensors",
        "losses.csv",
        "pictures",
        "run.json",
        "settings.yaml",
    ]


def test_epochs_count_where_steps_are_preset(start, tmp_path, capsys):
    folder, code = start("tiny", "--epochs", "1", "--batch", "64")
    assert code == 0
    assert "3 steps of 64 windows, 142 windows an epoch" in capsys.readouterr().out
    assert (folder.settings().steps, folder.settings().epochs) == (None, 1)
    file = tmp_path / "mine.yaml"
    file.write_text("recipe: classification\nepochs: 3\n")
    assert settings_from(file).steps is None
    assert start("tiny", "--epochs", "1", "--steps=2", name="both")[1] == 2
    assert "--epochs and --steps both say how long" in capsys.readouterr().err


@pytest.mark.parametrize("name", [path.stem for path in CONFIGS.glob("*.yaml")])
def test_configs_are_settings(name):
    settings_from(config_file(name))


def test_the_papers_settings():
    paper = settings_from(config_file("paper"))
    ours = settings_from(config_file("eegpt"))
    assert (paper.average.start, paper.average.end) == (0.99, 0.99)
    assert (paper.masks.times, paper.masks.kept_targets) == ("exact", 1.0)
    assert (paper.size, paper.epochs, paper.batch) == (ours.size, ours.epochs, ours.batch)
    assert ours.model_dump(exclude={"precision"}) == EEGPTSettings().model_dump(
        exclude={"precision"}
    )


def kill(how, step, flags, folder):
    """Run the command in a process and end it after a step; its exit code and last words."""
    command = [sys.executable, "-m", "training.pretrain", *flags]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if line.startswith(f"step {step} "):
                process.send_signal(getattr(signal, how))
                break
        return process.stdout.read(), process.wait(60)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
def test_killed_and_resumed_the_next_losses_are_those_of_a_run_in_one_piece(how, start, tmp_path):
    flags = ["--steps", "60", "--batch", "4", "--checkpoint-every", "5"]
    whole, _ = start(*flags, name="whole")
    killed = RunFolder(tmp_path / "killed")
    paths = ["--folder", str(killed.path), "--store", whole.settings().store]
    rest, code = kill(how, 12, [*flags, *FAST, *paths], tmp_path)
    lines = len(killed.curves())
    assert lines < 40
    if how == "SIGTERM":
        assert code == 128 + signal.SIGTERM
        assert "everything is saved" in rest
    else:
        assert code == -signal.SIGKILL
    assert main(["--resume", str(killed.path)]) == 0
    (resumed,) = killed.facts()["resumed"]
    assert 10 <= resumed["step"] <= 40
    assert losses(killed) == losses(whole)
    assert not list(killed.path.glob(".*"))
    ours, theirs = load_file(killed.last), load_file(whole.last)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
def test_killed_at_its_next_tokens_it_goes_on_bit_for_bit(write, people, tmp_path):
    store = write(people, form=Form(CHANNELS, 256.0, "uV"))
    flags = "braingpt --steps 24 --batch 4 --window 384 --electrodes 4 --targets.horizons 1 2"
    flags += " --targets.spectrum 0 --checkpoint-every 3 --log-every 1 --device cpu --threads 1"
    given = [*flags.split(), "--store", str(store.folder), "--folder"]
    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    assert main([*given, str(whole.path)]) == 0
    _, code = kill("SIGKILL", 7, [*given, str(killed.path)], tmp_path)
    assert code == -signal.SIGKILL
    assert main(["--resume", str(killed.path)]) == 0
    (resumed,) = killed.facts()["resumed"]
    assert 6 <= resumed["step"] < 24
    columns = [name for name in whole.curves()[0] if "ahead" in name or name == "loss"]
    assert len(columns) > 6
    for one, other in zip(killed.curves(), whole.curves(), strict=True):
        assert [one[name] for name in columns] == [other[name] for name in columns]
    ours, theirs = load_file(killed.last), load_file(whole.last)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_that_ended_before_its_first_checkpoint_begins_again(start, capsys):
    flags = "--steps 3 --batch 4 --validation-subjects 3 --validate-every 2 --no-pictures".split()
    whole, _ = start(*flags, name="whole")
    folder, _ = start(*flags)
    folder.last.unlink()
    assert main(["--resume", str(folder.path)]) == 0
    assert "ended before its first checkpoint; it begins again" in capsys.readouterr().out
    assert losses(folder) == losses(whole)
    assert folder.facts()["resumed"][0]["step"] == 0
    ours, theirs = load_file(folder.last), load_file(whole.last)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    folder.settings_file.unlink()  # as if it had ended while the folder was made
    assert start(*flags)[1] == 2
    assert "--resume" not in capsys.readouterr().err


@pytest.fixture
def together(tmp_path):
    """Return a function that runs the command in two processes, and what they print."""

    def together(*flags):
        launch = "-m torch.distributed.run --standalone --nproc-per-node 2 -m training.pretrain"
        done = subprocess.run(
            [sys.executable, *launch.split(), *flags],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return together


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_two_processes_have_the_loss_and_the_gradients_of_one(start, together, parallel, tmp_path):
    flags = ["--steps", "1", "--batch", "8", "--validation-subjects", "3"]
    flags += ["--validation-windows", "8"]
    alone, _ = start(*flags, name="alone")
    pair = RunFolder(tmp_path / "pair")
    paths = ["--folder", str(pair.path), "--store", alone.settings().store]
    said = together(*flags, *FAST, *paths, "--parallel", parallel)
    assert said.count("1 steps of 8 windows") == 1  # one of them speaks
    assert "on 2 x cpu" in said
    (one,), (two,) = alone.curves(), pair.curves()
    for name in ("alignment", "reconstruction", "loss", "validation_reconstruction"):
        assert float(two[name]) == pytest.approx(float(one[name]), rel=1e-5)
    # After one step AdamW's first moment is the gradient, times 1 - beta1.
    ours, theirs = load_file(pair.last), load_file(alone.last)
    assert {name: x.shape for name, x in ours.items()} == {n: x.shape for n, x in theirs.items()}
    moments = [name for name in theirs if name.startswith("optimizer.exp_avg.")]
    assert len(moments) > 100
    largest = max(np.abs(theirs[name]).max() for name in moments)
    for name in moments:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5 * largest)
    assert set(load_file(pair.best)) == set(load_file(alone.best))
    assert len(list(pair.pictures.iterdir())) == 1


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_two_processes_train_the_next_tokens_as_one(write, people, together, parallel, tmp_path):
    """With windows of unlike montages, and people drawn by shares."""
    store = write(people, form=Form(CHANNELS, 256.0, "uV"))
    flags = "braingpt --steps 1 --batch 8 --window 384 --electrodes 4 --targets.horizons 1 2"
    flags += " --targets.spectrum 0 --shares 1 1 0 --validation-windows 8 --log-every 1"
    given = [*flags.split(), "--store", str(store.folder), "--parallel", parallel, "--folder"]
    alone, pair = RunFolder(tmp_path / "alone"), RunFolder(tmp_path / "pair")
    assert main([*given, str(alone.path)]) == 0
    assert "on 2 x cpu" in together(*given, str(pair.path))
    (one,), (two,) = alone.curves(), pair.curves()
    names = [name for name in one if "ahead" in name]
    assert len(names) == 12  # with the baselines, and of the people held out
    for name in names:
        assert float(two[name]) == pytest.approx(float(one[name]), rel=1e-5)
    ours, theirs = load_file(pair.last), load_file(alone.last)
    moments = [name for name in theirs if name.startswith("optimizer.exp_avg.")]
    assert len(moments) > 20
    largest = max(np.abs(theirs[name]).max() for name in moments)
    for name in moments:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5 * largest)
    facts = pair.facts()
    held_out = facts["validation"]["subjects"]
    assert len(held_out) == 2
    assert not set(held_out) & set(facts["training"]["subjects"])
    assert pair.settings().validation_subjects == tuple(held_out)


def test_a_run_goes_on_in_two_processes_with_a_part_of_the_weights_each(
    start, together, monkeypatch
):
    flags = ["--steps", "6", "--batch", "8"]
    whole, _ = start(*flags, name="whole")

    def stop(line):
        if line.startswith("step 2 "):
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr("training.pretrain.print_line", stop)
        folder, code = start(*flags, name="stopped")
    assert code == 128 + signal.SIGTERM
    together("--resume", str(folder.path), "--parallel", "fsdp")
    assert folder.facts()["resumed"][0]["step"] == 3
    ours, theirs = folder.curves(), whole.curves()
    assert [row["step"] for row in ours] == [row["step"] for row in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert float(one["loss"]) == pytest.approx(float(other["loss"]), rel=1e-4)
    moved = {name: x.shape for name, x in load_file(folder.last).items()}
    assert moved == {name: x.shape for name, x in load_file(whole.last).items()}


def refusal(capsys, *given):
    try:
        code = main(list(given))
    except SystemExit as end:  # of the command line's parser
        code = end.code
    assert code == 2
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_what_is_given_wrongly_is_refused_in_a_sentence(
    start, store, write, people, tmp_path, capsys
):
    settings = tmp_path / "mine.yaml"
    settings.write_text("size: tiny1\nlerning_rate: 0.1\n")
    new = ("--folder", str(tmp_path / "new"), "--store", str(store.folder))
    assert 'mine.yaml: "lerning_rate" is no setting' in refusal(capsys, str(settings), *new)
    settings.write_text("masks:\n  hidden_time: 0.5\n")
    assert 'did you mean "hidden_times"?' in refusal(capsys, str(settings), *new)
    settings.write_text("size: huge\n")
    assert 'size is "huge"; one of tiny1' in refusal(capsys, str(settings), *new)
    settings.write_text("window: 1000\n")
    assert "a multiple of the patch, 64, was expected" in refusal(capsys, str(settings), *new)
    settings.write_text("batch: 8\nmasks_per_batch: 3\n")
    assert "must divide" in refusal(capsys, str(settings), *new)
    assert "Unrecognized options: --bach" in refusal(capsys, "tiny", *new, "--bach", "8")
    assert 'size is "huge"; one of tiny1' in refusal(capsys, *new, "--size", "huge")
    assert "batch is 0; a whole number from 1" in refusal(capsys, "tiny", *new, "--batch", "0")
    assert "hidden_times" in refusal(capsys, "tiny", *new, "--masks.hidden-times", "3")
    assert 'no settings file "none"; files of ours are' in refusal(capsys, "none", *new)
    assert "Say where the run's folder is" in refusal(capsys, "tiny", *new[2:])
    assert "Say which window store" in refusal(capsys, "tiny", *new[:2])
    assert 'There is no device "tpu" here' in refusal(capsys, "tiny", *new, "--device", "tpu")
    assert "There is no window store at" in refusal(capsys, *new[:2], "--store", str(tmp_path))
    assert "is no folder of a run" in refusal(capsys, "--resume", str(tmp_path))
    assert not (tmp_path / "new").exists()

    held_out = ("--validation-subjects", "3", "--no-pictures")
    folder, _ = start("--steps", "2", "--batch", "4", *held_out, name="new")
    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    assert "exists already; choose another one" in refusal(capsys, "tiny", *FAST, *new)
    going_on = ("--resume", str(folder.path))
    other = write({who: of for who, of in people.items() if who.subject != "3"}, tmp_path / "other")
    elsewhere = (*going_on, "--store", str(other.folder))
    assert f"{folder.path} was trained on another store" in refusal(capsys, *elsewhere)
    assert "has batch 4, so it cannot go on with 8" in refusal(capsys, *going_on, "--batch", "8")
    assert "has its settings already" in refusal(capsys, "tiny", *going_on)
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


def test_a_store_that_cannot_be_trained_on_is_refused_and_nothing_made(store, tmp_path, capsys):
    new = ("tiny", *FAST, "--folder", str(tmp_path / "new"), "--store", str(store.folder))
    manifest = store.folder / "manifest.json"
    text = manifest.read_text("utf-8")
    manifest.write_text(json.dumps(json.loads(text) | {"version": 9}), "utf-8")
    said = refusal(capsys, *new)
    assert "manifest.json has version 9 of the store's format" in said
    manifest.write_text(text, "utf-8")
    shard = store.folder / "shards" / store.shards[0].file
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-400])
    assert f"{shard.name} is damaged: it has" in refusal(capsys, *new)
    assert not (tmp_path / "new").exists()

    # Damage that no length shows: the run says at which step and in which recording.
    for each in store.shards:
        file = store.folder / "shards" / each.file
        file.write_bytes(np.full(each.bytes // 4, np.nan, dtype="<f4").tobytes())
    said = refusal(capsys, *new)
    assert "The loss of step 1 is not finite" in said
    assert "of the training part is not finite" in said
    assert not list((tmp_path / "new").glob("*.safetensors"))


def test_settings_of_a_run_start_the_same_run(start, tmp_path):
    folder, _ = start("--steps", "2", "--batch", "4")
    again, _ = start(str(folder.settings_file), name="again")
    assert losses(again) == losses(folder)
    assert as_yaml(again.settings()) == as_yaml(folder.settings())


def test_help_waits_for_no_torch():
    code = (
        "import sys\nfrom training.pretrain import main\n"
        "try:\n    main(['tiny', '--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'scipy', 'mne', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "--masks.hidden-times" in done.stdout
    assert "tiny1)" in done.stdout
    said = " ".join(done.stdout.replace("│", " ").split())
    assert all(name in said.partition("--folder DIR")[2] for name in RECIPES)


def test_a_trainer_loads_fsdp_only_when_it_shards():
    code = (
        "import sys\nimport training.pretraining.trainer\n"
        "heavy = {'torch.distributed.fsdp', 'sympy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, timeout=280)


def test_a_finished_run_has_nothing_left_to_do(start):
    flags = ("--validation-subjects", "3", "--no-pictures")
    folder, _ = start("--steps", "2", "--batch", "4", *flags)
    before = load_file(folder.last)
    began = time.time_ns()
    named = ("--validation-subjects", "simulated/3")
    assert main(["--resume", str(folder.path), "--threads", "1", *named]) == 0
    assert main(["--resume", str(folder.path), "--validation-subjects", "simulated/2"]) == 2
    assert len(folder.curves()) == 2
    assert all(
        np.array_equal(tensor, before[name]) for name, tensor in load_file(folder.last).items()
    )
    assert folder.last.stat().st_mtime_ns < began
    assert json.loads(folder.facts_file.read_text())["resumed"][0]["step"] == 2

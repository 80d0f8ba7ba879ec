import math
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.encoders.eegpt.checkpoint import load_pretraining
from core.errors import InputError
from training.pretraining.distributed import Interruption
from training.pretraining.output.checkpoints import load_checkpoint
from training.pretraining.output.folder import RunFolder

SAME = ("step", "alignment", "reconstruction", "loss", "token_variance", "learning_rate")


@pytest.fixture
def folder(tmp_path):
    """Return a function that begins a run's folder for a trainer."""

    def begin(trainer, name="run"):
        folder = RunFolder(tmp_path / name)
        folder.begin(trainer.settings, {}, trainer.columns)
        return folder

    return begin


def run(trainer, folder):
    with Interruption() as interruption:
        return trainer.run(folder, interruption)


def losses(folder):
    return [[row[name] for name in SAME] for row in folder.curves()]


def gradients(trainer, pieces=None):
    """Gradients of one step, without taking it."""
    trainer.optimiser.step = lambda *_: None
    trainer.update(trainer.windows.batch(0))
    return [p.grad for p in trainer.parts.parameters() if p.grad is not None]


@pytest.mark.slow
def test_losses_fall_and_everything_is_written(trainer, folder):
    lines = []
    made = trainer(tell=lines.append, steps=30)
    path = folder(made)
    assert run(made, path) == 0
    rows = path.curves()
    assert [int(row["step"]) for row in rows] == list(range(1, 31))
    for row in rows:
        assert math.isfinite(float(row["loss"]))
        assert float(row["windows_per_second"]) > 0
    first, last = rows[0], rows[-1]
    assert float(last["alignment"]) < 0.6 * float(first["alignment"])
    assert float(last["reconstruction"]) < float(first["reconstruction"])
    assert float(first["learning_rate"]) == pytest.approx(2.5e-4)
    assert float(last["learning_rate"]) == pytest.approx(3.125e-5)
    assert float(first["ema_decay"]) == 0.996
    validated = [int(row["step"]) for row in rows if row["validation_alignment"]]
    assert validated == [10, 20, 30]
    assert len(lines) == 30
    assert load_checkpoint(path.last, trainer().parts, "eegpt tiny1").step == 30


@pytest.mark.slow
def test_the_best_has_the_lowest_validation_loss_and_is_read_as_published_files_are(
    trainer, folder
):
    made = trainer(steps=30)
    path = folder(made)
    run(made, path)
    held_out = {
        int(row["step"]): float(row["validation_reconstruction"])
        for row in path.curves()
        if row["validation_reconstruction"]
    }
    again = trainer()
    progress = load_checkpoint(path.best, again.parts, "eegpt tiny1")
    assert progress.step == min(held_out, key=held_out.get)
    assert progress.best == min(held_out.values())
    parts = load_pretraining(path.best)
    for name, tensor in parts.state_dict().items():
        assert torch.equal(tensor, again.parts.state_dict()[name])
    fresh = trainer()
    assert not torch.equal(parts.encoder.norm.weight, fresh.parts.encoder.norm.weight)


@pytest.mark.slow
def test_without_people_held_out_there_is_no_best(trainer, folder):
    made = trainer(validation=None, steps=2)
    path = folder(made)
    run(made, path)
    assert path.last.exists()
    assert not path.best.exists()


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_run_that_goes_on_has_the_losses_of_one_that_was_never_stopped(
    trainer, folder, precision
):
    whole = trainer(steps=30, precision=precision)
    run(whole, uninterrupted := folder(whole, "whole"))

    def stop(line):
        if line.startswith("step 7 "):
            signal.raise_signal(signal.SIGTERM)

    first = trainer(tell=stop, steps=30, precision=precision)
    path = folder(first, "stopped")
    assert run(first, path) == 128 + signal.SIGTERM
    second = trainer(steps=30, precision=precision)
    second.load(path)
    assert second.step == 8  # the step under way is finished
    path.go_on(second.step)
    assert run(second, path) == 0
    assert losses(path) == losses(uninterrupted)
    assert len(losses(path)) == 30
    for one, other in zip(second.parts.parameters(), whole.parts.parameters(), strict=True):
        assert torch.equal(one, other)
    assert path.facts()["resumed"][0]["step"] == 8


@pytest.mark.slow
def test_lines_after_the_checkpoint_are_forgotten(trainer, folder):
    made = trainer(steps=7, checkpoint_every=5)
    path = folder(made)
    run(made, path)
    with path.curves_file.open("a") as file:
        file.write("8,0.1,0.2")  # as a crash leaves it
    path.go_on(5)
    assert [int(row["step"]) for row in path.curves()] == [1, 2, 3, 4, 5]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to try")
def test_a_full_disk_is_said_with_the_file_and_what_to_do(trainer, folder, monkeypatch):
    path = folder(trainer(steps=7))
    monkeypatch.setattr(RunFolder, "columns", lambda self: ["step"])
    path.curves_file.unlink()
    path.curves_file.symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"losses.csv cannot be written: No space .* --resume"):
        path.add({"step": 1})


def test_a_checkpoint_that_cannot_be_written_says_how_to_go_on(trainer, folder):
    resource = pytest.importorskip("resource", reason="files have no limit to try on this system")
    made = trainer(steps=7)
    path = folder(made)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(InputError, match=f"cannot be written: File .*--resume {path.path}"):
            made.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(path.path.glob("*last*"))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 3, 5])
def test_accumulated_gradients_are_those_of_the_whole_batch(trainer, size):
    whole = gradients(trainer(batch=16))
    pieces = gradients(trainer(batch=16, micro_batch=size))
    assert len(whole) > 100
    for one, other in zip(whole, pieces, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_the_batchs_loss_is_the_mean_over_its_windows(trainer):
    made = trainer(batch=19)  # of both montages
    groups = made.windows.batch(0)
    assert len(groups) == 2
    expected = 0.0
    with torch.no_grad():
        for group in groups:
            for piece in made._pieces([group]):
                expected += (
                    len(group.windows)
                    / 19
                    * float(made.recipe.model(piece.windows, *piece.drawn).losses["reconstruction"])
                )
    row, tokens, _ = made.update(groups)
    assert row["reconstruction"] == pytest.approx(expected, rel=1e-6)
    assert tokens.shape == (19, 4, 1, 64)


@pytest.mark.slow
@pytest.mark.parametrize("ablation", "ABCD")
def test_every_ablation_trains(trainer, ablation):
    made = trainer(ablation=ablation)
    rows = [made.update(made.windows.batch(step))[0] for step in range(6)]
    assert rows[-1]["loss"] < rows[0]["loss"]
    total = rows[0]["reconstruction"] + (rows[0]["alignment"] if ablation != "A" else 0.0)
    assert rows[0]["loss"] == pytest.approx(total)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_is_near_the_whole_one(trainer, precision):
    made, full = trainer(precision=precision), trainer()
    for step in range(4):
        mixed = made.update(made.windows.batch(step))[0]
        exact = full.update(full.windows.batch(step))[0]
        assert mixed["loss"] == pytest.approx(exact["loss"], rel=0.03)
    assert {p.dtype for p in made.parts.parameters()} == {torch.float32}


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_with_the_last_good_checkpoint(trainer, store, folder):
    made = trainer(steps=30, checkpoint_every=5, rate={"peak": 1.0, "start_divisor": 1.0})
    path = folder(made)
    before = made.update

    def spoil(*given):
        if made.step == 7:
            with torch.no_grad():
                made.parts.encoder.norm.weight.fill_(math.inf)
        return before(*given)

    made.update = spoil
    with pytest.raises(InputError, match=r"The loss of step 8 is not finite \(alignment nan"):
        run(made, path)
    again = trainer(steps=30)
    progress = load_checkpoint(path.last, again.parts, "eegpt tiny1", again.optimiser)
    assert progress.step == 5
    assert all(p.isfinite().all() for p in again.parts.parameters())


@pytest.mark.slow
def test_a_recording_that_is_no_number_is_named(trainer, store):
    store.signals[1][:, 700:] = np.nan
    made = trainer(batch=64)
    with pytest.raises(InputError, match=r"step 1 is not finite .*\. Recording 1 of the training"):
        made.update(made.windows.batch(0))


def test_a_second_signal_ends_the_program(trainer):
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow
def test_what_does_not_fit_is_refused(trainer, store, others, folder, tmp_path):
    path = folder(made := trainer(steps=1))
    run(made, path)
    with pytest.raises(
        InputError, match="is a checkpoint of eegpt tiny1, and this run is of eegpt tiny2"
    ):
        trainer(size="tiny2").load(path)
    with pytest.raises(InputError, match="is a checkpoint of tiny1, and size is tiny2"):
        trainer(size="tiny2", weights=str(path.best))
    with pytest.raises(InputError, match="was trained on another store"):
        trainer(training=replace(store, manifest_sha256="1" * 64)).load(path)
    with pytest.raises(InputError, match="holds uV at 250 Hz and the model takes mV at 256 Hz"):
        trainer(training=replace(store, unit="uV", rate=250.0))
    with pytest.raises(InputError, match="lacks the optimiser's state"):
        load_checkpoint(path.best, made.parts, "eegpt tiny1", made.optimiser)
    content = path.last.read_bytes()
    path.last.write_bytes(content[:-100])
    with pytest.raises(InputError, match="is damaged"):
        trainer().load(path)
    with pytest.raises(InputError, match="exists already; choose another one"):
        path.begin(made.settings, {}, made.columns)
    with pytest.raises(InputError, match="There is no checkpoint"):
        trainer().load(RunFolder(tmp_path / "nowhere"))


@pytest.mark.slow
def test_weights_to_begin_with(trainer, folder):
    path = folder(made := trainer(steps=2))
    run(made, path)
    begun = trainer(weights=str(path.best))
    for name, tensor in load_pretraining(path.best).state_dict().items():
        assert torch.equal(begun.parts.state_dict()[name], tensor)
    assert not any(p.requires_grad for p in begun.parts.target_encoder.parameters())
    begun.update(begun.windows.batch(0))

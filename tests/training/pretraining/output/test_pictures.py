import gc

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from training.pretraining.distributed import Interruption
from training.pretraining.output.curves import Curves
from training.pretraining.output.folder import RunFolder
from training.pretraining.output.pictures import draw, save_picture
from training.recipes.base import Reconstruction
from training.recipes.eegpt import Objective

PATCH = 64


@pytest.fixture
def found():
    """Two channels of three patches: 0 and 3 are seen (of times 0 and 1), 2 and 4 are asked for."""
    window = np.arange(2 * 3 * PATCH, dtype=float).reshape(2, 3 * PATCH)
    visible, targets = np.array([[0], [3]]), np.array([4, 2])
    waveforms = np.stack((np.full(PATCH, -4.0), np.full(PATCH, -2.0)))
    return Reconstruction(window, waveforms, visible, targets, ("C3", "C4"), 256.0, "mV")


def test_what_was_seen_and_made_lies_where_it_was(found):
    seen, made = found.seen(), found.made()
    places = slice(0, PATCH), slice(PATCH, 2 * PATCH), slice(2 * PATCH, None)
    np.testing.assert_array_equal(seen[0, places[0]], found.window[0, places[0]])
    np.testing.assert_array_equal(seen[1, places[1]], found.window[1, places[1]])
    assert np.isfinite(seen).sum() == 2 * PATCH
    assert (made[0, places[2]] == -4.0).all()
    assert (made[0, places[1]] == -2.0).all()
    assert np.isfinite(made).sum() == 2 * PATCH


def test_a_row_for_each_channel_and_a_column_for_each_state(found):
    figure = draw(found, 40)
    assert [axis.get_title() for axis in figure.axes[:3]] == ["recorded", "seen", "reconstructed"]
    labels = [axis.get_ylabel() for axis in figure.axes[::3]]
    assert labels == ["C3, mV", "C4, mV"]
    drawn = figure.axes[2].get_lines()[1].get_ydata()
    np.testing.assert_array_equal(drawn, found.made()[0])


def test_nothing_of_a_picture_stays_in_memory(found, tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.pictures.mkdir(parents=True)

    def figures():
        return sum(type(one) is Figure for one in gc.get_objects())

    gc.collect()  # other tests' figures
    before = figures()
    gc.disable()  # as good as it is between two passes through all objects
    try:
        picture = save_picture(folder, 40, found)
        assert figures() == before
    finally:
        gc.enable()
    shown = matplotlib.image.imread(folder.pictures / "step-0000040.png")
    np.testing.assert_allclose(picture / 255.0, shown, atol=1e-6)


@pytest.mark.parametrize("ablation", ["B", "D"])
def test_a_perfect_reconstruction_is_the_window(trainer, ablation):
    objective = Objective(trainer().parts, ablation, gain=30.0)
    window = 0.02 * torch.randn(2, 3, 4 * PATCH, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([1, 5, 11])
    perfect = objective.waveforms(window * 30.0, targets)
    there = torch.stack(
        [window[:, t % 3, t // 3 * PATCH : (t // 3 + 1) * PATCH] for t in targets.tolist()], dim=1
    )
    torch.testing.assert_close(
        objective.restored(window, targets, perfect), there, rtol=1e-4, atol=1e-6
    )


def test_a_picture_a_validation(trainer, tmp_path):
    made = trainer(steps=4, validate_every=2)
    folder = RunFolder(tmp_path / "run")
    folder.begin(made.settings, {}, made.columns)
    with Interruption() as interruption:
        made.run(folder, interruption)
    names = sorted(path.name for path in folder.pictures.iterdir())
    assert names == ["step-0000002.png", "step-0000004.png"]
    first, second = (matplotlib.image.imread(folder.pictures / name) for name in names)
    assert first.shape == second.shape
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("changes", [{"pictures": False}, {"recipe": "spectrum"}])
def test_none_where_none_is_wanted_or_no_waveform_is_made(trainer, tmp_path, changes):
    made = trainer(**changes)
    folder = RunFolder(tmp_path / "run")
    folder.begin(made.settings, {}, made.columns)
    made.validate(folder, Curves(folder, made.settings))
    assert not folder.pictures.exists()


def test_tensorboard_has_curves_and_pictures(trainer, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    made = trainer(tensorboard=True)
    folder = RunFolder(tmp_path / "run")
    folder.begin(made.settings, {}, made.columns)
    curves = Curves(folder, made.settings)
    made.validate(folder, curves)
    curves.add(made.update(made.windows.batch(0))[0])
    events = EventAccumulator(str(folder.path / "tensorboard"))
    events.Reload()
    assert events.Tags()["images"] == ["reconstruction"]
    assert "reconstruction" in events.Tags()["scalars"]

from dataclasses import asdict

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from core.encoders import load_encoder, save_encoder
from core.encoders.braingpt.electrodes import electrode_rows
from core.encoders.braingpt.model import SCALE
from core.errors import InputError
from core.signal.filtering import Band
from training.export import exported_encoder
from training.pretraining.distributed import Interruption
from training.pretraining.output.folder import RunFolder
from training.pretraining.people import draw_people, with_people
from training.recipes import recipe_of
from training.recipes.braingpt import EDGES, log_powers
from training.recipes.braingpt_baselines import ORDER, linear_prediction

CHANNELS = ("C3", "CZ", "C4")
PATCH, STRIDE, TOKENS = 256, 32, 10
SAMPLES = PATCH + (TOKENS - 1) * STRIDE


@pytest.fixture
def recipe(settings):
    """Return a function that makes the recipe for given targets, its heads no longer at zero."""

    def make(**targets):
        made = recipe_of(small(settings, targets=targets))
        with torch.no_grad():
            for head in made.parts.heads.values():
                head[2].weight.normal_(generator=torch.Generator().manual_seed(1))
        return made

    return make


@pytest.mark.slow
def test_in_bf16_the_losses_are_nearly_those_of_float32(trainer, microvolts):
    changes = {"recipe": "braingpt", "size": "base", "window": SAMPLES, "batch": 4, "steps": 4}
    changes["targets"] = {"horizons": [1, 2], "error": "huber"}
    mixed, full = trainer(*microvolts, precision="bf16", **changes), trainer(*microvolts, **changes)
    for step in range(4):
        rough = mixed.update(mixed.windows.batch(step))[0]
        exact = full.update(full.windows.batch(step))[0]
        assert rough["loss"] == pytest.approx(exact["loss"], rel=0.03)
        assert rough["ar16_ahead_1"] == pytest.approx(exact["ar16_ahead_1"], rel=1e-3)
    assert {p.dtype for p in mixed.parts.parameters()} == {torch.float32}


def small(settings, **changes):
    given = {"recipe": "braingpt", "size": "base", "window": SAMPLES, "batch": 4, "steps": 12}
    return settings(**given | changes)


@pytest.fixture
def given():
    window = 20.0 * torch.randn(2, 3, SAMPLES, generator=torch.Generator().manual_seed(0))
    return window, torch.arange(3), electrode_rows(CHANNELS)


@pytest.fixture
def microvolts(store, others):
    """The stores of the other recipes, in µV."""
    for one in (store, others):
        one.signals[:] = [1000.0 * signal for signal in one.signals]
        one.unit = "uV"
    return store, others


@pytest.mark.slow
def test_a_prediction_knows_no_sample_that_it_is_judged_by(recipe, given):
    """Seven eighths of a token are in the token before: what is predicted is the rest."""
    window, *rest = given
    model = recipe(horizons=[1]).model
    made = model(window, *rest).made
    assert made.shape == (2, 3, TOKENS - 1, STRIDE)
    for token in (0, 5):
        end = PATCH + token * STRIDE
        changed = window.clone()
        changed[..., end:] += 50.0
        again = model(changed, *rest).made
        torch.testing.assert_close(again[:, :, : token + 1], made[:, :, : token + 1])
        assert not torch.allclose(again[:, :, token + 1 :], made[:, :, token + 1 :])


@pytest.mark.parametrize("error", ["squared", "relative", "huber"])
def test_losses_are_those_of_the_definition(recipe, given, error):
    made = recipe(horizons=[1, 4], error=error)
    weights = np.random.default_rng(0).normal(size=(ORDER, 4 * STRIDE)) / ORDER
    made.objective.autoregression.copy_(torch.from_numpy(weights))
    outputs = made.model(*given)
    signal = SCALE * given[0].numpy()
    sums = {name: [] for name in made.losses}
    for token in range(TOKENS - 1):
        end = PATCH + token * STRIDE
        past = signal[..., end - PATCH : end]
        scale = past.std(axis=-1, ddof=1, keepdims=True) + 0.05 if error != "squared" else 1.0
        for horizon in (1, 4):
            begin = end + (horizon - 1) * STRIDE
            wanted = signal[..., begin : begin + STRIDE]
            if wanted.shape[-1] < STRIDE:
                continue
            columns = weights[:, (horizon - 1) * STRIDE : horizon * STRIDE]
            guesses = {"repeat": past[..., -1:], f"ar{ORDER}": past[..., -ORDER:] @ columns}
            if horizon == 1:
                guesses[""] = outputs.made.detach().numpy()[:, :, token]
            for name, guess in guesses.items():
                off = (guess - wanted) / scale
                if error == "huber":
                    off = np.where(np.abs(off) < 1, off**2, 2 * np.abs(off) - 1)
                else:
                    off = off**2
                sums[f"{name}_ahead_{horizon}".lstrip("_")].append(off.mean())
    assert set(outputs.losses) == set(made.losses)
    for name, values in sums.items():
        if values:
            assert outputs.losses[name].item() == pytest.approx(np.mean(values), rel=1e-4), name


def test_the_spectrum_asked_for_is_that_of_the_first_token_with_nothing_seen(recipe, given):
    made = recipe(horizons=[1], spectrum=0.5)
    window = given[0]
    losses = made.model(*given).losses
    tokens = SCALE * window.unfold(-1, PATCH, STRIDE)
    power = np.abs(np.fft.rfft(tokens.numpy() * np.hanning(PATCH))) ** 2
    first, second = EDGES[3], EDGES[4]
    expected = np.log(power[..., first:second].mean(axis=-1) + 0.1)
    np.testing.assert_allclose(log_powers(tokens)[..., 3].numpy(), expected, rtol=1e-3, atol=1e-3)
    powers = log_powers(tokens)
    repeated = ((powers[:, :, 8:] - powers[:, :, : TOKENS - 8]) ** 2).mean()
    torch.testing.assert_close(losses["repeat_spectrum"], repeated)
    minimised = losses["ahead_1"] + 0.5 * losses["spectrum"]
    torch.testing.assert_close(made.minimised(losses, 0), minimised)


def test_the_linear_prediction_is_the_autoregression_that_made_the_signal():
    random = np.random.default_rng(0)
    x = np.zeros((4, 6000))
    noise = random.normal(size=x.shape)
    for sample in range(2, x.shape[1]):
        x[:, sample] = 1.6 * x[:, sample - 1] - 0.8 * x[:, sample - 2] + noise[:, sample]
    weights = linear_prediction([x[:, 1000:]], 2, order=2)
    np.testing.assert_allclose(weights[:, 0], [-0.8, 1.6], atol=0.03)
    np.testing.assert_allclose(weights[:, 1], [-0.8 * 1.6, 1.6**2 - 0.8], atol=0.06)
    loud = np.concatenate([1e4 * random.normal(size=(1, 5000)), x[:, 1000:]])
    alike = linear_prediction([loud], 1, order=2, relative=True)[:, 0]
    assert alike[1] > 0.5  # one of five channels is noise
    assert abs(linear_prediction([loud], 1, order=2)[1, 0]) < 0.1


def test_electrodes_are_drawn_by_name(settings):
    made = recipe_of(small(settings, electrodes=2))
    names = ("C4", "T3", "CZ")
    random = np.random.default_rng(3)
    seen = set()
    for _ in range(20):
        picks, rows = made.draw(names, random)
        assert rows.tolist() == electrode_rows(names)[picks].tolist()
        seen.add(tuple(picks.tolist()))
    assert seen == {(0, 1), (0, 2), (1, 2)}


@pytest.mark.slow
def test_a_run_learns_and_goes_on_bit_for_bit(trainer, microvolts, tmp_path):
    lines = []
    changes = {
        "recipe": "braingpt",
        "size": "base",
        "window": SAMPLES,
        "batch": 4,
        "steps": 12,
        "targets": {"horizons": [1, 2], "error": "huber"},
        "rate": {"peak": 2e-3},
        "checkpoint_every": 6,
        "validate_every": 6,
        "validation_windows": 4,
        "electrodes": 3,
        "gain": 2.0,
    }
    whole = trainer(*microvolts, lines.append, **changes)
    folder = RunFolder(tmp_path / "run")
    facts = {
        "channels": whole.windows.channels(),
        "covariance": None,
        "band": asdict(Band()),
        "manifest_sha256": "0" * 64,
    }
    folder.begin(whole.settings, facts, whole.columns)
    with Interruption() as interruption:
        assert whole.run(folder, interruption) == 0
    rows = folder.curves()
    for name in ("ahead_1", "repeat_ahead_2", "ar16_ahead_1"):
        assert f"{name} {float(rows[3][name]):.4f}" in lines[3]
    assert float(rows[-1]["validation_ahead_1"]) < float(rows[-1]["validation_repeat_ahead_1"])

    again = trainer(*microvolts, **changes)
    halfway = trainer(*microvolts, **changes)
    for step in range(6):
        halfway.update(halfway.windows.batch(step))
    halfway.save(folder)
    again.load(folder)
    for step in range(6, 12):
        row, *_ = again.update(again.windows.batch(step))
        assert str(row["loss"]) == rows[step]["loss"]
    for one, other in zip(again.parts.parameters(), whole.parts.parameters(), strict=True):
        assert torch.equal(one, other)

    encoder = load_encoder(
        save_encoder(exported_encoder(folder, "best"), tmp_path / "e.safetensors")
    )
    assert encoder.spec.trained
    assert encoder.spec.window == 1024  # not that of the training's windows
    window = torch.randn(1, 3, SAMPLES)
    with torch.no_grad():
        expected = whole.parts.encoder.tokens(2.0 * window, CHANNELS)
        torch.testing.assert_close(encoder.tokens(window, CHANNELS), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": "tiny1"}, "size is"),
        ({"weights": "w.safetensors"}, "begins with weights of its own"),
        ({"window": 300}, "window is 300; a multiple of 32, 384 or more"),
        ({"window": 480, "targets": {"spectrum": 1.0}}, "512 or more"),
        ({"targets": {"horizons": [2, 2]}}, "names one of them twice"),
        ({"targets": {"horizons": [0]}}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_predicted_is_refused(settings, changes, message):
    with pytest.raises(ValidationError, match=message):
        small(settings, **changes)


def test_people_are_drawn_in_each_source_and_nobody_twice(settings):
    people = [f"a/{i}" for i in range(20)] + [f"b/{i}" for i in range(5)]
    validation, test = draw_people(people, (8, 1, 1), 3)
    assert [sum(p.startswith("a/") for p in some) for some in (validation, test)] == [2, 2]
    assert [sum(p.startswith("b/") for p in some) for some in (validation, test)] == [1, 1]
    assert not set(validation) & set(test)
    assert draw_people(people[::-1], (8, 1, 1), 3) == (validation, test)
    assert draw_people(people, (8, 1, 1), 4) != (validation, test)
    with pytest.raises(InputError, match=r"a has 2 people .* too few to hold out 1, leave out 1"):
        draw_people(["a/1", "a/2"], (8, 1, 1), 0)
    drawn = with_people(small(settings, shares=[3, 1, 0]), people)
    assert (len(drawn.validation_subjects), drawn.test_subjects) == (6, ())
    named = small(settings, shares=[3, 1, 0], validation_subjects=["a/1"])
    assert with_people(named, people) == named
    both_sources = with_people(small(settings, validation_subjects=["01"]), people)
    assert both_sources.validation_subjects == ("a/1", "b/1")
    named = small(settings, shares=[3, 1, 1], validation_subjects=["a/2"])
    drawn = with_people(named, people)
    assert drawn.validation_subjects == ("a/2",)
    assert [sum(p.startswith(x) for p in drawn.test_subjects) for x in ("a/", "b/")] == [5, 1]
    assert "a/2" not in drawn.test_subjects
    twice = small(settings, validation_subjects=["a/1"], test_subjects=["a/2", "a/1"])
    with pytest.raises(InputError, match="a/1 is named both with"):
        with_people(twice, people)
    with pytest.raises(InputError, match="no person 77"):
        with_people(small(settings, test_subjects=["77"]), people)
    without_source = small(settings, validation_subjects=["a/007"], test_subjects=["a/7"])
    with pytest.raises(InputError, match="a/7 is named both with"):
        with_people(without_source, people)

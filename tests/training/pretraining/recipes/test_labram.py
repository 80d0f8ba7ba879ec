"""Both of LaBraM's recipes: codebook, spectra, masks, and a run of each that goes on."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from core.encoders import load_encoder, save_encoder
from core.encoders.labram.electrodes import electrode_rows
from core.errors import InputError
from core.signal.filtering import Band
from training.export import exported_encoder
from training.pretraining.distributed import Interruption
from training.pretraining.output.folder import RunFolder
from training.recipes import recipe_of
from training.recipes.codebook import Codebook
from training.recipes.labram import load_tokenizer

CHANNELS = ("C3", "CZ", "C4")
SMALL = {
    "size": "tiny",
    "window": 400,
    "batch": 4,
    "steps": 6,
    "checkpoint_every": 3,
    "validate_every": 3,
    "validation_windows": 4,
    "electrodes": 3,
    "gain": 2.0,
    "rate": {"peak": 2e-3},
}
TOKENIZER = SMALL | {
    "recipe": "labram-tokenizer",
    "codebook": {"codes": 16, "width": 8, "revive": 0.05},
    "decoder_depth": 1,
}
MASKED = SMALL | {"recipe": "labram", "codes": 16}


@pytest.fixture
def at_200(store, others):
    """The stores of the other recipes, in µV and at LaBraM's rate."""
    for one in (store, others):
        one.signals[:] = [1000.0 * signal for signal in one.signals]
        one.unit, one.rate = "uV", 200.0
    return store, others


@pytest.fixture
def given():
    window = 20.0 * torch.randn(2, 3, 400, generator=torch.Generator().manual_seed(0))
    return window, torch.arange(3), electrode_rows(CHANNELS)


def run(trainer, folder, stores, **changes):
    """A whole run in its folder."""
    made = trainer(*stores, **changes)
    kept = RunFolder(folder)
    facts = {
        "channels": made.windows.channels(),
        "covariance": None,
        "band": asdict(Band()),
        "manifest_sha256": "0" * 64,
    }
    kept.begin(made.settings, facts, made.columns)
    with Interruption() as interruption:
        assert made.run(kept, interruption) == 0
    return made, kept


# The codebook


def test_a_vector_gets_the_code_of_its_direction_and_its_gradient_passes():
    codebook = Codebook(4, 3, 0.9, seed=1)
    vectors = 5.0 * codebook.vectors[[2, 0]] + 0.01
    vectors.requires_grad_(True)
    quantised, indices, distance = codebook(vectors)
    assert indices.tolist() == [2, 0]
    torch.testing.assert_close(quantised, codebook.vectors[[2, 0]])
    assert 0 < distance.item() < 1e-4
    quantised[0, 1].backward()
    given = vectors.detach().clone().requires_grad_(True)
    F.normalize(given, dim=-1)[0, 1].backward()  # as if nothing had been quantised
    torch.testing.assert_close(vectors.grad, given.grad)
    assert vectors.grad[0].norm() > 0.01


def test_codes_move_by_the_moving_average_of_their_members():
    codebook = Codebook(3, 2, 0.75, seed=0)
    codebook.vectors.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    codebook.members.copy_(torch.tensor([4.0, 4.0, 4.0]))
    vectors = torch.tensor([[3.0, 1.0], [2.0, 0.5], [0.1, 0.9]], requires_grad=True)
    codebook(vectors[:2])
    codebook(vectors[2:])  # of the same step, as micro-batches are
    told = codebook.follow(0.0, np.random.default_rng(0))
    unit = F.normalize(vectors.detach(), dim=-1)
    first = F.normalize(
        0.75 * torch.tensor([1.0, 0.0]) + 0.25 * F.normalize(unit[:2].sum(0), dim=0), dim=0
    )
    second = F.normalize(0.75 * torch.tensor([0.0, 1.0]) + 0.25 * unit[2], dim=0)
    expected = torch.stack([first, second, torch.tensor([-1.0, 0.0])])  # unused: it stays
    torch.testing.assert_close(codebook.vectors, expected)
    torch.testing.assert_close(codebook.members, torch.tensor([3.5, 3.25, 3.0]))
    entropy = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))
    assert told == pytest.approx({"codes_used": 2, "perplexity": np.exp(entropy), "revived": 0})


def test_validation_moves_no_code():
    codebook = Codebook(3, 2, 0.5, seed=0)
    with torch.no_grad():
        codebook(torch.randn(5, 2))
    before = codebook.vectors.clone()
    codebook(codebook.vectors[:1].clone().requires_grad_(True))
    assert codebook.follow(0.0, np.random.default_rng(0))["codes_used"] == 1
    torch.testing.assert_close(codebook.vectors, before)


@pytest.mark.parametrize("revive", [0.0, 0.2])
def test_a_dead_code_becomes_a_vector_of_the_step_on_request(revive):
    codebook = Codebook(2, 2, 0.5, seed=0)
    codebook.vectors.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    vectors = F.normalize(torch.tensor([[1.0, 0.3], [1.0, 0.4]]), dim=-1)
    codebook(vectors.requires_grad_(True))
    told = codebook.follow(revive, np.random.default_rng(0))
    dead = codebook.vectors[1].tolist()
    assert told["revived"] == (1 if revive else 0)
    assert (dead in vectors.tolist()) == bool(revive)
    assert codebook.members[1] == 2 * revive


def test_kmeans_finds_clusters():
    random = np.random.default_rng(0)
    centres = F.normalize(torch.from_numpy(random.normal(size=(4, 8))), dim=-1).float()
    vectors = centres.repeat(50, 1) + 0.05 * torch.from_numpy(random.normal(size=(200, 8))).float()
    best = []
    for seed in range(5):
        codebook = Codebook(6, 8, 0.9, seed)
        codebook.start(vectors, 10, np.random.default_rng(seed))
        best.append((codebook.vectors @ centres.T).amax(0).min().item())
        assert codebook.members.sum() == 200
    assert max(best) > 0.99
    few = Codebook(6, 8, 0.9, 0)
    few.start(vectors[:3], 2, random)  # fewer vectors than codes
    assert few.vectors.isfinite().all()


# Losses


@pytest.mark.parametrize("phase", ["angle", "sine"])
def test_spectra_are_those_of_numpy(settings, given, phase):
    made = recipe_of(settings(**TOKENIZER | {"bins": 50, "phase": phase, "gain": 1.0}))
    amplitude, angle = made.model.targets(given[0])
    patches = given[0].double().numpy().reshape(2, 3, 2, 200) / 100.0
    spectrum = np.fft.fft(patches)[..., :50]
    for window in range(2):
        x = np.abs(spectrum[window])
        expected = (x - x.mean()) / x.std(ddof=1)
        np.testing.assert_allclose(amplitude[window], expected, atol=1e-4)
        x = np.angle(spectrum[window])
        if phase == "angle":
            expected = (x - x.mean()) / x.std(ddof=1)
        else:
            expected = np.concatenate([np.cos(x), np.sin(x)], axis=-1)
        # Of a bin of 0 Hz or 100 Hz the angle is 0 or pi, whichever way it is rounded.
        np.testing.assert_allclose(angle[window, ..., 1:50], expected[..., 1:50], atol=1e-3)


@pytest.mark.slow
def test_the_tokenizers_losses_are_those_of_the_definition(settings, given):
    made = recipe_of(settings(**TOKENIZER))
    window, picks, rows = given
    losses = made.model(window, picks, rows).losses
    assert set(losses) == set(made.losses)
    parts = made.parts
    with torch.no_grad():
        unit = F.normalize(parts.to_codes(parts.encoder(2.0 * window, rows)), dim=-1)
        codes = parts.codebook.vectors[(unit @ parts.codebook.vectors.T).argmax(-1)]
        predicted = parts.decoder(codes, rows)
        wanted = made.model.targets(2.0 * window)
    for name, made_of, target in zip(("amplitude", "phase"), predicted, wanted, strict=True):
        torch.testing.assert_close(losses[name].detach(), (made_of - target).square().mean())
        mean = target.mean(dim=(1, 2), keepdim=True)
        torch.testing.assert_close(losses[f"mean_{name}"], (mean - target).square().mean())
    torch.testing.assert_close(losses["commitment"].detach(), (unit - codes).square().mean())
    total = losses["amplitude"] + losses["phase"] + losses["commitment"]
    torch.testing.assert_close(made.minimised(losses, 0), total)


@pytest.fixture
def tokenizer_run(trainer, at_200, tmp_path):
    return run(trainer, tmp_path / "tokenizer", at_200, **TOKENIZER)


@pytest.mark.slow
def test_codes_are_asked_of_hidden_tokens_only(settings, given, tokenizer_run):
    made = recipe_of(settings(**MASKED))
    tokenizer, gain = load_tokenizer(tokenizer_run[1].best)
    assert gain == 2.0
    made.model.give(tokenizer, gain)
    window, picks, rows = given
    _, _, hidden = made.draw(CHANNELS, np.random.default_rng(0))
    assert (hidden.shape, hidden.sum()) == ((3, 2), 3)
    hidden = torch.from_numpy(hidden)
    losses = made.model(window, picks, rows, hidden).losses
    with torch.no_grad():
        codes = tokenizer.indices(2.0 * window, rows)
        logs = torch.zeros(2, 3, 2, 16)
        for mask in (hidden, ~hidden):
            embedded = made.parts.encoder.temporal_conv(
                (2.0 * window / 100.0).reshape(2, 6, 200)
            ).reshape(2, 3, 2, 100)
            embedded[:, mask] = made.parts.head.mask_token[0, 0]
            states = made.parts.encoder.transform(embedded, rows)
            logs[:, mask] = made.parts.head.to_codes(states)[:, mask].log_softmax(-1)
        entropy = -logs.gather(-1, codes[..., None]).mean()
        members = tokenizer.codebook.members
        top = (codes == members.argmax()).float().mean()
    torch.testing.assert_close(losses["cross_entropy"].detach(), entropy)
    torch.testing.assert_close(losses["accuracy"], (logs.argmax(-1) == codes).float().mean())
    torch.testing.assert_close(losses["most_frequent"], top)
    assert losses["frequencies"] > 0


# Runs


@pytest.mark.slow
def test_the_tokenizer_learns_and_goes_on_bit_for_bit(trainer, at_200, tokenizer_run, tmp_path):
    whole, folder = tokenizer_run
    rows = folder.curves()
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert 1 <= float(rows[0]["codes_used"]) <= 16
    assert 1 <= float(rows[0]["perplexity"]) <= float(rows[0]["codes_used"])
    halfway, again = (trainer(*at_200, **TOKENIZER) for _ in range(2))
    for step in range(3):
        halfway.update(halfway.windows.batch(step))
    other = RunFolder(tmp_path / "other")
    other.path.mkdir()
    halfway.save(other)
    again.load(other)
    for step in range(3, 6):
        row, *_ = again.update(again.windows.batch(step))
        assert str(row["loss"]) == rows[step]["loss"]
    for name, tensor in again.parts.state_dict().items():
        assert torch.equal(tensor, whole.parts.state_dict()[name]), name


@pytest.mark.slow
def test_the_second_stage_names_the_first_and_exports_an_encoder(
    trainer, at_200, tokenizer_run, tmp_path
):
    _, first = tokenizer_run
    made, folder = run(trainer, tmp_path / "masked", at_200, **MASKED, weights=str(first.best))
    rows = folder.curves()
    assert float(rows[-1]["validation_cross_entropy"]) < float(rows[0]["cross_entropy"])
    assert 0 <= float(rows[-1]["most_frequent"]) <= 1
    encoder = exported_encoder(folder, "last")  # which needs the tokenizer no more
    again = load_encoder(save_encoder(encoder, tmp_path / "e.safetensors"))
    assert (again.spec.family, again.spec.size, again.spec.trained) == ("labram", "tiny", True)
    assert again.spec.window == 800  # not that of the training's windows
    window = 20.0 * torch.randn(1, 3, 400, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = made.parts.encoder.tokens(2.0 * window, CHANNELS)
        torch.testing.assert_close(again.tokens(window, CHANNELS), expected, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "say which, with --weights RUN/best.safetensors"),
        ({"weights": "{first}", "codes": 32}, "has 16 codes and the run is to predict 32; set"),
        ({"weights": "nowhere/best.safetensors"}, "nowhere"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_refused(trainer, at_200, tokenizer_run, changes, message):
    changes = {
        name: value.format(first=tokenizer_run[1].best) if isinstance(value, str) else value
        for name, value in changes.items()
    }
    with pytest.raises(InputError, match=message):
        trainer(*at_200, **MASKED | changes)


@pytest.mark.slow
def test_a_run_of_another_recipe_is_no_tokenizer(trainer, at_200, tokenizer_run, tmp_path):
    weights = str(tokenizer_run[1].best)
    _, folder = run(trainer, tmp_path / "masked", at_200, **MASKED | {"steps": 1}, weights=weights)
    with pytest.raises(InputError, match="is of a run of recipe labram; one of labram-tokenizer"):
        load_tokenizer(folder.best)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (TOKENIZER | {"size": "tiny1"}, "size is"),
        (TOKENIZER | {"weights": "w.safetensors"}, "begins with weights of its own"),
        (MASKED | {"window": 500}, "window is 500; a multiple of 200 up to 3200"),
        (MASKED | {"window": 3400}, "window is 3400"),
        (MASKED | {"hidden": 1.0}, "less than or equal to 0.95"),
    ],
)
def test_what_cannot_be_trained_is_refused(settings, changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)

from dataclasses import asdict

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from core.decoding.spatial import channel_covariance, spatial_filter
from core.encoders import load_encoder
from core.encoders.eegpt.electrodes import CODEX
from core.signal.filtering import Band
from training.export import exported_encoder
from training.pretraining.distributed import Interruption
from training.pretraining.output.folder import RunFolder
from training.pretraining.windows import Windows
from training.recipes import recipe_of
from training.recipes.base import update_ema
from training.recipes.spectrum import BINS, Spectral, SpectrumObjective

IDS = torch.tensor([27, 29, 31, 47])
TIMES, PATCH = 4, 64


@pytest.fixture
def objective():
    return SpectrumObjective(Spectral("tiny1", seed=3))


@pytest.fixture
def given():
    """Windows of unit variance, and two visible times of which three channels are shown."""
    window = torch.randn(5, len(IDS), TIMES * PATCH, generator=torch.Generator().manual_seed(0))
    return window, IDS, torch.tensor([[0, 1, 3], [8, 9, 10]]), torch.tensor([4])


def test_spectra_are_those_of_the_definition(objective, given):
    window, *_ = given
    found = objective.spectra(window, torch.tensor([0, 2]))
    patches = window.numpy().reshape(5, len(IDS), TIMES, PATCH)[:, :, [0, 2]]
    power = np.abs(np.fft.rfft(patches * np.hanning(PATCH))[..., slice(*BINS)]) ** 2
    logs = np.log(power + 0.1).transpose(0, 2, 1, 3)
    expected = logs - logs.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3, atol=1e-3)


def test_a_rhythm_of_one_electrode_and_patch_shows_there_alone(objective):
    window = 0.1 * torch.randn(1, len(IDS), TIMES * PATCH, generator=torch.Generator())
    burst = torch.sin(2 * np.pi * 12.0 * torch.arange(PATCH) / 256.0)
    window[0, 2, PATCH : 2 * PATCH] += burst
    spectra = objective.spectra(window, torch.arange(TIMES))[0]
    where = np.unravel_index(int(spectra.argmax()), spectra.shape)
    assert tuple(map(int, where)) == (1, 2, 12 // 4 - BINS[0])


def test_the_loss_knows_a_window_from_its_mean_only(objective, given):
    window, ids, visible, _ = given
    losses = objective(*given)
    parts = objective.parts
    seen = [
        parts.encoder.encode_patches(window[:, row % 4, t * PATCH : (t + 1) * PATCH], ids[row % 4])
        for t, row in zip((0, 2), visible, strict=True)
    ]
    read = parts.readout(torch.stack(seen, dim=1).flatten(2)).unflatten(2, (len(CODEX), -1))
    asked = (read - read.mean(dim=1, keepdim=True))[:, :, ids]
    expected = ((asked - objective.spectra(window, torch.tensor([0, 2]))) ** 2).mean()
    torch.testing.assert_close(losses.losses, {"spectrum": expected})
    assert losses.tokens.shape == (10, 1, 1, 64)


def test_everything_but_the_running_mean_learns(objective, given):
    objective(*given).losses["spectrum"].backward()
    for name, parameter in objective.parts.named_parameters():
        learns = not name.startswith("target_encoder.")
        assert (parameter.grad is not None) is learns, name


def test_the_running_mean_begins_at_the_encoder_and_follows_it(objective):
    one, other = objective.parts.encoder, objective.parts.target_encoder
    for learns, follows in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(learns, follows)
    with torch.no_grad():
        one.norm.bias.fill_(1.0)
    update_ema(other, one, 0.75)
    torch.testing.assert_close(other.norm.bias, torch.full((64,), 0.25))


def test_tokens_differ_from_the_beginning_on():
    """What the published weights' small deviation would leave nearly alike."""
    parts = Spectral("tiny2")
    window = torch.randn(20, 58, PATCH, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        tokens = parts.encoder(window, torch.arange(58))
    assert float(tokens.var(dim=0).mean()) > 0.02


@pytest.mark.slow
def test_a_run_learns_goes_on_and_is_exported_for_whitened_people(
    trainer, tmp_path, settings, store
):
    changes = {
        "recipe": "spectrum",
        "whitening": "unit",
        "gain": 100.0,
        "steps": 30,
        "rate": {"peak": 2e-3},
        "average": {"start": 0.9, "end": 0.9},
    }
    folder = RunFolder(tmp_path / "run")
    made = trainer(**changes)
    windows = made.windows
    covariance = windows.covariance()
    channels = windows.channels()
    facts = {
        "channels": channels,
        "covariance": covariance.tolist(),
        "band": asdict(Band()),
        "manifest_sha256": store.manifest_sha256,
    }
    folder.begin(made.settings, facts, made.columns)
    with Interruption() as interruption:
        assert made.run(folder, interruption) == 0
    rows = folder.curves()
    losses = [float(row["spectrum"]) for row in rows]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    assert "alignment" not in rows[0]

    again = trainer(**changes)
    again.load(folder)
    assert again.step == 30
    for one, other in zip(again.parts.parameters(), made.parts.parameters(), strict=True):
        assert torch.equal(one, other)

    encoder = exported_encoder(folder, "last")
    from core.encoders import save_encoder

    encoder = load_encoder(save_encoder(encoder, tmp_path / "out.safetensors"))
    # A decoder's filter then brings a new person to what the encoder was trained on.
    random = np.random.default_rng(0)
    mixing = np.linalg.qr(random.normal(size=(8, 8)))[0] * np.linspace(0.4, 2.0, 8)
    person = mixing @ random.normal(size=(8, 4000))
    filtered = spatial_filter(channel_covariance(person), channels, encoder.spec) @ person
    np.testing.assert_allclose(np.cov(filtered), covariance, atol=0.05 * covariance.max())
    ids = windows.batch(0)[0].drawn[0]
    window = torch.randn(1, len(ids), PATCH)
    with torch.no_grad():
        expected = made.parts.target_encoder(100.0 * window, ids)
        torch.testing.assert_close(encoder(window, ids), expected)


def test_unit_whitening_gives_every_person_the_same_scale(memory, settings):
    random = np.random.default_rng(0)
    signals = [scale * random.normal(size=(8, 20000)) for scale in (0.003, 0.2)]
    given = settings(whitening="unit", batch=64)
    windows = Windows(memory(signals, ("a", "b")), given, recipe_of(given).draw)
    (group,) = windows.batch(0)
    of = np.array(group.recordings)
    assert set(of) == {0, 1}
    for recording in (0, 1):
        deviation = group.windows[of == recording].std(axis=(0, 2))
        np.testing.assert_allclose(deviation, 0.01, rtol=0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "w.safetensors"}, "begins with weights of its own"),
        ({"ablation": "A"}, "Extra inputs are not permitted"),
        ({"masks": {"kept_targets": 1.0}}, "reconstructs nothing"),
        ({"window": 128}, "Of the 2 patches in a window of 128 samples 1 would be shown"),
        ({"masks": {"hidden_times": 0.8}}, "Of the 4 patches in a window of 256 samples 1 would"),
    ],
)
def test_what_cannot_be_or_does_nothing_is_refused(settings, changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(recipe="spectrum", **changes)

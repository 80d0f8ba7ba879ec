"""A tiny diffusion model of random weights that looks at tokens: experimental, and called so."""

import sys

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.pictures.diffusion import DiffusionGenerator
from core.pictures.generator import EXPERIMENTAL

TOKENS = (5, 12)
RANDOM = np.random.default_rng(0)
FIRST, SECOND = RANDOM.normal(size=(2, *TOKENS))
pytestmark = [
    pytest.mark.timeout(600),  # diffusers takes long to import on a busy machine
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pipeline of the smallest parts that there are, of random weights."""
    diffusers = pytest.importorskip("diffusers")
    path = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=24,
        attention_head_dim=4,
        norm_num_groups=8,
    ).save_pretrained(path / "unet")
    diffusers.AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=16,
    ).save_pretrained(path / "vae")
    diffusers.DDIMScheduler(num_train_timesteps=100).save_pretrained(path / "scheduler")
    return path


@pytest.fixture
def generator(folder):
    made = DiffusionGenerator.load(folder, TOKENS, length=6)
    made.steps = 5
    return made


@pytest.mark.slow
def test_a_picture_follows_from_tokens_and_seed_and_is_called_experimental(generator):
    assert generator.label.startswith(f"{EXPERIMENTAL}: untrained")
    pixels = generator(FIRST)
    assert (pixels.shape, pixels.dtype) == ((16, 16, 3), np.uint8)
    np.testing.assert_array_equal(pixels, generator(FIRST))
    assert not np.array_equal(pixels, generator(FIRST, seed=1))


@pytest.mark.slow
def test_training_changes_projection_and_cross_attention_alone_and_teaches(generator):
    weights = {**generator.unet.state_dict(), **generator.vae.state_dict(prefix="vae.")}
    before = {name: value.clone() for name, value in weights.items()}
    pictures = [np.full((16, 16, 3), value, dtype=np.uint8) for value in (20, 235)]
    losses = generator.train(
        np.stack([FIRST, SECOND]), pictures, steps=150, batch=8, learning_rate=1e-2
    )
    assert np.mean(losses[-30:]) < 0.9 * np.mean(losses[:30])
    weights = {**generator.unet.state_dict(), **generator.vae.state_dict(prefix="vae.")}
    changed = {name for name in before if not torch.equal(before[name], weights[name])}
    assert changed == {name for name in before if ".attn2." in name}
    assert not np.array_equal(generator(FIRST), generator(SECOND))  # it looks at the tokens


@pytest.mark.slow
def test_a_trained_generator_comes_back_from_its_folder(generator, tmp_path):
    generator.train(FIRST[None], [np.zeros((16, 16, 3), dtype=np.uint8)], steps=2)
    generator.save(tmp_path / "trained")
    found = DiffusionGenerator.load(tmp_path / "trained")
    found.steps = generator.steps
    assert found.label == f"{EXPERIMENTAL}: trained"
    np.testing.assert_array_equal(found(FIRST), generator(FIRST))


@pytest.mark.slow
def test_what_is_no_model_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="no folder unet"):
        DiffusionGenerator.load(tmp_path, TOKENS)
    with pytest.raises(InputError, match="no projection of tokens"):
        DiffusionGenerator.load(folder)
    for part in ("unet", "vae", "scheduler"):
        (tmp_path / part).mkdir()
        for file in (folder / part).glob("*.json"):
            (tmp_path / part / file.name).write_bytes(file.read_bytes())
    torch.save({}, tmp_path / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(InputError, match="weights in safetensors"):
        DiffusionGenerator.load(tmp_path, TOKENS)


def test_without_the_package_a_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(InputError, match=r"pip install 'eegpt-realtime\[pictures-generate\]'"):
        DiffusionGenerator.load(tmp_path)

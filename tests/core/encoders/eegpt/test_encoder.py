import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

from core.encoders import load_encoder
from core.encoders.eegpt.electrodes import CODEX, channel_ids
from core.encoders.eegpt.model import EEGPT

NAMES = ("FP1", "F7", "F3", "FZ", "F4", "C3", "CZ", "C4", "P3", "PZ", "P4", "OZ")


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("untrained")


@pytest.fixture
def window(rng):
    return torch.from_numpy(rng.normal(0, 0.03, (2, len(NAMES), 1024)).astype(np.float32))


def test_the_spec_says_what_eegpt_needs(encoder):
    spec = encoder.spec
    assert (spec.rate, spec.unit, spec.patch, spec.window) == (256.0, "mV", 64, 1024)
    assert (spec.tokens, spec.patches, spec.context) == ((4, 64), 16, "patch")
    assert len(spec.ch_names) == 58
    assert set(CODEX) - set(spec.ch_names) == {"AF7", "AF8", "PO5", "PO6"}
    assert [list(CODEX).index(name) for name in spec.ch_names] == sorted(
        set(range(62)) - {3, 6, 53, 57}
    )


def test_random_weights_are_called_untrained(encoder):
    assert encoder.spec.label == "tiny3 (untrained)"
    trained = dataclasses.replace(encoder.spec, trained=True, name="mine")
    assert trained.label == "mine"


def test_it_equals_the_reference(pretraining, reference, ids, rng):
    window = rng.normal(0, 1, (2, len(ids), 200))  # three patches and a rest
    tokens = pretraining.encoder(torch.from_numpy(window), ids).detach().numpy()
    assert tokens.shape == (2, 3, 4, 64)
    for b in range(2):
        for n in range(3):
            expected = reference.encode(window[b, :, 64 * n : 64 * n + 64], ids)
            np.testing.assert_allclose(tokens[b, n], expected, rtol=0, atol=1e-9)
    assert tokens.std(axis=(0, 1)).min() > 1e-5  # the input matters to every number


@pytest.mark.slow
def test_a_patch_is_encoded_by_itself(encoder, window):
    ids = channel_ids(NAMES)
    whole = encoder(window, ids)
    for n in range(16):
        alone = encoder.encode_patches(window[:, :, 64 * n : 64 * n + 64], ids)
        torch.testing.assert_close(alone, whole[:, n], rtol=0, atol=1e-5)


def test_one_sample_changes_one_patch(encoder, window):
    ids = channel_ids(NAMES)
    changed = window.clone()
    changed[0, 3, 5 * 64 + 17] += 1.0
    difference = (encoder(changed, ids) - encoder(window, ids)).abs().amax(dim=(2, 3))
    assert difference[0, 5] > 1e-3
    difference[0, 5] = 0
    assert difference.max() < 1e-5


@pytest.mark.slow
def test_the_order_of_channels_does_not_matter(encoder, window, rng):
    ids = channel_ids(NAMES)
    order = rng.permutation(len(NAMES))
    shuffled = encoder(window[:, torch.from_numpy(order)], ids[order])
    torch.testing.assert_close(shuffled, encoder(window, ids), rtol=0, atol=1e-5)
    mixed_up = encoder(window[:, torch.from_numpy(order)], ids)
    assert (mixed_up - encoder(window, ids)).abs().max() > 1e-3


@pytest.mark.parametrize("kind", [list, tuple, np.asarray, torch.as_tensor])
def test_ids_of_any_kind(encoder, window, kind):
    ids = [int(i) for i in channel_ids(NAMES)]
    assert torch.equal(encoder(window, kind(ids)), encoder(window, channel_ids(NAMES)))


def test_read_only_ids(encoder, window):
    ids = channel_ids(NAMES)
    ids.flags.writeable = False
    encoder(window, ids)


@pytest.mark.parametrize(("samples", "patches"), [(64, 1), (127, 1), (128, 2), (1500, 23)])
def test_any_number_of_whole_patches(encoder, samples, patches):
    assert encoder(torch.zeros(1, 2, samples), [27, 31]).shape == (1, patches, 4, 64)


def test_samples_after_the_last_patch_are_dropped(encoder, window):
    ids = channel_ids(NAMES)
    assert torch.equal(encoder(window[..., :200], ids), encoder(window[..., :192], ids))


def test_a_mask_picks_patches_and_keeps_their_names(pretraining, reference, ids, rng):
    window = rng.normal(0, 1, (2, len(ids), 4 * 64))
    chosen = [(3, [0, 4]), (1, [3, 1])]  # (time, channels), times out of order
    mask = torch.tensor([[time * len(ids) + c for c in channels] for time, channels in chosen])
    tokens = pretraining.encoder(torch.from_numpy(window), ids, mask).detach().numpy()
    assert tokens.shape == (2, 2, 4, 64)
    for b in range(2):
        for row, (time, channels) in enumerate(chosen):
            patch = window[b, channels, 64 * time : 64 * time + 64]
            expected = reference.encode(patch, ids[channels])
            np.testing.assert_allclose(tokens[b, row], expected, rtol=0, atol=1e-9)


def test_a_mask_of_everything_is_no_mask(encoder, window):
    ids = channel_ids(NAMES)
    mask = torch.arange(16 * len(NAMES)).view(16, len(NAMES))
    torch.testing.assert_close(encoder(window, ids, mask), encoder(window, ids), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "ids", "message"),
    [
        ((1, 2, 64), [27, 28, 31], "3 channels"),
        ((2, 64), [27, 31], "2 channels"),
        ((1, 2, 63), [27, 31], "one patch needs 64"),
        ((1, 2, 64), [27, 62], "between 0 and 61"),
        ((1, 2, 64), [-1, 27], "between 0 and 61"),
    ],
)
def test_what_does_not_fit_is_refused(encoder, shape, ids, message):
    with pytest.raises(ValueError, match=message):
        encoder(torch.zeros(shape), ids)


def test_a_patch_of_another_length_is_refused(encoder):
    with pytest.raises(ValueError, match="64 samples; these have 65"):
        encoder.encode_patches(torch.zeros(1, 2, 65), [27, 31])


def test_the_hash_sees_names_shapes_and_every_byte(encoder):
    first = encoder.weights_sha256()
    other = load_encoder("untrained")
    assert other.weights_sha256() == first
    with torch.no_grad():
        other.norm.bias[7] = 1e-30
    assert other.weights_sha256() != first
    with torch.no_grad():
        other.norm.bias[7] = 0.0
    assert other.weights_sha256() == first
    # The same bytes under exchanged names.
    moved = load_encoder("untrained")
    block = moved.blocks[0]
    block.norm1.weight, block.norm1.bias = block.norm1.bias, block.norm1.weight
    assert moved.weights_sha256() != first


@pytest.mark.slow
def test_gradients_reach_every_weight(encoder, window):
    learner = EEGPT(encoder.spec, seed=4)
    learner(window, channel_ids(NAMES)).square().mean().backward()
    still = [name for name, weight in learner.named_parameters() if weight.grad is None]
    assert not still


@pytest.mark.slow
def test_half_precision_stays_close(encoder, window):
    ids = channel_ids(NAMES)
    with torch.autocast("cpu", torch.bfloat16):
        fast = encoder(window, ids)
    assert fast.isfinite().all()
    torch.testing.assert_close(fast.float(), encoder(window, ids), rtol=0, atol=0.1)


@pytest.mark.slow
def test_a_live_decoder_waits_for_neither_timm_nor_torch():
    script = (
        "import sys, core.encoders, core.encoders.eegpt.sizes\n"
        "assert 'torch' not in sys.modules\n"
        "core.encoders.load_encoder('untrained').stream(['C3', 'C4'])\n"
        "assert 'torch' in sys.modules\n"
        "assert not {'timm', 'torchvision', 'huggingface_hub'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_unknown_names_of_the_package():
    import core.encoders

    with pytest.raises(AttributeError, match="no attribute 'Decoder'"):
        core.encoders.Decoder  # noqa: B018

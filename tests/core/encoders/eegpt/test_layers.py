import math

import numpy as np
import pytest
import torch

from core.encoders.eegpt.layers import TimeEmbed
from core.encoders.eegpt.model import EEGPT, eegpt_spec
from core.encoders.eegpt.pretraining import Pretraining


def test_frequencies_of_the_time_embedding():
    freqs = TimeEmbed(512, 8).freqs
    expected = [10000 ** (-2 * i / 32) for i in range(16)]
    assert freqs.tolist() == pytest.approx(expected, rel=1e-6)
    assert not freqs.requires_grad


def test_attention_sees_only_the_distance_of_two_times():
    rotation = TimeEmbed(64, 4).double()
    q, k = torch.randn(2, 16, dtype=torch.float64)
    at = {}
    for first, second in ((0, 3), (5, 8), (0, 4)):
        turn = rotation(torch.tensor([first, second]))
        turned = turn(torch.stack((q, k))[None, None])[0, 0]
        at[first, second] = float(turned[0] @ turned[1])
    assert at[0, 3] == pytest.approx(at[5, 8], abs=1e-6)
    assert at[0, 3] != pytest.approx(at[0, 4], abs=1e-3)


def test_rotation_turns_half_of_a_head_and_keeps_its_length():
    x = torch.randn(1, 1, 6, 16, dtype=torch.float64)
    turned = TimeEmbed(64, 4).double()(torch.arange(6))(x)
    assert torch.equal(turned[..., 8:], x[..., 8:])
    assert torch.equal(turned[:, :, 0], x[:, :, 0])
    assert not torch.allclose(turned[:, :, 1, :8], x[:, :, 1, :8])
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))


@pytest.mark.slow
def test_initial_weights_follow_the_published_recipe():
    spec = eegpt_spec("base1", name="", trained=False, provenance={})
    parts = Pretraining(spec, seed=5)
    seen = set()
    for name, parameter in parts.requires_grad_(False).named_parameters():
        last = name.split(".")[-1]
        if last == "bias":
            assert not parameter.any(), name
        elif "norm" in name:
            assert (parameter == 1).all(), name
        elif last != "freqs" and parameter.numel() > 10_000:
            deviation = 0.02
            if name.endswith(("attn.proj.weight", "mlp.fc2.weight")):
                layer = int(name.split("blocks.")[1].split(".")[0]) + 1
                deviation /= math.sqrt(2 * layer)
                seen.add(layer)
            assert float(parameter.std()) == pytest.approx(deviation, rel=0.05), name
            assert float(parameter.mean()) == pytest.approx(0.0, abs=0.001), name
    assert seen == {1, 2, 3, 4, 5, 6}
    assert 0.01 < float(parts.encoder.summary_token.std()) < 0.03
    assert 0.01 < float(parts.predictor.mask_token.std()) < 0.03


def test_parts_do_not_share_random_numbers():
    parts = Pretraining(eegpt_spec("tiny2", name="", trained=False, provenance={}))
    weights = [
        # Each is the first that its part fills, and all are of one size.
        parts.encoder.patch_embed.proj.weight,
        parts.predictor.predictor_embed.weight,
        parts.reconstructor.reconstructor_embed.weight,
    ]
    correlation = np.corrcoef([weight.detach().numpy().ravel() for weight in weights])
    assert np.abs(correlation - np.eye(3)).max() < 0.1


def test_weights_depend_on_the_seed_alone():
    torch.manual_seed(0)
    spec = eegpt_spec("tiny2", name="", trained=False, provenance={})
    first = EEGPT(spec, seed=1).weights_sha256()
    torch.manual_seed(99)
    assert EEGPT(spec, seed=1).weights_sha256() == first
    assert EEGPT(spec, seed=2).weights_sha256() != first

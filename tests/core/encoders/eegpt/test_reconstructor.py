import copy

import numpy as np
import pytest
import torch

TARGETS = [13, 2, 29, 7]  # time * 5 channels + channel


@pytest.fixture
def combined(rng):
    return rng.normal(0, 1, (2, 6, 4, 64))


@pytest.mark.slow
def test_it_equals_the_reference(pretraining, reference, combined, ids):
    waves = pretraining.reconstructor(torch.from_numpy(combined), torch.tensor(TARGETS), ids)
    assert waves.shape == (2, 4, 64)
    for b in range(2):
        expected = reference.reconstruct(combined[b], TARGETS, ids)
        np.testing.assert_allclose(waves[b].detach(), expected, rtol=0, atol=1e-6)


def test_answers_come_in_the_order_asked(pretraining, combined, ids):
    tokens = torch.from_numpy(combined)
    waves = pretraining.reconstructor(tokens, torch.tensor(TARGETS), ids)
    reversed_waves = pretraining.reconstructor(tokens, torch.tensor(TARGETS[::-1]), ids)
    torch.testing.assert_close(reversed_waves.flip(1), waves)


def test_queries_see_each_other(pretraining, combined, ids):
    tokens = torch.from_numpy(combined)
    together = pretraining.reconstructor(tokens, torch.tensor(TARGETS), ids)
    alone = pretraining.reconstructor(tokens, torch.tensor(TARGETS[:1]), ids)
    assert (together[:, :1] - alone).abs().max() > 1e-3


def test_the_whole_chain_learns(pretraining, ids, rng):
    parts = copy.deepcopy(pretraining).train()
    window = torch.from_numpy(rng.normal(0, 1, (2, len(ids), 6 * 64)))
    mask = torch.tensor([[0, 2], [16, 19]])  # times 0 and 3
    tokens = parts.encoder(window, ids, mask)
    predicted, combined = parts.predictor(tokens, torch.tensor([0, 3]), 6)
    waves = parts.reconstructor(combined, torch.tensor([6, 11, 29]), ids)
    (predicted.square().mean() + waves.square().mean()).backward()
    without = {name for name, weight in parts.named_parameters() if weight.grad is None}
    expected = {name for name in parts.state_dict() if name.startswith("target_encoder.")}
    assert without == expected | {"predictor.time_embed.freqs", "reconstructor.time_embed.freqs"}

import copy

import numpy as np
import pytest
import torch

from core.encoders.eegpt.predictor import visible_times

TIMES = [4, 0, 3]


@pytest.fixture
def tokens(rng):
    return rng.normal(0, 1, (2, len(TIMES), 4, 64))


def test_times_are_read_from_the_mask():
    assert visible_times(torch.tensor([[0, 4], [14, 10], [17, 15]]), 5).tolist() == [0, 2, 3]


def test_it_equals_the_reference(pretraining, reference, tokens):
    predicted, _ = pretraining.predictor(torch.from_numpy(tokens), torch.tensor(TIMES), 6)
    assert predicted.shape == (2, 6, 4, 64)
    for b in range(2):
        expected = reference.predict(tokens[b], TIMES, 6)
        np.testing.assert_allclose(predicted[b].detach(), expected, rtol=0, atol=1e-7)


def test_visible_times_keep_the_encoders_tokens_exactly(pretraining, tokens):
    given = torch.from_numpy(tokens)
    predicted, combined = pretraining.predictor(given, torch.tensor(TIMES), 6)
    assert torch.equal(combined[:, TIMES], given)
    assert torch.equal(combined[:, [1, 2, 5]], predicted[:, [1, 2, 5]])
    assert not torch.allclose(predicted[:, TIMES], given)


def test_the_order_in_which_times_are_given_does_not_matter(pretraining, tokens):
    given = torch.from_numpy(tokens)
    predicted, combined = pretraining.predictor(given, torch.tensor(TIMES), 6)
    order = [1, 2, 0]
    again = pretraining.predictor(given[:, order], torch.tensor(TIMES)[order], 6)
    torch.testing.assert_close(again[0], predicted)
    torch.testing.assert_close(again[1], combined)


def test_another_length_leaves_nothing_behind(pretraining, tokens):
    given, times = torch.from_numpy(tokens), torch.tensor(TIMES)
    before, _ = pretraining.predictor(given, times, 6)
    pretraining.predictor(given, times, 9)
    assert torch.equal(pretraining.predictor(given, times, 6)[0], before)


def test_combined_tokens_stay_exact_in_mixed_precision(pretraining, rng):
    predictor = copy.deepcopy(pretraining.predictor).float()
    given = torch.from_numpy(rng.normal(0, 1, (2, 3, 4, 64)).astype(np.float32))
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        predicted, combined = predictor(given, torch.tensor(TIMES), 6)
    assert predicted.isfinite().all()
    assert torch.equal(combined[:, TIMES], given)

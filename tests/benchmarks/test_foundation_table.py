import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "accuracy"))

from foundation_table import AttentionHead, AttentionSystem, Row, systems_of

from core.encoders import load_encoder


def test_the_attention_head_finds_the_one_token_that_tells(monkeypatch):
    random = np.random.default_rng(0)
    tokens = random.normal(size=(60, 12, 5)).astype(np.float32)
    labels = np.arange(60) % 2
    tokens[:, 7, 0] += 6.0  # which token it is ...
    tokens[:, 7, 1] = 4.0 * (2 * labels - 1)  # ... and what it says
    monkeypatch.setattr("foundation_table.all_tokens", lambda trials, encoder: trials.tokens)
    learned, tested = (Trials(tokens[part], labels[part]) for part in (slice(40), slice(40, 60)))
    first, again = (AttentionSystem(None).fit(learned, seed=3) for _ in range(2))
    told = first.probabilities(tested)
    assert np.mean(told.argmax(axis=1) == tested.labels) == 1.0
    np.testing.assert_array_equal(told, again.probabilities(tested))


class Trials:
    def __init__(self, tokens, labels):
        self.tokens, self.labels, self.classes = tokens, labels, ("a", "b")


def test_pooling_is_a_weighted_mean_of_tokens():
    head = AttentionHead(3, 2)
    tokens = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
    expected = []
    for trial in tokens.detach().numpy():
        pooled = []
        for query in head.queries.detach().numpy():
            weights = np.exp(trial @ query)
            pooled.append(weights @ trial / weights.sum())
        expected.append(head.classes.weight.detach().numpy() @ np.concatenate(pooled))
    expected = np.array(expected) + head.classes.bias.detach().numpy()
    np.testing.assert_allclose(head(tokens).detach(), expected, atol=1e-5)


def test_a_causal_encoder_has_no_tokens_of_a_window_alone():
    names = [
        [system.name for system in systems_of(load_encoder(source), source)]
        for source in ("untrained-braingpt", "untrained-labram-tiny")
    ]
    assert names == [["encoder"], ["attention", "encoder"]]


@pytest.mark.parametrize(
    ("random", "end"),
    [(None, "| 0.700 (0.100) |  |  |"), (0.5, "| 0.700 (0.100) | 0.500 (0.000) | +0.200, 0.125 |")],
)
def test_a_row_says_what_training_is_worth(random, end):
    scores = np.array([0.6, 0.7, 0.8])
    row = Row("labram", "window", "linear", 58, "nothing", scores, random and scores * 0 + random)
    assert str(row) == f"| labram | window | linear | 58 | nothing {end}"

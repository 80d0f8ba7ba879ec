"""A gate over experts moves away from the one that is noise; a softmax over losses collapses."""

import numpy as np
import pytest

from core.decoding.heads import fit_head, softmax
from core.fitting.gate import fit_mixture

TRIALS = 200


def two_views(seed):
    """Two views of the same classes; the second is noise, and larger, for half of the time."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, TRIALS)
    noisy = np.arange(TRIALS) % 4 >= 2
    side = np.where(labels == 1, 1.0, -1.0)[:, None]
    first = 0.7 * side + random.normal(size=(TRIALS, 3))
    second = np.where(
        noisy[:, None],
        random.normal(size=(TRIALS, 3)),
        1.5 * side + random.normal(size=(TRIALS, 3)),
    )
    level = np.where(noisy, 3.0, 0.0)[:, None] + random.normal(size=(TRIALS, 1))
    return {"first": first, "second": np.hstack([second, level])}, labels, noisy


def folds():
    parts = np.arange(TRIALS) % 5
    return [(np.flatnonzero(parts != part), np.flatnonzero(parts == part)) for part in range(5)]


@pytest.fixture(scope="module")
def mixture():
    blocks, labels, _ = two_views(0)
    return fit_mixture(blocks, labels, 2, folds())


def test_the_gate_moves_away_from_a_view_that_is_noise(mixture):
    blocks, _, noisy = two_views(1)
    weights = mixture.weights(np.concatenate(list(blocks.values()), axis=1))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert weights[noisy, 1].mean() < 0.25
    assert weights[~noisy, 1].mean() > 0.65


def test_the_mixture_does_better_than_each_expert_and_their_mean(mixture):
    blocks, labels, _ = two_views(1)
    features = np.concatenate(list(blocks.values()), axis=1)
    learned, right, _ = two_views(0)
    alone = [
        fit_head([learned[name]], right, 2).probabilities(block) for name, block in blocks.items()
    ]

    def loss(probabilities):
        return -np.log(probabilities[np.arange(TRIALS), labels]).mean()

    mixed = loss(mixture.probabilities(features))
    assert mixed < min(map(loss, alone))
    assert mixed < loss(np.mean(alone, axis=0))


def test_probabilities_of_a_mixture_sum_to_one(mixture):
    blocks, _, _ = two_views(2)
    probabilities = mixture.probabilities(np.concatenate(list(blocks.values()), axis=1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_a_softmax_over_losses_puts_everything_on_the_easiest_task():
    """What the gate is not: minimising the sum of w L over w = softmax(s)."""
    losses = np.array([0.35, 0.60, 0.69])  # of three tasks that are as hard as they are
    scores = np.zeros(3)
    for _ in range(2000):
        weights = softmax(scores)
        scores -= weights * (losses - weights @ losses)  # the gradient of the sum
    assert softmax(scores)[0] > 0.99

import numpy as np
import pytest

from core.reliability import BINS, brier_score, ece_bound, pooled, reliability


def two(confident):
    confident = np.asarray(confident, dtype=float)
    return np.stack([confident, 1.0 - confident], axis=1)


def test_decisions_are_compared_with_their_confidence_in_bins():
    curve = reliability(np.array([0, 0, 1, 0, 1]), two([0.9, 0.86, 0.82, 0.6, 0.55]))
    assert curve.counts[[5, 8]].tolist() == [2, 3]
    assert curve.accuracy[8] == pytest.approx(2 / 3)
    assert curve.confidence[8] == pytest.approx(0.86)
    assert np.isnan(curve.accuracy[7])
    expected = (3 * abs(2 / 3 - 0.86) + 2 * abs(0.5 - 0.575)) / 5
    assert curve.ece == pytest.approx(expected)


def test_a_confidence_on_an_edge_is_in_the_lower_bin():
    counts = reliability(np.zeros(4, dtype=int), two([0.7, 0.1 + 0.6, 0.5, 1.0])).counts
    assert counts.tolist() == [0, 0, 0, 0, 1, 0, 2, 0, 0, 1]
    assert len(counts) == BINS


def test_curves_are_pooled_before_the_error_is_taken():
    """One too low and one too high in the same bin: apart both are wrong, together neither is."""
    high, low = (reliability(np.array([label]), two([0.55])) for label in (0, 1))
    assert min(high.ece, low.ece) > 0.4
    assert pooled([high, low]).ece == pytest.approx(0.05)


def test_the_brier_score_is_zero_when_perfect_and_a_half_when_undecided():
    truth = np.array([0, 1, 1])
    assert brier_score(truth, np.eye(2)[truth]) == 0.0
    assert brier_score(truth, np.full((3, 2), 0.5)) == 0.5
    assert brier_score(truth, np.eye(2)[1 - truth]) == 2.0


def test_perfect_probabilities_stay_below_the_bound_and_others_do_not():
    random = np.random.default_rng(1)
    first = random.uniform(0.05, 0.95, 400)
    perfect = two(first)
    truth = (random.random(400) > first).astype(int)
    bound = ece_bound(perfect[None])
    assert 0.0 < reliability(truth, perfect).ece < bound < 0.1
    sharper = perfect**3 / (perfect**3).sum(axis=1, keepdims=True)
    assert reliability(truth, sharper).ece > ece_bound(sharper[None])

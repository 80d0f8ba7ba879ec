import numpy as np

from core.decoding.heads import softmax
from core.fitting.trust import find_trust, left_out_probabilities
from core.reliability import brier_score


def logits_of(random, trials, factor):
    """Logits of two classes that are right as often as they say, times a factor; repeated twice."""
    second = random.normal(0.0, 1.5, trials)
    labels = (random.random(trials) < 1.0 / (1.0 + np.exp(-second))).astype(int)
    logits = factor * np.stack([-second / 2, second / 2], axis=1)
    return np.concatenate([logits, logits]), labels


def folds_of(trials):
    fold = np.arange(trials) % 5
    return [(np.flatnonzero(fold != one), np.flatnonzero(fold == one)) for one in range(5)]


def test_a_temperature_that_was_left_out_makes_overconfident_probabilities_honest():
    logits, labels = logits_of(np.random.default_rng(0), 200, factor=6.0)
    trust = find_trust(logits, labels, folds_of(200))
    assert trust.raw_ece > 2 * trust.curve.ece
    assert trust.brier < trust.raw_brier
    assert trust.curve.ece < trust.bound
    assert trust.raw_brier == brier_score(np.tile(labels, 2), softmax(logits))
    assert f"{trust.curve.ece:.2f}" in trust.sentence


def test_no_trial_is_judged_with_a_temperature_that_knows_it():
    logits, labels = logits_of(np.random.default_rng(1), 40, factor=3.0)
    _, test = folds_of(40)[0]
    flipped = labels.copy()
    flipped[test] = 1 - flipped[test]
    one, other = (left_out_probabilities(logits, each, folds_of(40)) for each in (labels, flipped))
    assert one.shape == (2, 40, 2)
    np.testing.assert_array_equal(one[:, test], other[:, test])
    rest = np.setdiff1d(np.arange(40), test)
    assert not np.allclose(one[:, rest], other[:, rest])
    decided = logits.reshape(one.shape).argmax(axis=2)
    np.testing.assert_array_equal(one.argmax(axis=2), decided)

"""How good a head will be, seen by folds inside its trials, and when another one is kept."""

from functools import partial

import numpy as np
import pytest

from core.decoding.heads import fit_head
from core.fitting.choice import choose, fit_on, is_better


def test_every_trial_is_judged_by_the_fold_that_left_it_out():
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    blocks = [random.normal(size=(40, 3)), random.normal(size=(40, 2))]
    blocks[0][:, 0] += 2.0 * labels
    parts = [(np.flatnonzero(np.arange(40) % 4 != k), np.arange(k, 40, 4)) for k in range(4)]
    fit = partial(fit_head, classes=2)
    head, inside, left_out = fit_on(fit, blocks, labels, 2, parts)
    features = np.concatenate(blocks, axis=1)
    np.testing.assert_array_equal(head.weights, fit(blocks, labels).weights)
    for (train, test), accuracy in zip(parts, inside, strict=True):
        own = fit([block[train] for block in blocks], labels[train])
        np.testing.assert_array_equal(left_out[test], own.logits(features[test]))
        right = left_out[test].argmax(axis=1) == labels[test]
        assert accuracy == right.mean() > 0.5


@pytest.mark.parametrize(("times", "better"), [(2.25, False), (2.45, True)])
def test_a_gain_counts_from_where_a_t_test_at_five_per_cent_does(times, better):
    # Four folds: 2.353 with three degrees of freedom. Of standard deviation 0.1:
    gains = 0.1 * np.sqrt(0.75) * np.array([-1.0, 1.0, 1.0, -1.0])
    error = 0.1 * np.sqrt(1 / 4 + 1 / 3)
    assert is_better(gains + times * error, 1 / 3) is better


def test_a_single_fold_tells_nothing_of_which_head_is_better():
    assert choose({"riemann": [0.2], "hybrid": [1.0]}, 1.0) == "riemann"
    assert choose({"riemann": [0.2, 0.3], "hybrid": [0.9, 1.0]}, 1.0) == "hybrid"


def test_a_head_is_exchanged_for_one_that_is_better_in_nearly_every_fold():
    first = np.array([0.5, 0.67, 0.5, 0.67, 0.5, 0.67, 0.5, 0.67, 0.5, 0.67])
    gain = np.array([0.33, 0.17, 0.33, 0.17, 0.33, 0.33, 0.17, 0.33, 0.0, 0.33])
    assert choose({"riemann": first, "hybrid": first + gain}, 0.25) == "hybrid"
    assert choose({"riemann": first + gain, "hybrid": first}, 0.25) == "riemann"
    assert choose({"riemann": first, "encoder": first, "hybrid": first}, 0.25) == "riemann"


def test_a_gain_that_folds_with_common_trials_exaggerate_is_not_believed():
    first = np.full(10, 0.5)
    gain = np.array([0.33, -0.17, 0.33, 0.17, -0.17, 0.33, 0.0, 0.33, 0.17, -0.17])
    assert gain.mean() > 1.5 * gain.std(ddof=1) / np.sqrt(10)  # as if folds were independent
    assert choose({"riemann": first, "encoder": first + gain}, 0.25) == "riemann"


def test_meaningless_heads_are_hardly_ever_chosen():
    # Ten folds of six trials, decided by two heads that know nothing: at most one in twenty.
    random = np.random.default_rng(0)
    folds = random.binomial(6, 0.5, (400, 2, 10)) / 6
    chosen = [choose({"riemann": a, "encoder": b}, 0.25) for a, b in folds]
    assert chosen.count("encoder") < 0.05 * len(chosen)

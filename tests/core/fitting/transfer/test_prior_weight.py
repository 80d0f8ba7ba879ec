from dataclasses import replace
from math import inf
from types import SimpleNamespace

import numpy as np
import pytest

from core.decoding.heads import INVERSE_PENALTY, fit_head, fit_near
from core.encoders.spec import ClassReadout
from core.fitting.transfer.prior_head import BESIDE_TOKENS, PriorHead, with_readout
from core.fitting.transfer.prior_weight import (
    WEIGHTS,
    choose_weight,
    fit_weighted,
    logits_at_weights,
    nll,
    start_from,
)
from core.hemispheres import HANDS


def trials(n, seed=0, features=30):
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return random.normal(size=(n, features)) + 0.7 * np.outer(
        2 * labels - 1, [1, 1] + [0] * (features - 2)
    ), labels


def prior_of(direction):
    weights = np.zeros((30, 2))
    weights[:2] = np.outer([1, 1], [-direction, direction])
    return PriorHead((), weights, np.zeros(2), None, (1, 0), np.empty((0, 30)), {}, 0)


def test_with_all_weight_the_prior_decides_alone():
    features, labels = trials(20)
    prior = prior_of(1.0)
    head = fit_weighted(prior, start_from(prior, [features], labels), inf)
    np.testing.assert_allclose(head.logits(features), prior.logits(features))


def test_less_weight_lets_own_trials_move_it_further():
    features, labels = trials(20)
    prior = prior_of(1.0)
    moved = [
        np.linalg.norm(
            fit_weighted(prior, start_from(prior, [features], labels), weight).logits(features)
            - prior.logits(features)
        )
        for weight in (1e5, 300.0, 30.0)
    ]
    assert moved[0] < moved[1] < moved[2]


def test_near_nothing_is_the_plain_head():
    # Two columns share the penalty that scikit-learn puts on their difference.
    features, labels = trials(40)
    plain = fit_head([features], labels, 2, 2.0)
    near = fit_near([features], labels, np.zeros((30, 2)), np.zeros(2), 1.0)
    np.testing.assert_allclose(
        near.probabilities(features), plain.probabilities(features), atol=2e-3
    )


def test_a_good_prior_beats_few_own_trials():
    features, labels = trials(10)
    others, asked = trials(400, seed=1)
    found = logits_at_weights(
        prior_of(1.0),
        [np.concatenate([features, others])],
        np.concatenate([labels, asked]),
        np.arange(10),
        np.arange(10, 410),
        fit_head([features], labels, 2).logits(others),
    )
    right = {weight: np.mean(z.argmax(axis=1) == asked) for weight, z in found.items()}
    assert set(right) == set(WEIGHTS)
    assert right[300.0] > right[0.0] + 0.05
    assert right[inf] > right[0.0]


def test_mirrored_trials_leave_no_side_preferred():
    features, labels = trials(20)
    exchange = np.arange(30)[::-1].copy()
    prior = PriorHead(
        (), np.zeros((30, 2)), np.zeros(2), exchange, (1, 0), np.empty((0, 30)), {}, 0
    )
    head = fit_weighted(prior, start_from(prior, [features], labels), 300.0)
    found, mirrored = head.logits(features), head.logits(features[:, exchange])
    np.testing.assert_allclose(found, mirrored[:, ::-1], atol=1e-3)


def test_tokens_of_others_are_moved_by_own_trials_too():
    features, labels = trials(40)
    tokens, _ = trials(40, seed=2, features=6)
    readout = ClassReadout(
        HANDS, tuple((-1.0, 1.0) for _ in range(6)), (0.0, 0.0), (3, 4, 5, 0, 1, 2)
    )
    exchange = np.arange(30)[::-1].copy()
    beside = replace(prior_of(1.0), mirror=exchange)
    prior = with_readout(beside, SimpleNamespace(readout=readout), HANDS)
    both = np.concatenate([features, tokens], axis=1)
    expected = BESIDE_TOKENS[0] * beside.logits(features)
    expected = expected + BESIDE_TOKENS[1] * tokens @ np.array(readout.weights)
    np.testing.assert_allclose(prior.logits(both), expected)
    np.testing.assert_array_equal(prior.mirror, [*exchange, 33, 34, 35, 30, 31, 32])
    start = start_from(prior, [features, tokens], labels)
    head = fit_weighted(prior, start, 30.0)
    moved = head.plain()[0] - prior.weights
    assert np.linalg.norm(moved[30:]) > 0
    near = fit_near(
        start.blocks,
        start.labels,
        start.weights,
        prior.bias,
        INVERSE_PENALTY / 30.0,
        reach=[1.0, np.sqrt(6 / 30)],  # six features go as far together as thirty
    )
    np.testing.assert_allclose(head.plain()[0], near.plain()[0])
    unmirrored = SimpleNamespace(readout=replace(readout, mirror=None))
    assert with_readout(beside, unmirrored, HANDS).mirror is None


@pytest.mark.parametrize(("gain", "chosen"), [(0.3, 0.0), (0.05, 300.0), (-1.0, 300.0)])
def test_the_first_weight_stays_unless_another_is_better_beyond_doubt(gain, chosen):
    missed = np.random.default_rng(0).normal(1.0, 0.3, (2, 30))
    assert choose_weight({300.0: missed[0], 0.0: missed[1] - gain}) == chosen


def test_misses_count_how_sure_the_wrong_class_was():
    logits = np.log([[0.9, 0.1], [0.5, 0.5], [1.0, 1e-30]])
    np.testing.assert_allclose(
        nll(logits, np.array([0, 1, 1])), -np.log([0.9, 0.5, 1e-12]), rtol=1e-6
    )

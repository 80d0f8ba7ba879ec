from dataclasses import replace

import numpy as np
import pytest

from core.decoding.card import PRIOR
from core.decoding.run_head import Exchange, exchange_of, head_of_run
from core.encoders import load_encoder
from core.hemispheres import mirror_of

VIEW = ("C3", "CZ", "C4")
EXCHANGE = Exchange(
    features=np.concatenate([mirror_of([VIEW]), [7, 6]]), classes=np.array([1, 0]), tokens=2
)


@pytest.fixture
def trials():
    """Blocks of 6 features of covariances and 2 of tokens; left has more at C3 than at C4."""
    random, labels = np.random.default_rng(0), np.arange(12) % 2
    covariances, tokens = random.normal(size=(12, 6)), random.normal(size=(12, 2))
    covariances[:, 0] += 1.0 - 2.0 * labels
    return [covariances, tokens], labels


@pytest.fixture
def given():
    """A head that prefers no side."""
    weights = np.random.default_rng(1).normal(scale=0.1, size=(8, 2))
    weights[:, 1] = weights[EXCHANGE.features, 0]
    return weights, np.zeros(2)


def test_what_images_add_prefers_no_side(trials, given):
    blocks, labels = trials
    with_images = head_of_run(given, blocks, labels, EXCHANGE)
    alone = head_of_run(given, blocks, labels, None)
    seen = np.random.default_rng(2).normal(size=(20, 8))

    def added(vectors):
        return with_images.logits(vectors) - alone.logits(vectors)

    assert np.abs(added(seen)).max() > 0.05
    np.testing.assert_allclose(
        np.diff(added(seen)), -np.diff(added(seen[:, EXCHANGE.features])), atol=1e-4
    )


def test_a_trial_of_one_hand_teaches_of_the_other_where_there_are_images(trials, given):
    blocks, labels = trials
    (weights, bias), one_sided = given, np.zeros((1, 8))
    one_sided[0, 2 + 3] = 1.0  # the power of C4, which no trial here tells the hands by
    found = head_of_run((0.0 * weights, 0.0 * bias), blocks, labels, EXCHANGE)
    right_by_c4 = float(np.diff(found.logits(one_sided) - found.logits(0.0 * one_sided))[0, 0])
    assert right_by_c4 > 0.05


def uncalibrated(decoder):
    return replace(decoder, facts=replace(decoder.facts, head=PRIOR, trials=0))


def test_only_the_head_of_others_as_it_is_has_images(fitted):
    decoder = fitted["riemann"]
    assert exchange_of(decoder, None) is None
    moved = replace(decoder, facts=replace(decoder.facts, head=PRIOR))
    assert exchange_of(moved, None) is None  # own trials and their images are in it already
    others = uncalibrated(decoder)
    found = exchange_of(others, None)
    assert found.tokens == 0
    assert found.classes.tolist() == [1, 0]
    np.testing.assert_array_equal(found.features[found.features], np.arange(len(found.features)))
    assert exchange_of(replace(others, classes=("feet", "left_hand")), None) is None


def test_tokens_are_exchanged_by_the_encoders_own_mirror(fitted):
    decoder = uncalibrated(fitted["hybrid"])
    spec = load_encoder("imagery").spec
    found = exchange_of(decoder, spec)
    assert found.tokens == len(spec.readout.mirror)
    covariances = len(found.features) - found.tokens
    np.testing.assert_array_equal(
        found.features[covariances:], covariances + np.array(spec.readout.mirror)
    )
    assert exchange_of(decoder, load_encoder("starter").spec) is None  # it has no mirror image

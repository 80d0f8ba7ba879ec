from dataclasses import replace

import numpy as np
import pytest

from core.encoders.braingpt.model import braingpt_spec
from core.errors import InputError
from core.fitting import graph
from core.fitting.graph import LEAST_OF_CLASS, check_electrode_tokens, check_enough, fit_graph

NAMES = ("C3", "CZ", "C4", "OZ")
WIDTH = 8


def states(trials, seed):
    """Electrode states of two classes that only C3 and C4 together tell apart."""
    random = np.random.default_rng(seed)
    vectors = random.normal(0.0, 1.0, (trials, len(NAMES), WIDTH))
    labels = np.arange(trials) % 2
    sign = random.choice([-1.0, 1.0], trials)
    vectors[:, 0, 0] += 4.0 * sign
    vectors[:, 2, 0] += 4.0 * sign * (2 * labels - 1)
    return vectors.reshape(trials, -1), labels


@pytest.mark.slow
def test_it_learns_what_no_electrode_tells_alone():
    vectors, labels = states(160, 0)
    head = fit_graph(vectors, labels, 2, NAMES)
    tested, truth = states(80, 1)
    assert np.mean(head.logits(tested).argmax(axis=1) == truth) > 0.8


def test_the_same_trials_give_the_same_weights(monkeypatch):
    monkeypatch.setattr(graph, "_STEPS", 5)
    vectors, labels = states(40, 0)
    one, two = (fit_graph(vectors, labels, 2, NAMES) for _ in range(2))
    np.testing.assert_array_equal(one.logits(vectors), two.logits(vectors))
    assert one.weights.keys() == two.weights.keys()


def test_the_mean_over_the_trials_is_taken_off(monkeypatch):
    monkeypatch.setattr(graph, "_STEPS", 5)
    vectors, labels = states(40, 0)
    moved = fit_graph(vectors + 7.0, labels, 2, NAMES)
    still = fit_graph(vectors, labels, 2, NAMES)
    np.testing.assert_allclose(moved.logits(vectors + 7.0), still.logits(vectors), atol=1e-4)


def test_too_few_trials_are_refused_with_the_number():
    labels = np.repeat([0, 1], [LEAST_OF_CLASS, LEAST_OF_CLASS - 1])
    with pytest.raises(InputError) as refusal:
        check_enough(labels, ("left_hand", "feet"))
    said = str(refusal.value)
    assert f"needs {LEAST_OF_CLASS} trials of each class" in said
    assert f"{LEAST_OF_CLASS} of left_hand, {LEAST_OF_CLASS - 1} of feet" in said
    check_enough(np.append(labels, 1), ("left_hand", "feet"))


def test_an_encoder_without_tokens_of_electrodes_is_refused():
    spec = braingpt_spec("base", name="base", trained=False, provenance={})
    check_electrode_tokens(spec, NAMES)
    with pytest.raises(InputError, match="has 4 tokens for all electrodes together"):
        check_electrode_tokens(replace(spec, tokens=(4, 64)), NAMES)
    with pytest.raises(InputError, match="no node for E17"):
        check_electrode_tokens(spec, ("C3", "E17"))

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.encoders.braingpt.electrodes import electrode_rows
from core.encoders.braingpt.model import BrainGPT, braingpt_spec
from core.errors import InputError
from core.fitting import graph
from core.fitting.graph import LEAST_OF_CLASS, check_electrode_tokens, check_enough, fit_graph

FISTS = ("left_hand", "right_hand")
NAMES = ("C3", "CZ", "C4", "OZ")
WIDTH = 8
SPEC = braingpt_spec("base", name="base", trained=False, provenance={})
TASKS = {"fists": ("right_hand", "left_hand"), "eyes": ("eyes_open", "eyes_closed")}


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
    head = fit_graph(vectors, labels, FISTS, NAMES)
    tested, truth = states(80, 1)
    assert np.mean(head.logits(tested).argmax(axis=1) == truth) > 0.8


def test_the_same_trials_give_the_same_weights(monkeypatch):
    monkeypatch.setattr(graph, "_FROM_RANDOM", replace(graph._FROM_RANDOM, steps=5))
    vectors, labels = states(40, 0)
    one, two = (fit_graph(vectors, labels, FISTS, NAMES) for _ in range(2))
    np.testing.assert_array_equal(one.logits(vectors), two.logits(vectors))
    assert one.weights.keys() == two.weights.keys()


def test_the_mean_over_the_trials_is_taken_off(monkeypatch):
    monkeypatch.setattr(graph, "_FROM_RANDOM", replace(graph._FROM_RANDOM, steps=5))
    vectors, labels = states(40, 0)
    moved = fit_graph(vectors + 7.0, labels, FISTS, NAMES)
    still = fit_graph(vectors, labels, FISTS, NAMES)
    np.testing.assert_allclose(moved.logits(vectors + 7.0), still.logits(vectors), atol=1e-4)


def unchanged(monkeypatch):
    monkeypatch.setattr(graph, "_FROM_LEARNED", replace(graph._FROM_LEARNED, steps=0))


def of_graph(encoder, vectors, order):
    """What the encoder's graph says of states about their mean, in its fists' order."""
    states = torch.from_numpy(vectors - vectors.mean(axis=0)).float()
    states = states.reshape(len(vectors), len(NAMES), -1)
    present = torch.ones(states.shape[:2], dtype=torch.bool)
    with torch.no_grad():
        pooled = encoder.graph(states, electrode_rows(NAMES), present)
        return pooled, encoder.graph.logits(pooled, "fists").numpy()[:, order]


def test_it_begins_with_what_the_graph_of_the_encoder_has_learned(monkeypatch):
    unchanged(monkeypatch)
    encoder = BrainGPT(replace(SPEC, graph_tasks=TASKS), seed=3)
    vectors = np.random.default_rng(0).normal(0.0, 1.0, (6, len(NAMES) * 128))
    labels = np.arange(6) % 2
    head = fit_graph(vectors, labels, FISTS, NAMES, encoder)
    _, expected = of_graph(encoder, vectors, [1, 0])  # the graph has the fists the other way round
    np.testing.assert_allclose(head.logits(vectors), expected, atol=1e-4)
    plain = fit_graph(vectors, labels, FISTS, NAMES, BrainGPT(SPEC, seed=3))
    assert len(plain.weights) < len(head.weights)  # two layers of our own, not its three


def test_for_other_classes_it_begins_with_all_but_the_last_map(monkeypatch):
    unchanged(monkeypatch)
    encoder = BrainGPT(replace(SPEC, graph_tasks=TASKS), seed=3)
    vectors = np.random.default_rng(0).normal(0.0, 1.0, (6, len(NAMES) * 128))
    head = fit_graph(vectors, np.arange(6) % 2, ("left_hand", "feet"), NAMES, encoder)
    pooled, learned = of_graph(encoder, vectors, [0, 1])
    own = head.weights["heads.classes.weight"], head.weights["heads.classes.bias"]
    np.testing.assert_allclose(head.logits(vectors), pooled.numpy() @ own[0].T + own[1], atol=1e-4)
    assert np.abs(head.logits(vectors) - learned).max() > 0.01


def test_too_few_trials_are_refused_with_the_number():
    labels = np.repeat([0, 1], [LEAST_OF_CLASS, LEAST_OF_CLASS - 1])
    with pytest.raises(InputError) as refusal:
        check_enough(labels, ("left_hand", "feet"), SPEC)
    said = str(refusal.value)
    assert f"needs {LEAST_OF_CLASS} trials of each class" in said
    assert f"{LEAST_OF_CLASS} of left_hand, {LEAST_OF_CLASS - 1} of feet" in said
    check_enough(np.append(labels, 1), ("left_hand", "feet"), SPEC)
    check_enough(labels[:10], ("left_hand", "feet"), replace(SPEC, graph_tasks=TASKS))


def test_an_encoder_without_tokens_of_electrodes_is_refused():
    check_electrode_tokens(SPEC, NAMES)
    with pytest.raises(InputError, match="has 4 tokens for all electrodes together"):
        check_electrode_tokens(replace(SPEC, tokens=(4, 64)), NAMES)
    with pytest.raises(InputError, match="no node for E17"):
        check_electrode_tokens(SPEC, ("C3", "E17"))

import numpy as np
import pytest
import torch

from core.decoding.graph_head import TASK, GraphHead
from core.encoders.braingpt.electrodes import electrode_rows
from core.encoders.braingpt.graph import ElectrodeGraph

NAMES = ("CZ", "C3", "OZ")


@pytest.fixture
def graph():
    return ElectrodeGraph(4, 6, 2, {TASK: 3}, seed=5)


@pytest.fixture
def head(graph):
    weights = {name: tensor.double().numpy() for name, tensor in graph.state_dict().items()}
    return GraphHead(NAMES, np.linspace(-1.0, 1.0, 12), weights, temperature=2.0)


@pytest.fixture
def features():
    return np.random.default_rng(2).normal(0.0, 1.0, (7, 12))


def test_it_is_the_graph_on_centred_states(graph, head, features):
    states = torch.from_numpy((features - head.centre).reshape(7, 3, 4))
    graph.double()
    pooled = graph(states, electrode_rows(NAMES), torch.ones(7, 3, dtype=torch.bool))
    expected = graph.logits(pooled, TASK).detach().numpy()
    np.testing.assert_allclose(head.logits(features), expected, rtol=0, atol=1e-12)
    softened = np.exp(expected / 2.0)
    softened /= softened.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(head.probabilities(features), softened, rtol=0, atol=1e-12)


def test_a_window_alone_is_decided_as_among_others(head, features):
    alone = np.concatenate([head.probabilities(row[None]) for row in features])
    np.testing.assert_allclose(alone, head.probabilities(features), rtol=0, atol=1e-12)


def test_the_order_of_electrodes_does_not_matter_and_their_names_do(head, features):
    order = [2, 0, 1]

    def ordered(rows):
        return rows.reshape(-1, 3, 4)[:, order].reshape(-1, 12)

    names = tuple(NAMES[index] for index in order)
    other = GraphHead(names, ordered(head.centre)[0], head.weights)
    np.testing.assert_allclose(
        other.logits(ordered(features)), head.logits(features), rtol=0, atol=1e-12
    )
    wrong = GraphHead(NAMES, ordered(head.centre)[0], head.weights)
    assert not np.allclose(wrong.logits(ordered(features)), head.logits(features))

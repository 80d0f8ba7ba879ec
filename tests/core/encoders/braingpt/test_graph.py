import pytest
import torch

from core.encoders.braingpt.graph import ElectrodeGraph, GraphLayer

TASKS = {"hands": 2, "sleep": 5}
ROWS = torch.tensor([3, 40, 41, 97])
PRESENT = torch.tensor([[True, True, True, True], [False, True, False, True]])


@pytest.fixture
def graph():
    return ElectrodeGraph(6, 8, 2, TASKS, seed=1)


@pytest.fixture
def states():
    return torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0))


def test_an_absent_electrode_is_as_if_it_were_not_there(graph, states):
    both = graph(states, ROWS, PRESENT)
    alone = graph(states[1:, [1, 3]], ROWS[[1, 3]], torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(both[1:], alone)
    states[1, [0, 2]] = torch.nan
    torch.testing.assert_close(graph(states, ROWS, PRESENT), both)


def test_the_order_of_electrodes_does_not_matter_and_their_names_do(graph, states):
    order = torch.tensor([2, 0, 3, 1])
    shuffled = graph(states[:, order], ROWS[order], PRESENT[:, order])
    torch.testing.assert_close(shuffled, graph(states, ROWS, PRESENT))
    assert not torch.allclose(graph(states, ROWS + 1, PRESENT), graph(states, ROWS, PRESENT))
    montages = torch.stack([ROWS, ROWS[order]])
    mixed = graph(torch.stack([states[0], states[0, order]]), montages, PRESENT[:1].expand(2, 4))
    torch.testing.assert_close(mixed[0], mixed[1])


def test_a_layer_is_attention_as_the_paper_writes_it(states):
    layer = GraphLayer(6).double()
    nodes, present = states.double(), PRESENT
    given = layer(nodes, present)
    weight, a, b = layer.project.weight, layer.asking.weight[0], layer.asked.weight[0]
    for sample in range(2):
        normed = [x / (x.square().mean() + 1e-6).sqrt() for x in nodes[sample]]
        for m in range(4):
            scores = {
                n: torch.relu(a @ (weight @ normed[m]) + b @ (weight @ normed[n])).exp()
                for n in range(4)
                if present[sample, n]
            }
            expected = nodes[sample, m] + sum(
                score / sum(scores.values()) * (weight @ normed[n]) for n, score in scores.items()
            )
            torch.testing.assert_close(given[sample, m], expected)


def test_every_task_has_a_head_on_the_same_vector(graph, states):
    pooled = graph(states, ROWS, PRESENT)
    assert {task: graph.logits(pooled, task).shape[1] for task in TASKS} == TASKS
    graph.logits(pooled, "hands").sum().backward()
    assert graph.heads["sleep"].weight.grad is None
    assert graph.project[1].weight.grad.abs().sum() > 0


def test_weights_are_those_of_the_seed():
    one, same, other = (ElectrodeGraph(6, 8, 2, TASKS, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.nodes.weight, same.nodes.weight)
    assert not torch.equal(one.nodes.weight, other.nodes.weight)

"""Fits the electrode graph on one person's trials: a head that reads each electrode's states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.graph_head import TASK, GraphHead
from core.encoders.spec import EncoderSpec
from core.errors import InputError

if TYPE_CHECKING:
    from core.encoders.base import Encoder
    from core.encoders.braingpt.graph import ElectrodeGraph

LEAST_OF_CLASS = 80
"""Trials of each class from which on a graph with random weights is offered. What it learns from
half as many is hardly better than guessing (`docs/decoder.md` has the curve)."""

_WIDTH, _LAYERS = 32, 2
"""Of the nodes. Set once, as a linear head's penalty is: choosing them for every person would cost
more trials than there are."""

_KEPT = 0.7  # of the electrodes, drawn anew for every trial and step
_DECAY = 0.05
_SEED = 0  # of the random weights, and of the electrodes that are left out in a step


@dataclass(frozen=True)
class _Schedule:
    """Steps of AdamW, all trials at once, from the highest rate half a cosine down."""

    steps: int
    rate: float


_FROM_RANDOM = _Schedule(100, 3e-3)
_FROM_LEARNED = _Schedule(10, 3e-4)


def check_electrode_tokens(spec: EncoderSpec, channels: Sequence[str]) -> None:
    """Refuse an encoder that the graph cannot read.

    Raises
    ------
    InputError
        If its tokens are not those of single electrodes, or the graph has no node for one.
    """
    from core.encoders.braingpt.electrodes import ELECTRODES

    if spec.tokens[0] is not None:
        raise InputError(
            f"--head graph reads the tokens of single electrodes, and the encoder {spec.label} "
            f"(family {spec.family}) has {spec.tokens[0]} tokens for all electrodes together; take "
            "an encoder of the family braingpt, such as --encoder untrained-braingpt-base, or "
            "--head encoder."
        )
    if unknown := [name for name in channels if name not in ELECTRODES]:
        raise InputError(
            f"--head graph has no node for {', '.join(unknown)}; leave these channels out with "
            "--channels, or take --head encoder."
        )


def check_enough(labels: np.ndarray, classes: Sequence[str], spec: EncoderSpec) -> None:
    """Refuse trials that are too few for a graph with random weights.

    Raises
    ------
    InputError
        If a class has fewer than `LEAST_OF_CLASS`, and the encoder brings no graph.
    """
    if spec.graph_tasks:
        return
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < LEAST_OF_CLASS:
        there = ", ".join(f"{count} of {name}" for name, count in zip(classes, counts, strict=True))
        raise InputError(
            f"--head graph needs {LEAST_OF_CLASS} trials of each class, as it learns ten thousand "
            f"weights and with half as many is hardly better than guessing, and there are {there}; "
            "take --head encoder, which reads the same tokens, record more, or name an encoder "
            "with a graph that others taught (recipe braingpt-graph)."
        )


def fit_graph(
    vectors: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    ch_names: Sequence[str],
    encoder: Encoder | None = None,
) -> GraphHead:
    """Fit an electrode graph on pooled states of electrodes.

    Parameters
    ----------
    vectors : ndarray, shape (trials, electrodes x width)
        Each electrode's mean token, as `Encoder.pool` gives it.
    labels : ndarray of int, shape (trials,)
    classes : sequence of str
    ch_names : sequence of str
        The electrode of each state, in order.
    encoder : Encoder, optional
        Whose graph it begins with, if it has one: with all of it for the classes of a task that
        the graph has learned, without the last linear map for others.

    Returns
    -------
    GraphHead
        With temperature 1.

    Notes
    -----
    Cross-entropy with balanced classes. In every step each trial shows a random part of its
    electrodes, as the graph would otherwise learn thirty trials by heart at once.
    """
    import torch
    import torch.nn.functional as F

    from core.encoders.braingpt.electrodes import electrode_rows

    head = GraphHead(tuple(ch_names), vectors.mean(axis=0), {})
    states = torch.from_numpy(head.states(vectors)).float()
    truth, rows = torch.from_numpy(labels).long(), electrode_rows(ch_names)
    counts = np.bincount(labels, minlength=len(classes))
    balance = torch.from_numpy(len(labels) / np.maximum(counts, 1) / np.count_nonzero(counts))
    graph, schedule = _first_graph(states.shape[2], classes, encoder)
    optimiser = torch.optim.AdamW(graph.parameters(), lr=schedule.rate, weight_decay=_DECAY)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.steps)
    drawn = torch.Generator().manual_seed(_SEED)
    for _ in range(schedule.steps):
        present = torch.rand(states.shape[:2], generator=drawn) < _KEPT
        present[:, 0] |= ~present.any(dim=1)  # at least one
        logits = graph.logits(graph(states, rows, present), TASK)
        loss = F.cross_entropy(logits, truth, weight=balance.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        falling.step()
    weights = {name: tensor.double().numpy() for name, tensor in graph.state_dict().items()}
    return replace(head, weights=weights)


def _first_graph(
    features: int, classes: Sequence[str], encoder: Encoder | None
) -> tuple[ElectrodeGraph, _Schedule]:
    """Return the graph that learning begins with, and how it learns."""
    from core.encoders.braingpt.graph import ElectrodeGraph

    tasks = {TASK: len(classes)}
    learned = getattr(encoder, "graph", None)
    if encoder is None or learned is None:
        return ElectrodeGraph(features, _WIDTH, _LAYERS, tasks, _SEED), _FROM_RANDOM
    width, layers = learned.nodes.embedding_dim, len(learned.layers)
    graph = ElectrodeGraph(features, width, layers, tasks, _SEED)
    first = graph.state_dict()
    first |= {name: learned.state_dict()[name] for name in first if not name.startswith("heads.")}
    for task, known in encoder.spec.graph_tasks.items():
        if set(known) == set(classes):
            order = [known.index(label) for label in classes]
            first[f"heads.{TASK}.weight"] = learned.heads[task].weight[order]
            first[f"heads.{TASK}.bias"] = learned.heads[task].bias[order]
    graph.load_state_dict(first)
    return graph, _FROM_LEARNED

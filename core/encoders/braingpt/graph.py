"""The task-shared electrode graph (TEG): one reader of frozen electrode states for all tasks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from core.encoders.braingpt.electrodes import ELECTRODES
from core.encoders.braingpt.layers import NORM_EPS

Tasks = Mapping[str, int]
"""Name of a task -> how many classes it has."""


class ElectrodeGraph(nn.Module):
    """A fully connected graph of all electrodes, of which a sample has those that were recorded.

    Parameters
    ----------
    features : int
        Of the state of an electrode.
    width : int
        Of the nodes.
    layers : int
    tasks : mapping of str to int
    seed : int
        Of the random weights.

    Notes
    -----
    Yue et al. (2024), arXiv 2410.19779, section 3: a learned vector of every electrode, attention
    between those of a sample, layers with a residual, and a head a task. Where the paper does not
    say, or says two things: the vector is added to the state's projection, norms are RMS norms
    before each layer, nodes are pooled by their mean. Absent electrodes are left out of the
    softmax, so that the weights of those present add up to one.
    """

    def __init__(self, features: int, width: int, layers: int, tasks: Tasks, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.project = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, width))
            self.nodes = nn.Embedding(len(ELECTRODES), width)
            self.layers = nn.ModuleList(GraphLayer(width) for _ in range(layers))
            self.norm = nn.RMSNorm(width, eps=NORM_EPS)
            self.heads = nn.ModuleDict(
                {task: nn.Linear(width, classes) for task, classes in tasks.items()}
            )

    def forward(self, states: Tensor, rows: Tensor, present: Tensor) -> Tensor:
        """Return one vector a sample, shape (batch, width).

        Parameters
        ----------
        states : Tensor, shape (batch, electrodes, features)
            What is at absent electrodes does not matter.
        rows : Tensor of int, shape (electrodes,) or (batch, electrodes)
            Rows of the vocabulary.
        present : Tensor of bool, shape (batch, electrodes)
            Which electrodes a sample has, at least one.
        """
        nodes = self.project(states.masked_fill(~present[..., None], 0.0)) + self.nodes(rows)
        for layer in self.layers:
            nodes = layer(nodes, present)
        weights = present.to(nodes.dtype) / present.sum(dim=1, keepdim=True)
        pooled: Tensor = torch.einsum("be,bew->bw", weights, self.norm(nodes))
        return pooled

    def logits(self, pooled: Tensor, task: str) -> Tensor:
        """Return a task's logits, shape (batch, classes), of what `forward` returns."""
        given: Tensor = self.heads[task](pooled)
        return given


class GraphLayer(nn.Module):
    """Attention between electrodes by a learned sum of two projections, with a residual.

    Parameters
    ----------
    width : int

    Notes
    -----
    Velickovic et al. (2018), Graph attention networks, ICLR, with a ReLU of the scores.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width, eps=NORM_EPS)
        self.project = nn.Linear(width, width, bias=False)
        self.asking = nn.Linear(width, 1, bias=False)
        self.asked = nn.Linear(width, 1, bias=False)

    def forward(self, nodes: Tensor, present: Tensor) -> Tensor:
        """Return the nodes, shape (batch, electrodes, width), after one exchange."""
        projected = self.project(self.norm(nodes))
        scores = torch.relu(self.asking(projected) + self.asked(projected).transpose(1, 2))
        scores = scores.masked_fill(~present[:, None, :], -torch.inf)
        mixed: Tensor = nodes + scores.softmax(dim=-1) @ projected
        return mixed

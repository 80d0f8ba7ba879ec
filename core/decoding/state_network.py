"""The network of a state's head: graphs of electrodes, a segment each, and attention over time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_HIDDEN = 8  # features of an electrode
_WIDTH, _HEADS, _LAYERS = 32, 4, 2  # of the transformer


class StateNetwork(nn.Module):
    """Classes from the band powers of the last segments.

    Parameters
    ----------
    electrodes, bands, count, classes : int
        `count` is of segments.
    dropout : float

    Notes
    -----
    After the idea of Ding et al. (2025), EmT: a novel transformer for generalized cross-subject EEG
    emotion recognition, IEEE Trans. Neural Netw. Learn. Syst.: a graph of band powers a segment,
    residual graph convolutions, and a transformer over segments. The adjacency is learned and the
    same for all people; a segment's place is how long ago it was.
    """

    centre: Tensor
    scale: Tensor

    def __init__(
        self, electrodes: int, bands: int, count: int, classes: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(electrodes, bands))
        self.register_buffer("scale", torch.ones(electrodes, bands))
        self.adjacency = nn.Parameter(torch.full((electrodes, electrodes), 0.5 / electrodes))
        self.node = nn.Linear(bands, _HIDDEN)
        self.convolutions = nn.ModuleList([nn.Linear(_HIDDEN, _HIDDEN) for _ in range(2)])
        self.token = nn.Linear(electrodes * _HIDDEN, _WIDTH)
        self.age = nn.Parameter(torch.zeros(count, _WIDTH))
        self.blocks = nn.ModuleList([_SegmentBlock(dropout) for _ in range(_LAYERS)])
        self.norm = nn.LayerNorm(_WIDTH)
        self.classes = nn.Linear(_WIDTH, classes)
        self.dropout = dropout

    def forward(self, memory: Tensor) -> Tensor:
        """Return logits, shape (windows, classes).

        Parameters
        ----------
        memory : Tensor, shape (windows, count, electrodes, bands)
            Oldest segment first; NaN where there is none. The newest one is there.
        """
        there = torch.isfinite(memory).all(dim=3).all(dim=2)  # (windows, count)
        return self.attend(self.graph(torch.nan_to_num(memory)), there)

    def attend(self, tokens: Tensor, there: Tensor) -> Tensor:
        """Return logits, from the tokens (windows, count, width) of the segments that are there."""
        tokens = tokens + self.age
        for block in self.blocks:
            tokens = block(tokens, there)
        share = there[..., None].to(tokens) / there.sum(dim=1)[:, None, None].clamp(min=1)
        pooled = (self.norm(tokens) * share).sum(dim=1)
        logits: Tensor = self.classes(F.dropout(pooled, self.dropout, self.training))
        return logits

    def graph(self, x: Tensor) -> Tensor:
        """Return a token for each segment, from powers (..., electrodes, bands)."""
        both = F.relu(self.adjacency + self.adjacency.T)
        both = both + torch.eye(len(both), dtype=both.dtype, device=both.device)
        root = both.sum(dim=1).rsqrt()
        normalised = root[:, None] * both * root
        nodes = self.node((x - self.centre) / self.scale)
        for layer in self.convolutions:
            nodes = nodes + F.gelu(layer(normalised @ nodes))
        token: Tensor = self.token(F.dropout(nodes.flatten(-2), self.dropout, self.training))
        return token


class _SegmentBlock(nn.Module):
    """Attention between segments, and a small network, each on top of what comes in."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(_WIDTH), nn.LayerNorm(_WIDTH)
        self.attention = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.out = nn.Linear(_WIDTH, _WIDTH)
        self.wide, self.narrow = nn.Linear(_WIDTH, 2 * _WIDTH), nn.Linear(2 * _WIDTH, _WIDTH)
        self.dropout = dropout

    def forward(self, tokens: Tensor, there: Tensor) -> Tensor:
        windows, count, width = tokens.shape
        parts = self.attention(self.first(tokens)).reshape(windows, count, 3, _HEADS, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / (width // _HEADS) ** 0.5
        scores = scores.masked_fill(~there[:, None, None, :], -1e9)
        seen = (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(windows, count, width)
        tokens = tokens + F.dropout(self.out(seen), self.dropout, self.training)
        wide = F.gelu(self.wide(self.second(tokens)))
        out: Tensor = tokens + F.dropout(self.narrow(wide), self.dropout, self.training)
        return out

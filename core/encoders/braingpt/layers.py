"""Causal layers over the sequence of one electrode."""

from __future__ import annotations

import math
import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-6

_SLOWEST = 100.0
"""Base of the rotary frequencies. A band of 25 tokens needs none of the slower turns that the
usual 10 000 makes for texts of thousands."""

KeysValues = tuple[Tensor, Tensor]
"""Keys (turned already) and values, each (sequences, heads, tokens, head width)."""


def angles(positions: Tensor, head: int) -> Tensor:
    """Return by how much pairs of a head's dimensions turn (Su et al. 2021, RoFormer).

    Parameters
    ----------
    positions : Tensor of int, shape (tokens,)
        Counted from the run's first token. Only differences matter.
    head : int
        Width of a head.

    Returns
    -------
    Tensor of float64, shape (tokens, head / 2)
        In float64, so that hours into a run a turn is as exact as at its beginning.
    """
    powers = torch.arange(0, head, 2, dtype=torch.float64, device=positions.device) / head
    return positions.to(torch.float64)[:, None] * _SLOWEST**-powers


def turned(x: Tensor, turn: Tensor) -> Tensor:
    """Turn neighbouring pairs of the last dimension.

    Parameters
    ----------
    x : Tensor, shape (..., tokens, head width)
    turn : Tensor, shape (2, tokens, head width / 2)
        Cosines and sines of `angles`.
    """
    cos, sin = turn.to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-1).flatten(-2)


def banded(queries: int, keys: int, band: int, device: torch.device) -> Tensor:
    """Return which keys the last `queries` of `keys` tokens do not see, shape (queries, keys).

    A token sees itself and what comes before it, `band` tokens together.
    """
    behind = torch.arange(keys - queries, keys, device=device)[:, None]
    behind = behind - torch.arange(keys, device=device)  # by how much a key comes before a query
    return (behind < 0) | (behind >= band)


class Layer(nn.Module):
    """Banded causal attention and a gated feed-forward, each behind a layer norm.

    Parameters
    ----------
    width, heads, hidden : int
        Of the tokens, number of heads, and inside the feed-forward.

    Notes
    -----
    The electrode's own token is seen by all tokens of its sequence, however long ago it was, and
    sees nothing but itself. Neither it nor those who look at it are turned for that: it has no
    distance. So its keys and values are constants of an electrode.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS, bias=False)
        self.gate_up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def electrode(self, x: Tensor) -> tuple[Tensor, KeysValues]:
        """Pass electrode tokens, shape (electrodes, width), and return their keys and values."""
        _, key, value = self._split(self.qkv(self.norm1(x))[:, None])  # (electrodes, heads, 1, .)
        x = x + self.out(value.flatten(1))
        return x + self._feed_forward(x), (key, value)

    def forward(
        self,
        x: Tensor,
        electrode: KeysValues,
        turn: Tensor,
        band: int,
        past: KeysValues | None = None,
        asking: Tensor | None = None,
    ) -> tuple[Tensor, KeysValues, Tensor | None]:
        """Pass the next tokens of sequences.

        Parameters
        ----------
        x : Tensor, shape (sequences, tokens, width)
        electrode : tuple of Tensor
            Of each sequence's electrode, from `electrode`.
        turn : Tensor, shape (2, tokens, head width / 2)
            Cosines and sines of the tokens' `angles`.
        band : int
            How many tokens one sees, itself included.
        past : tuple of Tensor, optional
            Keys and values of the tokens before, as returned.
        asking : Tensor, shape (sequences, last tokens, width), optional
            Special tokens that see what the last tokens see and that nobody sees.

        Returns
        -------
        x : Tensor
        past : tuple of Tensor
            Of the last tokens, one less than the band.
        asking : Tensor or None
        """
        query, key, value = self._split(self.qkv(self.norm1(x)))
        key = turned(key, turn)
        if past is not None:
            key, value = torch.cat((past[0], key), dim=2), torch.cat((past[1], value), dim=2)
        hidden = banded(x.shape[1], key.shape[2], band, x.device)
        x = self._attended(x, query, turn, electrode, (key, value), hidden)
        if asking is not None:
            last, width = asking.shape[1:]
            query = F.linear(self.norm1(asking), self.qkv.weight[:width])
            query = query.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            asking = self._attended(
                asking, query, turn[:, -last:], electrode, (key, value), hidden[-last:]
            )
        kept = max(0, key.shape[2] - (band - 1))
        return x, (key[:, :, kept:], value[:, :, kept:]), asking

    def _attended(
        self,
        x: Tensor,
        query: Tensor,
        turn: Tensor,
        electrode: KeysValues,
        others: KeysValues,
        hidden: Tensor,
    ) -> Tensor:
        near = turned(query, turn) @ others[0].transpose(-1, -2)  # (sequences, heads, tokens, keys)
        near = near.masked_fill(hidden, -math.inf)
        own = query @ electrode[0].transpose(-1, -2)  # (sequences, heads, tokens, 1)
        scores = torch.cat((own, near), dim=-1) / math.sqrt(query.shape[-1])
        weights = scores.softmax(dim=-1).to(others[1].dtype)
        mixed = weights[..., :1] * electrode[1] + weights[..., 1:] @ others[1]
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self._feed_forward(x)

    def _feed_forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(self.norm2(x)).chunk(2, dim=-1)
        fed: Tensor = self.down(F.silu(gate) * up)
        return fed

    def _split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Turn (sequences, tokens, 3 x width) into three of (sequences, heads, tokens, .)."""
        query, key, value = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return query, key, value


@torch.no_grad()
def initialise(module: nn.Module, seed: int) -> None:
    """Fill an encoder with seeded random weights.

    Matrices are normal with a variance of one over their inputs, what ends a branch divided by the
    square root of the number of branches; tokens are standard normal, norms 1 and biases 0. The
    numbers come from numpy, not torch: a decoder remembers the hash of its encoder's weights, and
    torch draws different last digits on different processors.
    """
    rng = np.random.default_rng(seed)
    branches = 2 * sum(isinstance(part, Layer) for part in module.modules())
    for name, parameter in module.named_parameters():
        if parameter.is_meta:
            continue
        if name.endswith("bias"):
            parameter.zero_()
        elif "norm" in name:
            parameter.fill_(1.0)
        else:
            token = parameter.ndim == 1 or name.startswith("electrode_tokens")
            deviation = 1.0 if token else parameter.shape[1] ** -0.5
            if re.search(r"\.(out|down)\.weight$", name):
                deviation /= math.sqrt(branches)
            drawn = rng.standard_normal(tuple(parameter.shape), dtype=np.float32) * deviation
            parameter.copy_(torch.from_numpy(drawn))

"""The parts that LaBraM and its tokenizer's decoder are made of."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.feed_forward import FeedForward
from core.encoders.labram.electrodes import ROWS

NORM_EPS = 1e-6
SECONDS = 16
"""Rows of the table of times: the longest window."""

_GROUPS = 4


class TemporalConv(nn.Module):
    """Three convolutions that turn each second of each electrode into a token.

    Their group norms run over all electrodes and seconds of the window: no token of it depends on
    its own second alone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, (1, 15), stride=(1, 8), padding=(0, 7))
        self.norm1 = nn.GroupNorm(_GROUPS, channels)
        self.conv2 = nn.Conv2d(channels, channels, (1, 3), padding=(0, 1))
        self.norm2 = nn.GroupNorm(_GROUPS, channels)
        self.conv3 = nn.Conv2d(channels, channels, (1, 3), padding=(0, 1))
        self.norm3 = nn.GroupNorm(_GROUPS, channels)

    def forward(self, patches: Tensor) -> Tensor:
        """Map patches, shape (batch, patches, 200), to tokens, shape (batch, patches, width)."""
        x = patches.unsqueeze(1)  # (batch, channels, patches, samples)
        x = F.gelu(self.norm1(self.conv1(x)))
        x = F.gelu(self.norm2(self.conv2(x)))
        x = F.gelu(self.norm3(self.conv3(x)))
        return x.permute(0, 2, 3, 1).flatten(2)  # step after step, the channels of each


class NormedAttention(nn.Module):
    """Full self-attention, queries and keys normed head by head."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_norm = nn.LayerNorm(width // heads, eps=NORM_EPS)
        self.k_norm = nn.LayerNorm(width // heads, eps=NORM_EPS)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Mix the tokens of `x`, shape (batch, tokens, width)."""
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (batch, heads, tokens, head width) each
        q, k = self.q_norm(q).to(v.dtype), self.k_norm(k).to(v.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v)
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


class ScaledBlock(nn.Module):
    """A pre-norm transformer block whose branches are scaled (Touvron et al. 2021, CaiT)."""

    def __init__(self, width: int, heads: int, layer_scale: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = NormedAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = FeedForward(width)
        self.gamma_1 = nn.Parameter(torch.full((width,), layer_scale))
        self.gamma_2 = nn.Parameter(torch.full((width,), layer_scale))

    def forward(self, x: Tensor) -> Tensor:
        """Transform the tokens of `x`, shape (batch, tokens, width)."""
        x = x + self.gamma_1 * self.attn(self.norm1(x))
        changed: Tensor = x + self.gamma_2 * self.mlp(self.norm2(x))
        return changed


class Transformer(nn.Module):
    """Blocks over the tokens of a window, which know their electrode and their second.

    Parameters
    ----------
    width, heads, depth : int
    layer_scale : float
        As in `LaBraMSize`.
    """

    def __init__(self, width: int, heads: int, depth: int, layer_scale: float) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + len(ROWS), width))
        self.time_embed = nn.Parameter(torch.zeros(1, SECONDS, width))
        self.blocks = nn.ModuleList(ScaledBlock(width, heads, layer_scale) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)

    def transform(self, x: Tensor, rows: Tensor) -> Tensor:
        """Return the states of tokens after the last norm.

        Parameters
        ----------
        x : Tensor, shape (batch, electrodes, seconds, width)
        rows : Tensor of int, shape (electrodes,)
            From `electrode_rows`.
        """
        seconds = x.shape[2]
        x = x + self.pos_embed[0, rows, None] + self.time_embed[0, :seconds]
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(x), -1, -1)
        tokens = torch.cat((first, x.flatten(1, 2)), dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        states: Tensor = self.norm(tokens[:, 1:]).unflatten(1, (-1, seconds))
        return states


@torch.no_grad()
def initialise(module: nn.Module, seed: int | tuple[int, ...]) -> None:
    """Fill linear maps, convolutions and learned tokens with seeded random weights.

    Weights, embeddings and tokens are normal with a standard deviation of 0.02, and the two
    matrices that end the branches of block l (from 1) are divided by sqrt(2 l); convolutions are
    uniform within one over the root of their inputs. Norms and layer scales stay as they are built.
    The numbers come from numpy, which draws the same ones on all processors.
    """
    rng = np.random.default_rng(seed)

    def fill(parameter: Tensor, drawn: np.ndarray) -> None:
        parameter.copy_(torch.from_numpy(drawn))

    for name, part in module.named_modules():
        for _, token in part.named_parameters(recurse=False):
            if token.ndim == 3:
                fill(token, 0.02 * rng.standard_normal(tuple(token.shape)))
        if isinstance(part, nn.Linear):
            deviation = 0.02
            if name.endswith(("attn.proj", "mlp.fc2")):
                deviation /= math.sqrt(2 * (int(name.split(".")[-3]) + 1))
            fill(part.weight, deviation * rng.standard_normal(tuple(part.weight.shape)))
            if part.bias is not None:
                part.bias.zero_()
        elif isinstance(part, nn.Conv2d):
            bound = 1.0 / math.sqrt(part.weight[0].numel())
            fill(part.weight, rng.uniform(-bound, bound, tuple(part.weight.shape)))
            assert part.bias is not None
            fill(part.bias, rng.uniform(-bound, bound, tuple(part.bias.shape)))

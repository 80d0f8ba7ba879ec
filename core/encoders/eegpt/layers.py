"""The parts that encoder, predictor and reconstructor are made of."""

from __future__ import annotations

import math
import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.feed_forward import FeedForward

NORM_EPS = 1e-6


class Rotation:
    """Cosines and sines by which attention turns queries and keys, one row a token.

    Attributes
    ----------
    cos, sin : Tensor, shape (tokens, frequencies)
    """

    def __init__(self, cos: Tensor, sin: Tensor) -> None:
        self.cos, self.sin = cos, sin

    def __call__(self, x: Tensor) -> Tensor:
        """Turn the first dimensions of each head, in neighbouring pairs; leave the others.

        Parameters
        ----------
        x : Tensor, shape (batch, heads, tokens, head width)
        """
        turned = 2 * self.cos.shape[-1]
        a, b = x[..., 0:turned:2], x[..., 1:turned:2]  # (batch, heads, tokens, frequencies) each
        pairs = torch.stack(
            (a * self.cos - b * self.sin, b * self.cos + a * self.sin), dim=-1
        ).flatten(-2)
        return torch.cat((pairs.to(x.dtype), x[..., turned:]), dim=-1)


class TimeEmbed(nn.Module):
    """Rotary embedding of a patch's position in time (Su et al. 2021, RoFormer).

    Half of each head's dimensions turn, by ``time / 2 * 10000 ** (-2 i / dimensions)``.
    Nothing is kept between calls, so moving the module or changing the window's length is safe.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        turned = width // heads // 2
        powers = torch.arange(0, turned, 2, dtype=torch.float64) / turned
        # Not trained, yet a parameter in the published layout.
        self.freqs = nn.Parameter((10000.0**-powers).float(), requires_grad=False)

    def forward(self, times: Tensor) -> Rotation:
        """Return the rotation of tokens at `times`.

        Parameters
        ----------
        times : Tensor of int, shape (tokens,)
            Index of each token's patch.
        """
        angles = (times.to(self.freqs.dtype) / 2.0)[:, None] * self.freqs  # (tokens, frequencies)
        return Rotation(angles.cos(), angles.sin())


class Attention(nn.Module):
    """Full self-attention over the tokens of one sequence."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(
        self, x: Tensor, rotation: Rotation | None = None, last: int | None = None
    ) -> Tensor:
        """Mix the tokens of `x`, shape (batch, tokens, width); return all or the last ones.

        With `last`, no queries are made for the others, which is most of what they cost.
        """
        if last is not None:
            return self._last(x, last)
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (batch, heads, tokens, head width) each
        if rotation is not None:
            q, k = rotation(q), rotation(k)
        mixed = F.scaled_dot_product_attention(q, k, v)
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected

    def _last(self, x: Tensor, last: int) -> Tensor:
        width, weight, bias = x.shape[-1], self.qkv.weight, self.qkv.bias
        q = F.linear(x[:, -last:], weight[:width], bias[:width])
        k, v = F.linear(x, weight[width:], bias[width:]).chunk(2, dim=-1)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v)
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


class TransformerBlock(nn.Module):
    """A pre-norm transformer block.

    Parameters
    ----------
    width, heads : int
        Size of the tokens and number of attention heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = FeedForward(width)

    def forward(
        self, x: Tensor, rotation: Rotation | None = None, last: int | None = None
    ) -> Tensor:
        """Transform the tokens of `x`, shape (batch, tokens, width); return all or the last ones.

        The last ones look at all the others as before, so they are the same but for rounding.
        """
        kept = x if last is None else x[:, -last:]
        kept = kept + self.attn(self.norm1(x), rotation, last)
        added: Tensor = kept + self.mlp(self.norm2(kept))
        return added


def blocks(width: int, heads: int, depth: int) -> nn.ModuleList:
    """Return `depth` blocks."""
    return nn.ModuleList(TransformerBlock(width, heads) for _ in range(depth))


@torch.no_grad()
def initialise(module: nn.Module, seed: int | tuple[int, ...]) -> None:
    """Fill a part of EEGPT with seeded random weights.

    Weights, embeddings and learned tokens are normal with a standard deviation of 0.02, biases
    zero; the two matrices that end the branches of block l (from 1) are divided by sqrt(2 l).
    (The published code cuts the normal at ±2, a hundred deviations away.) The numbers come from
    numpy, not torch: a decoder remembers the hash of its encoder's weights, and torch draws
    different last digits on different processors.
    """
    rng = np.random.default_rng(seed)

    def fill(parameter: Tensor, deviation: float = 0.02) -> None:
        if not parameter.is_meta:
            drawn = rng.standard_normal(tuple(parameter.shape)) * deviation
            parameter.copy_(torch.from_numpy(drawn))

    for name, part in module.named_modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            ends_branch = re.search(r"blocks\.(\d+)\.(attn\.proj|mlp\.fc2)$", name)
            depth = int(ends_branch[1]) + 1 if ends_branch else 0
            fill(part.weight, 0.02 / math.sqrt(2 * depth) if depth else 0.02)
            nn.init.zeros_(part.bias)  # type: ignore[arg-type]
        elif isinstance(part, nn.Embedding):
            fill(part.weight)
    for _, token in module.named_parameters(recurse=False):
        fill(token)

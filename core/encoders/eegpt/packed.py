"""One patch with packed weights: only summary rows go on after the last attention."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from core.encoders.eegpt.layers import TransformerBlock
from core.encoders.packed_layers import Apply, PackedNorm, linear


class PackedEncoder:
    """An encoder of one patch of fixed channels, with its weights packed once.

    Parameters
    ----------
    encoder : EEGPT
        On a processor, in float32. What becomes of its weights later is not seen here.
    ids : Tensor of int64, shape (channels,)

    Notes
    -----
    The last block's channel rows are read by nobody, so that there are queries for the summary
    rows only, and only these pass the layers after attention. All other rows are those of
    `Encoder`, in the same order.
    """

    def __init__(self, encoder: Any, ids: Tensor) -> None:
        summary = encoder.summary_token.detach()[0]  # (summary tokens, width)
        count, width = len(ids), summary.shape[1]
        rows = count + len(summary)
        embed = encoder.patch_embed.proj
        self._summary = summary
        self._embed = linear(embed.weight.flatten(1), cast(Tensor, embed.bias), count)
        self._place = encoder.chan_embed.weight.detach()[ids]  # (channels, width)
        self._x = torch.empty(rows, width)
        self._channels, self._last = self._x[:count], self._x[count:]
        blocks = [cast(TransformerBlock, block) for block in encoder.blocks]
        self._blocks = [_Block(block, rows, rows) for block in blocks[:-1]]
        self._blocks.append(_Block(blocks[-1], rows, len(summary)))
        self._norm = PackedNorm(encoder.norm, len(summary))

    @property
    def rows(self) -> list[tuple[int, int]]:
        """Rows of keys, and of queries and all that follows, block by block."""
        return [(block.keys, block.queries) for block in self._blocks]

    def prepare(self) -> None:
        """Nothing to wait for; an `SubprocessStep` has to start."""

    def encode(self, patch: Tensor, out: Tensor) -> None:
        """Encode a patch, under inference mode.

        Parameters
        ----------
        patch : Tensor, shape (channels, samples of a patch)
            In the encoder's unit and at its rate.
        out : Tensor, shape (summary tokens, width)
            Where the tokens are written.
        """
        torch.add(self._embed(patch), self._place, out=self._channels)
        self._last.copy_(self._summary)
        for block in self._blocks:
            block(self._x)
        out.copy_(self._norm(self._last))


class _Block:
    """A block whose last `queries` rows are wanted."""

    def __init__(self, block: TransformerBlock, keys: int, queries: int) -> None:
        self.keys, self.queries = keys, queries
        attention, mlp = block.attn, block.mlp
        qkv, width = attention.qkv, attention.proj.in_features
        self._heads, self._head = attention.heads, width // attention.heads
        self._norm1 = PackedNorm(block.norm1, keys)
        self._norm2 = PackedNorm(block.norm2, queries)
        weight: Tensor = qkv.weight
        bias: Tensor = qkv.bias
        self._query: Apply | None = None  # of its own where not every row asks
        if queries < keys:
            self._query = linear(weight[:width], bias[:width], queries)
            weight, bias = weight[width:], bias[width:]
        self._qkv = linear(weight, bias, keys)
        self._proj = linear(attention.proj.weight, attention.proj.bias, queries)
        self._fc1 = linear(mlp.fc1.weight, mlp.fc1.bias, queries, after="gelu")
        self._fc2 = linear(mlp.fc2.weight, mlp.fc2.bias, queries)

    def __call__(self, x: Tensor) -> None:
        """Change the wanted rows of `x`, shape (keys, width)."""
        wanted = x[-self.queries :]
        normed = self._norm1(x)
        # (parts, heads, rows, head width)
        parts = self._qkv(normed).view(self.keys, -1, self._heads, self._head).permute(1, 2, 0, 3)
        if self._query is None:
            q, k, v = parts.unbind()
        else:
            k, v = parts.unbind()
            q = self._query(normed[-self.queries :])
            q = q.view(self.queries, self._heads, self._head).transpose(0, 1)
        # (heads, queries, head width)
        mixed = F.scaled_dot_product_attention(q[None], k[None], v[None])[0]
        wanted.add_(self._proj(mixed.transpose(0, 1).flatten(1)))
        wanted.add_(self._fc2(self._fc1(self._norm2(wanted))))

"""One patch with packed weights: only summary rows go on after the last attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.eegpt.layers import TransformerBlock

Apply = Callable[[Tensor], Tensor]
"""From (rows, inputs) to (rows, outputs)."""


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
        self._norm = _Norm(encoder.norm, len(summary))

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


class _Norm:
    """A layer norm into a buffer of its own."""

    def __init__(self, norm: nn.LayerNorm, rows: int) -> None:
        self._shape, self._eps = norm.normalized_shape, norm.eps
        self._scale, self._shift = norm.weight.detach(), norm.bias.detach()
        self._out = self._scale.new_empty(rows, len(self._scale))
        self._mean, self._rstd = self._scale.new_empty(2, rows, 1)

    def __call__(self, x: Tensor) -> Tensor:
        torch.ops.aten.native_layer_norm.out(
            x,
            self._shape,
            self._scale,
            self._shift,
            self._eps,
            out0=self._out,
            out1=self._mean,
            out2=self._rstd,
        )
        return self._out


class _Block:
    """A block whose last `queries` rows are wanted."""

    def __init__(self, block: TransformerBlock, keys: int, queries: int) -> None:
        self.keys, self.queries = keys, queries
        attention, mlp = block.attn, block.mlp
        qkv, width = attention.qkv, attention.proj.in_features
        self._heads, self._head = attention.heads, width // attention.heads
        self._norm1 = _Norm(block.norm1, keys)
        self._norm2 = _Norm(block.norm2, queries)
        weight: Tensor = qkv.weight
        bias: Tensor = qkv.bias
        self._query: Apply | None = None  # of its own where not every row asks
        if queries < keys:
            self._query = linear(weight[:width], bias[:width], queries)
            weight, bias = weight[width:], bias[width:]
        self._qkv = linear(weight, bias, keys)
        self._proj = linear(attention.proj.weight, attention.proj.bias, queries)
        self._fc1 = linear(mlp.fc1.weight, mlp.fc1.bias, queries, gelu=True)
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


def linear(weight: Tensor, bias: Tensor, rows: int, gelu: bool = False) -> Apply:
    """Pack a linear layer for inputs of so many rows.

    Parameters
    ----------
    weight : Tensor, shape (outputs, inputs)
    bias : Tensor, shape (outputs,)
    rows : int
    gelu : bool
        Whether the exact GELU follows.
    """
    kind = _Packed if _packs() else _Plain
    return kind(weight.detach(), bias.detach(), rows, gelu)


def _packs() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class _Plain:
    """As torch computes it anywhere, into a buffer of its own."""

    def __init__(self, weight: Tensor, bias: Tensor, rows: int, gelu: bool) -> None:
        self._weight, self._bias = weight.t(), bias
        self._out = weight.new_empty(rows, len(weight))
        self._gelu = gelu

    def __call__(self, x: Tensor) -> Tensor:
        torch.addmm(self._bias, x, self._weight, out=self._out)
        if self._gelu:
            torch.ops.aten.gelu.out(self._out, out=self._out)
        return self._out


class _Packed:
    """oneDNN's layer, its weights laid out for this processor and this number of rows."""

    def __init__(self, weight: Tensor, bias: Tensor, rows: int, gelu: bool) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)
        self._bias = bias
        # What oneDNN does to the products before it writes them, in torch's words.
        self._after: tuple[str, list[float], str]
        self._after = ("gelu", [], "none") if gelu else ("none", [], "")

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, *self._after)
        return y

"""Layers for a fixed number of rows: weights are laid out once, and buffers made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

Apply = Callable[..., Tensor]
"""From (rows, inputs), and with "add" and "mul" from (rows, outputs) too, to (rows, outputs)."""

After = Literal["none", "gelu", "swish", "add", "mul"]
"""What follows the products: nothing, an exact GELU, x * sigmoid(x), or another tensor."""


def linear(weight: Tensor, bias: Tensor | None, rows: int, after: After = "none") -> Apply:
    """Pack a linear layer for inputs of so many rows.

    Parameters
    ----------
    weight : Tensor, shape (outputs, inputs)
    bias : Tensor, shape (outputs,), optional
    rows : int
    after : {"none", "gelu", "swish", "add", "mul"}
        With the last two, the layer is given the other operand behind its input.
    """
    kind = _Packed if _packs(weight) else _Plain
    return kind(weight.detach(), None if bias is None else bias.detach(), rows, after)


def _packs(weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


class PackedNorm:
    """A layer norm into a buffer of its own."""

    def __init__(self, norm: nn.LayerNorm, rows: int) -> None:
        self._shape, self._eps = norm.normalized_shape, norm.eps
        self._scale = norm.weight.detach()
        self._shift = None if norm.bias is None else norm.bias.detach()
        self._out = self._scale.new_empty(rows, len(self._scale))
        self._mean, self._rstd = self._scale.new_empty(2, rows, 1)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the normed rows of `x`, shape (rows, width); overwritten by the next call."""
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


class _Plain:
    """As torch computes it anywhere, into a buffer of its own."""

    def __init__(self, weight: Tensor, bias: Tensor | None, rows: int, after: After) -> None:
        self._weight, self._bias, self._after = weight.t(), bias, after
        self._out = weight.new_empty(rows, len(weight))

    def __call__(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        out = self._out
        if self._bias is None:
            torch.mm(x, self._weight, out=out)
        else:
            torch.addmm(self._bias, x, self._weight, out=out)
        if self._after == "gelu":
            torch.ops.aten.gelu.out(out, out=out)
        elif self._after == "swish":
            torch.ops.aten.silu.out(out, out=out)
        elif other is not None:
            out = out.add_(other) if self._after == "add" else out.mul_(other)
        return out


class _Packed:
    """oneDNN's layer, its weights laid out for this processor and this number of rows."""

    def __init__(self, weight: Tensor, bias: Tensor | None, rows: int, after: After) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)
        self._bias, self._after = bias, after
        # What oneDNN does to the products before it writes them, in torch's words.
        self._words: tuple[str, list[float], str] = (after, [], "none" if after == "gelu" else "")

    def __call__(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        packed = torch.ops.mkldnn._linear_pointwise
        y: Tensor
        if other is None:
            y = packed(x, self._weight, self._bias, *self._words)
        else:
            y = packed.binary(x, other, self._weight, self._bias, self._after)
        return y

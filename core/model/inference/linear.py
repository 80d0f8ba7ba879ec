"""Linear layers with packed weights: float32, bfloat16 and 8-bit integers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Apply = Callable[[Tensor], Tensor]
"""From (rows, inputs) to (rows, outputs), float32 in and out."""

PRECISIONS = ("float32", "bf16", "int8")
"""From the most exact to the fastest."""


def unsupported(precision: str) -> str:
    """Return why this computer cannot compute in a precision, or nothing."""
    if precision == "float32":
        return ""
    if not _packs():
        return "this build of torch has no oneDNN"
    # Without these instructions the same products are slower than in float32, and 8-bit ones clip.
    wanted = {"bf16": "_is_avx512_bf16_supported", "int8": "_is_vnni_supported"}
    if precision == "int8" and not hasattr(torch.ops.onednn, "qlinear_pointwise"):
        return "this build of torch has no 8-bit linear layer"
    found = getattr(torch.cpu, wanted[precision], None)
    if found is None or not found():
        return f"the processor has no instructions for {precision}"
    return ""


def linear(
    weight: Tensor, bias: Tensor, rows: int, precision: str = "float32", gelu: bool = False
) -> Apply:
    """Pack a linear layer for inputs of so many rows.

    Parameters
    ----------
    weight : Tensor, shape (outputs, inputs)
    bias : Tensor, shape (outputs,)
    rows : int
    precision : str
        One of `PRECISIONS`, and one that `unsupported` has nothing against.
    gelu : bool
        Whether the exact GELU follows.
    """
    weight, bias = weight.detach(), bias.detach()
    if precision == "int8":
        return _Int8(weight, bias, rows, gelu)
    if _packs():
        return _Packed(weight, bias, rows, precision, gelu)
    return _Plain(weight, bias, rows, gelu)


def _packs() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _after(gelu: bool) -> tuple[str, list, str]:
    """Return what oneDNN does to the products before it writes them, in torch's words."""
    return ("gelu", [], "none") if gelu else ("none", [], "")


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

    def __init__(self, weight: Tensor, bias: Tensor, rows: int, precision: str, gelu: bool) -> None:
        kind = torch.bfloat16 if precision == "bf16" else torch.float32
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.to(kind).contiguous(), rows)
        self._bias = bias.to(kind)
        self._in = torch.empty(rows, weight.shape[1], dtype=kind)
        self._after = _after(gelu)

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype != self._in.dtype:
            x = self._in.copy_(x)
        return torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, *self._after)


class _Int8:
    """8-bit weights with a scale for each output, and inputs with one scale, found each time."""

    def __init__(self, weight: Tensor, bias: Tensor, rows: int, gelu: bool) -> None:
        outputs, inputs = weight.shape
        scales = weight.abs().amax(dim=1).clamp(min=1e-12) / 127
        whole = (weight / scales[:, None]).round().to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(whole, [rows, inputs])
        self._scales, self._zeros = scales, torch.zeros(outputs, dtype=torch.int64)
        self._bias = bias
        self._scaled = torch.empty(rows, inputs)
        self._whole = torch.empty(rows, inputs, dtype=torch.int32)
        self._bytes = torch.empty(rows, inputs, dtype=torch.uint8)
        self._out = (1.0, 0, torch.float32)
        self._after = _after(gelu)

    def __call__(self, x: Tensor) -> Tensor:
        low, high = min(float(x.amin()), 0.0), max(float(x.amax()), 0.0)
        if not math.isfinite(high - low):
            return x.new_full((len(x), len(self._scales)), math.nan)
        scale = max(high - low, 1e-12) / 254
        zero = round(-low / scale)
        # Copying to integers cuts off, so a half makes it round. One step is left free for that,
        # so that nothing leaves 0..255. Straight to bytes takes torch twice as long.
        torch.add(torch.tensor(zero + 0.5), x, alpha=1 / scale, out=self._scaled)
        self._bytes.copy_(self._whole.copy_(self._scaled))
        return self.multiply(self._bytes, scale, zero)

    def multiply(self, whole: Tensor, scale: float, zero: int) -> Tensor:
        """Return what inputs ``(whole - zero) * scale`` become; `whole` are bytes."""
        return torch.ops.onednn.qlinear_pointwise(
            whole,
            scale,
            zero,
            self._weight,
            self._scales,
            self._zeros,
            self._bias,
            *self._out,
            *self._after,
        )

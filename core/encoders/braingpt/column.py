"""One token of every electrode: the newest column, beside the keys and values of the band."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.braingpt.layers import Layer, angles


class Cache:
    """What later tokens depend on: keys and values of the newest tokens.

    Parameters
    ----------
    encoder : BrainGPT
    channels : int
    shared : bool
        Whether another process is to see it.

    Attributes
    ----------
    keys_values : Tensor, shape (layers, 2, channels, heads, 1 + band, head width)
        A ring behind the first place, which is the electrode's token. Keys are turned.
    position : Tensor of int64, shape (1,)
        Tokens that the run has had.
    """

    def __init__(self, encoder: Any, channels: int, shared: bool) -> None:
        heads = encoder.spec.tokens[1] // encoder.head
        shape = (len(encoder.layers), 2, channels, heads, 1 + encoder.band, encoder.head)
        self.keys_values: Tensor = encoder.embed.weight.new_zeros(shape)
        self.position = torch.zeros(1, dtype=torch.int64)
        if shared:
            self.keys_values.share_memory_()
            self.position.share_memory_()

    def reset(self) -> None:
        """Begin a run."""
        self.position.zero_()
        # What was not finite would come back, even with a weight of 0.
        self.keys_values[..., 1:, :].zero_()


class ColumnStep:
    """Encodes one token of every electrode, and nothing that was encoded before.

    Parameters
    ----------
    encoder : BrainGPT
        Its weights may not change while the step is in use.
    rows : Tensor of int64, shape (channels,)
        Electrode of each channel.
    cache : Cache
        Changed by every step.

    Notes
    -----
    Everything but norms is written into buffers that are made here. (torch's layer norm into a
    buffer takes twice the time of one that brings its answer, a column.) Plain products
    are as fast as oneDNN's packed ones at these widths, whose call costs 13 µs and whose answers
    take new memory.
    """

    @torch.inference_mode()
    def __init__(self, encoder: Any, rows: Tensor, cache: Cache) -> None:
        weight: Tensor = encoder.embed.weight
        self._cache, self._band = cache, encoder.band
        # The scale is part of the weights here, as it costs a pass over the samples otherwise.
        self._embed, self._bias = (weight * encoder.scale).t(), encoder.embed.bias
        self._special: Tensor = encoder.special_token
        buffers = _Buffers(encoder, len(rows))
        self._x, self._norm = buffers.x, encoder.norm
        _, constants = encoder.constants(rows.to(weight.device))
        keys, values = (
            torch.stack(tensors)[:, :, :, 0] for tensors in zip(*constants, strict=True)
        )
        cache.keys_values[:, 1, :, :, 0] = values
        self._electrodes = _pairs(keys.contiguous())  # (layers, channels, heads, head width / 2)
        self._electrode_places = _pairs(cache.keys_values)[:, 0, :, :, 0]
        self._layers = [
            _CachedLayer(layer, keys_values, buffers)
            for layer, keys_values in zip(encoder.layers, cache.keys_values, strict=True)
        ]
        position = torch.ones(1, dtype=torch.int64, device=weight.device)
        self._angles = angles(position, encoder.head)[0]
        self._angle, self._radius = torch.empty_like(self._angles), torch.ones_like(self._angles)
        self._exact = torch.polar(self._radius, self._angles)
        self._turn = buffers.turn

    def prepare(self) -> None:
        """Nothing to wait for."""

    def encode(self, piece: Tensor, out: Tensor) -> None:
        """Encode the next token, under inference mode.

        Parameters
        ----------
        piece : Tensor, shape (channels, samples of a patch)
        out : Tensor, shape (channels, width)
            Where the tokens are written.
        """
        position = int(self._cache.position)
        self._turn_to(position)
        # Turned like the queries, so that it has no distance from them.
        torch.mul(self._electrodes, self._turn, out=self._electrode_places)
        seen, place = 1 + min(position + 1, self._band), 1 + position % self._band
        torch.addmm(self._bias, piece, self._embed, out=self._x)
        for layer in self._layers:
            layer.advance(place, seen)
        out.copy_(_normed(self._x, self._norm))
        self._cache.position.add_(1)

    def ask(self, out: Tensor) -> None:
        """Write the special token's state behind the newest token; the cache stays as it is."""
        position = int(self._cache.position) - 1
        self._turn_to(position)
        self._x.copy_(self._special)
        for layer in self._layers:
            layer.ask(1 + min(position + 1, self._band))
        out.copy_(_normed(self._x, self._norm))

    def _turn_to(self, position: int) -> None:
        """Compute cosines and sines of a position, as complex numbers."""
        torch.mul(self._angles, position, out=self._angle)
        torch.polar(self._radius, self._angle, out=self._exact)
        self._turn.copy_(self._exact)


class _Buffers:
    """Where a column is written on its way, for all layers."""

    def __init__(self, encoder: Any, channels: int) -> None:
        weight, width, head = encoder.embed.weight, encoder.spec.tokens[1], encoder.head
        hidden, heads = encoder.layers[0].down.in_features, width // head
        rows = channels * heads
        self.x = weight.new_empty(channels, width)
        self.qkv = weight.new_empty(channels, 3 * width)
        self.query_only = self.qkv[:, :width]
        qkv = _pairs(self.qkv.view(channels, 3, heads, head))
        self.asked, self.kept = qkv[:, 0], qkv[:, 1:].transpose(0, 1)
        self.query = weight.new_empty(rows, 1, head)
        self.query_pairs = _pairs(self.query.view(channels, heads, head))
        # Cosines and sines for keys and queries, and 1 for values.
        turns = torch.ones(2, head // 2, dtype=qkv.dtype, device=weight.device)
        self.turn, self.turns = turns[0], turns[:, None, None]
        self.scores, self.weights = weight.new_empty(2, rows, 1, 1 + encoder.band)
        self.mixed = weight.new_empty(rows, 1, head)
        self.mixed_rows = self.mixed.view(channels, width)
        self.gate_up = weight.new_empty(channels, 2 * hidden)
        self.gate, self.up = self.gate_up.chunk(2, dim=1)
        self.hidden = weight.new_empty(channels, hidden)


class _CachedLayer:
    """A layer of one column."""

    def __init__(self, layer: Layer, keys_values: Tensor, buffers: _Buffers) -> None:
        self._buffers = buffers
        self._norm1, self._norm2 = layer.norm1, layer.norm2
        width, head = layer.out.in_features, keys_values.shape[-1]
        qkv = layer.qkv.weight.clone()
        qkv[:width] *= head**-0.5  # so that scores need not be divided
        # Not turned round in memory: MKL sums up less exactly then, for fewer than four channels.
        self._qkv, self._query = qkv.t(), qkv[:width].t()
        self._out, self._gate_up = layer.out.weight.t(), layer.gate_up.weight.t()
        self._down = layer.down.weight.t()
        self._places = _pairs(keys_values).unbind(3)
        keys, values = keys_values.flatten(1, 2)  # (channels x heads, places, head width)
        self._keys, self._values = keys.transpose(1, 2), values

    def advance(self, place: int, seen: int) -> None:
        """Pass the column and keep its keys and values."""
        buffers = self._buffers
        torch.mm(_normed(buffers.x, self._norm1), self._qkv, out=buffers.qkv)
        torch.mul(buffers.kept, buffers.turns, out=self._places[place])
        self._attend(seen)

    def ask(self, seen: int) -> None:
        """Pass a column that nothing will see."""
        buffers = self._buffers
        torch.mm(_normed(buffers.x, self._norm1), self._query, out=buffers.query_only)
        self._attend(seen)

    def _attend(self, seen: int) -> None:
        buffers = self._buffers
        torch.mul(buffers.asked, buffers.turn, out=buffers.query_pairs)
        torch.bmm(buffers.query, self._keys, out=buffers.scores)
        if seen < buffers.scores.shape[-1]:  # the run has had fewer tokens than a band
            buffers.scores[..., seen:] = -torch.inf
        torch.softmax(buffers.scores, -1, out=buffers.weights)
        torch.bmm(buffers.weights, self._values, out=buffers.mixed)
        buffers.x.addmm_(buffers.mixed_rows, self._out)
        torch.mm(_normed(buffers.x, self._norm2), self._gate_up, out=buffers.gate_up)
        F.silu(buffers.gate, inplace=True)
        torch.mul(buffers.gate, buffers.up, out=buffers.hidden)
        buffers.x.addmm_(buffers.hidden, self._down)


def _normed(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    """Return what `norm` makes of a column, without the time that calling a module takes."""
    return torch.layer_norm(x, norm.normalized_shape, norm.weight, None, norm.eps)


def _pairs(x: Tensor) -> Tensor:
    """View neighbouring numbers of the last dimension as complex ones."""
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)))

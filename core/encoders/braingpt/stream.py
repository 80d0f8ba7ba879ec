"""BrainGPT over a stream: keys and values of the band are kept, a token costs one column."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.encoders.braingpt.layers import Layer, angles
from core.encoders.packed_layers import PackedNorm, linear
from core.encoders.subprocess_encoder import EncoderStep, SubprocessStep


class Cache:
    """Keys and values of the newest tokens, which later tokens depend on.

    Parameters
    ----------
    encoder : BrainGPT
    channels : int
    shared : bool
        Whether another process is to see it.

    Attributes
    ----------
    keys, values : Tensor, shape (layers, channels, heads, 1 + band, head width)
        A ring behind the first place, which is the electrode's token. Keys are turned.
    position : Tensor of int64, shape (1,)
        Tokens that the run has had.
    """

    def __init__(self, encoder: Any, channels: int, shared: bool) -> None:
        layers, heads = len(encoder.layers), encoder.spec.tokens[1] // encoder.head
        weight = encoder.embed.weight
        shape = (layers, channels, heads, 1 + encoder.band, encoder.head)
        self.keys, self.values = weight.new_zeros(shape), weight.new_zeros(shape)
        self.position = torch.zeros(1, dtype=torch.int64)
        if shared:
            for tensor in (self.keys, self.values, self.position):
                tensor.share_memory_()

    def reset(self) -> None:
        """Begin a run."""
        self.position.zero_()
        # What was not finite would come back, even with a weight of 0.
        self.values[..., 1:, :].zero_()


class ColumnStep:
    """Encodes one token of every electrode, and nothing that was encoded before.

    Parameters
    ----------
    encoder : BrainGPT
        What becomes of its weights later is not seen here.
    rows : Tensor of int64, shape (channels,)
        Electrode of each channel.
    cache : Cache
        Changed by every step.
    """

    @torch.inference_mode()
    def __init__(self, encoder: Any, rows: Tensor, cache: Cache) -> None:
        channels, width = len(rows), encoder.spec.tokens[1]
        device = encoder.embed.weight.device
        _, constants = encoder.constants(rows.to(device))
        self._cache, self._band, self._head = cache, encoder.band, encoder.head
        self._scale = encoder.scale
        self._piece = encoder.embed.weight.new_empty(channels, encoder.spec.patch)
        self._embed = linear(encoder.embed.weight, encoder.embed.bias, channels)
        self._special = encoder.special_token.detach().expand(channels, width).contiguous()
        self._layers = []
        for index, (key, value) in enumerate(constants):
            cache.values[index, :, :, 0] = value[:, :, 0]
            ring = cache.keys[index], cache.values[index]
            self._layers.append(_CachedLayer(encoder.layers[index], *ring, key[:, :, 0]))
        self._norm = PackedNorm(encoder.norm, channels)
        self._angles = angles(torch.ones(1, dtype=torch.int64, device=device), encoder.head)[0]
        self._angle, self._one = torch.empty_like(self._angles), torch.ones_like(self._angles)
        self._turn = torch.complex(self._angles, self._angles)
        kind = torch.promote_types(encoder.embed.weight.dtype, torch.complex64)
        self._turn_used = torch.empty(len(self._angles), dtype=kind, device=device)

    def prepare(self) -> None:
        """Nothing to wait for."""

    def encode(self, piece: Tensor, out: Tensor) -> None:
        """Encode the next token.

        Parameters
        ----------
        piece : Tensor, shape (channels, samples of a patch)
        out : Tensor, shape (channels, width)
            Where the tokens are written.
        """
        position = int(self._cache.position)
        turn, seen = self._turn_at(position), 1 + min(position + 1, self._band)
        place = 1 + position % self._band
        x = self._embed(torch.mul(piece, self._scale, out=self._piece))
        for layer in self._layers:
            x = layer.advance(x, turn, place, seen)
        out.copy_(self._norm(x))
        self._cache.position.add_(1)

    def ask(self, out: Tensor) -> None:
        """Write the special token's state behind the newest token, and leave the cache as it is."""
        position = int(self._cache.position) - 1
        turn, seen = self._turn_at(position), 1 + min(position + 1, self._band)
        x = self._special
        for layer in self._layers:
            x = layer.ask(x, turn, seen)
        out.copy_(self._norm(x))

    def _turn_at(self, position: int) -> Tensor:
        """Return cosines and sines of a position, as complex numbers."""
        torch.mul(self._angles, position, out=self._angle)
        torch.polar(self._one, self._angle, out=self._turn)
        return self._turn_used.copy_(self._turn)


class _CachedLayer:
    """A layer of one column, beside the keys and values of the band."""

    def __init__(self, layer: Layer, keys: Tensor, values: Tensor, electrode: Tensor) -> None:
        channels, heads, places, head = keys.shape
        width, hidden = heads * head, layer.down.in_features
        self._norm1, self._norm2 = (
            PackedNorm(layer.norm1, channels),
            PackedNorm(layer.norm2, channels),
        )
        weight = layer.qkv.weight.detach().clone()
        weight[:width] *= head**-0.5  # so that scores need not be scaled
        self._qkv = linear(weight, None, channels)
        self._query_only = linear(weight[:width], None, channels)
        self._out = linear(layer.out.weight, None, channels, "add")
        gate, up = layer.gate_up.weight.split(hidden)
        self._gate = linear(gate, None, channels, "swish")
        self._up = linear(up, None, channels, "mul")
        self._down = linear(layer.down.weight, None, channels, "add")
        self._values = values
        self._key_pairs = torch.view_as_complex(keys.unflatten(-1, (-1, 2)))
        self._electrode = torch.view_as_complex(electrode.contiguous().unflatten(-1, (-1, 2)))
        self._query = weight.new_empty(channels * heads, 1, head)
        pairs = self._query.view(channels, heads, -1, 2)
        self._query_pairs = torch.view_as_complex(pairs)
        self._keys_t = keys.flatten(0, 1).transpose(1, 2)  # (channels x heads, head, places)
        self._values_flat = values.flatten(0, 1)  # (channels x heads, places, head)
        self._scores, self._weights = weight.new_empty(2, channels * heads, 1, places)
        self._mixed = weight.new_empty(channels * heads, 1, head)
        self._shape = (channels, heads, head)

    def advance(self, x: Tensor, turn: Tensor, place: int, seen: int) -> Tensor:
        """Keep keys and values of `x`, shape (channels, width), and pass it."""
        channels, heads, head = self._shape
        parts = self._qkv(self._norm1(x)).view(channels, 3, heads, head)
        pairs = torch.view_as_complex(parts.unflatten(-1, (-1, 2)))
        torch.mul(pairs[:, 0], turn, out=self._query_pairs)
        torch.mul(pairs[:, 1], turn, out=self._key_pairs[:, :, place])
        # So that the queries' turn cancels out: the electrode's token has no distance.
        torch.mul(self._electrode, turn, out=self._key_pairs[:, :, 0])
        self._values[:, :, place].copy_(parts[:, 2])
        return self._after(x, seen)

    def ask(self, x: Tensor, turn: Tensor, seen: int) -> Tensor:
        """Pass `x`, shape (channels, width), that nobody will see."""
        query = self._query_only(self._norm1(x)).view(self._shape)
        pairs = torch.view_as_complex(query.unflatten(-1, (-1, 2)))
        torch.mul(pairs, turn, out=self._query_pairs)
        return self._after(x, seen)

    def _after(self, x: Tensor, seen: int) -> Tensor:
        torch.bmm(self._query, self._keys_t, out=self._scores)
        if seen < self._scores.shape[-1]:  # the run has had fewer tokens than a band
            self._scores[..., seen:].fill_(-torch.inf)
        torch.softmax(self._scores, -1, out=self._weights)
        torch.bmm(self._weights, self._values_flat, out=self._mixed)
        x = self._out(self._mixed.view(x.shape), x)
        normed = self._norm2(x)
        return self._down(self._up(normed, self._gate(normed)), x)


class ColumnStream:
    """Tokens of the newest window of an unbroken run, each computed once.

    Parameters
    ----------
    encoder : BrainGPT
        In eval mode.
    rows : Tensor of int64, shape (channels,)
        Electrode of each channel, from `electrode_rows`.
    hop : int, optional
        Samples from one window to the next: a multiple of the stride.
    in_subprocess : bool
        Encode in a process of its own. Changes no digit.

    Attributes
    ----------
    columns_encoded : int
        Columns that went through the encoder since the beginning.

    Raises
    ------
    InputError
        As `EncoderSpec.check_hop`.
    """

    def __init__(
        self,
        encoder: Any,
        rows: Tensor,
        hop: int | None = None,
        in_subprocess: bool = False,
    ) -> None:
        spec, weight = encoder.spec, encoder.embed.weight
        self.hop = spec.default_hop if hop is None else hop
        spec.check_hop(self.hop)
        self.columns_encoded = 0
        self._encoder, self._rows, self._channels = encoder, rows, len(rows)
        self._cache = Cache(encoder, len(rows), in_subprocess)
        self._step: EncoderStep
        if in_subprocess:
            piece, tokens = (len(rows), spec.patch), (len(rows), spec.tokens[1])
            self._step = SubprocessStep(ColumnStep, (encoder, rows, self._cache), piece, tokens)
        else:
            self._step = self._local_step
        self._first = max(spec.window, spec.warmup)
        # Every sample is written twice, a patch apart, so that the newest patch is one slice.
        self._signal = weight.new_zeros(len(rows), 2 * spec.patch)
        self._ring: Tensor = weight.new_zeros(spec.token_shape(len(rows)))
        self.reset()

    @cached_property
    def _local_step(self) -> ColumnStep:
        return ColumnStep(self._encoder, self._rows, self._cache)

    def prepare(self) -> None:
        """Wait until the first column can be encoded, where another process does it."""
        self._step.prepare()

    def reset(self) -> None:
        """Forget the signal, as after a gap."""
        self._samples = 0
        self._cache.reset()

    @property
    def state(self) -> dict[str, Any]:
        """Keys and values of the band, newest signal and tokens, and how much of both there was."""
        tensors = {name: tensor.clone() for name, tensor in self._tensors().items()}
        return tensors | {"samples": self._samples}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        for name, tensor in self._tensors().items():
            tensor.copy_(state[name])
        self._samples = int(state["samples"])

    def _tensors(self) -> dict[str, Tensor]:
        cache = self._cache
        kept = {"keys": cache.keys, "values": cache.values, "position": cache.position}
        return kept | {"signal": self._signal, "tokens": self._ring}

    @torch.inference_mode()
    def push(self, samples: Tensor | np.ndarray) -> Tensor | None:
        """Take samples, shape (channels, n), n a multiple of the hop, as `TokenStream.push`.

        Raises
        ------
        ValueError
            If the shape is another one.
        """
        new = torch.as_tensor(np.array(samples) if isinstance(samples, np.ndarray) else samples)
        new = new.to(self._signal.dtype).to(self._signal.device)
        if new.ndim != 2 or len(new) != self._channels or not new.shape[1]:
            raise ValueError(f"{tuple(new.shape)} is not ({self._channels} channels, samples).")
        if new.shape[1] % self.hop:
            raise ValueError(f"{new.shape[1]} samples are not a multiple of the hop, {self.hop}.")
        spec, columns = self._encoder.spec, len(self._ring)
        for piece in new.split(spec.stride, dim=1):
            patch = self._append(piece)
            if self._samples >= spec.patch:
                column = (self._samples - spec.patch) // spec.stride
                self._step.encode(patch, self._ring[column % columns])
                self.columns_encoded += 1
        if self._samples < self._first:
            return None
        oldest = (self._samples - spec.patch) // spec.stride + 1
        return self._ring.roll(-(oldest % columns), dims=0)

    @torch.inference_mode()
    def summary(self) -> Tensor:
        """Return the special token's state behind the newest token, shape (channels, width).

        It is asked here and now: nothing that comes later depends on it.

        Raises
        ------
        ValueError
            If the run has no token yet.
        """
        if self._samples < self._encoder.spec.patch:
            raise ValueError("The run has no token yet, so that there is nothing to sum up.")
        out: Tensor = torch.empty_like(self._ring[0])
        self._local_step.ask(out)
        return out

    def _append(self, piece: Tensor) -> Tensor:
        """Keep a stride of samples; return the patch that ends with it."""
        length = self._encoder.spec.patch
        start = self._samples % length
        stop = start + piece.shape[1]
        self._signal[:, start:stop] = piece
        self._signal[:, start + length : stop + length] = piece
        self._samples += piece.shape[1]
        return self._signal[:, stop : stop + length]

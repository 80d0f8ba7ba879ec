"""BrainGPT over a stream: keys and values of the band are kept, a token costs one column."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.encoders.braingpt.column import Cache, ColumnStep
from core.encoders.streaming import newest_patch, pushed
from core.encoders.subprocess_encoder import EncoderStep, SubprocessStep


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
        self._encoder, self._rows = encoder, rows
        self._cache = Cache(encoder, len(rows), in_subprocess)
        self._step: EncoderStep
        if in_subprocess:
            piece, tokens = (len(rows), spec.patch), (len(rows), spec.tokens[1])
            self._step = SubprocessStep(ColumnStep, (encoder, rows, self._cache), piece, tokens)
        else:
            self._step = self._local_step
        self._first = max(spec.window, spec.warmup)
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
        kept = {"keys_values": self._cache.keys_values, "position": self._cache.position}
        return kept | {"signal": self._signal, "tokens": self._ring}

    @torch.inference_mode()
    def push(self, samples: Tensor | np.ndarray) -> Tensor | None:
        """Take samples, shape (channels, n), n a multiple of the hop, as `TokenStream.push`.

        Raises
        ------
        ValueError
            If the shape is another one.
        """
        new = pushed(samples, self.hop, self._signal)
        spec, columns = self._encoder.spec, len(self._ring)
        for piece in new.split(spec.stride, dim=1):
            patch = newest_patch(self._signal, piece, self._samples)
            self._samples += piece.shape[1]
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

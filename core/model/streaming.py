"""Encoding a live signal: a new patch costs one patch, the others are remembered."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError
from core.model.encoder import ChannelIds, Encoder, as_ids
from core.model.inference.precision import choose


class StreamingEncoder:
    """Keeps the tokens of the last window of an unbroken signal.

    Parameters
    ----------
    encoder : Encoder
        In eval mode; its patches must be independent of each other.
    channel_ids : sequence of int, shape (channels,)
        Codex position of each channel.
    hop : int, optional
        Samples from one window to the next; divides the patch, and is the patch by default.
    precision : {"float32", "bf16", "int8"}
        Of the products with weights. Another than float32 is taken only where the processor has
        the instructions and the tokens of some seconds of noise agree with float32
        (`core.model.inference.precision`). Part of what decisions depend on.
    apart : bool
        Encode in a process of its own, so that this one's threads cannot hold it up. Changes no
        digit.

    Attributes
    ----------
    precision : str
        The one that was taken.
    note : str
        One sentence why it is not the one that was asked for, or nothing.
    patches_encoded : int
        Patches that went through the encoder since the beginning.

    Raises
    ------
    InputError
        If the encoder looks beyond a patch, the hop does not divide it, or there is no such
        precision.

    Notes
    -----
    With a hop of 1/k patch, windows that end one patch apart share patches and windows in between
    do not, so there are k interleaved sequences of patches. One ring over all hops holds them: a
    window is every k-th entry of it. Values that are not finite stay in every window that holds
    them; after a break in the signal call `reset`.

    The weights are packed here, once; later changes of the encoder's are not seen. Patches are
    encoded one by one, so that how samples are pushed changes no digit. On an accelerator the
    encoder itself is asked.
    """

    def __init__(
        self,
        encoder: Encoder,
        channel_ids: ChannelIds,
        hop: int | None = None,
        precision: str = "float32",
        apart: bool = False,
    ) -> None:
        spec = encoder.spec
        hop = spec.patch if hop is None else hop
        if spec.context != "patch":
            raise InputError(
                f"The encoder {spec.label} cannot be streamed patch by patch: its tokens depend on "
                f'more than one patch (context "{spec.context}"). Choose one with context "patch".'
            )
        if hop < 1 or spec.patch % hop:
            raise InputError(
                f"A hop of {hop} samples does not divide the encoder's patch of {spec.patch}; "
                f"choose a hop such as {spec.patch} or {spec.patch // 2}."
            )
        if encoder.training:
            raise ValueError("The encoder is in training mode; call its eval() first.")
        self.encoder = encoder
        self.hop = hop
        self.patches_encoded = 0
        self._stride = spec.patch // hop  # hops in a patch
        weight = encoder.summary_token
        self._ids = as_ids(channel_ids).to(weight.device)
        chosen = choose(encoder, self._ids, precision, apart)
        self.precision, self.note, self._step = chosen.precision, chosen.note, chosen.step
        # Every sample is written twice, a patch apart, so that the newest patch is one slice.
        self._signal = weight.new_zeros(len(self._ids), 2 * spec.patch)
        # One entry a hop: the tokens of the patch that ends there.
        self._ring = weight.new_zeros(spec.patches * self._stride, *spec.summary)
        self.reset()

    def prepare(self) -> None:
        """Wait until the first patch can be encoded, where that is done by another process."""
        if self._step is not None:
            self._step.prepare()

    def reset(self) -> None:
        """Forget the signal, as after a gap."""
        self._hops = 0

    @torch.inference_mode()
    def push(self, samples: Tensor | np.ndarray) -> Tensor | None:
        """Take the next samples and return the tokens of the window that ends with them.

        Parameters
        ----------
        samples : Tensor or ndarray, shape (channels, n)
            In the encoder's unit and at its rate; n is a positive multiple of the hop. More than a
            window at once is fine: only what later windows can see is encoded.

        Returns
        -------
        Tensor, shape (patches, summary tokens, width), or None
            A copy, oldest patch first; None until one full window was seen.

        Raises
        ------
        ValueError
            If the shape is another one.
        """
        new = self._tensor(samples)
        if new.ndim != 2 or len(new) != len(self._ids) or not new.shape[1]:
            raise ValueError(f"{tuple(new.shape)} is not ({len(self._ids)} channels, samples).")
        if new.shape[1] % self.hop:
            raise ValueError(f"{new.shape[1]} samples are not a multiple of the hop, {self.hop}.")

        slots, hops = len(self._ring), new.shape[1] // self.hop
        last = self._hops + hops - 1
        for piece in new.split(self.hop, dim=1):
            patch = self._append(piece)
            # Not before a patch is full, and only what the window at the end can see.
            if self._hops >= self._stride - 1 and self._hops > last - slots:
                self._encode(patch, self._ring[self._hops % slots])
            self._hops += 1

        if self._hops < slots:
            return None
        oldest = (self._hops - slots + self._stride - 1) % slots
        window = self._ring[oldest % self._stride :: self._stride]
        return window.roll(-(oldest // self._stride), dims=0)

    def _append(self, piece: Tensor) -> Tensor:
        """Keep one hop of samples; return the patch that ends with it."""
        length = self.encoder.spec.patch
        start = self._hops * self.hop % length
        stop = start + self.hop
        self._signal[:, start:stop] = piece
        self._signal[:, start + length : stop + length] = piece
        return self._signal[:, stop : stop + length]

    def _encode(self, patch: Tensor, out: Tensor) -> None:
        if self._step is None:
            out.copy_(self.encoder.encode_patches(patch[None], self._ids)[0])
        else:
            self._step.encode(patch, out)
        self.patches_encoded += 1

    def _tensor(self, samples: Tensor | np.ndarray) -> Tensor:
        if not isinstance(samples, Tensor):
            # A copy of its own: read-only and reversed arrays are no tensors.
            samples = torch.from_numpy(np.array(samples, dtype=np.float64))
        return samples.to(self._ring.dtype).to(self._ring.device)

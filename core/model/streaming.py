"""Encoding a live signal: a new patch costs one patch, the others are remembered."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError
from core.model.encoder import ChannelIds, Encoder, as_ids


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

    Attributes
    ----------
    patches_encoded : int
        Patches that went through the encoder since the beginning.

    Raises
    ------
    InputError
        If the encoder looks beyond a patch, or the hop does not divide it.

    Notes
    -----
    With a hop of 1/k patch, windows that end one patch apart share patches and windows in between
    do not, so there are k interleaved sequences of patches. One ring over all hops holds them: a
    window is every k-th entry of it. Values that are not finite stay in every window that holds
    them; after a break in the signal call `reset`.
    """

    def __init__(self, encoder: Encoder, channel_ids: ChannelIds, hop: int | None = None) -> None:
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
        # The newest samples, for the patches that begin before the next push.
        self._tail = weight.new_zeros(len(self._ids), spec.patch)
        # One entry a hop: the tokens of the patch that ends there.
        self._ring = weight.new_zeros(spec.patches * self._stride, *spec.summary)
        self.reset()

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

        length, slots = self._tail.shape[1], len(self._ring)
        joined = torch.cat((self._tail, new), dim=1)
        # Every patch that ends inside the new samples: (hops, channels, samples of a patch).
        patches = joined.unfold(1, length, self.hop)[:, 1:].transpose(0, 1)
        ends = torch.arange(self._hops, self._hops + len(patches))  # number of the hop they end in
        wanted = (ends >= self._stride - 1) & (ends > ends[-1] - slots)
        patches, ends = patches[wanted.to(patches.device)], ends[wanted]
        at_once = self.encoder.spec.patches  # bounds the memory of a long push
        for some, where in zip(patches.split(at_once), ends.split(at_once), strict=True):
            tokens = self.encoder.encode_patches(some, self._ids)
            self._ring[(where % slots).to(tokens.device)] = tokens
        self.patches_encoded += len(patches)
        self._hops += new.shape[1] // self.hop
        self._tail = joined[:, -length:].clone()

        if self._hops < slots:
            return None
        newest = self._hops - 1
        window = torch.arange(newest - slots + self._stride, newest + 1, self._stride)
        return self._ring[(window % slots).to(self._ring.device)]

    def _tensor(self, samples: Tensor | np.ndarray) -> Tensor:
        if not isinstance(samples, Tensor):
            # A copy of its own: read-only and reversed arrays are no tensors.
            samples = torch.from_numpy(np.array(samples, dtype=np.float64))
        return samples.to(self._tail.dtype).to(self._tail.device)

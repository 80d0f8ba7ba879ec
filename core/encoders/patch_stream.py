"""Token streams of encoders whose patches stand alone: a new patch costs one, others are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.encoders.spec import EncoderSpec
from core.encoders.streaming import newest_patch, pushed
from core.encoders.subprocess_encoder import EncoderStep


class PatchStream:
    """Keeps the tokens of the last window of an unbroken signal.

    Parameters
    ----------
    spec : EncoderSpec
        With the context "patch".
    channels : int
    step : EncoderStep
        Encodes one patch.
    hop : int, optional
        Samples from one window to the next; divides patch and stride, and is the stride by
        default.
    kind : torch.dtype
    device : torch.device
        Of the signal that is kept and of the tokens.

    Attributes
    ----------
    patches_encoded : int
        Patches that went through the encoder since the beginning.

    Raises
    ------
    InputError
        If the hop does not divide patch and stride.

    Notes
    -----
    With a hop of 1/k stride, windows that end one stride apart share patches and windows in between
    do not, so there are k interleaved sequences of patches. One ring over all hops holds them: a
    window is every k-th entry of it. Values that are not finite stay in every window that holds
    them; after a break in the signal call `reset`.

    Patches are encoded one by one, so that how samples are pushed changes no digit.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        channels: int,
        step: EncoderStep,
        hop: int | None = None,
        kind: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        hop = spec.default_hop if hop is None else hop
        spec.check_hop(hop)
        self.hop = hop
        self.patches_encoded = 0
        self._step = step
        self._stride = spec.stride // hop  # hops from one patch to the next
        self._first = spec.patch // hop  # hops until a patch is full
        self._full = spec.window // hop  # hops until a window is
        patches, *shape = spec.token_shape(channels)
        self._signal = torch.zeros(channels, 2 * spec.patch, dtype=kind, device=device)
        # One entry a hop: the tokens of the patch that ends there.
        self._ring = torch.zeros(patches * self._stride, *shape, dtype=kind, device=device)
        self.reset()

    def prepare(self) -> None:
        """Wait until the first patch can be encoded, where that is done by another process."""
        self._step.prepare()

    def reset(self) -> None:
        """Forget the signal, as after a gap."""
        self._hops = 0

    @property
    def state(self) -> dict[str, Any]:
        """Newest patches of signal, tokens of the window, and how many hops were seen."""
        return {"signal": self._signal.clone(), "ring": self._ring.clone(), "hops": self._hops}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._signal.copy_(state["signal"])
        self._ring.copy_(state["ring"])
        self._hops = int(state["hops"])

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
        new = pushed(samples, self.hop, self._signal)
        slots, hops = len(self._ring), new.shape[1] // self.hop
        last = self._hops + hops - 1
        for piece in new.split(self.hop, dim=1):
            patch = newest_patch(self._signal, piece, self._hops * self.hop)
            # Not before a patch is full, and only what the window at the end can see.
            if self._hops >= self._first - 1 and self._hops > last - slots:
                self._step.encode(patch, self._ring[self._hops % slots])
                self.patches_encoded += 1
            self._hops += 1

        if self._hops < self._full:
            return None
        oldest = (self._hops - slots + self._stride - 1) % slots
        window = self._ring[oldest % self._stride :: self._stride]
        return window.roll(-(oldest // self._stride), dims=0)

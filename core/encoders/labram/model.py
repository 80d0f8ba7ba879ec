"""LaBraM's encoder: all electrodes and seconds of a window look at each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.encoders.base import Encoder, check_window
from core.encoders.labram.electrodes import ELECTRODES, electrode_rows
from core.encoders.labram.layers import SECONDS, TemporalConv, Transformer, initialise
from core.encoders.labram.sizes import size_named
from core.encoders.spec import EncoderSpec
from core.encoders.window_stream import WindowStream
from core.errors import InputError

RATE = 200.0
PATCH = 200
SCALE = 0.01
"""Every sample is multiplied by it: 100 µV are 1. It never depends on the signal."""


def labram_spec(size: str, *, name: str, trained: bool, provenance: dict[str, str]) -> EncoderSpec:
    """Return the spec of a LaBraM encoder.

    Patches of 1 s at 200 Hz, up to 16 of them (Jiang et al. 2024, sections 2.1 and 3); 4 s, an
    imagined movement, are decoded.

    Raises
    ------
    InputError
        If there is no such size.
    """
    return EncoderSpec(
        family="labram",
        size=size,
        name=name,
        rate=RATE,
        unit="uV",
        patch=PATCH,
        stride=PATCH,
        window=4 * PATCH,
        ch_names=ELECTRODES,
        tokens=(None, size_named(size).width),
        trained=trained,
        context="window",
        provenance=dict(provenance),
    )


class LaBraM(Transformer, Encoder):
    """LaBraM's encoder.

    Parameters
    ----------
    spec : EncoderSpec
        What to build. Its `size` fixes widths and depth.
    seed : int or tuple of int
        Of the random weights it starts with.

    Notes
    -----
    Jiang et al. (2024), Large brain model for learning generic representations with tremendous EEG
    data in BCI, ICLR, section 2. Names and shapes of the tensors are those of the published
    pretraining (but for `temporal_conv`); its last norm, which the published fine-tuning leaves
    out, is the last here.
    """

    def __init__(self, spec: EncoderSpec, *, seed: int | tuple[int, ...] = 0) -> None:
        size = size_named(spec.size)
        super().__init__(size.width, size.heads, size.depth, size.layer_scale)
        self.spec = spec
        self.temporal_conv = TemporalConv(size.channels)
        if not self.cls_token.is_meta:
            initialise(self, seed)

    def forward(
        self,
        window: Tensor,
        rows: Tensor,
        hidden: Tensor | None = None,
        mask_token: Tensor | None = None,
    ) -> Tensor:
        """Encode windows, or what a mask leaves of them.

        Parameters
        ----------
        window : Tensor, shape (batch, electrodes, samples)
            In the encoder's unit and at its rate.
        rows : Tensor of int, shape (electrodes,)
            From `electrode_rows`.
        hidden : Tensor of bool, shape (electrodes, seconds), optional
            Tokens that the mask token stands for, for pretraining.
        mask_token : Tensor, shape (1, 1, width), optional

        Returns
        -------
        Tensor, shape (batch, electrodes, seconds, width)

        Raises
        ------
        InputError
            If the window is not 1 to 16 whole seconds.
        """
        seconds = window.shape[-1] // PATCH
        if window.shape[-1] % PATCH or not 0 < seconds <= SECONDS:
            raise InputError(
                f"LaBraM has rows of time for windows of 1 to {SECONDS} whole seconds at {RATE:g} "
                f"Hz; this one has {window.shape[-1]} samples. Resample the signal, or cut it."
            )
        patches = (window * SCALE).unflatten(-1, (seconds, PATCH))
        x = self.temporal_conv(patches.flatten(1, 2)).unflatten(1, (-1, seconds))
        if hidden is not None:
            assert mask_token is not None
            x = torch.where(hidden[..., None], mask_token.to(x.dtype), x)
        return self.transform(x, rows)

    def tokens(self, window: Tensor, ch_names: Sequence[str]) -> Tensor:
        """Encode windows, as `Encoder.tokens`: (batch, seconds, electrodes, width)."""
        rows = electrode_rows(ch_names).to(window.device)
        check_window(window, len(rows))
        states: Tensor = self(window.to(self.cls_token.dtype), rows)
        return states.transpose(1, 2)

    def stream(
        self, ch_names: Sequence[str], hop: int | None = None, in_subprocess: bool = False
    ) -> WindowStream:
        """Return the tokens of a stream: every window is encoded anew."""
        electrode_rows(ch_names)
        return WindowStream(self, ch_names, hop, in_subprocess)

    def pool(self, tokens: np.ndarray) -> np.ndarray:
        """Return each electrode's mean over the seconds, (windows, electrodes x width)."""
        means: np.ndarray = tokens.mean(axis=1)
        return means.reshape(len(tokens), -1)

    def pooled(self, tokens: Tensor) -> Tensor:
        """Return the features of `pool` as a tensor, through which weights can be trained."""
        return tokens.mean(dim=1).flatten(1)

"""EEGPT's predictor: from the tokens of the visible times to those of all times. Training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.encoders.eegpt.layers import NORM_EPS, TimeEmbed, blocks, initialise
from core.encoders.eegpt.model import summary_shape
from core.encoders.eegpt.sizes import size_named
from core.encoders.spec import EncoderSpec


def visible_times(mask: Tensor, channels: int) -> Tensor:
    """Return the time of each row of an encoder mask.

    Parameters
    ----------
    mask : Tensor of int, shape (visible patches, visible channels)
        As given to the encoder: ``time * channels + channel``.
    channels : int
        Channels of the window.

    Returns
    -------
    Tensor of int, shape (visible patches,)
    """
    return mask[:, 0] // channels


class Predictor(nn.Module):
    """EEGPT's predictor.

    Parameters
    ----------
    spec : EncoderSpec
        Of the encoder whose tokens it reads.
    seed : int or tuple of int
        Of the random weights it starts with.

    Notes
    -----
    Wang et al. (2024), EEGPT, NeurIPS, equation 5. Hidden times hold one learned vector a summary
    token, the same for all times; a rotary embedding tells the times apart. Attention is full, in
    both directions, so nothing here can be streamed.
    """

    def __init__(self, spec: EncoderSpec, *, seed: int | tuple[int, ...] = 0) -> None:
        super().__init__()
        size = size_named(spec.size)
        tokens, width = summary_shape(spec)
        self.mask_token = nn.Parameter(torch.empty(1, 1, tokens, width))
        self.predictor_embed = nn.Linear(width, width)
        self.time_embed = TimeEmbed(width, size.heads)
        self.predictor_blocks = blocks(width, size.heads, size.predictor_depth)
        self.predictor_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.predictor_proj = nn.Linear(width, width)
        initialise(self, seed)

    def forward(self, tokens: Tensor, times: Tensor, patches: int) -> tuple[Tensor, Tensor]:
        """Predict the tokens of all times.

        Parameters
        ----------
        tokens : Tensor, shape (batch, visible patches, summary tokens, width)
            What the encoder made of the visible patches.
        times : Tensor of int, shape (visible patches,)
            When they are, from `visible_times`; no time twice.
        patches : int
            Times in the window.

        Returns
        -------
        predicted : Tensor, shape (batch, patches, summary tokens, width)
            For all times, visible ones included.
        combined : Tensor, same shape
            The same, but with the encoder's own tokens at the visible times.
        """
        batch, _, summary_tokens, _ = tokens.shape
        visible = self.predictor_embed(tokens)
        everywhere = self.mask_token.to(visible.dtype).expand(batch, patches, -1, -1)
        x = everywhere.index_copy(1, times, visible).flatten(1, 2)  # time by time
        order = torch.arange(patches, device=x.device).repeat_interleave(summary_tokens)
        rotation = self.time_embed(order)
        for block in self.predictor_blocks:
            x = block(x, rotation)
        x = self.predictor_proj(self.predictor_norm(x))
        predicted = x.unflatten(1, (patches, summary_tokens))
        return predicted, predicted.to(tokens.dtype).index_copy(1, times, tokens)

"""EEGPT's reconstructor: from the tokens of all times to the waveform. Training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.encoders.eegpt.electrodes import CODEX, ChannelIds, as_ids
from core.encoders.eegpt.layers import NORM_EPS, TimeEmbed, blocks, initialise
from core.encoders.eegpt.model import summary_shape
from core.encoders.eegpt.sizes import size_named
from core.encoders.spec import EncoderSpec


class Reconstructor(nn.Module):
    """EEGPT's reconstructor.

    Parameters
    ----------
    spec : EncoderSpec
        Of the encoder whose tokens it reads.
    seed : int or tuple of int
        Of the random weights it starts with.

    Notes
    -----
    Wang et al. (2024), EEGPT, NeurIPS, equation 7. The queries attend to each other as well as to
    the tokens, so an answer depends on what else was asked: do not split a set of queries.
    """

    def __init__(self, spec: EncoderSpec, *, seed: int | tuple[int, ...] = 0) -> None:
        super().__init__()
        size = size_named(spec.size)
        _, width = summary_shape(spec)
        self.mask_token = nn.Parameter(torch.empty(1, 1, width))
        self.reconstructor_embed = nn.Linear(width, width)
        self.time_embed = TimeEmbed(width, size.heads)
        self.chan_embed = nn.Embedding(len(CODEX), width)
        self.reconstructor_blocks = blocks(width, size.heads, size.reconstructor_depth)
        self.reconstructor_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.reconstructor_proj = nn.Linear(width, spec.patch)
        initialise(self, seed)

    def forward(self, combined: Tensor, targets: Tensor, channel_ids: ChannelIds) -> Tensor:
        """Reconstruct the asked patches.

        Parameters
        ----------
        combined : Tensor, shape (batch, patches, summary tokens, width)
            From the predictor.
        targets : Tensor of int, shape (targets,)
            Which patches: ``time * channels + channel``.
        channel_ids : sequence of int, shape (channels,)
            Codex position of each channel of the window.

        Returns
        -------
        Tensor, shape (batch, targets, samples of a patch)
            Waveforms, in the order asked.
        """
        batch, patches, summary_tokens, _ = combined.shape
        ids = as_ids(channel_ids).to(combined.device)
        context = self.reconstructor_embed(combined.flatten(1, 2))  # time by time
        queries = self.mask_token + self.chan_embed(ids[targets % len(ids)])  # (1, targets, width)
        x = torch.cat((context, queries.to(context.dtype).expand(batch, -1, -1)), dim=1)
        times = torch.arange(patches, device=x.device).repeat_interleave(summary_tokens)
        rotation = self.time_embed(torch.cat((times, targets // len(ids))))
        for block in self.reconstructor_blocks:
            x = block(x, rotation)
        answers = x[:, patches * summary_tokens :]
        reconstructed: Tensor = self.reconstructor_proj(self.reconstructor_norm(answers))
        return reconstructed

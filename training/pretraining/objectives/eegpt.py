"""EEGPT's dual objective: agree with the momentum encoder, and reconstruct what was hidden."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.eegpt.predictor import visible_times
from core.encoders.eegpt.pretraining import Pretraining
from training.pretraining.settings import Ablation

_EPS = 1e-5  # of the layer norm of waveforms


class Losses(NamedTuple):
    """What the objective finds for some windows.

    Attributes
    ----------
    alignment, reconstruction : Tensor, shape ()
        Mean squared errors, in float32 or better.
    tokens : Tensor, shape (batch, patches, summary tokens, width)
        What the prediction was aligned with: tokens of the momentum encoder, each layer-normed.
    drawn : Tensor, shape (batch, targets, samples of a patch), or None
        What was reconstructed, if this objective reconstructs waveforms.
    """

    alignment: Tensor
    reconstruction: Tensor
    tokens: Tensor
    drawn: Tensor | None = None


class Objective(nn.Module):
    """The four parts and what they are trained for.

    Parameters
    ----------
    parts : Pretraining
    ablation : {"A", "B", "C", "D"}
        Table 5 of the paper. A: the alignment loss has no weight. B: waveforms to reconstruct are
        not normalised. C: the reconstructor sees predictions at visible times, too. D: all of it.
    gain : float
        Factor on the samples.

    Notes
    -----
    Wang et al. (2024), EEGPT, NeurIPS, equations 4-9. Both losses are means over everything, with
    equal weights; the paper writes sums with a minus sign, the published code does this.
    """

    def __init__(self, parts: Pretraining, ablation: Ablation = "D", gain: float = 1.0) -> None:
        super().__init__()
        self.parts = parts
        self.ablation = ablation
        self.gain = gain

    def forward(
        self, window: Tensor, channel_ids: Tensor, visible: Tensor, targets: Tensor
    ) -> Losses:
        """Compute both losses.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
            Of one montage; only channels that were recorded.
        channel_ids : Tensor of int, shape (channels,)
            Codex position of each channel.
        visible : Tensor of int, shape (visible times, visible channels)
            What the encoder sees: ``time * channels + channel``.
        targets : Tensor of int, shape (targets,)
            What is reconstructed.
        """
        parts = self.parts
        window = window * self.gain
        channels, samples = window.shape[1:]
        patch = parts.encoder.spec.patch
        patches = samples // patch

        with torch.no_grad():
            tokens = parts.target_encoder(window, channel_ids)
            aim = F.layer_norm(_full(tokens), tokens.shape[-1:])
        seen = parts.encoder(window, channel_ids, visible)
        predicted, combined = parts.predictor(seen, visible_times(visible, channels), patches)
        alignment = F.mse_loss(_full(predicted), aim)

        context = predicted if self.ablation == "C" else combined
        drawn = parts.reconstructor(context, targets, channel_ids)
        reconstruction = F.mse_loss(_full(drawn), self.waveforms(window, targets))
        return Losses(alignment, reconstruction, aim, drawn.detach())

    def weighed(self, losses: Losses, alignment_weight: float) -> Tensor:
        """Return the loss that is minimised."""
        weight = 0.0 if self.ablation == "A" else alignment_weight
        # With a weight of zero, too: every parameter then has a gradient in every process.
        return weight * losses.alignment + losses.reconstruction

    def waveforms(self, window: Tensor, targets: Tensor) -> Tensor:
        """Return the patches to reconstruct, shape (batch, targets, samples of a patch)."""
        asked = self._patches(window, targets)
        return asked if self.ablation == "B" else F.layer_norm(asked, asked.shape[-1:], eps=_EPS)

    def restored(self, window: Tensor, targets: Tensor, drawn: Tensor) -> Tensor:
        """Return a reconstruction in the unit of the window, to be looked at beside it.

        Where waveforms are normalised, each patch gets the mean and the deviation that it had.
        """
        drawn = _full(drawn)
        if self.ablation != "B":
            asked = self._patches(window * self.gain, targets)
            variance, mean = torch.var_mean(asked, dim=-1, correction=0, keepdim=True)
            drawn = drawn * (variance + _EPS).sqrt() + mean
        return drawn / self.gain

    def _patches(self, window: Tensor, targets: Tensor) -> Tensor:
        """Return patches of a window, shape (batch, targets, samples of a patch)."""
        patch = self.parts.encoder.spec.patch
        patches = window.shape[-1] // patch
        grid = window[..., : patches * patch].unflatten(-1, (patches, patch)).transpose(1, 2)
        return grid.flatten(1, 2)[:, targets]

    @torch.no_grad()
    def average(self, kept: float) -> None:
        """Move the momentum encoder towards the encoder, keeping a share `kept` of it."""
        pairs = zip(
            self.parts.target_encoder.parameters(), self.parts.encoder.parameters(), strict=True
        )
        for target, online in pairs:
            target.lerp_(online, 1.0 - kept)


def parameter_groups(parts: nn.Module, weight_decay: float) -> list[dict]:
    """Return AdamW's groups: of each part that learns, what decays and what does not.

    Biases and everything of one dimension do not decay; learned tokens and embeddings do. EEGPT
    has three such parts, and so six groups.
    """
    groups = []
    for name, part in parts.named_children():
        if name == "target_encoder":  # it only follows
            continue
        named = list(part.named_parameters())
        decaying = [p for n, p in named if p.ndim != 1 and "bias" not in n]
        others = [p for n, p in named if p.ndim == 1 or "bias" in n]
        groups += [
            {"params": decaying, "weight_decay": weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
    return groups


def collapse(tokens: Tensor) -> tuple[float, float]:
    """Say how far tokens differ from window to window, and in how many directions.

    Parameters
    ----------
    tokens : Tensor, shape (windows, patches, summary tokens, width)
        Layer-normed.

    Returns
    -------
    variance : float
        Mean over features of the variance of a summary token over windows and patches: nearly 1
        when it depends on the signal alone, 0 when all are alike.
    rank : float
        Effective rank of that variation, from 1 to the width (Roy and Vetterli, 2007, The
        effective rank, EUSIPCO); 0 if there is none.
    """
    rows = tokens.detach().float().flatten(0, 1)  # (windows and patches, summary tokens, width)
    rows = (rows - rows.mean(dim=0)).flatten(0, 1)
    covariance = rows.T @ rows / len(rows)
    variance = float(covariance.diagonal().mean())
    singular = torch.linalg.eigvalsh(covariance.double().cpu()).clamp(min=0.0).sqrt()
    if variance < 1e-12:
        return variance, 0.0
    shares = singular / singular.sum()
    return variance, float(torch.exp(torch.special.entr(shares).sum()))


def _full(x: Tensor) -> Tensor:
    """Return the tensor in float32, if mixed precision made it a smaller one."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x

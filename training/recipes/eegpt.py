"""EEGPT's recipe: agree with the momentum encoder, and reconstruct what was hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.eegpt.checkpoint import load_pretraining, new_pretraining
from core.encoders.eegpt.electrodes import CODEX, channel_ids
from core.encoders.eegpt.layers import TransformerBlock
from core.encoders.eegpt.model import EEGPT
from core.encoders.eegpt.predictor import visible_times
from core.encoders.eegpt.pretraining import Pretraining
from core.errors import InputError
from training.recipes.base import (
    Drawn,
    ModelOutputs,
    Recipe,
    Reconstruction,
    ema_decay,
    full_precision,
    update_ema,
)
from training.recipes.masking import draw_masks
from training.recipes.settings import (
    PATCH,
    Ablation,
    AlignmentSettings,
    EEGPTSettings,
    PatchSettings,
)

_EPS = 1e-5  # of the layer norm of waveforms


class PatchRecipe(Recipe):
    """What recipes of encoders of EEGPT's kind have in common: masks, and a momentum encoder."""

    units = (TransformerBlock,)
    followed = ("ema_decay",)

    settings: PatchSettings
    parts: nn.Module
    online: EEGPT
    follower: EEGPT

    def use(self, parts: Any) -> None:
        """Take what learns and what follows it."""
        self.parts, self.spec = parts, parts.encoder.spec
        self.online, self.follower = parts.encoder, parts.target_encoder
        for encoder in (self.online, self.follower):
            encoder.summary_only = True

    def draw(self, ch_names: Sequence[str], random: np.random.Generator) -> Drawn:
        """Return channel ids, what is visible, and what is asked for (`masking.Masks`)."""
        times = self.settings.window // PATCH
        masks = draw_masks(times, len(ch_names), self.settings.masks, random)
        return channel_ids(ch_names), masks.visible, masks.targets

    def after_step(self, step: int, steps: int) -> dict[str, float]:
        """Let the momentum encoder follow."""
        average = self.settings.average
        decay = ema_decay(step, steps, average.start, average.end)
        update_ema(self.follower, self.online, decay)
        return {"ema_decay": decay}

    def encoder(self) -> EEGPT:
        """Return the momentum encoder; it takes samples as the store holds them."""
        self.follower.summary_only = False
        with torch.no_grad():
            self.follower.patch_embed.proj.weight *= self.settings.gain
        self.follower.spec = replace(self.follower.spec, window=self.settings.window)
        return self.follower


class EEGPTRecipe(PatchRecipe):
    """Wang et al. (2024), EEGPT, NeurIPS: a dual self-supervised objective."""

    settings: EEGPTSettings
    losses = ("alignment", "reconstruction")
    chooses = "reconstruction"  # the alignment loss is lowest when tokens are all alike

    def __init__(self, settings: EEGPTSettings) -> None:
        super().__init__(settings)
        parts = _first_weights(settings)
        self.use(parts)
        self.model = self.objective = Objective(parts, settings.ablation, settings.gain)

    def minimised(self, losses: dict[str, Tensor], step: int) -> Tensor:
        """Return the weighted sum of both."""
        weight = 0.0
        if self.settings.ablation != "A":
            weight = alignment_weight(step, self.settings.alignment)
        # With a weight of zero, too: every parameter then has a gradient in every process.
        return weight * losses["alignment"] + losses["reconstruction"]

    def picture(self, window: Tensor, drawn: Sequence[Tensor], made: Tensor) -> Reconstruction:
        """Return the waveforms that were reconstructed, beside what the encoder saw."""
        ids, visible, targets = drawn
        waveforms = self.objective.restored(window, targets, made)
        return Reconstruction(
            window[0].numpy(),
            waveforms[0].numpy(),
            visible.numpy(),
            targets.numpy(),
            [CODEX[place] for place in ids.tolist()],
            self.spec.rate,
            self.spec.unit,
        )


def alignment_weight(step: int, settings: AlignmentSettings) -> float:
    """Return the weight of the alignment loss at a step, counted from 0."""
    since = step - settings.after
    if since < 0:
        return 0.0
    return settings.weight * min(1.0, (since + 1) / max(1, settings.rising))


def _first_weights(settings: EEGPTSettings) -> Pretraining:
    if settings.weights is None:
        return new_pretraining(settings.size, settings.seed)
    parts = load_pretraining(settings.weights)
    if (size := parts.encoder.spec.size) != settings.size:
        raise InputError(
            f"{settings.weights} is a checkpoint of {size}, and size is {settings.size}."
        )
    return parts


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
    ) -> ModelOutputs:
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
            aim = F.layer_norm(full_precision(tokens), tokens.shape[-1:])
        seen = parts.encoder(window, channel_ids, visible)
        predicted, combined = parts.predictor(seen, visible_times(visible, channels), patches)
        alignment = F.mse_loss(full_precision(predicted), aim)

        context = predicted if self.ablation == "C" else combined
        drawn = parts.reconstructor(context, targets, channel_ids)
        reconstruction = F.mse_loss(full_precision(drawn), self.waveforms(window, targets))
        losses = {"alignment": alignment, "reconstruction": reconstruction}
        return ModelOutputs(losses, aim, drawn.detach())

    def waveforms(self, window: Tensor, targets: Tensor) -> Tensor:
        """Return the patches to reconstruct, shape (batch, targets, samples of a patch)."""
        asked = self._patches(window, targets)
        return asked if self.ablation == "B" else F.layer_norm(asked, asked.shape[-1:], eps=_EPS)

    def restored(self, window: Tensor, targets: Tensor, drawn: Tensor) -> Tensor:
        """Return a reconstruction in the unit of the window, to be looked at beside it.

        Where waveforms are normalised, each patch gets the mean and the deviation that it had.
        """
        drawn = full_precision(drawn)
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
        predicted: Tensor = grid.flatten(1, 2)[:, targets]
        return predicted


RECIPE = EEGPTRecipe

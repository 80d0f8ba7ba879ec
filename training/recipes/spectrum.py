"""A recipe of our own: tokens that tell how strong each rhythm is at each electrode.

The waveforms that EEGPT reconstructs are normalised, which discards what imagined movement
changes: amplitude. Here the tokens of a patch are to give the logarithmic spectrum of every channel
by one linear map, as a linear head will later read them. Both are taken about their mean over the
window: that mean tells people apart, and a few people's would be learnt by heart.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.eegpt.electrodes import CODEX
from core.encoders.eegpt.model import EEGPT, eegpt_spec, summary_shape
from core.encoders.eegpt.predictor import visible_times
from training.recipes.base import ModelOutputs
from training.recipes.eegpt import PatchRecipe
from training.recipes.settings import SpectrumSettings

BINS = (2, 8)
"""Of a patch's spectrum, first and end: 8 to 28 Hz in steps of 4."""

_FLOOR = 0.1  # added to a power; the median is about 10 at unit variance


class SpectrumRecipe(PatchRecipe):
    """Tokens of a patch give the logarithmic spectrum of every channel by one linear map."""

    losses = ("spectrum",)
    chooses = "spectrum"

    def __init__(self, settings: SpectrumSettings) -> None:
        super().__init__(settings)
        parts = Spectral(settings.size, settings.seed)
        self.use(parts)
        self.model = SpectrumObjective(parts, settings.gain)

    def minimised(self, losses: dict[str, Tensor], step: int) -> Tensor:
        """Return the only loss."""
        return losses["spectrum"]


class Spectral(nn.Module):
    """What is trained: the encoder, its running mean, and the map that reads its tokens.

    Parameters
    ----------
    size : str
    seed : int
        Of the random weights.
    """

    def __init__(self, size: str, seed: int = 0) -> None:
        super().__init__()
        spec = eegpt_spec(size, name=size, trained=True, provenance={})
        self.encoder = EEGPT(spec, seed=seed)
        self.target_encoder = EEGPT(spec, seed=seed)
        scale_weights(self.encoder)
        self.target_encoder.load_state_dict(self.encoder.state_dict())
        self.target_encoder.requires_grad_(False)
        tokens, width = summary_shape(spec)
        first, end = BINS
        self.readout = nn.Linear(tokens * width, len(CODEX) * (end - first), bias=False)
        drawn = np.random.default_rng((seed, 1)).standard_normal(tuple(self.readout.weight.shape))
        with torch.no_grad():
            self.readout.weight.copy_(torch.from_numpy(drawn) / math.sqrt(tokens * width))


@torch.no_grad()
def scale_weights(encoder: EEGPT) -> None:
    """Scale an encoder's random weights to its width, and begin with Fourier's patches.

    The published deviation of 0.02 suits a width of 512 and more. At 64 every summary token looks
    at all electrodes alike, and thousands of steps pass before any tells one from another.

    Parameters
    ----------
    encoder : EEGPT
        With weights as `core.encoders.eegpt.layers.initialise` draws them; changed in place.

    Notes
    -----
    LeCun, Bottou, Orr and Müller (1998), Efficient BackProp, section 4.6: a deviation of one over
    the root of the inputs.
    """
    drawn = 0.02
    for part in encoder.modules():
        if isinstance(part, nn.Linear):
            part.weight.mul_(1.0 / (drawn * math.sqrt(part.in_features)))
    encoder.chan_embed.weight.mul_(0.7 / drawn)  # beside unit variance of the samples
    encoder.summary_token.mul_(1.0 / drawn)
    waves = _waves(encoder.spec.patch)[: encoder.spec.tokens[1]]
    encoder.patch_embed.proj.weight[: len(waves)] = waves[:, None, None, :].to(
        encoder.patch_embed.proj.weight
    )
    encoder.patch_embed.proj.weight[len(waves) :].mul_(1.0 / (drawn * math.sqrt(waves.shape[1])))


def _waves(patch: int) -> Tensor:
    """Return windowed sines and cosines of one to ten cycles a patch, and their negatives."""
    time = torch.arange(patch, dtype=torch.float64)
    window = torch.hann_window(patch, periodic=False, dtype=torch.float64)
    waves = torch.stack(
        [
            torch.sin(2.0 * math.pi * cycles * time / patch + phase) * window
            for cycles in range(1, 11)
            for phase in (0.0, math.pi / 2.0)
        ]
    )
    waves = waves / waves.norm(dim=1, keepdim=True)
    return torch.cat((waves, -waves))


class SpectrumObjective(nn.Module):
    """Error of the logarithmic spectra that tokens give.

    Parameters
    ----------
    parts : Spectral
    gain : float
        Factor on the samples, which should then have about unit variance.
    """

    def __init__(self, parts: Spectral, gain: float = 1.0) -> None:
        super().__init__()
        self.parts = parts
        self.gain = gain

    def forward(
        self, window: Tensor, channel_ids: Tensor, visible: Tensor, targets: Tensor
    ) -> ModelOutputs:
        """Compute the loss; the arguments are those of `Objective`.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
        channel_ids : Tensor of int, shape (channels,)
        visible : Tensor of int, shape (visible times, visible channels)
            What the encoder sees; spectra are asked of all channels at these times.
        targets : Tensor
            Not looked at.

        Returns
        -------
        ModelOutputs
            `spectrum` is the mean squared error (the answer 0 has 1.3 on PhysioNet's recordings).
            `tokens` are those seen, as windows of one patch.
        """
        window = window * self.gain
        seen = self.parts.encoder(window, channel_ids, visible)
        per_channel = self.parts.readout.weight.unflatten(0, (len(CODEX), -1))[channel_ids]
        flat = seen.flatten(2)  # (batch, patches, tokens and width)
        given = torch.einsum(
            "btw,cfw->btcf", flat - flat.mean(dim=1, keepdim=True), per_channel.to(flat.dtype)
        )
        times = visible_times(visible, len(channel_ids))
        wanted = self.spectra(window, times)
        error = F.mse_loss(given.float(), wanted)
        tokens = F.layer_norm(seen.detach().float(), seen.shape[-1:])
        # Patches one by one: groups of a batch may show different numbers of them.
        return ModelOutputs({"spectrum": error}, tokens.flatten(0, 1)[:, None])

    def spectra(self, window: Tensor, times: Tensor) -> Tensor:
        """Return the channels' logarithmic spectra, about their mean over these patches.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
        times : Tensor of int, shape (patches,)

        Returns
        -------
        Tensor of float32, shape (batch, patches, channels, bins)
            In natural logarithms of power.
        """
        patch = self.parts.encoder.spec.patch
        count = window.shape[-1] // patch
        chosen = window[..., : count * patch].unflatten(-1, (count, patch))[:, :, times].float()
        taper = torch.hann_window(patch, periodic=False, device=window.device)
        power = torch.fft.rfft(chosen * taper).abs().square()[..., slice(*BINS)]
        logs = torch.log(power + _FLOOR).transpose(1, 2)
        return logs - logs.mean(dim=1, keepdim=True)


RECIPE = SpectrumRecipe

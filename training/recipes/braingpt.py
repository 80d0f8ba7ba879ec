"""BrainGPT's recipe: predict what comes next of an electrode from its past.

The published objective predicts all of the next token, of which seven eighths are in the token
before; here only samples are predicted that the model has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.braingpt.electrodes import ELECTRODES, electrode_rows
from core.encoders.braingpt.model import SCALE, BrainGPT, braingpt_spec
from training.recipes.base import (
    Drawn,
    ModelOutputs,
    Recipe,
    Reconstruction,
    full_precision,
)
from training.recipes.braingpt_baselines import ORDER, linear_prediction, predicted_by
from training.recipes.braingpt_settings import UNSEEN, BrainGPTSettings, TargetSettings

if TYPE_CHECKING:
    from training.pretraining.windows import Windows

EDGES = (1, 4, 6, 8, 10, 12, 14, 18, 22, 28, 38)
"""Of the bands of the log-spectrum, in Hz."""

_FLOOR = 0.05  # of a deviation, in samples of about unit variance
_POWER_FLOOR = 0.1  # added to a band's mean power; the median is about 100
_LOOKS = 256  # windows that the autoregression is fitted to


class BrainGPTRecipe(Recipe):
    """Predict samples several tokens ahead, and the spectrum of the second to come.

    It has no `units`: electrode tokens pass layers by a method that FSDP does not know of.
    """

    settings: BrainGPTSettings
    parts: NextTokens

    def __init__(self, settings: BrainGPTSettings) -> None:
        super().__init__(settings)
        horizons = settings.targets.horizons
        self.learned = tuple(f"ahead_{horizon}" for horizon in horizons)
        if settings.targets.spectrum:
            self.learned += ("spectrum",)
        self.losses = (
            *self.learned,
            *(f"repeat_{name}" for name in self.learned),
            *(f"ar{ORDER}_ahead_{horizon}" for horizon in horizons),
        )
        self.chooses = self.learned[0]
        self.parts = NextTokens(settings)
        self.spec = self.parts.encoder.spec
        self.model = self.objective = PredictionObjective(
            self.parts, settings.targets, settings.gain
        )

    def measure(self, windows: Windows) -> None:
        """Fit the autoregression that losses are shown beside to the people trained on."""
        ahead = max(self.settings.targets.horizons) * self.spec.stride
        relative = self.settings.targets.error != "squared"
        weights = linear_prediction(windows.spread(_LOOKS), ahead, relative=relative)
        self.objective.autoregression.copy_(torch.from_numpy(weights))

    def draw(self, ch_names: Sequence[str], random: np.random.Generator) -> Drawn:
        """Return which channels are taken, and their rows of the vocabulary."""
        wanted = min(self.settings.electrodes or len(ch_names), len(ch_names))
        picks = np.sort(random.permutation(len(ch_names))[:wanted])
        ids = electrode_rows(ch_names).numpy()
        return picks, ids[picks]

    def minimised(self, losses: dict[str, Tensor], step: int) -> Tensor:
        """Return the mean over the horizons, and the spectrum's loss by its weight."""
        horizons = len(self.settings.targets.horizons)
        loss = sum((losses[name] for name in self.learned[:horizons]), torch.zeros(())) / horizons
        if self.settings.targets.spectrum:
            loss = loss + self.settings.targets.spectrum * losses["spectrum"]
        return loss

    def encoder(self) -> BrainGPT:
        """Return the encoder; it takes samples as the store holds them."""
        with torch.no_grad():
            self.parts.encoder.embed.weight *= self.settings.gain
        return self.parts.encoder

    def picture(self, window: Tensor, drawn: Sequence[Tensor], made: Tensor) -> Reconstruction:
        """Return every unseen sample as it was predicted from the token before it."""
        picks, ids = drawn
        spec, settings = self.spec, self.settings
        first = spec.patch // spec.stride + settings.targets.horizons[0] - 1
        times = settings.window // spec.stride
        cells = np.arange(times * len(ids)).reshape(times, len(ids))
        predicted = full_precision(made)[0].transpose(0, 1) / (SCALE * settings.gain)
        return Reconstruction(
            window[0][picks].numpy(),
            predicted.flatten(0, 1).numpy(),
            cells,
            cells[first:].ravel(),
            [ELECTRODES[row] for row in ids.tolist()],
            spec.rate,
            spec.unit,
        )


class NextTokens(nn.Module):
    """What is trained: the encoder, and a small network for each target.

    Parameters
    ----------
    settings : BrainGPTSettings
    """

    def __init__(self, settings: BrainGPTSettings) -> None:
        super().__init__()
        spec = braingpt_spec(settings.size, name=settings.size, trained=True, provenance={})
        self.encoder = BrainGPT(spec, seed=settings.seed)
        self.encoder.special_token.requires_grad_(False)  # nothing here asks it
        sizes = {f"ahead_{horizon}": spec.stride for horizon in settings.targets.horizons}
        if settings.targets.spectrum:
            sizes["spectrum"] = len(EDGES) - 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.heads = nn.ModuleDict(
                {name: _head(spec.tokens[1], size) for name, size in sizes.items()}
            )


def _head(width: int, size: int) -> nn.Sequential:
    """Return a small network that begins with predicting no change."""
    last = nn.Linear(width, size)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(width, width), nn.SiLU(), last)


class PredictionObjective(nn.Module):
    """Errors of the samples and spectra that are predicted, and of the baselines.

    Parameters
    ----------
    parts : NextTokens
    targets : TargetSettings
    gain : float
        Factor on the samples, which should then have about unit variance.
    """

    autoregression: Tensor

    def __init__(self, parts: NextTokens, targets: TargetSettings, gain: float = 1.0) -> None:
        super().__init__()
        self.parts, self.targets, self.gain = parts, targets, gain
        ahead = max(targets.horizons) * parts.encoder.spec.stride
        self.register_buffer("autoregression", torch.zeros(ORDER, ahead), persistent=False)

    def forward(self, window: Tensor, picks: Tensor, ids: Tensor) -> ModelOutputs:
        """Compute the losses.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
        picks : Tensor of int, shape (electrodes,)
            Channels that are taken.
        ids : Tensor of int, shape (electrodes,)
            Their rows of the vocabulary.

        Returns
        -------
        ModelOutputs
            `losses` are mean errors (`error`) of samples, and mean squared errors of natural
            logarithms of power. `made` are the samples at the first horizon, shape (batch,
            electrodes, tokens, stride).
        """
        spec = self.parts.encoder.spec
        tokens, states = self.encoded(window[:, picks], ids)
        losses: dict[str, Tensor] = {}
        baselines: dict[str, Tensor] = {}
        made: Tensor | None = None
        for horizon in self.targets.horizons:
            name = f"ahead_{horizon}"
            count = tokens.shape[2] - horizon  # of tokens with something to come
            wanted = tokens[:, :, horizon:, -spec.stride :].float()
            before, scale = tokens[:, :, :count, -1:].float(), deviation(tokens[:, :, :count])
            predicted = self.predicted(tokens, states, horizon)
            made = predicted if made is None else made
            losses[name] = self.error(predicted, wanted, scale)
            with torch.no_grad():
                begin, end = (horizon - 1) * spec.stride, horizon * spec.stride
                regressed = predicted_by(self.autoregression[:, begin:end], tokens[:, :, :count])
                baselines[f"repeat_{name}"] = self.error(before, wanted, scale)
                baselines[f"ar{ORDER}_{name}"] = self.error(regressed, wanted, scale)
        if self.targets.spectrum:
            powers = log_powers(tokens)
            wanted = powers[:, :, UNSEEN:]
            count = wanted.shape[2]
            drawn = full_precision(self.parts.heads["spectrum"](states[:, :, :count]))
            losses["spectrum"] = F.mse_loss(powers[:, :, :count] + drawn, wanted)
            baselines["repeat_spectrum"] = F.mse_loss(powers[:, :, :count], wanted)
        seen = states.detach().float()[:, :, :: spec.patch // spec.stride].flatten(0, 1)
        seen = F.layer_norm(seen, seen.shape[-1:])
        return ModelOutputs(losses | baselines, seen[:, :, None], made)

    def encoded(self, window: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens of windows as the encoder scales them, and the states behind them.

        Parameters
        ----------
        window : Tensor, shape (batch, electrodes, samples)
        ids : Tensor of int, shape (electrodes,)

        Returns
        -------
        tokens : Tensor, shape (batch, electrodes, tokens, samples of a token)
        states : Tensor, shape (batch, electrodes, tokens - 1, width)
            The last token is only predicted; what the electrode's own token comes to is not used.
        """
        patches = self.parts.encoder.patches(window * self.gain)
        states = self.parts.encoder(patches[:, :, :-1].flatten(0, 1), ids.repeat(len(window)))
        return patches * SCALE, states[:, 1:].unflatten(0, window.shape[:2])

    def predicted(self, tokens: Tensor, states: Tensor, horizon: int) -> Tensor:
        """Return what is predicted so many tokens ahead, shape (batch, electrodes, -, stride).

        Samples as the encoder scales them, of all tokens that have one so far ahead. A head
        gives the change from the last sample, in deviations of the token.
        """
        count = tokens.shape[2] - horizon
        change = full_precision(self.parts.heads[f"ahead_{horizon}"](states[:, :, :count]))
        seen = tokens[:, :, :count]
        return seen[..., -1:].float() + deviation(seen) * change

    def error(self, predicted: Tensor, wanted: Tensor, scale: Tensor) -> Tensor:
        """Return the mean error of samples that `targets.error` asks for.

        Parameters
        ----------
        predicted, wanted : Tensor, shape (batch, electrodes, tokens, samples)
            As the encoder scales them.
        scale : Tensor, shape (batch, electrodes, tokens, 1)
            Deviation of the tokens that are predicted from.
        """
        error = torch.broadcast_to(predicted, wanted.shape) - wanted
        if self.targets.error != "squared":
            error = error / scale
        if self.targets.error == "huber":
            # Twice Huber's: the square itself where errors are small.
            return 2.0 * F.huber_loss(error, torch.zeros_like(error))
        return error.square().mean()


def deviation(tokens: Tensor) -> Tensor:
    """Return how strong tokens are, shape (..., 1), from (..., samples); never nearly 0."""
    return tokens.float().std(dim=-1, keepdim=True) + _FLOOR


def log_powers(tokens: Tensor) -> Tensor:
    """Return the logarithms of the mean power of each band between `EDGES`.

    Parameters
    ----------
    tokens : Tensor, shape (..., samples of a second)

    Returns
    -------
    Tensor of float32, shape (..., bands)
    """
    tapered = tokens.float() * torch.hann_window(
        tokens.shape[-1], periodic=False, device=tokens.device
    )
    power = torch.fft.rfft(tapered).abs().square()
    bands = [power[..., first:end].mean(dim=-1) for first, end in pairwise(EDGES)]
    return torch.log(torch.stack(bands, dim=-1) + _POWER_FLOOR)


RECIPE = BrainGPTRecipe

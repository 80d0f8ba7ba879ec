"""LaBraM's first stage: codes of an electrode's second, from which its spectrum is predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.labram.electrodes import electrode_rows
from core.encoders.labram.layers import Transformer, initialise
from core.encoders.labram.model import PATCH, SCALE, LaBraM, labram_spec
from core.encoders.labram.sizes import size_named
from training.pretraining.windows import Windows
from training.recipes.base import Drawn, ModelOutputs, Recipe, full_precision
from training.recipes.codebook import Codebook
from training.recipes.labram_settings import LaBraMTokenizerSettings

_START, _REVIVAL = 2, 3  # streams of random numbers from one seed, beside those of the windows
_LEAST = 1e-6  # of a deviation


class TokenizerRecipe(Recipe):
    """Vector-quantised neural spectrum prediction (Jiang et al. 2024, section 2.2)."""

    losses = ("spectrum", "amplitude", "phase", "commitment", "mean_amplitude", "mean_phase")
    chooses = "spectrum"
    followed = ("codes_used", "perplexity", "revived")

    settings: LaBraMTokenizerSettings
    parts: Tokenizer

    def __init__(self, settings: LaBraMTokenizerSettings) -> None:
        super().__init__(settings)
        self.parts = Tokenizer(settings)
        self.spec = self.parts.encoder.spec
        self.model = SpectrumPrediction(self.parts, settings)

    @torch.no_grad()
    def measure(self, windows: Windows) -> None:
        """Begin with codes by k-means on the first batch."""
        settings = self.settings.codebook
        if not settings.kmeans:
            return
        vectors = []
        for group in windows.batch(0):
            picks, rows = map(torch.from_numpy, group.drawn)
            window = torch.from_numpy(group.windows)[:, picks] * self.settings.gain
            vectors.append(self.parts.vectors(window, rows).flatten(0, 2))
        random = np.random.default_rng((self.settings.seed, _START))
        self.parts.codebook.start(torch.cat(vectors), settings.kmeans, random)

    def draw(self, ch_names: Sequence[str], random: np.random.Generator) -> Drawn:
        """Return which channels are taken, and their rows of the table of positions."""
        return drawn_electrodes(ch_names, self.settings.electrodes, random)

    def minimised(self, losses: dict[str, Tensor], step: int) -> Tensor:
        """Return the errors of amplitude and phase, and the commitment by its weight."""
        return losses["spectrum"] + self.settings.codebook.commitment * losses["commitment"]

    def after_step(self, step: int, steps: int) -> dict[str, float]:
        """Let the codes follow, and say how many were used."""
        random = np.random.default_rng((self.settings.seed, _REVIVAL, step))
        return self.parts.codebook.follow(self.settings.codebook.revive, random)

    def encoder(self) -> LaBraM:
        """Return the encoder before the codes; it takes samples as the store holds them."""
        return with_gain(self.parts.encoder, self.settings.gain)


class Tokenizer(nn.Module):
    """What is trained: encoder, the map to codes, codebook, decoder.

    Parameters
    ----------
    settings : LaBraMTokenizerSettings

    Notes
    -----
    The encoder is one of the family, so that it can be exported: queries and keys have norms and
    branches a scale (of 1 at first), where the published tokenizer has neither and has biases for
    queries and values.
    """

    def __init__(self, settings: LaBraMTokenizerSettings) -> None:
        super().__init__()
        size, seed, codes = size_named(settings.size), settings.seed, settings.codebook
        spec = labram_spec(settings.size, name=settings.size, trained=True, provenance={})
        self.encoder = LaBraM(spec, seed=seed)
        with torch.no_grad():
            for name, parameter in self.encoder.named_parameters():
                if name.endswith(("gamma_1", "gamma_2")):
                    parameter.fill_(1.0)
        self.to_codes = _task_layer(size.width, codes.width)
        initialise(self.to_codes, (seed, 1))
        self.codebook = Codebook(codes.codes, codes.width, codes.decay, seed)
        self.decoder = SpectrumDecoder(settings)
        initialise(self.decoder, (seed, 2))

    def vectors(self, window: Tensor, rows: Tensor) -> Tensor:
        """Return what is quantised, shape (batch, electrodes, seconds, width of a code)."""
        vectors: Tensor = self.to_codes(self.encoder(window, rows))
        return vectors

    def indices(self, window: Tensor, rows: Tensor) -> Tensor:
        """Return the codes of windows, int of shape (batch, electrodes, seconds)."""
        return self.codebook.nearest(full_precision(self.vectors(window, rows)))


class SpectrumDecoder(Transformer):
    """From codes to the amplitudes and phases of each second's spectrum.

    Parameters
    ----------
    settings : LaBraMTokenizerSettings
    """

    def __init__(self, settings: LaBraMTokenizerSettings) -> None:
        size = size_named(settings.size)
        super().__init__(size.width, size.heads, settings.decoder_depth, layer_scale=1.0)
        self.embed = nn.Linear(settings.codebook.width, size.width)
        phases = settings.bins * (2 if settings.phase == "sine" else 1)
        self.amplitude = _task_layer(size.width, settings.bins)
        self.phase = _task_layer(size.width, phases)

    def forward(self, codes: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return amplitudes and phases, shape (batch, electrodes, seconds, bins) each."""
        states = self.transform(self.embed(codes), rows)
        return self.amplitude(states), self.phase(states)


class SpectrumPrediction(nn.Module):
    """Errors of the spectra that codes give.

    Parameters
    ----------
    parts : Tokenizer
    settings : LaBraMTokenizerSettings
    """

    def __init__(self, parts: Tokenizer, settings: LaBraMTokenizerSettings) -> None:
        super().__init__()
        self.parts = parts
        self.gain, self.bins, self.kind = settings.gain, settings.bins, settings.phase

    def forward(self, window: Tensor, picks: Tensor, rows: Tensor) -> ModelOutputs:
        """Compute the losses.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
        picks : Tensor of int, shape (electrodes,)
            Channels that are taken.
        rows : Tensor of int, shape (electrodes,)
            From `electrode_rows`.

        Returns
        -------
        ModelOutputs
            `amplitude` and `phase` are mean squared errors and `spectrum` their sum;
            `mean_amplitude` and `mean_phase` are those of every bin's mean over the window, which
            is predicted by no code.
        """
        window = window[:, picks] * self.gain
        states = self.parts.encoder(window, rows)
        vectors = self.parts.to_codes(states)
        with torch.autocast(window.device.type, enabled=False):
            codes, _, distance = self.parts.codebook(full_precision(vectors))
        predicted = self.parts.decoder(codes, rows)
        losses: dict[str, Tensor] = {"commitment": distance}
        wanted = self.targets(window)
        for name, made, target in zip(("amplitude", "phase"), predicted, wanted, strict=True):
            losses[name] = F.mse_loss(full_precision(made), target)
            losses[f"mean_{name}"] = (
                (target - target.mean(dim=(1, 2), keepdim=True)).square().mean()
            )
        losses["spectrum"] = losses["amplitude"] + losses["phase"]
        seen = states.detach().float().transpose(1, 2)
        return ModelOutputs(losses, F.layer_norm(seen, seen.shape[-1:]))

    def targets(self, window: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is predicted of windows.

        Parameters
        ----------
        window : Tensor, shape (batch, electrodes, samples)

        Returns
        -------
        amplitude : Tensor of float32, shape (batch, electrodes, seconds, bins)
            Of mean 0 and deviation 1 over electrodes, seconds and bins together.
        phase : Tensor of float32, shape (batch, electrodes, seconds, bins or twice as many)
            The angle, of mean 0 and deviation 1 likewise; or its cosine, then its sine.
        """
        patches = (window.float() * SCALE).unflatten(-1, (-1, PATCH))
        spectrum = torch.fft.fft(patches)[..., : self.bins]
        amplitude, angle = _standardised(spectrum.abs()), spectrum.angle()
        if self.kind == "sine":
            return amplitude, torch.cat((angle.cos(), angle.sin()), dim=-1)
        return amplitude, _standardised(angle)


def drawn_electrodes(
    ch_names: Sequence[str], wanted: int | None, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return so many channels drawn by chance, or all, and their rows of the table of positions."""
    count = min(wanted or len(ch_names), len(ch_names))
    picks = np.sort(random.permutation(len(ch_names))[:count])
    return picks, electrode_rows(ch_names).numpy()[picks]


def with_gain(encoder: LaBraM, gain: float) -> LaBraM:
    """Return an encoder that multiplies samples by a factor, which its first weights take up."""
    with torch.no_grad():
        encoder.temporal_conv.conv1.weight *= gain
    return encoder


def _standardised(x: Tensor) -> Tensor:
    """Return each window's values with mean 0 and deviation 1 over all that it has."""
    deviation, mean = torch.std_mean(x, dim=(1, 2, 3), keepdim=True)
    return (x - mean) / (deviation + _LEAST)


def _task_layer(width: int, size: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, size))


RECIPE = TokenizerRecipe

"""LaBraM's second stage: the codes of hidden tokens from the visible ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.labram.layers import initialise
from core.encoders.labram.model import LaBraM, labram_spec
from core.errors import InputError
from training.pretraining.output.checkpoints import load_checkpoint
from training.pretraining.output.folder import RunFolder
from training.pretraining.windows import Windows
from training.recipes.base import Drawn, ModelOutputs, Recipe, full_precision
from training.recipes.labram_settings import PATCH, LaBraMSettings, LaBraMTokenizerSettings
from training.recipes.labram_tokenizer import Tokenizer, drawn_electrodes, with_gain


class LaBraMRecipe(Recipe):
    """Symmetric masked code prediction (Jiang et al. 2024, section 2.3)."""

    losses = ("cross_entropy", "accuracy", "most_frequent", "frequencies")
    chooses = "cross_entropy"

    settings: LaBraMSettings
    parts: CodePredictor

    def __init__(self, settings: LaBraMSettings) -> None:
        super().__init__(settings)
        self.parts = CodePredictor(settings)
        self.spec = self.parts.encoder.spec
        self.model = self.objective = MaskedPrediction(self.parts, settings.gain)

    def measure(self, windows: Windows) -> None:
        """Load the tokenizer: before the first step, so that an export does without it.

        Raises
        ------
        InputError
            If the settings name none, or one with other codes.
        """
        if self.settings.weights is None:
            raise InputError(
                "Recipe labram predicts the codes of a tokenizer: say which, with --weights "
                "RUN/best.safetensors, where RUN is the folder of a run of recipe labram-tokenizer."
            )
        tokenizer, gain = load_tokenizer(Path(self.settings.weights))
        codes = len(tokenizer.codebook.vectors)
        if codes != self.settings.codes:
            raise InputError(
                f"The tokenizer {self.settings.weights} has {codes} codes and the run is to "
                f"predict {self.settings.codes}; set --codes {codes}."
            )
        self.objective.give(tokenizer, gain)

    def draw(self, ch_names: Sequence[str], random: np.random.Generator) -> Drawn:
        """Return which channels are taken, their rows, and which of their tokens are hidden."""
        picks, rows = drawn_electrodes(ch_names, self.settings.electrodes, random)
        tokens = len(picks) * (self.settings.window // PATCH)
        hidden = np.zeros(tokens, dtype=bool)
        hidden[random.permutation(tokens)[: round(self.settings.hidden * tokens)]] = True
        return picks, rows, hidden.reshape(len(picks), -1)

    def minimised(self, losses: dict[str, Tensor], step: int) -> Tensor:
        """Return the mean cross-entropy over all tokens, each asked when it is hidden."""
        return losses["cross_entropy"]

    def encoder(self) -> LaBraM:
        """Return the encoder; it takes samples as the store holds them."""
        return with_gain(self.parts.encoder, self.settings.gain)


class CodeHead(nn.Module):
    """The token that stands for hidden ones, and the map from states to codes."""

    def __init__(self, width: int, codes: int) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.to_codes = nn.Linear(width, codes)


class CodePredictor(nn.Module):
    """What is trained: the encoder, and a head that is not exported.

    Parameters
    ----------
    settings : LaBraMSettings
    """

    def __init__(self, settings: LaBraMSettings) -> None:
        super().__init__()
        spec = labram_spec(settings.size, name=settings.size, trained=True, provenance={})
        self.encoder = LaBraM(spec, seed=settings.seed)
        self.head = CodeHead(spec.tokens[1], settings.codes)
        initialise(self.head, (settings.seed, 1))


class MaskedPrediction(nn.Module):
    """How well codes of hidden tokens are told, and how well without looking.

    Parameters
    ----------
    parts : CodePredictor
    gain : float
        Factor on the samples.
    """

    def __init__(self, parts: CodePredictor, gain: float = 1.0) -> None:
        super().__init__()
        self.parts, self.gain = parts, gain
        self.tokenizer: Tokenizer | None = None
        self.tokenizer_gain = 1.0

    def give(self, tokenizer: Tokenizer, gain: float) -> None:
        """Take the tokenizer whose codes are predicted, and the factor on its samples."""
        self.tokenizer, self.tokenizer_gain = tokenizer, gain

    def forward(self, window: Tensor, picks: Tensor, rows: Tensor, hidden: Tensor) -> ModelOutputs:
        """Compute the losses.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
        picks : Tensor of int, shape (electrodes,)
            Channels that are taken.
        rows : Tensor of int, shape (electrodes,)
            From `electrode_rows`.
        hidden : Tensor of bool, shape (electrodes, seconds)
            Tokens hidden in the first pass; the others are in the second.

        Returns
        -------
        ModelOutputs
            `accuracy` is the share of codes that are told rightly, `most_frequent` that of the
            training's most frequent code, `frequencies` the cross-entropy of the codes'
            frequencies in it.
        """
        assert self.tokenizer is not None
        window = window[:, picks]
        with torch.no_grad():
            codes = self.tokenizer.indices(window * self.tokenizer_gain, rows)
            members = self.tokenizer.codebook.members
            shares = (members + 1e-3) / (members + 1e-3).sum()
            frequencies = -shares[codes].log().mean()
            most_frequent = (codes == members.argmax()).float().mean()
        window = window * self.gain
        entropy, right = torch.zeros_like(frequencies), torch.zeros_like(frequencies)
        states = torch.empty(0)
        for mask in (hidden, ~hidden):
            states = self.parts.encoder(window, rows, mask, self.parts.head.mask_token)
            logits = full_precision(self.parts.head.to_codes(states[:, mask]))
            asked = codes[:, mask]  # (batch, tokens)
            entropy = entropy + F.cross_entropy(
                logits.flatten(0, 1), asked.flatten(), reduction="sum"
            )
            right = right + (logits.detach().argmax(dim=-1) == asked).sum()
        seen = states.detach().float().transpose(1, 2)
        return ModelOutputs(
            {
                "cross_entropy": entropy / codes.numel(),
                "accuracy": right / codes.numel(),
                "most_frequent": most_frequent,
                "frequencies": frequencies,
            },
            F.layer_norm(seen, seen.shape[-1:]),
        )


def load_tokenizer(path: Path) -> tuple[Tokenizer, float]:
    """Return a frozen tokenizer, and the factor on its samples.

    Parameters
    ----------
    path : Path
        A checkpoint in the folder of its run.

    Raises
    ------
    InputError
        If it is none of a run of recipe labram-tokenizer.
    """
    settings = RunFolder(path.parent).settings()
    if not isinstance(settings, LaBraMTokenizerSettings):
        raise InputError(
            f"{path} is of a run of recipe {settings.recipe}; one of labram-tokenizer was expected."
        )
    tokenizer = Tokenizer(settings)
    load_checkpoint(path, tokenizer, f"{settings.recipe} {settings.size}")
    return tokenizer.eval().requires_grad_(False), settings.gain


RECIPE = LaBraMRecipe

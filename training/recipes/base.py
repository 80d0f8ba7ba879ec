"""What the trainer asks of a recipe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from core.encoders.base import Encoder
from core.encoders.spec import EncoderSpec
from training.pretraining.windows import Windows, WindowStore

Drawn = tuple[np.ndarray, ...]
"""What accompanies the windows of a group: channel ids, masks, horizons."""


class ModelOutputs(NamedTuple):
    """What a recipe's model makes of some windows.

    Attributes
    ----------
    losses : dict of str to Tensor, each of shape ()
        Means over the windows, by name, in float32 or better.
    tokens : Tensor, shape (windows, columns, tokens, width)
        Layer-normed, to tell whether they collapse.
    made : Tensor or None
        What `Recipe.picture` draws.
    """

    losses: dict[str, Tensor]
    tokens: Tensor
    made: Tensor | None = None


@dataclass(frozen=True)
class Reconstruction:
    """One window of the people held out, and what the model made of it.

    Attributes
    ----------
    window : ndarray, shape (channels, samples)
    waveforms : ndarray, shape (targets, samples of a patch)
        In the window's unit.
    visible : ndarray of int, shape (visible times, visible channels)
    targets : ndarray of int, shape (targets,)
        As `training.recipes.masking.Masks` has them.
    channels : sequence of str
    rate : float
        In Hz.
    unit : str
    """

    window: np.ndarray
    waveforms: np.ndarray
    visible: np.ndarray
    targets: np.ndarray
    channels: Sequence[str]
    rate: float
    unit: str

    def seen(self) -> np.ndarray:
        """Return the window with nan wherever the encoder saw nothing."""
        return self._signal_of(self.visible.ravel(), self._patches())

    def made(self) -> np.ndarray:
        """Return the reconstruction, with nan wherever none was asked for."""
        return self._signal_of(self.targets, self.waveforms)

    def _patches(self) -> np.ndarray:
        length = self.waveforms.shape[-1]
        grid = self.window.reshape(len(self.window), -1, length).swapaxes(0, 1)
        patches: np.ndarray = grid.reshape(-1, length)[self.visible.ravel()]
        return patches

    def _signal_of(self, positions: np.ndarray, patches: np.ndarray) -> np.ndarray:
        channels, length = len(self.window), self.waveforms.shape[-1]
        grid = np.full((self.window.shape[1] // length, channels, length), np.nan)
        grid[positions // channels, positions % channels] = patches
        return grid.swapaxes(0, 1).reshape(channels, -1)


class Recipe(ABC):
    """A pretraining objective: settings, what learns, what is drawn, losses, and what is exported.

    Parameters
    ----------
    settings : PretrainSettings
        Of the class that `training.recipes.RECIPES` names beside it.

    Attributes
    ----------
    losses : tuple of str
        Names of its losses, in the order of the curves; what they are compared with may be there
        too, without being minimised.
    chooses : str
        The loss whose lowest value on people held out is the best checkpoint's.
    spec : EncoderSpec
        Of the encoder that learns: the form in which it takes windows.
    parts : Module
        What a checkpoint keeps; children without gradients only follow.
    model : Module
        From windows and what was drawn for them to `ModelOutputs`.
    followed : tuple of str
        Names of what `after_step` returns.
    units : tuple of type
        Modules that FSDP gathers one at a time.
    reads_labels : bool
        Whether what the data's events say goes into the encoder that is exported.

    Raises
    ------
    InputError
        If the settings name a checkpoint to begin with that cannot be used.
    """

    losses: tuple[str, ...]
    chooses: str
    followed: ClassVar[tuple[str, ...]] = ()
    units: ClassVar[tuple[type[nn.Module], ...]] = ()
    reads_labels: ClassVar[bool] = False

    spec: EncoderSpec
    parts: nn.Module
    model: nn.Module

    @abstractmethod
    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def windows(self, store: WindowStore, seed: int | None = None) -> Windows:
        """Return the batches of a store: windows from anywhere, unless the recipe wants others.

        Parameters
        ----------
        store : WindowStore
        seed : int, optional
            Instead of the settings' own, as for validation.
        """
        return Windows(store, self.settings, self.draw, seed)

    def measure(self, windows: Windows) -> None:  # noqa: B027
        """Measure of the training data what is needed before the first step, if anything.

        Every process does, on its processor, and comes to the same.

        Parameters
        ----------
        windows : Windows
            Those that will be trained on.
        """

    @abstractmethod
    def draw(self, ch_names: Sequence[str], random: np.random.Generator) -> Drawn:
        """Draw what accompanies a group of windows of one montage.

        Parameters
        ----------
        ch_names : sequence of str
            Electrodes of the windows' channels.
        random : numpy.random.Generator
            Of this group alone: the same whenever the step comes again.
        """

    @abstractmethod
    def minimised(self, losses: dict[str, Tensor], step: int) -> Tensor:
        """Return the loss that is minimised at a step, counted from 0."""

    def after_step(self, step: int, steps: int) -> dict[str, float]:
        """Do what follows an update, and return what the curves should say of it."""
        return {}

    @abstractmethod
    def encoder(self) -> Encoder:
        """Return the encoder to export, the factor on samples folded into its weights.

        Its spec says which window is to be decoded.
        """

    def picture(
        self, window: Tensor, drawn: Sequence[Tensor], made: Tensor
    ) -> Reconstruction | None:
        """Return a `Reconstruction` of one window, if there is something to see.

        Parameters
        ----------
        window : Tensor, shape (1, channels, samples)
        drawn : sequence of Tensor
            As `draw` gave them.
        made : Tensor
            `ModelOutputs.made` of the window.
        """
        return None


@torch.no_grad()
def update_ema(follower: nn.Module, module: nn.Module, decay: float) -> None:
    """Move a module's exponential moving average towards it, keeping `decay` of what it was."""
    for average, online in zip(follower.parameters(), module.parameters(), strict=True):
        average.lerp_(online, 1.0 - decay)


def ema_decay(step: int, steps: int, start: float, end: float) -> float:
    """Return the decay of a moving average after a step from 0, changing linearly."""
    return start + (end - start) * step / steps


def parameter_groups(parts: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return AdamW's groups: of each part that learns, what decays and what does not.

    Biases and everything of one dimension do not decay; learned tokens and embeddings do.
    """
    groups: list[dict[str, Any]] = []
    for _, part in parts.named_children():
        named = list(part.named_parameters())
        if not any(parameter.requires_grad for _, parameter in named):
            continue  # it only follows
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
    tokens : Tensor, shape (windows, columns, tokens, width)
        Layer-normed.

    Returns
    -------
    variance : float
        Mean over features of the variance of a token over windows and columns: nearly 1 when it
        depends on the signal alone, 0 when all are alike.
    rank : float
        Effective rank of that variation, from 1 to the width (Roy and Vetterli, 2007, The
        effective rank, EUSIPCO); 0 if there is none.
    """
    rows = tokens.detach().float().flatten(0, 1)  # (windows and columns, tokens, width)
    rows = (rows - rows.mean(dim=0)).flatten(0, 1)
    covariance = rows.T @ rows / len(rows)
    variance = float(covariance.diagonal().mean())
    singular = torch.linalg.eigvalsh(covariance.double().cpu()).clamp(min=0.0).sqrt()
    if variance < 1e-12:
        return variance, 0.0
    shares = singular / singular.sum()
    return variance, float(torch.exp(torch.special.entr(shares).sum()))


def full_precision(x: Tensor) -> Tensor:
    """Return the tensor in float32, if mixed precision made it a smaller one."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x

"""Settings of the recipes for encoders of EEGPT's kind.

Apart from what they make, so that ``--help`` waits for no torch. The defaults of EEGPT's recipe
are what the code that made its published weights does; where the paper says otherwise,
`training/configs/paper.yaml` follows the paper.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.encoders.eegpt.sizes import SIZES
from core.settings import Settings
from training.pretraining.settings import PretrainSettings, Share

PATCH = 64
"""Samples of a patch; the shape of the weights of every size."""

Ablation = Literal["A", "B", "C", "D"]


class MaskSettings(Settings):
    """What is hidden from the encoder."""

    times: Literal["bernoulli", "exact"] = "bernoulli"
    """Each time hidden by chance on its own (the code), or an exact share of them (the paper)."""
    hidden_times: Annotated[float, Field(ge=0.0, le=0.95)] = 0.5
    """Share of times of which nothing is visible."""
    hidden_channels: Annotated[float, Field(ge=0.05, le=0.95)] = 0.8
    """Share of channels hidden at the other times, rounded: 46 of 58."""
    kept_targets: Annotated[float, Field(ge=0.01, le=1.0)] = 0.2
    """Share of those hidden channels that are reconstructed: 0.2 in the code, 1 in the paper."""


class AverageSettings(Settings):
    """The momentum encoder: how much of it stays at every step, changing linearly."""

    start: Share = 0.996
    """At the first step; 0.99 throughout in the paper."""
    end: Share = 1.0
    """After the last step."""


class AlignmentSettings(Settings):
    """The alignment loss beside the reconstruction's, whose weight is 1."""

    weight: Annotated[float, Field(ge=0.0, le=1e6)] = 1.0
    """Its weight."""
    after: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Steps before it has any weight; the paper has none."""
    rising: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Steps over which its weight then grows to the full one."""


class PatchSettings(PretrainSettings):
    """What recipes of encoders of EEGPT's kind have in common."""

    size: str = "large"
    """Size of the model, from tiny1 to large."""
    masks: MaskSettings = MaskSettings()
    average: AverageSettings = AverageSettings()

    @model_validator(mode="after")
    def _patches(self) -> PatchSettings:
        if self.size not in SIZES:
            raise ValueError(f'size is "{self.size}"; one of {", ".join(SIZES)} was meant.')
        if self.window % PATCH:
            raise ValueError(
                f"window is {self.window}; a multiple of the patch, {PATCH}, was expected."
            )
        return self


class EEGPTSettings(PatchSettings):
    """EEGPT, as the code that made its published weights."""

    recipe: Literal["eegpt"] = "eegpt"
    """Alignment and reconstruction, as the paper."""
    ablation: Ablation = "D"
    """A: no alignment. B: raw targets. C: no skip. D: everything."""
    weights: str | None = None
    """Checkpoint of all four parts to begin with, instead of random weights."""
    alignment: AlignmentSettings = AlignmentSettings()


class SpectrumSettings(PatchSettings):
    """Our own recipe, for small encoders and whitened sessions."""

    recipe: Literal["spectrum"] = "spectrum"
    """Tokens that give the spectrum of every channel."""

    @model_validator(mode="after")
    def _possible(self) -> SpectrumSettings:
        if self.weights is not None:
            raise ValueError("recipe spectrum begins with weights of its own; leave weights out.")
        if self.masks.kept_targets != MaskSettings().kept_targets:
            raise ValueError("recipe spectrum reconstructs nothing; leave masks.kept_targets out.")
        patches = self.window // PATCH
        shown = patches - min(patches - 1, round(patches * self.masks.hidden_times))
        if shown < 2:
            raise ValueError(
                f"Of the {patches} patches in a window of {self.window} samples {shown} would be "
                "shown, and recipe spectrum compares two or more; set a longer window, or fewer "
                "masks.hidden_times."
            )
        return self

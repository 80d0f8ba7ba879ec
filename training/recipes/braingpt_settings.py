"""Settings of the recipes for encoders of BrainGPT's kind, apart from what they make.

So that ``--help`` waits for no torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.encoders.braingpt.sizes import PUBLISHED
from core.settings import Settings
from training.pretraining.settings import PretrainSettings, RateSettings

PATCH, STRIDE = 256, 32
"""Samples of a token, and from one to the next; the shape of the weights of every size."""

WINDOW = 4 * PATCH
"""Samples that are decoded at once."""

UNSEEN = PATCH // STRIDE
"""Tokens from one to the first that has no sample in common with it."""

Horizon = Annotated[int, Field(ge=1, le=64)]


class CosineSettings(RateSettings):
    """A short rise, and half a cosine down, with a momentum that stays."""

    peak: Annotated[float, Field(ge=1e-8, le=1.0)] = 1e-4
    """Highest learning rate."""
    start_divisor: Annotated[float, Field(ge=1.0, le=1e6)] = 10.0
    """The first rate is the highest divided by this."""
    end_divisor: Annotated[float, Field(ge=1.0, le=1e6)] = 10.0
    """The last rate is the first divided by this."""
    rising: Annotated[float, Field(ge=0.0, le=1.0)] = 0.02
    """Share of all steps on the way up."""
    beta1_high: Annotated[float, Field(ge=0.0, le=0.999)] = 0.9
    """First momentum at both ends of the cycle."""
    beta1_low: Annotated[float, Field(ge=0.0, le=0.999)] = 0.9
    """First momentum at its peak."""
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)] = 0.01
    """Of everything but biases and norms."""


class TargetSettings(Settings):
    """What is predicted from the tokens so far: samples that none of them has."""

    horizons: Annotated[tuple[Horizon, ...], Field(strict=False, min_length=1)] = (1, 2, 4)
    """Tokens ahead of which the last samples are predicted, those that the token before lacks."""
    spectrum: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    """Weight of the logarithmic spectrum of the next second beside the waveforms', which is 1."""
    error: Literal["squared", "relative", "huber"] = "squared"
    """squared, as published; relative: to the deviation of the token that is predicted from, so
    that strong and weak electrodes count alike; huber: the same, and linear from 1 on, so that
    blinks count less (Huber, 1964)."""


class BrainGPTSettings(PretrainSettings):
    """An electrode's next samples from its past."""

    recipe: Literal["braingpt"] = "braingpt"
    """Next-token prediction, an electrode a sequence."""
    size: str = "base"
    """Size of the model, from base to giant."""
    window: Annotated[int, Field(ge=128, le=65536)] = 4 * PATCH + PATCH
    """Samples of a window: 25 tokens, and the second after them."""
    electrodes: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Electrodes drawn of each group of windows, as neighbours are much alike; by default all."""
    targets: TargetSettings = TargetSettings()
    rate: CosineSettings = CosineSettings()

    @model_validator(mode="after")
    def _possible(self) -> BrainGPTSettings:
        if self.size not in PUBLISHED:
            raise ValueError(f'size is "{self.size}"; one of {", ".join(PUBLISHED)} was meant.')
        if self.weights is not None:
            raise ValueError("recipe braingpt begins with weights of its own; leave weights out.")
        ahead = max(*self.targets.horizons, UNSEEN if self.targets.spectrum else 1)
        least = PATCH + ahead * STRIDE
        if self.window < least or self.window % STRIDE:
            raise ValueError(
                f"window is {self.window}; a multiple of {STRIDE}, {least} or more, was expected "
                "for these targets."
            )
        if len(set(self.targets.horizons)) < len(self.targets.horizons):
            raise ValueError("targets.horizons names one of them twice.")
        return self


Classes = Annotated[tuple[str, ...], Field(strict=False, min_length=2)]


class GraphSettings(PretrainSettings):
    """The electrode graph on a frozen encoder: several tasks at once."""

    recipe: Literal["braingpt-graph"] = "braingpt-graph"
    """Trials of several tasks, a head each."""
    size: str = "base"
    """Size of the model, from base to giant."""
    window: Annotated[int, Field(ge=128, le=65536)] = WINDOW
    """Samples of a trial, from its event on: those of the window that the encoder decodes."""
    tasks: Annotated[tuple[Classes, ...], Field(strict=False, min_length=1)] = (
        ("left_hand", "right_hand"),
        ("left_hand_movement", "right_hand_movement"),
        ("hands", "feet"),
        ("hands_movement", "feet_movement"),
        ("eyes_open", "eyes_closed"),
    )
    """Labels of events that are told apart; weights names the encoder's file."""
    channels: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Only these electrodes, as the store names them; by default all that are there."""
    centred: bool = True
    """Whether each recording's states are taken about their mean over its trials, whatever their
    labels (the default)."""
    rate: CosineSettings = CosineSettings()

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Classes of every task by its name."""
        return {"_or_".join(classes): classes for classes in self.tasks}

    @model_validator(mode="after")
    def _possible(self) -> GraphSettings:
        if self.size not in PUBLISHED:
            raise ValueError(f'size is "{self.size}"; one of {", ".join(PUBLISHED)} was meant.')
        if self.micro_batch is not None:
            raise ValueError("recipe braingpt-graph takes a batch at once; leave micro_batch out.")
        if self.masks_per_batch != 1:
            raise ValueError("recipe braingpt-graph has no masks; leave masks_per_batch out.")
        if self.window != WINDOW:
            raise ValueError(f"window is {self.window}; {WINDOW}, which is decoded, was expected.")
        labels = [label for classes in self.tasks for label in classes]
        if len(set(labels)) < len(labels):
            raise ValueError("tasks has a label twice; each belongs to one task.")
        return self

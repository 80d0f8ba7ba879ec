"""Settings of the recipe with labels, apart from what it makes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.pretraining.settings import PretrainSettings, RateSettings, Share
from training.recipes.settings import AverageSettings


class OneCycleSettings(RateSettings):
    """A short rise, and a cosine down to nearly nothing, with a momentum that stays."""

    peak: Annotated[float, Field(ge=1e-8, le=1.0)] = 3e-3
    """Highest learning rate."""
    start_divisor: Annotated[float, Field(ge=1.0, le=1e6)] = 25.0
    """The first rate is the highest divided by this."""
    end_divisor: Annotated[float, Field(ge=1.0, le=1e6)] = 100.0
    """The last rate is the first divided by this."""
    rising: Share = 0.1
    """Share of all steps on the way up."""
    beta1_high: Annotated[float, Field(ge=0.0, le=0.999)] = 0.9
    """First momentum at both ends of the cycle."""
    beta1_low: Annotated[float, Field(ge=0.0, le=0.999)] = 0.9
    """First momentum at its peak."""
    weight_decay: Annotated[float, Field(ge=0.0, le=10.0)] = 3.0
    """Of everything but biases: without so much, people are learnt by heart."""


class FollowingSettings(AverageSettings):
    """The mean of the weights, which is exported."""

    start: Share = 0.9
    """At the first step."""
    end: Share = 0.99
    """After the last step."""


class ClassificationSettings(PretrainSettings):
    """Tokens from which the classes of trials can be told."""

    recipe: Literal["classification"] = "classification"
    """Labelled trials, told apart through the tokens."""
    size: str = "small"
    """Size of the model: small, or course (and tiny, course-tiny for tests)."""
    classes: Annotated[tuple[str, ...], Field(strict=False, min_length=2)] = (
        "left_hand",
        "right_hand",
    )
    """Labels of events that are told apart."""
    front: bool = False
    """Whether frontal and temporal electrodes are encoded too, instead of being regressed out of
    the others. Then eye movements are learned, where they go with the classes."""
    mirrored: bool = True
    """Whether half of the trials have left and right exchanged (the default), where the classes
    name both hands."""
    jitter: Annotated[int, Field(ge=0, le=1024)] = 32
    """Samples by which a window begins earlier or later than its cue, at most."""
    subsets: Annotated[int, Field(ge=0, le=1000)] = 16
    """Random parts of the electrodes, one of which is all there is in half of the groups; 0: none
    is ever missing."""
    align_seconds: Annotated[float, Field(ge=4.0, le=3600.0)] = 60.0
    """From a recording's beginning, that its spatial filter is fitted on."""
    dropout: Annotated[float, Field(ge=0.0, le=0.95)] = 0.1
    """Of a window's features before the layer that classifies them."""
    whitening: Literal["unit"] = "unit"
    """Each recording's channels are whitened to 10 microvolts by its beginning, as a decoder does
    by rest."""
    steps: Annotated[int, Field(ge=1, le=10**9)] | None = 500
    """Updates of the weights, instead of epochs."""
    average: FollowingSettings = FollowingSettings()
    rate: OneCycleSettings = OneCycleSettings()

    @model_validator(mode="after")
    def _possible(self) -> ClassificationSettings:
        if self.weights is not None:
            raise ValueError(
                "recipe classification begins with weights of its own; leave weights out."
            )
        if self.micro_batch is not None:
            raise ValueError("recipe classification takes a batch at once; leave micro_batch out.")
        if self.masks_per_batch != 1:
            raise ValueError("recipe classification has no masks; leave masks_per_batch out.")
        if self.window != 1024 or self.gain != 1.0:
            raise ValueError("recipe classification has a window of 1024 and a gain of 1.")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes names one of them twice.")
        return self

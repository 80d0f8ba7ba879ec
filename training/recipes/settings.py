"""Settings of the recipes for encoders of EEGPT's kind, and of the one with labels.

Apart from what they make, so that ``--help`` waits for no torch. The defaults of EEGPT's recipe
are what the code that made its published weights does; where the paper says otherwise,
`training/configs/paper.yaml` follows the paper.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.encoders.eegpt.sizes import SIZES
from core.settings import Settings
from training.pretraining.settings import PretrainSettings, RateSettings, Share

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
    """Size of the model: small or tiny."""
    members: Literal[1, 5] = 1
    """Encoders that are trained on the same trials from other weights, and exported as one, whose
    readout is the mean of theirs."""
    classes: Annotated[tuple[str, ...], Field(strict=False, min_length=2)] = (
        "left_hand",
        "right_hand",
    )
    """Labels of events that are told apart."""
    front: bool = False
    """Whether frontal and temporal electrodes are encoded too, instead of being regressed out of
    the others. Then eye movements are learned, where they go with the classes."""
    mirrored: bool = True
    """Half of the trials with left and right exchanged, where the classes name both hands."""
    jitter: Annotated[int, Field(ge=0, le=1024)] = 32
    """Samples by which a window begins earlier or later than its cue, at most."""
    subsets: Annotated[int, Field(ge=0, le=1000)] = 16
    """Random parts of the electrodes, one of which is all there is in half of the groups; 0: none
    is ever missing."""
    align_seconds: Annotated[float, Field(ge=4.0, le=3600.0)] = 60.0
    """From a recording's beginning, that its spatial filter is fitted on."""
    dropout: Annotated[float, Field(ge=0.0, le=0.95)] = 0.1
    """Of the pooled features before the layer that classifies them."""
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
        if self.window != 1024 or self.gain != 1.0:
            raise ValueError("recipe classification has a window of 1024 and a gain of 1.")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes names one of them twice.")
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
    def _no_weights(self) -> SpectrumSettings:
        if self.weights is not None:
            raise ValueError("recipe spectrum begins with weights of its own; leave weights out.")
        return self

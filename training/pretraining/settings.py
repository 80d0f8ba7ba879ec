"""What a pretraining run is told: one YAML file a run, and flags that change it.

Every default is what the code that made EEGPT's published weights does; where the paper says
otherwise, `training/configs/paper.yaml` follows the paper (`docs/pretraining.md`, "Differences").
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.model.variants import VARIANTS
from core.settings import Settings

Ablation = Literal["A", "B", "C", "D"]
Precision = Literal["fp32", "medium", "bf16", "fp16"]
Parallel = Literal["ddp", "fsdp"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


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


class RateSettings(Settings):
    """AdamW's one cycle of learning rate and first momentum."""

    peak: Annotated[float, Field(ge=1e-8, le=1.0)] = 5e-4
    """Highest learning rate."""
    start_divisor: Annotated[float, Field(ge=1.0, le=1e6)] = 2.0
    """The first rate is the highest divided by this."""
    end_divisor: Annotated[float, Field(ge=1.0, le=1e6)] = 8.0
    """The last rate is the first divided by this."""
    rising: Share = 0.2
    """Share of all steps on the way up."""
    beta1_high: Annotated[float, Field(ge=0.0, le=0.999)] = 0.95
    """First momentum at both ends of the cycle."""
    beta1_low: Annotated[float, Field(ge=0.0, le=0.999)] = 0.85
    """First momentum at its peak."""
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)] = 1e-6
    """Of everything but biases and norms."""


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


class PretrainSettings(Settings):
    """A pretraining run."""

    store: str = ""
    """Folder of the window store (training.prepare)."""
    validation_subjects: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """People held out, whose loss chooses the best checkpoint."""
    objective: Literal["eegpt", "spectrum"] = "eegpt"
    """eegpt: alignment and reconstruction, as the paper. spectrum: our own, for small encoders and
    whitened sessions: tokens that give the spectrum of every channel."""
    variant: str = "large"
    """Size of the model, from tiny1 to large."""
    ablation: Ablation = "D"
    """A: no alignment. B: raw targets. C: no skip. D: everything."""
    weights: str | None = None
    """Checkpoint of all four parts to begin with, instead of random weights."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 7
    """Seed of what is random: weights, the order of windows, where they begin, and masks."""
    window: Annotated[int, Field(ge=128, le=65536)] = 1024
    """Samples of a window; a multiple of the patch of 64."""
    gain: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0
    """Factor on the samples; the exported encoder has it in its first layer."""
    whitening: Literal["none", "session", "unit"] = "none"
    """session: each session's channels are whitened first, as a decoder does with an encoder that
    states no covariance (Euclidean alignment); unit: they all get 10 microvolts, too, and the
    exported encoder states that. Not in the paper."""
    epochs: Annotated[int, Field(ge=1, le=10**6)] = 200
    """Times that as many windows are seen as fit into the recordings side by side."""
    steps: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """Updates of the weights, instead of epochs."""
    batch: Annotated[int, Field(ge=1, le=2**20)] = 64
    """Windows an update, over all processes."""
    micro_batch: Annotated[int, Field(ge=1, le=2**20)] | None = None
    """Windows at once in one process; changes memory and speed only. By default all."""
    masks_per_batch: Annotated[int, Field(ge=1, le=2**20)] = 1
    """Masks drawn for an update; the windows that share one differ by nothing else."""
    masks: MaskSettings = MaskSettings()
    alignment: AlignmentSettings = AlignmentSettings()
    rate: RateSettings = RateSettings()
    average: AverageSettings = AverageSettings()
    precision: Precision = "fp32"
    """fp32; medium: the same with coarser products where the device has them, as the published
    code; bf16 or fp16: mixed (the paper's is fp16)."""
    device: str = "auto"
    """auto (a GPU if there is one), cpu, cuda or mps."""
    parallel: Parallel = "ddp"
    """With several processes: each has the whole model (ddp), or a part of every weight and of the
    optimiser (fsdp), for models that one GPU does not hold."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Threads of torch in each process; by default torch decides."""
    log_every: Annotated[int, Field(ge=1, le=10**6)] = 10
    """Steps from one line of losses.csv to the next."""
    validate_every: Annotated[int, Field(ge=1, le=10**9)] = 500
    """Steps from one validation to the next."""
    validation_windows: Annotated[int, Field(ge=1, le=10**7)] = 512
    """Windows of a validation: the same ones, with the same masks, every time."""
    checkpoint_every: Annotated[int, Field(ge=1, le=10**9)] = 500
    """Steps from one checkpoint to the next."""
    pictures: bool = True
    """A reconstruction is drawn at every validation."""
    tensorboard: bool = False
    """Write curves and pictures for TensorBoard, too."""

    @model_validator(mode="after")
    def _consistent(self) -> PretrainSettings:
        if self.variant not in VARIANTS:
            raise ValueError(
                f'variant is "{self.variant}"; one of {", ".join(VARIANTS)} was meant.'
            )
        if self.window % PATCH:
            raise ValueError(
                f"window is {self.window}; a multiple of the patch, {PATCH}, was expected."
            )
        if self.objective == "spectrum" and (self.weights is not None or self.ablation != "D"):
            raise ValueError(
                "objective is spectrum, which begins with weights of its own and has no ablations; "
                "leave weights and ablation out."
            )
        if self.batch % self.masks_per_batch:
            raise ValueError(
                f"batch is {self.batch} and masks_per_batch {self.masks_per_batch}; the second "
                "must divide the first."
            )
        return self


PATCH = 64
"""Samples of a patch; the shape of the variants' weights."""

FREE = frozenset(
    """
    store device parallel threads micro_batch pictures tensorboard log_every checkpoint_every
    """.split()
)
"""Settings that may change when a run goes on: they leave its losses as they are."""

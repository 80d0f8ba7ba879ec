"""What every pretraining run is told: one YAML file a run, and flags that change it.

What is the same for every recipe; each has settings of its own besides (`training.recipes`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from core.settings import Settings

Precision = Literal["fp32", "medium", "bf16", "fp16"]
Parallel = Literal["ddp", "fsdp"]
Count = Annotated[int, Field(ge=0, le=1000)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


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


class PretrainSettings(Settings):
    """A pretraining run."""

    store: str = ""
    """Folder of the window store (training.prepare)."""
    validation_subjects: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """People held out, whose loss chooses the best checkpoint."""
    test_subjects: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """People left out altogether, to test on later."""
    shares: Annotated[tuple[Count, Count, Count] | None, Field(strict=False)] = None
    """Shares of the people of each source to train on, to hold out and to leave out, such as 8 1 1;
    drawn by the seed, from the rest where some are named."""
    recipe: str = ""
    """What is learnt, and how: one of `training.recipes.RECIPES`."""
    weights: str | None = None
    """Checkpoint to begin with, where the recipe can."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 7
    """Seed of what is random: weights, order and beginnings of windows, masks and dropout."""
    window: Annotated[int, Field(ge=128, le=65536)] = 1024
    """Samples of a window."""
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
    rate: RateSettings = RateSettings()
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
    """Whether a reconstruction is drawn at every validation (the default)."""
    tensorboard: bool = False
    """Write curves and pictures for TensorBoard, too."""

    @model_validator(mode="before")
    @classmethod
    def _epochs_instead(cls, given: Any) -> Any:
        """Let epochs that are given win over steps that a recipe presets."""
        if isinstance(given, dict) and "epochs" in given and "steps" not in given:
            return given | {"steps": None}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> PretrainSettings:
        if self.batch % self.masks_per_batch:
            raise ValueError(
                f"batch is {self.batch} and masks_per_batch {self.masks_per_batch}; the second "
                "must divide the first."
            )
        return self


FREE = frozenset(
    """
    store device parallel threads micro_batch pictures tensorboard log_every checkpoint_every
    """.split()
)
"""Settings that may change when a run goes on: they leave its losses as they are."""

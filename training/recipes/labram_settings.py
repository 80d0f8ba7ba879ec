"""Settings of the recipes for encoders of LaBraM's kind, apart from what they make.

So that ``--help`` waits for no torch. Defaults are the published ones.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.encoders.labram.sizes import LABRAM_SIZES
from core.settings import Settings
from training.pretraining.settings import PretrainSettings, RateSettings

PATCH, SECONDS = 200, 16
"""Samples of a token, and how many seconds a window can have; the shape of all sizes' weights."""

Codes = Annotated[int, Field(ge=2, le=2**17)]


class TokenizerRates(RateSettings):
    """A tenth of all steps up to 5e-5, and half a cosine down to 1e-5."""

    peak: Annotated[float, Field(ge=1e-8, le=1.0)] = 5e-5
    """Highest learning rate."""
    start_divisor: Annotated[float, Field(ge=1.0, le=1e6)] = 5.0
    """The first rate is the highest divided by this."""
    end_divisor: Annotated[float, Field(ge=1.0, le=1e6)] = 1.0
    """The last rate is the first divided by this."""
    rising: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1
    """Share of all steps on the way up."""
    beta1_high: Annotated[float, Field(ge=0.0, le=0.999)] = 0.9
    """First momentum at both ends of the cycle."""
    beta1_low: Annotated[float, Field(ge=0.0, le=0.999)] = 0.9
    """First momentum at its peak."""
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)] = 1e-4
    """Of everything but biases and norms."""


class MaskedRates(TokenizerRates):
    """A tenth of all steps up to 5e-4, and half a cosine down to 1e-5."""

    peak: Annotated[float, Field(ge=1e-8, le=1.0)] = 5e-4
    """Highest learning rate."""
    start_divisor: Annotated[float, Field(ge=1.0, le=1e6)] = 50.0
    """The first rate is the highest divided by this."""
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    """Of everything but biases and norms."""


class CodebookSettings(Settings):
    """The codes, which follow the tokens by moving averages."""

    codes: Codes = 8192
    """How many there are."""
    width: Annotated[int, Field(ge=2, le=4096)] = 64
    """Numbers of a code."""
    decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.99
    """How much of a code stays at every step that has tokens for it."""
    commitment: Annotated[float, Field(ge=0.0, le=1e6)] = 1.0
    """Weight of the distance of tokens from their codes."""
    kmeans: Annotated[int, Field(ge=0, le=1000)] = 10
    """Rounds of k-means on the first batch that the codes begin with; 0 for random codes."""
    revive: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    """A code that has fewer tokens a step than this, on average, becomes a token of the step; 0 for
    never, as published."""


class WindowSettings(PretrainSettings):
    """What both of LaBraM's recipes have in common."""

    size: str = "base"
    """Size of the encoder, from tiny to huge."""
    window: Annotated[int, Field(ge=128, le=65536)] = 4 * PATCH
    """Samples of a window: whole seconds, up to 16."""
    electrodes: Annotated[int, Field(ge=2, le=1024)] | None = None
    """Electrodes drawn of each group of windows; by default all."""

    @model_validator(mode="after")
    def _windows(self) -> WindowSettings:
        if self.size not in LABRAM_SIZES:
            raise ValueError(f'size is "{self.size}"; one of {", ".join(LABRAM_SIZES)} was meant.')
        if self.window % PATCH or self.window > SECONDS * PATCH:
            raise ValueError(
                f"window is {self.window}; a multiple of {PATCH} up to {SECONDS * PATCH} was "
                "expected."
            )
        return self


class LaBraMTokenizerSettings(WindowSettings):
    """From signal to codes: vector-quantised neural spectrum prediction."""

    recipe: Literal["labram-tokenizer"] = "labram-tokenizer"
    """Codes that give the spectrum of each second of each electrode."""
    codebook: CodebookSettings = CodebookSettings()
    decoder_depth: Annotated[int, Field(ge=1, le=100)] = 3
    """Layers from codes to spectra."""
    phase: Literal["angle", "sine"] = "angle"
    """angle, as published, standardised; sine: sine and cosine of it, which know that it wraps."""
    bins: Annotated[int, Field(ge=2, le=PATCH)] = PATCH
    """Of the spectrum, from 0 Hz up in steps of 1 Hz: all 200, as published, of which the upper
    half mirrors the lower; 39 end where the signal of our stores does."""
    rate: TokenizerRates = TokenizerRates()

    @model_validator(mode="after")
    def _no_weights(self) -> LaBraMTokenizerSettings:
        if self.weights is not None:
            raise ValueError(
                "recipe labram-tokenizer begins with weights of its own; leave weights out."
            )
        return self


class LaBraMSettings(WindowSettings):
    """Masked prediction of a tokenizer's codes; weights names the tokenizer's checkpoint."""

    recipe: Literal["labram"] = "labram"
    """Codes of hidden tokens from the visible ones, and the other way round."""
    codes: Codes = 8192
    """How many codes the tokenizer has."""
    hidden: Annotated[float, Field(ge=0.05, le=0.95)] = 0.5
    """Share of tokens that are hidden; the others are in a second pass."""
    rate: MaskedRates = MaskedRates()

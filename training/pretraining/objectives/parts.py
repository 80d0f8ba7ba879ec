"""What a run trains, with the weights it begins with, and for what."""

from __future__ import annotations

from core.encoders.eegpt.checkpoint import load_pretraining, new_pretraining
from core.errors import InputError
from training.pretraining.objectives.eegpt import Objective
from training.pretraining.objectives.spectrum import Parts, Spectral, SpectrumObjective
from training.pretraining.settings import PretrainSettings
from training.pretraining.windows import WindowStore


def first_weights(settings: PretrainSettings) -> Parts:
    """Return the parts that a run begins with.

    Raises
    ------
    InputError
        If the checkpoint to begin with cannot be used, or is of another variant.
    """
    if settings.objective == "spectrum":
        return Spectral(settings.variant, settings.seed)
    if settings.weights is None:
        return new_pretraining(settings.variant, settings.seed)
    parts = load_pretraining(settings.weights)
    if (found := parts.encoder.spec.size) != settings.variant:
        raise InputError(
            f"{settings.weights} is a checkpoint of {found}, and variant is {settings.variant}."
        )
    return parts


def objective_of(parts: Parts, settings: PretrainSettings) -> Objective | SpectrumObjective:
    """Return what these parts are trained for."""
    if isinstance(parts, Spectral):
        return SpectrumObjective(parts, settings.gain)
    return Objective(parts, settings.ablation, settings.gain)


def check_store(store: WindowStore, parts: Parts) -> None:
    """Refuse a store whose windows are not what the encoder takes.

    Raises
    ------
    InputError
        If rate or unit are others.
    """
    spec = parts.encoder.spec
    if (store.rate, store.unit) != (spec.rate, spec.unit):
        raise InputError(
            f"The store holds {store.unit} at {store.rate:g} Hz and the model takes {spec.unit} at "
            f"{spec.rate:g} Hz; prepare it again for this model."
        )

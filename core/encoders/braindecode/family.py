"""braindecode's models as one of the families of encoders."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import Tensor

from core.encoders.braindecode.encoder import BraindecodeEncoder, spec_of
from core.encoders.braindecode.models import FAMILY_NAME, MODELS, FoundationModel, model_named
from core.encoders.hub import fetch
from core.encoders.registry import Family, Recognised
from core.encoders.spec import EncoderSpec
from core.errors import InputError, one_line
from core.machine.files import sha256_of
from core.strict_json import load_json


def untrained_spec(size: str, seed: int) -> EncoderSpec:
    """Return the spec of an encoder with seeded random weights.

    Raises
    ------
    InputError
        If there is no such model.
    """
    return spec_of(
        model_named(size),
        trained=False,
        name=f"untrained-{FAMILY_NAME}-{size}-{seed}",
        provenance={"source": "random weights", "seed": str(seed)},
    )


def recognise(
    tensors: dict[str, Tensor], path: Path, weights: str | None, provenance: dict[str, str]
) -> Recognised | None:
    """Tell whether tensors are one of braindecode's models, as `Family.recognise`.

    Parameters
    ----------
    tensors : dict of str to Tensor
    path : Path
        Where they come from.
    weights : str, optional
        Name of the model, if it is known.
    provenance : dict of str to str
        What is known of the file already.

    Raises
    ------
    InputError
        If there is no model `weights`, or what gives its electrodes cannot be had.
    """
    if weights is not None and weights not in MODELS and provenance == {}:
        return None  # another family's word
    model = _model_of(tensors) if weights is None else model_named(weights)
    if model is None:
        return None
    if not provenance and model.notice:  # a file of one's own; the hub's has been said already
        logging.getLogger(__name__).warning(model.notice)
    renamed = {_renamed(name, model): tensor for name, tensor in tensors.items()}
    own = {
        f"model.{name}": tensor
        for name, tensor in renamed.items()
        if not name.startswith(model.left_out)
    }
    ch_names = model.ch_names
    if model.montage_file is not None:
        ch_names, positions = _montage(model)
        if positions is not None:
            own["positions"] = positions
    spec = spec_of(
        model,
        trained=True,
        name=model.source,
        provenance={"source": path.name, "file_sha256": sha256_of(path)} | provenance,
        ch_names=ch_names,
    )
    return spec, own, []


def _model_of(tensors: dict[str, Tensor]) -> FoundationModel | None:
    for model in MODELS.values():
        name, shape = model.key
        if name in tensors and tuple(tensors[name].shape) == shape:
            return model
    return None


def _renamed(name: str, model: FoundationModel) -> str:
    for old, new in model.renamed.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _montage(model: FoundationModel) -> tuple[tuple[str, ...], Tensor | None]:
    """Return the electrodes of published weights, and their places if a table gives them."""
    assert model.montage_file is not None
    path = fetch(model.montage_file)
    try:
        content = load_json(path.read_bytes())
        if model.told == "rows":
            names = tuple(str(name).upper() for name in content)
            if not isinstance(content, list) or len(set(names)) != len(names):
                raise ValueError("it is no list of different names")
            return names, None
        places = {str(name).upper(): place for name, place in content.items()}
        names = tuple(name for name in model.ch_names if name in places)
        positions = torch.tensor([places[name] for name in names], dtype=torch.float32)
        if positions.shape != (len(names), 3) or not names or not positions.isfinite().all():
            raise ValueError("it gives no place of three numbers to each electrode")
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise InputError(
            f"{path}, which gives {model.source} its electrodes, cannot be used: {one_line(error)}."
        ) from error
    return names, positions


FAMILY = Family(
    name=FAMILY_NAME,
    sizes=tuple(MODELS),
    default_size="CBraMod",
    untrained_spec=untrained_spec,
    build=BraindecodeEncoder,
    recognise=recognise,
    named={model.source: model.hub_file for model in MODELS.values() if model.hub_file},
    package="braindecode",
)

"""Checkpoints: tensors in one safetensors file, written whole, with a JSON header."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from core.errors import InputError, one_line
from core.machine.files import write_whole
from core.strict_json import load_json
from core.tensor_file import DamagedError, read_tensors
from training.pretraining.parallel import part_of, whole

VERSION = 2

_HEADER = "eegpt_realtime.pretraining"  # key of our JSON among a file's metadata
_OPTIMISER = "optimizer."
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class TrainingProgress:
    """How far a run is.

    Attributes
    ----------
    step : int
        Updates done.
    model : str
        Recipe and size of what learns.
    manifest_sha256 : str
        Of the store.
    best : float or None
        Lowest validation loss that chooses so far.
    loss_scale : dict
        State of fp16's scaler; empty in other precisions.
    """

    step: int
    model: str
    manifest_sha256: str
    best: float | None = None
    loss_scale: dict[str, float] | None = None


def save_checkpoint(
    path: Path,
    parts: nn.Module,
    progress: TrainingProgress,
    optimiser: torch.optim.Optimizer | None = None,
    write: bool = True,
) -> None:
    """Write a checkpoint, in place of an older one of that name.

    Every process of a run has to call this, since each may have a part of the weights only; the
    file is the same however many there are.

    Parameters
    ----------
    path : Path
        In the folder of a run.
    parts : Module
    progress : TrainingProgress
    optimiser : torch.optim.Optimizer, optional
        For a checkpoint to go on from. Without it, the file has the parts under their own names;
        EEGPT's are the published ones, as `load_pretraining` reads them.
    write : bool
        False in all processes but the one that writes.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    from safetensors.torch import save

    tensors = dict(parts.state_dict())
    if optimiser is not None:
        for name, parameter in parts.named_parameters():
            for moment, value in optimiser.state.get(parameter, {}).items():
                tensors[f"{_OPTIMISER}{moment}.{name}"] = value
    plain = {}
    for name, tensor in tensors.items():
        gathered = whole(tensor.detach())
        if write:
            plain[name] = gathered.cpu().contiguous()
    if not write:
        return
    header = {"format_version": VERSION} | asdict(progress)
    try:
        write_whole(path, save(plain, metadata={_HEADER: json.dumps(header)}), overwrite=True)
    except InputError as error:
        raise InputError(
            f"{error} When it can be again, go on with --resume {path.parent}."
        ) from error


def load_checkpoint(
    path: Path, parts: nn.Module, model: str, optimiser: torch.optim.Optimizer | None = None
) -> TrainingProgress:
    """Fill the parts, and the optimiser, with what a checkpoint of a model holds.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another model, or holds no state of the optimiser
        that is asked for.
    """
    progress, tensors = _read(path)
    if progress.model != model:
        raise InputError(f"{path} is a checkpoint of {progress.model}, and this run is of {model}.")
    wanted = parts.state_dict()
    weights = {name: t for name, t in tensors.items() if not name.startswith(_OPTIMISER)}
    wrong = [n for n in wanted.keys() | weights.keys() if not _alike(wanted.get(n), weights.get(n))]
    if wrong:
        raise InputError(f"{path} is damaged: its tensor {min(wrong)} is not as it should be.")
    with torch.no_grad():
        for name, tensor in parts.state_dict().items():
            tensor.copy_(part_of(weights[name], tensor))
    if optimiser is None:
        return progress
    for name, parameter in parts.named_parameters():
        if not parameter.requires_grad:
            continue
        state = {moment: tensors.get(f"{_OPTIMISER}{moment}.{name}") for moment in _MOMENTS}
        if any(value is None for value in state.values()):
            raise InputError(f"{path} lacks the optimiser's state of {name}; it cannot go on.")
        optimiser.state[parameter] = {
            moment: part_of(value, parameter)
            for moment, value in state.items()
            if value is not None
        }
    return progress


def _alike(wanted: Tensor | None, tensor: Tensor | None) -> bool:
    return (
        wanted is not None
        and tensor is not None
        and wanted.shape == tensor.shape
        and bool(tensor.isfinite().all())
    )


def _read(path: Path) -> tuple[TrainingProgress, dict[str, Tensor]]:
    if not path.is_file():
        raise InputError(f"There is no checkpoint {path}.")
    try:
        metadata, tensors = read_tensors(path, "pt")
        header = load_json(metadata.get(_HEADER, "null"))
    except (DamagedError, ValueError) as error:
        raise InputError(f"{path} is damaged: {one_line(error)}.") from error
    if not isinstance(header, dict):
        raise InputError(f"{path} is no checkpoint of a pretraining run.")
    if (version := header.pop("format_version", None)) != VERSION:
        raise InputError(
            f"{path} is a checkpoint of format {version!r} and this program reads format {VERSION}."
        )
    try:
        return TrainingProgress(**header), tensors
    except TypeError as error:
        raise InputError(f"{path} has a damaged header.") from error

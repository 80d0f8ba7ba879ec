"""How processes share a model: each has all of it (DDP), or a part of every tensor (FSDP).

What is sharded is known by its methods, as the modules with FSDP's classes take a second to load,
which only a run with FSDP has to wait for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeGuard

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training.pretraining.distributed import Processes
from training.pretraining.settings import Parallel

if TYPE_CHECKING:
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor


def shared(
    objective: nn.Module, world: Processes, how: Parallel, units: tuple[type[nn.Module], ...] = ()
) -> nn.Module:
    """Return what a process calls instead of an objective, so that gradients become everybody's.

    Parameters
    ----------
    objective : Module
        On the process's device. With FSDP, its tensors are replaced by this process's part of them,
        so an optimiser has to be made afterwards.
    world : Processes
    how : {"ddp", "fsdp"}
        A single process has everything either way.
    units : tuple of type
        With FSDP, modules that are whole for as long as they compute.
    """
    if world.count == 1:
        return objective
    if how == "ddp":
        return DistributedDataParallel(
            objective, device_ids=[world.device] if world.device.type == "cuda" else None
        )
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(world.device.type, (world.count,))
    for part in objective.modules():
        if isinstance(part, units):
            fully_shard(part, mesh=mesh)
    fully_shard(objective, mesh=mesh, reshard_after_forward=True)
    return objective


def is_sharded(model: nn.Module) -> TypeGuard[FSDPModule]:
    """Say whether every process has a part only, and has to compute whenever another does."""
    return hasattr(model, "set_requires_gradient_sync")


def unsynchronised(model: nn.Module, wanted: bool) -> AbstractContextManager[None]:
    """Keep gradients in this process, if wanted, until the last piece of its share."""
    if not wanted:
        return nullcontext()
    if isinstance(model, DistributedDataParallel):
        return model.no_sync()
    return _unsharded_gradients(model) if is_sharded(model) else nullcontext()


@contextmanager
def _unsharded_gradients(model: FSDPModule) -> Iterator[None]:
    model.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        model.set_requires_gradient_sync(True)


def whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor; every process has to ask, if each has a part."""
    return tensor.full_tensor() if _is_part(tensor) else tensor


def part_of(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return what of a whole tensor is this process's, on its device, as a parameter is."""
    there = tensor.to(parameter.device)
    if not _is_part(parameter) or tensor.shape != parameter.shape:
        return there
    from torch.distributed.tensor import distribute_tensor

    # Every process has read the same file, so nothing is sent.
    return distribute_tensor(there, parameter.device_mesh, parameter.placements, src_data_rank=None)


def _is_part(tensor: Tensor) -> TypeGuard[DTensor]:
    return hasattr(tensor, "full_tensor")

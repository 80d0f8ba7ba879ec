"""How processes share a model: each has all of it (DDP), or a part of every tensor (FSDP)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from training.pretraining.distributed import Processes
from training.pretraining.settings import Parallel


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
    mesh = init_device_mesh(world.device.type, (world.count,))
    for part in objective.modules():
        if isinstance(part, units):
            fully_shard(part, mesh=mesh)
    fully_shard(objective, mesh=mesh, reshard_after_forward=True)
    return objective


def is_sharded(model: nn.Module) -> bool:
    """Say whether every process has a part only, and has to compute whenever another does."""
    return isinstance(model, FSDPModule)


def unsynchronised(model: nn.Module, wanted: bool) -> AbstractContextManager[None]:
    """Keep gradients in this process, if wanted, until the last piece of its share."""
    if not wanted:
        return nullcontext()
    if isinstance(model, DistributedDataParallel):
        return model.no_sync()
    return _unsharded_gradients(model) if isinstance(model, FSDPModule) else nullcontext()


@contextmanager
def _unsharded_gradients(model: FSDPModule) -> Iterator[None]:
    model.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        model.set_requires_gradient_sync(True)


def whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor; every process has to ask, if each has a part."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def part_of(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return what of a whole tensor is this process's, on its device, as a parameter is."""
    there = tensor.to(parameter.device)
    if not isinstance(parameter, DTensor) or tensor.shape != parameter.shape:
        return there
    # Every process has read the same file, so nothing is sent.
    return distribute_tensor(there, parameter.device_mesh, parameter.placements, src_data_rank=None)

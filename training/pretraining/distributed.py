"""The processes of a run: one, or those that torchrun started."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import torch
import torch.distributed as dist
from torch import Tensor

from core.errors import InputError
from core.program import ending_signals


@dataclass(frozen=True)
class Processes:
    """One process among those of a run: the one that asks.

    Attributes
    ----------
    rank, count : int
        Which one, of how many.
    device : torch.device
        Where it computes.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files and prints."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def most(self, value: int) -> int:
        """Return the largest of a number over all processes."""
        if self.count == 1:
            return value
        largest = torch.tensor(value, device=self.device)
        dist.all_reduce(largest, dist.ReduceOp.MAX)
        return int(largest)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.count > 1:
            dist.barrier()


@contextmanager
def processes(device: str = "auto") -> Iterator[Processes]:
    """Join the processes that torchrun or a batch system announced in the environment.

    Parameters
    ----------
    device : str
        auto, cpu, cuda or mps.

    Raises
    ------
    InputError
        If there is no such device.
    """
    rank, count = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    chosen = _device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if count == 1:
        yield Processes(0, 1, chosen)
        return
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Processes(rank, count, chosen)
    finally:
        dist.destroy_process_group()


def _device(name: str, local_rank: int) -> torch.device:
    """Return the device of that name, one GPU a process of a machine."""
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        name = "cuda" if there["cuda"] else "cpu"
    if not there.get(name):
        known = ", ".join(device for device, available in there.items() if available)
        raise InputError(f'There is no device "{name}" here; there is {known}.')
    if name != "cuda":
        return torch.device(name)
    if local_rank >= torch.cuda.device_count():
        raise InputError(
            f"Process {local_rank} of this machine has no GPU of its own; there are "
            f"{torch.cuda.device_count()}. Start as many processes as there are GPUs."
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


class Interruption:
    """Remembers that the run was asked to end: by a batch system, a closed terminal, or Ctrl+C.

    Attributes
    ----------
    signal : int
        Number of the signal; 0 while there was none.
    """

    def __init__(self) -> None:
        self.signal = 0

    def __enter__(self) -> Interruption:
        """Listen for these signals; a second one ends the program at once."""
        self._before = {number: signal.signal(number, self._note) for number in ending_signals()}
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

"""How many threads the numerical libraries may take."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_LINEAR_ALGEBRA = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_SHARED = {**dict.fromkeys(_LINEAR_ALGEBRA, "1"), "OMP_WAIT_POLICY": "PASSIVE"}


def share_cores() -> None:
    """Make the libraries' threads good neighbours; called before NumPy is first imported.

    NumPy's linear algebra gets one thread: the matrices here are small, and threads that meet at
    every one of them cost several times what they save. Threads of torch sleep instead of
    spinning while they wait, which makes a fit on two cores four times faster when anything else
    runs. A value that the person has set stays.
    """
    for name, value in _SHARED.items():
        os.environ.setdefault(name, value)


def one_torch_thread() -> None:
    """Keep torch to one thread as well: what a live program does.

    A single patch is too little work to share; two threads were up to thirty times slower as
    soon as anything else ran.
    """
    import torch

    torch.set_num_threads(1)


@contextmanager
def few_threads(live: bool = False) -> Iterator[None]:
    """Share cores for as long as a block runs, in a process that is not a program of ours.

    Linear algebra gets one thread, as from `share_cores`, in libraries that are loaded already and
    in those that the block loads; afterwards all is as it was. A value that the person has set in
    the environment stays.

    Parameters
    ----------
    live : bool
        Keep torch to one thread too, if it is loaded, as `one_torch_thread` does.
    """
    absent = [name for name in _SHARED if name not in os.environ]
    free = not any(name in os.environ for name in _LINEAR_ALGEBRA)
    torch = sys.modules.get("torch") if live else None
    threads = 0 if torch is None else torch.get_num_threads()
    share_cores()
    try:
        with _libraries(len(sys.modules)).limit(limits=1 if free else None, user_api="blas"):
            if torch is not None:
                torch.set_num_threads(1)
            yield
    finally:
        if torch is not None:
            torch.set_num_threads(threads)
        for name in absent:
            os.environ.pop(name, None)


@lru_cache(1)
def _libraries(modules: int) -> ThreadpoolController:
    """Return the libraries that are loaded; looked for anew when modules have been imported."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

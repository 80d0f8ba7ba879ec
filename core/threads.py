"""How many threads the numerical libraries may take, and how threads share memory."""

from __future__ import annotations

import ctypes
import os
import sys

_ARENA_MAX = -8  # of glibc's malloc.h: M_ARENA_MAX
_ARENAS = 2


def share_cores() -> None:
    """Make the libraries' threads good neighbours; called before NumPy is first imported.

    NumPy's linear algebra gets one thread: the matrices here are small, and threads that meet at
    every one of them cost several times what they save. Threads of torch sleep instead of
    spinning while they wait, which makes a fit on two cores four times faster when anything else
    runs. A value that the person has set stays.
    """
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def one_torch_thread() -> None:
    """Keep torch to one thread as well: what a live program does.

    A single patch is too little work to share; two threads were up to thirty times slower as
    soon as anything else ran.
    """
    import torch

    torch.set_num_threads(1)


def share_heaps() -> None:
    """Let all threads share two heaps; called before any of them begins.

    glibc gives every new thread a heap of its own. Each time a stream is found again, threads of
    liblsl end and others begin, and what they leave behind made a live program grow by 14 MB an
    hour.
    """
    if sys.platform != "linux":
        return
    option = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none, and one heap
    if option is not None:
        option(_ARENA_MAX, _ARENAS)

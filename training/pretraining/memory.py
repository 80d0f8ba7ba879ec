"""Keeping a run's memory as it is, however long it takes.

Masks ask for another number of patches at every step, so that no two steps have tensors of the same
sizes.
"""

from __future__ import annotations

import ctypes
import os
import sys

_KERNELS = "128"


def keep_few_kernels() -> None:
    """Let oneDNN forget kernels of sizes that will not come again; called before any is made.

    It keeps 1024 by default, about 45 kB a step until they are there. A value that the person
    has set stays.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _KERNELS)


def give_back_memory() -> None:
    """Return to the system what this process has freed.

    glibc keeps the holes that tensors of ever other sizes leave behind, and they grow for hours:
    a tiny model had twice as many holes as tensors after 240 steps.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none, and no such holes
    if trim is not None:
        trim(0)

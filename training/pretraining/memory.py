"""Keeping a run's memory as it is, however long it takes.

Masks ask for another number of patches at every step, so that no two steps have tensors of the same
sizes.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

_KERNELS = "128"
_MMAP_THRESHOLD = -3  # of glibc's malloc.h: M_MMAP_THRESHOLD
_OWN_PAGES = 2**20  # bytes from which a tensor has pages of its own


def keep_memory_steady() -> None:
    """Settle how memory is handed out; called before torch has any.

    oneDNN forgets kernels of sizes that will not come again: by default it keeps 1024, about 45 kB
    a step until they are there. Tensors of a megabyte and more get pages of their own, which go
    back when the tensor does; glibc would put them into its heap, whose holes grow for hours. That
    costs a tiny model about a seventh of its speed, and a large one, whose tensors have such pages
    anyway, next to nothing. Values that the person has set in the environment stay.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _KERNELS)
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # large pages: fewer to ask for
    if (option := _glibc("mallopt")) is not None:
        option(_MMAP_THRESHOLD, _OWN_PAGES)


def give_back_memory() -> None:
    """Return to the system what this process has freed: the holes between smaller tensors."""
    if (trim := _glibc("malloc_trim")) is not None:
        trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    """Return a function of glibc's; other systems have neither it nor such holes."""
    found: Callable[..., int] | None = None
    if sys.platform == "linux":
        found = getattr(ctypes.CDLL(None), name, None)
    return found

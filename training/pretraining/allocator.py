"""Keeping a run's memory as it is, however long it takes.

Masks ask for another number of patches at every step, so that no two steps have tensors of the same
sizes.
"""

from __future__ import annotations

import os

from core.machine.malloc import give_own_pages

_KERNELS = "128"
_OWN_PAGES = 2**20  # bytes


def keep_memory_steady() -> None:
    """Set how memory is handed out; called before torch has any.

    oneDNN forgets kernels of sizes that will not come again: by default it keeps 1024, about 45 kB
    a step until they are there. Tensors of a megabyte and more get pages of their own; glibc would
    put them into its heap, whose holes grow for hours. That costs a tiny model about a seventh of
    its speed, and a large one, whose tensors have such pages anyway, next to nothing. Values that
    the person has set in the environment stay.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _KERNELS)
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # large pages: fewer to ask for
    give_own_pages(_OWN_PAGES)

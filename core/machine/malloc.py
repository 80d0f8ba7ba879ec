"""How glibc hands out memory; systems without it have neither its faults nor these remedies."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # of glibc's malloc.h: M_MMAP_THRESHOLD, M_ARENA_MAX
_ARENAS = 2


def limit_arenas() -> None:
    """Let all threads share two heaps; called before any of them begins.

    glibc gives every new thread a heap of its own. Each time a stream is found again, threads of
    liblsl end and others begin, and what they leave behind made a live program grow by 14 MB an
    hour.
    """
    if (option := _glibc("mallopt")) is not None:
        option(_ARENA_MAX, _ARENAS)


def give_own_pages(size: int) -> None:
    """Give what is at least so many bytes large pages of its own, which go back when it is freed.

    Otherwise it lies in the heap, where it leaves holes.
    """
    if (option := _glibc("mallopt")) is not None:
        option(_MMAP_THRESHOLD, size)


def trim() -> None:
    """Return to the system what this process has freed: the holes of its heap."""
    if (trim := _glibc("malloc_trim")) is not None:
        trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    function: Callable[..., int] | None = None
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)  # musl has none of them
    return function

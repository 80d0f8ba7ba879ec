"""How far something is that takes long, on a terminal; nothing where nobody reads one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

_T = TypeVar("_T")
_LEAST = 0.5  # s before a bar is drawn


def progress(items: Sequence[_T], words: str) -> Iterable[_T]:
    """Give items, and draw on stderr how many of them are done, if that is a terminal.

    Parameters
    ----------
    items : sequence
    words : str
        What is being done.
    """
    if len(items) < 2 or not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    bar = tqdm(items, words, leave=False, delay=_LEAST, file=sys.stderr, dynamic_ncols=True)
    return cast(Iterable[_T], bar)

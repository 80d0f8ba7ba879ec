"""How far something is that takes long: on a terminal, or told to who shows it in a window."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar, cast

Tell = Callable[[str, int, int], None]
"""Takes what is being done, how many items are done, and how many there are."""

_T = TypeVar("_T")
_LEAST = 0.5  # s before a bar is drawn
_TELL: ContextVar[Tell | None] = ContextVar("tell", default=None)


def progress(items: Sequence[_T], words: str) -> Iterable[_T]:
    """Give items, and tell how many of them are done.

    Where nobody is `told`, a bar is drawn on stderr, if that is a terminal.

    Parameters
    ----------
    items : sequence
    words : str
        What is being done.
    """
    tell = _TELL.get()
    if tell is not None:
        return _telling(items, words, tell)
    if len(items) < 2 or not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    bar = tqdm(items, words, leave=False, delay=_LEAST, file=sys.stderr, dynamic_ncols=True)
    return cast(Iterable[_T], bar)


@contextmanager
def told(tell: Tell) -> Iterator[None]:
    """Let a function be told of everything that this thread does meanwhile."""
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


def _telling(items: Sequence[_T], words: str, tell: Tell) -> Iterator[_T]:
    for done, item in enumerate(items):
        tell(words, done, len(items))
        yield item
    tell(words, len(items), len(items))

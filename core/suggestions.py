"""What a person may have meant by a name that is not there."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable

_CLOSE = 0.6
"""Least similarity of two spellings: 2 * matching characters / all characters."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question that proposes the known name closest to a word.

    Spellings that differ only in case, in leading zeros of a number or in how words are joined
    are the same name (``1`` and ``01``, ``Sim1`` and ``sim1``, ``left hand`` and ``left_hand``).
    Names that differ in nothing but a number (``run2`` and ``run3``) are never proposed for each
    other: they are neighbours, not misspellings.

    Parameters
    ----------
    word : str
        What was given.
    known : iterable of str
        What there is.

    Returns
    -------
    str
        ' Did you mean "left_hand"?', to be put behind a sentence; empty when nothing is close.
    """
    name = closest(word, known)
    return f' Did you mean "{name}"?' if name is not None else ""


def counted(names: Iterable[str], most: int = 20) -> str:
    """Return the different names with how often each occurs, by name: "T1 (8), T2 (7)"."""
    counts = Counter(names)
    listed = [f"{name} ({counts[name]})" for name in sorted(counts)]
    more = [f"and {len(listed) - most} more"] if len(listed) > most else []
    return ", ".join([*listed[:most], *more])


def closest(word: str, known: Iterable[str], least: float = _CLOSE) -> str | None:
    """Return the known name that `did_you_mean` proposes for a word, None when nothing is close.

    Parameters
    ----------
    word : str
    known : iterable of str
    least : float
        Of the similarity of two spellings, 2 * matching characters / all characters.
    """
    names = [name for name in dict.fromkeys(known) if name != word]
    folded = _fold(word)
    for name in names:
        if _fold(name) == folded:
            return name
    spellings = {_fold(name): name for name in reversed(names) if _letters(name) != _letters(word)}
    near = difflib.get_close_matches(folded, spellings, 1, least)
    return spellings[near[0]] if near else None


def _fold(name: str) -> str:
    joined = re.sub(r"[\s_.-]+", "_", name.strip().casefold())
    return re.sub(r"\d+", lambda number: number[0].lstrip("0") or "0", joined)


def _letters(name: str) -> str:
    """Return a name with every number replaced by the same sign."""
    return re.sub(r"\d+", "#", _fold(name))

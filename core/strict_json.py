"""Reading JSON that may hold anything."""

from __future__ import annotations

import json
from typing import Any


def load_json(content: bytes | str) -> Any:
    """Return what a JSON text says, if it says everything once.

    Of two values of one name, different programs take different ones.

    Parameters
    ----------
    content : bytes or str
        Bytes in UTF-8, UTF-16 or UTF-32, with a byte order mark or not.

    Raises
    ------
    ValueError
        If it is no JSON, is nested too deeply, or repeats a name.
    """
    try:
        return json.loads(content, object_pairs_hook=_once)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def load_object(content: bytes | str) -> dict[str, Any]:
    """Return the names and values of a JSON object.

    Raises
    ------
    ValueError
        As `load_json`, or if it is something else.
    """
    table = load_json(content)
    if not isinstance(table, dict):
        raise ValueError("it is no table of names and values")
    return table


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'it says "{twice[:60]}" more than once')
    return table

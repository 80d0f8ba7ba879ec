"""Reading faults from text: ``lose:samples=50,at=12``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from types import ModuleType
from typing import Any, get_args, get_type_hints

from core.errors import InputError
from simulation.faults import repeats, sender, signal, timing
from simulation.faults.fault import Fault

_HOME: tuple[ModuleType, ...] = (signal, repeats, timing, sender)


def kinds() -> dict[str, type[Fault]]:
    """Return every kind of fault by the word that a spec calls it."""
    return {
        kind.word: kind
        for module in _HOME
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, Fault) and kind.__module__ == module.__name__
        if kind.word
    }


def parse(spec: str) -> Fault:
    """Return the fault that a spec describes.

    Parameters
    ----------
    spec : str
        A kind, and after a colon its settings: ``stall:at=20,for=1.5``. Times are seconds of the
        signal.

    Raises
    ------
    InputError
        If it is misspelt, lacks a setting, or means nothing.
    """
    word, _, rest = (part.strip() for part in spec.partition(":"))
    known = kinds()
    if word not in known:
        raise InputError(
            f'The fault "{spec}" begins with "{word}"; {_meant(word, known)}'
            f"it is one of {', '.join(sorted(known))}."
        )
    kind = known[word]
    settings = {_key(field): field for field in fields(kind)}
    types = get_type_hints(kind)
    given: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, text = (piece.strip() for piece in part.partition("="))
        if not equals or not text or key not in settings:
            raise InputError(
                f'The fault "{spec}" says "{part}"; {_meant(key, settings)}'
                f"{word} takes {', '.join(f'{name}=' for name in settings)}."
            )
        if settings[key].name in given:
            raise InputError(f'The fault "{spec}" says {key}= twice.')
        given[settings[key].name] = _value(spec, key, text, types[settings[key].name])
    for key, field in settings.items():
        if field.default is MISSING and field.name not in given:
            raise InputError(f'The fault "{spec}" must say {key}=, as in "{_example(kind)}".')
    return kind(**given)


def parse_all(specs: Iterable[str]) -> tuple[Fault, ...]:
    """Return the faults of a schedule, in the order given."""
    return tuple(parse(spec) for spec in specs)


def text(fault: Fault) -> str:
    """Return the shortest spec that `parse` turns into this fault again."""
    settings = [
        f"{_key(field)}={value:.15g}" if isinstance(value, float) else f"{_key(field)}={value}"
        for field in fields(fault)
        if (value := getattr(fault, field.name)) != field.default
    ]
    return f"{fault.word}:{','.join(settings)}" if settings else fault.word


def _key(field: Field[Any]) -> str:
    return field.name.rstrip("_")  # "for" cannot be a name in Python


def _value(spec: str, key: str, text: str, wanted: Any) -> Any:
    if choices := get_args(wanted):
        if text not in choices:
            raise InputError(
                f'The fault "{spec}" says {key}={text}; {_meant(text, choices)}'
                f"it is one of {', '.join(choices)}."
            )
        return text
    try:
        value = wanted(text)
    except ValueError:
        value = None
    if value is None or value != value:  # NaN
        kind = "whole number" if wanted is int else "number"
        raise InputError(f'The fault "{spec}" says {key}={text}; a {kind} was expected.')
    return value


def _meant(word: str, known: Iterable[str]) -> str:
    close: Sequence[str] = get_close_matches(word, list(known), 1)
    return f'"{close[0]}" may be meant; ' if close else ""


def _example(kind: type[Fault]) -> str:
    values = {"samples": "50", "by": "3600", "channel": "C3"}
    needed = [_key(field) for field in fields(kind) if field.default is MISSING]
    settings = ",".join(f"{key}={values.get(key, '0.01')}" for key in needed)
    return f"{kind.word}:{settings},at=12"

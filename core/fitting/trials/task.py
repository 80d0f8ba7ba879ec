"""What is to be read out of windows, and how a person says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.decoding.outputs import CLASSES, SCALE
from core.decoding.readouts import task_name
from core.errors import InputError, one_line


@dataclass(frozen=True)
class Task:
    """What is to be read out, and where recordings say what is right.

    Attributes
    ----------
    name : str
    meanings : dict of str to str
        Label of an event, or name of a recording -> class, number of a scale, or text.
    kind : str
        "classes", "retrieval" or "scale".
    state : bool
        Whether its readout keeps the last minutes.
    """

    name: str
    meanings: Mapping[str, str]
    kind: str = CLASSES
    state: bool = False


def parse_task(given: str) -> Task:
    """Return the task of a text ``NAME=SOURCE:VALUE,SOURCE:VALUE``.

    It is a scale if all values are numbers, else it has classes.

    Raises
    ------
    InputError
        If the text is of another form, or has one class or one number only.
    """
    name, equals, rest = given.partition("=")
    parts = [part.rpartition(":") for part in rest.split(",")]
    pairs = [(source.strip(), value.strip()) for source, _, value in parts]
    if not equals or not all(source and value for source, value in pairs):
        raise InputError(
            f'--task "{one_line(given, 80)}" is not NAME=SOURCE:CLASS,SOURCE:CLASS, such as '
            "eyes=R01.edf:open,R02.edf:closed; a source is the label of an event or the name of a "
            "recording. With numbers in place of the classes it is a scale."
        )
    meanings: dict[str, str] = {}
    for source, value in pairs:
        if meanings.setdefault(source, value) != value:
            raise InputError(
                f'--task {name} gives "{source}" two meanings, {meanings[source]} and {value}; '
                "leave one of them out."
            )
    kind = SCALE if all(map(_is_number, meanings.values())) else CLASSES
    if len(set(meanings.values())) < 2:
        noun = "number" if kind == SCALE else "class"
        raise InputError(
            f"--task {name} has one {noun} only ({next(iter(meanings.values()))}); it needs at "
            "least two."
        )
    return Task(task_name(name.strip()), meanings, kind)


def _is_number(value: str) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    if not np.isfinite(number):
        raise InputError(f'The value "{value}" of a --task is neither a class nor a finite number.')
    return True

"""Which feedback tasks there are: those of this folder, and those of other packages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from realtime.tasks.task import FeedbackTask

GROUP = "eegpt_realtime.tasks"
"""The group of entry points under which a package offers tasks: a name, and a `FeedbackTask`."""

_OWN = {
    "graz-bar": "realtime.tasks.graz_bar:GrazBar",
    "cursor": "realtime.tasks.cursor:CursorTask",
    "game": "realtime.tasks.game:CatchGame",
}
"""Name -> class of the tasks that come with the program, in the order of the list."""


@cache
def available_tasks() -> dict[str, EntryPoint]:
    """Return name -> entry point of all tasks; nothing of them is imported yet.

    A name of this program's own stays this program's.
    """
    others = {entry.name: entry for entry in entry_points(group=GROUP)}
    own = {name: EntryPoint(name, value, GROUP) for name, value in _OWN.items()}
    return own | {name: others[name] for name in sorted(others) if name not in own}


def task_title(name: str) -> str:
    """Return what a person calls a task: its name, where importing another package would tell."""
    return str(available_tasks()[name].load().title) if name in _OWN else name


def check_task(name: str) -> None:
    """Refuse a name that no task has.

    Raises
    ------
    InputError
        With the names that there are.
    """
    if name not in (names := available_tasks()):
        raise InputError(f"There is no task {name!r}; there are: {', '.join(names)}.")


def load_task(name: str, classes: Sequence[str]) -> FeedbackTask:
    """Return a task for the classes of a decoder.

    Raises
    ------
    InputError
        If there is no such task, or what a package offers is none or cannot be used.
    """
    from realtime.tasks.task import FeedbackTask

    check_task(name)
    entry = available_tasks()[name]
    try:
        kind = entry.load()
        if not (isinstance(kind, type) and issubclass(kind, FeedbackTask)):
            raise InputError(f"{entry.value} is not a realtime.tasks.task.FeedbackTask.")
        task: FeedbackTask = kind(classes)
    except InputError:
        raise
    except Exception as error:  # of another package: anything
        raise InputError(
            f"The task {name} cannot be used: {type(error).__name__}: {error}"
        ) from error
    return task

"""The steps of an adaptation, and whether two runs began alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import InputError, one_line


@dataclass(frozen=True)
class Step:
    """Something that happened to what decides.

    Attributes
    ----------
    windows : int
        That had been decided: later ones are decided as said here. Samples would not tell, as the
        length of a break is known to a stream and not to its recording.
    sample : int
        Of the newest window (`WindowResult.sample`); -1 before the first.
    time : float or None
        Of that sample, in the stream's seconds.
    kind : str
        "begin"; "recentre"; "labels"; "passed" (a trial that is not learned from); "undo";
        "resume"; "end".
    state : str
        Name of the `AdaptedState` that decides from now on; empty for the decoder as it is.
    text : str
        What happened, as a sentence.
    detail : dict
        What there is to know beside that, for programs.
    """

    windows: int
    sample: int
    time: float | None
    kind: str
    state: str
    text: str
    detail: dict[str, Any] = field(default_factory=dict)


_FLAGS = {"modes": "--adapt", "seconds": "--recentre-seconds", "decoder": "the decoder"}
"""What the first step of a log has and is no flag of that name, as a person knows it."""


def check_same(logged: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Refuse a run that began otherwise than that of a log.

    Parameters
    ----------
    logged, here : mapping
        The details of both first steps.

    Raises
    ------
    InputError
        With all that differs.
    """
    differing = [
        f"{_FLAGS.get(name, '--' + name.replace('_', '-'))} {_words(logged.get(name))}, "
        f"here {_words(value)}"
        for name, value in here.items()
        if logged.get(name) != value
    ]
    if differing:
        raise InputError(
            f"The run of the log of adaptation had {'; '.join(differing)}. Give the decoder and "
            "the options of that run."
        )


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return "none" if value in (None, "") else one_line(value, 40)


def other_run(windows: int, sample: int) -> InputError:
    """Return what is said of a run whose steps are not those of a log."""
    return InputError(
        f"This is not the run of the log of adaptation, as can be told after {windows} windows, at "
        f"sample {max(sample, 0)}: that was of other signal, or had other options such as "
        "--unit and --channels. Give the recording that it made."
    )

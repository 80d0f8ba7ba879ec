"""The log of adaptation: what happened to what decides, and the same read again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.decoding.adaptation import LABELS, MODES, Adaptation
from core.decoding.adaptation_steps import Step
from core.errors import InputError
from core.machine.files import open_regular
from core.strict_json import load_object
from realtime.engine.line_file import LineFile
from realtime.engine.snapshot import Decision

_KINDS = ("begin", *MODES, "passed", "undo", "resume", "end")


def adaptation_log(log: Path) -> Path:
    """Return where steps of adaptation go, beside a log of decisions."""
    return log.with_suffix(f".adaptation{log.suffix}")


class AdaptationLog:
    """One JSON line a step, in a file beside the log of decisions.

    Parameters
    ----------
    log : Path
        Of the decisions; ``live.jsonl`` gets ``live.adaptation.jsonl`` beside it.
    adaptation : Adaptation

    Raises
    ------
    InputError
        As `LineFile` does.
    """

    def __init__(self, log: Path, adaptation: Adaptation) -> None:
        self._file = LineFile(adaptation_log(log))
        self._adaptation, self._written = adaptation, 0

    def publish(self, decision: Decision) -> None:
        """Write the steps that came before a decision."""
        self._write()

    def close(self) -> None:
        """Write the last steps, and finish the file."""
        try:
            self._write()
        finally:
            self._file.close()

    def _write(self) -> None:
        for step in self._adaptation.steps[self._written :]:
            self._file.write(json.dumps(vars(step), allow_nan=False))
            self._written += 1


def read_steps(path: Path) -> tuple[Step, ...]:
    """Read a log of adaptation.

    Parameters
    ----------
    path : Path
        That log, or the log of decisions that it lies beside.

    Raises
    ------
    InputError
        If it is missing or is none.
    """
    beside = adaptation_log(path)
    place = beside if beside.is_file() else path
    try:
        with open_regular(place) as opened:
            lines = opened.readall().decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The log {place} cannot be read: {error}.") from error
    steps = []
    for number, line in enumerate(lines, 1):
        try:
            entry = load_object(line)
            if entry.get("kind") == "begin" and "windows" not in entry:
                raise InputError(
                    f"{place} is of an older version, which placed steps by samples, and these are "
                    "counted otherwise in a recording; decide it by its events, with --adapt."
                )
            steps.append(_step(entry))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"Line {number} of {place} is no step of adaptation; name the log that "
                "eegpt-realtime --adapt --log wrote."
            ) from error
    if not steps or steps[0].kind != "begin":
        raise InputError(f"{place} does not say how its run adapted: its first line is missing.")
    return tuple(steps)


def _step(line: dict[str, Any]) -> Step:
    step = Step(**line)
    time, detail = step.time, step.detail
    if step.kind not in _KINDS or {type(step.windows), type(step.sample)} != {int}:
        raise ValueError(step.kind)
    if not (isinstance(step.state, str) and isinstance(step.text, str)):
        raise TypeError(step.state)
    if step.kind in (LABELS, "passed"):
        str(detail["label"]), float(detail["cue"])
    if step.kind == "begin" and not set(detail["modes"]) <= set(MODES):
        raise ValueError(detail["modes"])
    if step.kind == "begin":
        float(detail["seconds"]), float(detail["hop"])
    return replace(step, time=None if time is None else float(time))

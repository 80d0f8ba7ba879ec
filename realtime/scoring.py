"""``eegpt-realtime score``: what the decisions of a log come to, by the markers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from core.command_line import ProgramOptions, parse
from core.errors import InputError
from core.machine.files import open_regular
from core.program import write_line
from core.strict_json import load_object
from realtime.engine.cued_trials import CuedScore, class_of, score_cues
from realtime.engine.sinks import cue_log


@dataclass(frozen=True)
class ScoreOptions(ProgramOptions):
    """Score the decisions of a log by the markers that were written beside it.

    The last decision within four seconds of a cue counts, as in the window's panel Score; a cue
    without one counts as wrong. Beside session.jsonl, markers are in session.markers.jsonl.
    """

    log: tyro.conf.Positional[Path]
    """What eegpt-realtime --log wrote."""
    event: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """LABEL=CLASS: the marker that is the cue of a class, instead of what was known live."""


def main(argv: Sequence[str]) -> int:
    """Print the score of a log."""
    from core.fitting.trials.labels import parse_events

    options = parse(ScoreOptions, "eegpt-realtime score", argv)
    write_line(in_words(score_log(options.log, parse_events(options.event))))
    return 0


def score_log(log: Path, events: dict[str, str] | None = None) -> CuedScore:
    """Return the score of a log of decisions and the markers beside it.

    Parameters
    ----------
    log : Path
    events : dict, optional
        Label -> class, instead of the classes that the markers were given live.

    Raises
    ------
    InputError
        If a file is missing or holds something else, or there was no decision.
    """
    decisions = _lines(log, ("time", "decision", "probabilities"))
    markers = _lines(cue_log(log), ("time", "label", "class"))
    classes = next(
        (tuple(line["probabilities"]) for line in decisions if line["probabilities"]), ()
    )
    if not classes:
        raise InputError(f"{log} has no window that was decoded, so there is nothing to score.")
    cues = [
        (
            float(line["time"]),
            class_of(str(line["label"]), classes, events) if events else str(line["class"]),
        )
        for line in markers
    ]
    trials = score_cues(
        ((float(line["time"]), line["decision"]) for line in decisions),
        ((time, name) for time, name in cues if name in classes),
    )
    return CuedScore(trials, classes)


def in_words(score: CuedScore) -> str:
    """Return a score as the lines that a person reads."""
    if not score.trials:
        return "No cue was followed by four seconds of decisions, so there is nothing to score."
    lines = [
        f"{score.right} of {len(score.trials)} cues decided as asked: {100 * score.accuracy:.1f} % "
        f"(guessing stays at or below {100 * score.chance:.1f} %)."
    ]
    if (bits := score.bits_per_minute) is not None:
        lines.append(
            f"Information transfer rate at the pace of the cues: {bits:.2f} bits a minute."
        )
    if (seconds := score.seconds) is not None:
        lines.append(f"Median time from the cue to the decision that counted: {seconds:.2f} s.")
    wide = max(12, *(len(name) for name in score.classes))
    heads = (*score.classes, "none")
    lines.append("asked \\ decided".ljust(wide + 4) + "".join(head.rjust(wide) for head in heads))
    for name, row in zip(score.classes, score.confusion, strict=True):
        lines.append(name.ljust(wide + 4) + "".join(str(count).rjust(wide) for count in row))
    return "\n".join(lines)


def _lines(file: Path, names: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        with open_regular(file) as opened:
            lines = opened.readall().decode("utf-8").splitlines()
        found = [load_object(line) for line in lines]
    except FileNotFoundError:
        raise InputError(
            f"There is no {file}. Decode with --log, and with --markers or from a replay, which "
            "brings its own markers."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as lines of JSON: {error}.") from error
    if any(name not in line for line in found for name in names):
        raise InputError(f"{file} lacks {', '.join(names)} in some line; is it another file?")
    return found

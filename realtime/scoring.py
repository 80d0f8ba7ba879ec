"""``eegpt-realtime score``: what the decisions of a log come to, by the markers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro

from core.command_line import ProgramOptions, parse
from core.errors import InputError
from core.machine.files import open_regular
from core.program import write_line
from core.strict_json import load_object
from realtime.engine.cued_trials import Cue, CuedScore, CuedTrials
from realtime.engine.sinks import cue_log
from realtime.engine.snapshot import Decision
from realtime.tasks import score as task_score


@dataclass(frozen=True)
class ScoreOptions(ProgramOptions):
    """Score the decisions of a log by the markers that were written beside it.

    The last decision within four seconds of a cue counts, as in the window's panel Score; a cue
    without one counts as wrong. The trials of feedback tasks are scored by the rules of their task,
    too. Beside session.jsonl, markers are in session.markers.jsonl.
    """

    log: tyro.conf.Positional[Path]
    """What eegpt-realtime --log wrote."""
    event: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """LABEL=CLASS: the marker that is the cue of a class, instead of what was known live; other
    markers stay as they were."""


def main(argv: Sequence[str]) -> int:
    """Print the score of a log."""
    from core.fitting.trials.labels import parse_events

    options = parse(ScoreOptions, "eegpt-realtime score", argv)
    events, log = parse_events(options.event), read_log(options.log)
    there = {cue.label.strip() for cue in log.cues}
    if unknown := [label for label in events if label not in there]:
        raise InputError(
            f"--event {unknown[0]} is no marker of {options.log}, which has "
            f"{', '.join(sorted(there)[:12]) or 'none at all'}."
        )
    if foreign := [event for event in events.items() if event[1] not in log.classes]:
        label, name = foreign[0]
        raise InputError(
            f"--event {label}={name} asks for a class that the decisions of {options.log} do not "
            f"have; they have {', '.join(log.classes)}."
        )
    write_line(in_words(log.score(events)))
    for score in log.task_scores():
        write_line(task_score.in_words(score))
    return 0


@dataclass(frozen=True)
class ScoredLog:
    """A log of decisions, and the markers beside it.

    Attributes
    ----------
    decisions : list of Decision
    cues : list of Cue
        All markers, those that are no cue too.
    classes : tuple of str
        Of the decoder.
    """

    decisions: list[Decision]
    cues: list[Cue]
    classes: tuple[str, ...]

    def score(self, events: dict[str, str] | None = None) -> CuedScore:
        """Return the score of its decisions.

        Parameters
        ----------
        events : dict, optional
            Label -> class, instead of the classes that these markers were given live.
        """
        trials = CuedTrials()
        for cue in self.cues:
            name = (events or {}).get(cue.label.strip(), cue.name)
            trials.take(replace(cue, name=name if name in self.classes else ""))
        for decision in self.decisions:
            trials.decide(decision.time, decision.decision)
        return CuedScore(trials.trials, self.classes)

    def task_scores(self) -> tuple[task_score.TaskScore, ...]:
        """Return the scores of its feedback tasks, oldest first."""
        return task_score.score_tasks(self.decisions, self.cues, self.classes)


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
    wide = max(12, *(len(name) + 2 for name in score.classes))
    heads = (*score.classes, "none")
    lines.append("asked \\ decided".ljust(wide + 4) + "".join(head.rjust(wide) for head in heads))
    for name, row in zip(score.classes, score.confusion, strict=True):
        lines.append(name.ljust(wide + 4) + "".join(str(count).rjust(wide) for count in row))
    return "\n".join(lines)


def read_log(log: Path) -> ScoredLog:
    """Return a log of decisions with the markers beside it.

    Raises
    ------
    InputError
        If a file is missing or holds something else, or there was no decision.
    """
    lines = _lines(log, ("time", "decision", "probabilities"))
    markers = _lines(cue_log(log), ("time", "label", "class"))
    classes = next((tuple(line["probabilities"]) for line in lines if line["probabilities"]), ())
    if not classes:
        raise InputError(f"{log} has no window that was decoded, so there is nothing to score.")
    decisions = [
        Decision(
            index=index,
            time=float(line["time"]),
            sample=0,
            status=str(line.get("status", "ok")),
            probabilities=line["probabilities"],
            decision=line["decision"],
            age_ms=None,
            compute_ms=0.0,
        )
        for index, line in enumerate(lines)
    ]
    cues = [
        Cue(
            float(line["time"]),
            None,
            str(line["label"]),
            str(line["class"]),
            str(line.get("task", "")),
        )
        for line in markers
    ]
    return ScoredLog(decisions, cues, classes)


def _lines(file: Path, names: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        with open_regular(file) as opened:
            lines = opened.readall().decode("utf-8").splitlines()
        entries = [load_object(line) for line in lines]
    except FileNotFoundError:
        raise InputError(
            f"There is no {file}. Decode with --log, and with --markers, with --task, or from a "
            "replay, which brings its own markers."
        ) from None
    except IsADirectoryError:
        raise InputError(f"{file} is a folder; name the log in it.") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(
            f"{file} cannot be read as lines of JSON, which --log writes; is it another file?"
        ) from error
    if any(name not in line for line in entries for name in names):
        raise InputError(f"{file} lacks {', '.join(names)} in some line; is it another file?")
    return entries

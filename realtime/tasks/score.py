"""What the trials of feedback tasks come to, by a log of decisions and the markers beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import InputError
from realtime.engine.cued_trials import HIT, TASK_CANCEL, TASK_ENDS, Cue
from realtime.engine.snapshot import Decision
from realtime.tasks.registry import load_task
from realtime.tasks.task import FeedbackTask, TrialState, next_state


@dataclass(frozen=True)
class TaskScore:
    """What a run of a task comes to.

    Attributes
    ----------
    task : str
        Its name.
    outcomes : tuple of str
        Of its trials, worked out anew from the decisions.
    points : int
    recorded : tuple of str
        The outcomes that were shown.
    """

    task: str
    outcomes: tuple[str, ...]
    points: int
    recorded: tuple[str, ...]

    @property
    def hits(self) -> int:
        """Trials whose target was hit."""
        return sum(outcome == HIT for outcome in self.outcomes)


@dataclass
class _Played:
    """The markers of one run of a task."""

    task: str
    trials: list[tuple[Cue, str]]  # cue and outcome
    open: Cue | None = None


def score_tasks(
    decisions: Sequence[Decision],
    cues: Iterable[Cue],
    classes: Sequence[str],
) -> tuple[TaskScore, ...]:
    """Return the scores of all runs of tasks in a log.

    A task that is not installed any more has the score that was shown.

    Parameters
    ----------
    decisions : sequence of Decision
        In the order of the log.
    cues : iterable of Cue
        In the order of the log.
    classes : sequence of str
        Of the decoder.
    """
    scores = []
    for played in _runs(cues):
        recorded = tuple(outcome for _, outcome in played.trials)
        if not recorded:
            continue
        try:
            task = load_task(played.task, classes)
        except InputError:
            hits = sum(outcome == HIT for outcome in recorded)
            scores.append(TaskScore(played.task, recorded, hits, recorded))
            continue
        outcomes = tuple(_outcome(task, cue, decisions) for cue, _ in played.trials)
        scores.append(TaskScore(played.task, outcomes, task.points(outcomes), recorded))
    return tuple(scores)


def in_words(score: TaskScore) -> str:
    """Return the score of a run as a line that a person reads."""
    words = (
        f"Task {score.task}: {score.hits} of {len(score.outcomes)} targets hit, "
        f"score {score.points}."
    )
    if score.outcomes != score.recorded:
        different = sum(a != b for a, b in zip(score.outcomes, score.recorded, strict=True))
        words += f" {different} of them were shown differently."
    return words


def _runs(cues: Iterable[Cue]) -> list[_Played]:
    runs: list[_Played] = []
    for cue in cues:
        if not cue.task:
            continue
        if cue.label == "task/start":
            runs.append(_Played(cue.task, []))
        if not runs:
            continue
        played = runs[-1]
        if cue.name:
            played.open = cue
        elif cue.label == TASK_CANCEL:
            played.open = None
        elif cue.label in TASK_ENDS and played.open is not None:
            played.trials.append((played.open, cue.label.removeprefix("task/")))
            played.open = None
    return runs


def _outcome(task: FeedbackTask, cue: Cue, decisions: Sequence[Decision]) -> str:
    state, outcome = TrialState(), ""
    for decision in decisions:
        if not outcome:
            state, outcome = next_state(task, cue.name, cue.time, state, decision)
    return outcome or task.outcome(state, cue.name, over=True)

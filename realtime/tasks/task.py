"""What every feedback task is: rules that know no screen, and a drawing in plain shapes.

A trial follows from the task, its target, the time of its cue and the decisions after it, and from
nothing else: the window and the log of a run come to the same hits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from realtime.engine.cued_trials import EDGE, HIT, IMAGERY, MISS, NONE
from realtime.engine.snapshot import Decision
from ui.directions import DIRECTIONS, class_places


@dataclass(frozen=True)
class TrialState:
    """How a trial stands after a decision.

    Attributes
    ----------
    x, y : float
        Place of what decisions move, -1 to 1, to the right and down.
    decided : str
        Class of the newest decision that was one; empty before the first.
    seconds : float
        Of the newest decision, since the cue.
    """

    x: float = 0.0
    y: float = 0.0
    decided: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class TaskMoment:
    """What is to be drawn.

    Attributes
    ----------
    phase : str
        "instructions", "ready" (a cross), "trial", "result", "break", "paused" or "done".
    target : str
        The class that is asked for; empty outside of trials and their results.
    state : TrialState
    share : float
        Of the phase's time that is over, 0 to 1.
    outcome : str
        Of the trial that has just ended: "hit", "miss" or "none".
    trial, trials : int
        Number of the trial from 1, and how many there are.
    hits, points : int
        So far.
    """

    phase: str
    target: str
    state: TrialState
    share: float
    outcome: str
    trial: int
    trials: int
    hits: int
    points: int


class Stage(Protocol):
    """What a task draws on: shapes around the middle, in units of half the height.

    Inks are the names of classes, which have a colour each, or "text", "muted",
    "outline" and "ground".
    """

    wide: float  # half of the width

    def arrow(
        self, direction: str, x: float, y: float, size: float, ink: str, filled: bool = True
    ) -> None:
        """Draw the symbol of a direction: an arrow, or a dot for the centre."""

    def disc(self, x: float, y: float, radius: float, ink: str, filled: bool = True) -> None:
        """Draw a disc or a ring."""

    def box(
        self, x: float, y: float, width: float, height: float, ink: str, filled: bool = True
    ) -> None:
        """Draw a rectangle around a point."""

    def cross(self, x: float, y: float, size: float) -> None:
        """Draw a fixation cross."""

    def words(self, text: str, x: float, y: float, size: float, ink: str = "text") -> None:
        """Write a line around a point."""


class FeedbackTask:
    """Rules and drawing of a task.

    Parameters
    ----------
    classes : sequence of str
        Of the decoder.

    Attributes
    ----------
    title : str
        What a person calls it.
    instructions : tuple of str
        Lines that the subject reads before it begins.
    seconds : float
        Longest time from a cue to the end of its trial.
    places : dict of str to str
        Class -> direction: "left", "right", "up", "down" or "centre".
    """

    title = ""
    instructions: tuple[str, ...] = ()
    seconds = IMAGERY

    def __init__(self, classes: Sequence[str]) -> None:
        self.places = class_places(classes)

    @property
    def targets(self) -> tuple[str, ...]:
        """Classes that are asked for, each as often as any other."""
        return tuple(self.places)

    def move(self, state: TrialState, decision: Decision, seconds: float) -> TrialState:
        """Return how a trial stands after one more decision.

        Parameters
        ----------
        state : TrialState
            Before it.
        decision : Decision
        seconds : float
            Since the decision before, or since the cue.
        """
        return replace(state, decided=decision.decision or state.decided)

    def outcome(self, state: TrialState, target: str, over: bool) -> str:
        """Return "hit", "miss" or "none" (no decision); empty while the trial goes on.

        Here a trial goes on to its end, and the last decision counts, as in the panel Score.

        Parameters
        ----------
        state : TrialState
        target : str
            The class that was asked for.
        over : bool
            Whether the trial's time is over: something is to be returned then.
        """
        if not over:
            return ""
        if not state.decided:
            return NONE
        return HIT if state.decided == target else MISS

    def points(self, outcomes: Sequence[str]) -> int:
        """Return the score of trials, oldest first: here a point for each hit."""
        return sum(outcome == HIT for outcome in outcomes)

    def draw(self, stage: Stage, moment: TaskMoment) -> None:
        """Draw a trial, or its result."""
        raise NotImplementedError


def next_state(
    task: FeedbackTask, target: str, cue: float, state: TrialState, decision: Decision
) -> tuple[TrialState, str]:
    """Return how a trial stands after one more decision, and its outcome if it is over.

    Parameters
    ----------
    task : FeedbackTask
    target : str
    cue : float
        Time of the cue, by the clock of the decisions.
    state : TrialState
    decision : Decision
        One made on signal before the cue changes nothing; the first one after the trial's time
        ends it, and does not count.
    """
    seconds = decision.time - cue
    if seconds <= 0.0:
        return state, ""
    if seconds > task.seconds + EDGE:
        return state, task.outcome(state, target, over=True) or NONE
    moved = task.move(state, decision, max(0.0, seconds - state.seconds))
    state = replace(moved, seconds=seconds)
    return state, task.outcome(state, target, over=False)


def strength(probability: float, chance: float) -> float:
    """Return how far feedback reaches, 0 at chance to 1 at certainty."""
    if math.isnan(probability) or chance >= 1.0:
        return 0.0
    return min(1.0, max(0.0, (probability - chance) / (1.0 - chance)))


def pull(decision: Decision, places: dict[str, str]) -> tuple[float, float]:
    """Return where probabilities pull to, to the right and down; 1 is certainty.

    Nothing is pulled by a window without probabilities.
    """
    x = y = 0.0
    for name, probability in (decision.probabilities or {}).items():
        across, down = DIRECTIONS[places.get(name, "centre")]
        reach = strength(probability, 1.0 / len(places))
        x, y = x + reach * across, y + reach * down
    return x, y

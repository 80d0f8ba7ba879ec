"""A cursor to a target: probabilities are its velocity, and the edge it reaches counts.

Wolpaw and McFarland (2004), Control of a two-dimensional movement signal by a noninvasive
brain-computer interface in humans, PNAS 101(51).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from realtime.engine.cued_trials import HIT, MISS, NONE
from realtime.engine.snapshot import Decision
from realtime.tasks.task import FeedbackTask, Stage, TaskMoment, TrialState, pull
from ui.directions import DIRECTIONS

_FASTEST = 1.5  # s from the middle to a target, at certainty
_REACHED = 1.0 - 1e-6  # steps add up to 1 but for their last digits
_TARGET = 0.16  # thickness of a target, in units of half the height


class CursorTask(FeedbackTask):
    """A trial ends at the first target that the cursor reaches, or after eight seconds."""

    title = "Cursor to a target"
    instructions: tuple[str, ...] = ("Move the disc to the coloured edge within eight seconds.",)
    seconds = 8.0

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__(classes)
        if "centre" in self.places.values():
            rest = "Where the ring in the middle is coloured, rest: keep the disc off the edges."
            self.instructions = (*self.instructions, rest)

    def move(self, state: TrialState, decision: Decision, seconds: float) -> TrialState:
        """Move the cursor for the time since the last decision; it stops without probabilities."""
        x, y = (speed * seconds / _FASTEST for speed in pull(decision, self.places))
        return replace(
            super().move(state, decision, seconds), x=_within(state.x + x), y=_within(state.y + y)
        )

    def outcome(self, state: TrialState, target: str, over: bool) -> str:
        """Compare the target with the edge that was reached; in the centre, none is to be."""
        reached = [
            name
            for name, place in self.places.items()
            if place != "centre"
            and DIRECTIONS[place][0] * state.x + DIRECTIONS[place][1] * state.y >= _REACHED
        ]
        if reached:
            return HIT if target in reached else MISS
        if not over:
            return ""
        return HIT if self.places[target] == "centre" else NONE

    def draw(self, stage: Stage, moment: TaskMoment) -> None:
        """Draw every target, that which is asked for in its colour, and the cursor."""
        wide, high = stage.wide - _TARGET, 1.0 - _TARGET - 0.12
        for name, place in self.places.items():
            across, down = DIRECTIONS[place]
            asked = moment.target == name
            ink = name if asked else "outline"
            if place == "centre":
                stage.disc(0.0, 0.0, 0.2, ink, filled=False)
                continue
            x, y = across * (wide + _TARGET / 2), down * (high + _TARGET / 2)
            box = (_TARGET, 1.2) if across else (1.2, _TARGET)
            stage.box(x, y, *box, ink, filled=asked)
        radius = 0.085
        x, y = moment.state.x * (wide - radius), moment.state.y * (high - radius)
        stage.disc(x, y, radius, "text")


def _within(place: float) -> float:
    return min(1.0, max(-1.0, place))

"""A small game: fruit falls in the lane of a class, and decisions move the basket to a lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from realtime.engine.cued_trials import HIT, MISS, NONE
from realtime.engine.snapshot import Decision
from realtime.tasks.task import FeedbackTask, Stage, TaskMoment, TrialState
from ui.directions import DIRECTIONS

_ACROSS = 2.5  # s for the basket from the first lane to the last
_STREAK = 5  # points of a catch, at most


class CatchGame(FeedbackTask):
    """A decision sends the basket to the lane of its class, for five seconds a fruit.

    Lanes are ordered from left to right by the places of their classes. A catch is worth a point
    more than the one before it, up to five, until one is missed.
    """

    title = "Game: catch the fruit"
    instructions = (
        "Fruit falls. Imagine what its colour and arrow say,",
        "and the basket goes there. Each catch in a row is worth a point more, up to five.",
    )
    seconds = 5.0

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__(classes)
        order = sorted(self.places, key=lambda name: DIRECTIONS[self.places[name]][0])
        self._gap = 2.0 / max(1, len(order) - 1)  # between two lanes
        self.lanes = {name: -1.0 + self._gap * index for index, name in enumerate(order)}

    def move(self, state: TrialState, decision: Decision, seconds: float) -> TrialState:
        """Move the basket towards the lane of a decision; it stops without one."""
        state = super().move(state, decision, seconds)
        if decision.decision is None:
            return state
        step, way = 2.0 * seconds / _ACROSS, self.lanes[decision.decision] - state.x
        return replace(state, x=state.x + min(step, max(-step, way)))

    def outcome(self, state: TrialState, target: str, over: bool) -> str:
        """Say whether the basket is below the fruit when it lands."""
        if not over:
            return ""
        if not state.decided:
            return NONE
        caught = abs(state.x - self.lanes[target]) < self._gap / 2.0
        return HIT if caught else MISS

    def points(self, outcomes: Sequence[str]) -> int:
        """Add up the catches, each by how many there were in a row."""
        points = streak = 0
        for outcome in outcomes:
            streak = streak + 1 if outcome == HIT else 0
            points += min(streak, _STREAK)
        return points

    def draw(self, stage: Stage, moment: TaskMoment) -> None:
        """Draw the lanes, the fruit that falls, and the basket."""
        wide = 0.72 * stage.wide
        for name, lane in self.lanes.items():
            stage.box(wide * lane, 0.0, 0.006, 1.62, "outline")
            stage.box(wide * lane, 0.84, 0.44, 0.02, name if moment.target == name else "outline")
        basket = wide * moment.state.x
        if moment.target:
            lane = wide * self.lanes[moment.target]
            height = -0.66 + 1.24 * moment.share if moment.phase == "trial" else 0.58
            x = basket if moment.outcome == HIT else lane
            stage.disc(x, height, 0.15, moment.target)
            stage.arrow(self.places[moment.target], x, height, 0.2, "ground")
        stage.box(basket, 0.74, 0.5, 0.12, "text", filled=False)
        stage.box(basket, 0.74, 0.44, 0.06, "text")

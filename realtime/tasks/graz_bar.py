"""The Graz bar: a bar that grows from the middle towards the class that is likelier.

Pfurtscheller and Neuper (2001), Motor imagery and direct brain-computer communication, Proc. IEEE
89(7).
"""

from __future__ import annotations

from dataclasses import replace

from realtime.engine.snapshot import Decision
from realtime.tasks.task import FeedbackTask, Stage, TaskMoment, TrialState, pull
from ui.directions import DIRECTIONS

_REACH, _THICK = 0.88, 0.13  # of the bar, in units of half the height


class GrazBar(FeedbackTask):
    """Four seconds of feedback; a trial comes to its last decision."""

    title = "Graz bar"
    instructions = (
        "An arrow says what to imagine.",
        "Make the bar grow that way, for four seconds.",
    )

    def move(self, state: TrialState, decision: Decision, seconds: float) -> TrialState:
        """Let the bar be as long as the probability is above chance; none without one."""
        x, y = pull(decision, self.places)
        return replace(super().move(state, decision, seconds), x=x, y=y)

    def draw(self, stage: Stage, moment: TaskMoment) -> None:
        """Draw the arrow at its side, the frame of the bar, and the bar."""
        crossed = any(DIRECTIONS[place][1] for place in self.places.values())
        start = 1.2 * _THICK if crossed else 0.0  # of the bars, so that they do not meet
        reach = _REACH if crossed else min(1.6, 0.9 * stage.wide)
        for name, place in self.places.items():
            across, down = DIRECTIONS[place]
            if across or down:
                self._draw_bar(stage, name, place, moment, start, reach)
            elif moment.target == name:
                stage.arrow(place, 0.0, 0.0, 0.7, name)
        stage.cross(0.0, 0.0, 0.08)

    def _draw_bar(
        self,
        stage: Stage,
        name: str,
        place: str,
        moment: TaskMoment,
        start: float,
        reach: float,
    ) -> None:
        across, down = DIRECTIONS[place]
        length = reach - 0.34 - start  # the arrow stands at the end
        grown = max(0.0, moment.state.x * across + moment.state.y * down) * length
        for size, ink in ((grown, name), (length, "outline")):
            middle = start + size / 2
            bar = (size, 2 * _THICK) if across else (2 * _THICK, size)
            if size > 0.0:
                stage.box(across * middle, down * middle, *bar, ink, filled=ink == name)
        asked = moment.target == name
        ink = name if asked else "outline"
        stage.arrow(place, across * (reach - 0.12), down * (reach - 0.12), 0.4, ink, filled=asked)

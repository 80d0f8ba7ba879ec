"""The course of a feedback task: which trial comes when, and what it comes to. No clock, no Qt."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from realtime.engine.cued_trials import HIT, NONE, TASK_CANCEL
from realtime.engine.snapshot import Decision
from realtime.tasks.task import FeedbackTask, TaskMoment, TrialState, next_state

_SET_BACK = 1.0  # s: decisions step back by more only where another clock runs
_KEPT = 64  # decisions that may have been made on signal after a cue which is not marked yet


@dataclass(frozen=True)
class TaskTimes:
    """Seconds between the trials of a task.

    Attributes
    ----------
    ready : float
        Of the cross before a cue.
    result : float
        For which the result stays.
    break_shortest, break_longest : float
        Between two trials.
    """

    ready: float = 2.0
    result: float = 1.5
    break_shortest: float = 1.0
    break_longest: float = 2.0


class TaskRun:
    """Goes through the trials of a task as it is told the time and the decisions.

    Parameters
    ----------
    task : FeedbackTask
    mark : callable
        Is told every marker with the time of this machine's LSL clock, and returns that time by
        the clock of the decisions.
    per_target : int
        Trials of each target.
    seed : int
        The same seed asks for the same targets.
    times : TaskTimes

    Attributes
    ----------
    phase : str
        As in `TaskMoment`.
    target : str
        Of the trial that is on, or has just ended.
    state : TrialState
    outcomes : tuple of str
        Of the trials that are over.
    pausing : bool
        Whether a pause waits for the end of a trial.

    Notes
    -----
    Markers are ``task/start``, the name of a class at its cue, ``task/hit``, ``task/miss`` or
    ``task/none`` and ``task/score/N`` when the result is there, ``task/pause``, ``task/resume``,
    and in the end ``task/stop``; ``task/cancel`` takes back a cue whose trial did not end.
    """

    def __init__(
        self,
        task: FeedbackTask,
        mark: Callable[[str, float], float],
        per_target: int = 10,
        seed: int = 0,
        times: TaskTimes | None = None,
    ) -> None:
        self.task, self._mark = task, mark
        self._times = times or TaskTimes()
        self._random = random.Random(seed)
        self._targets = self._order(per_target)
        self.phase, self.target, self.state = "instructions", "", TrialState()
        self.outcomes: tuple[str, ...] = ()
        self.pausing = False
        self._begun, self._length = 0.0, math.inf  # s, of the phase
        self._cue: float | None = None  # s, by the clock of the decisions
        self._outcome = ""  # of the trial that is on
        self._recent: deque[Decision] = deque(maxlen=_KEPT)

    @property
    def hits(self) -> int:
        """Trials whose target was hit."""
        return sum(outcome == HIT for outcome in self.outcomes)

    @property
    def points(self) -> int:
        """The score."""
        return self.task.points(self.outcomes)

    def moment(self, now: float) -> TaskMoment:
        """Return what is to be drawn."""
        gone = (now - self._begun) / self._length if self._length > 0.0 else 1.0
        shown = self.phase in ("trial", "result")
        return TaskMoment(
            phase=self.phase,
            target=self.target if shown else "",
            state=self.state,
            share=min(1.0, max(0.0, gone)),
            outcome=self.outcomes[-1] if self.phase == "result" else "",
            trial=min(len(self.outcomes) + (self.phase != "result"), len(self._targets)),
            trials=len(self._targets),
            hits=self.hits,
            points=self.points,
        )

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Take the decisions that were made since the last call, all of them, oldest first.

        Where they step back, by the clock of another sender or one that was set, the trial that is
        on is over: by that clock nobody knows how long ago its cue was.
        """
        for decision in decisions:
            if self._recent and decision.time < self._recent[-1].time - _SET_BACK:
                self._recent.clear()
                if self.phase == "trial" and self._cue is not None and not self._outcome:
                    self._outcome = self.task.outcome(self.state, self.target, over=True) or NONE
            self._recent.append(decision)
            self._take(decision)

    def due(self, now: float) -> bool:
        """Whether the next cue comes as soon as there are probabilities."""
        return self.phase == "ready" and self._over(now)

    def tick(self, now: float, able: bool = True) -> bool:
        """Go on, and return whether another phase has begun.

        Parameters
        ----------
        now : float
            This machine's LSL clock, in seconds.
        able : bool
            Whether there are probabilities now: no cue is given without.
        """
        over = self._over(now)
        if self.phase == "trial":
            if not self._outcome:
                return False
            self._end_trial(now)
        elif self.phase == "result" and over:
            if len(self.outcomes) == len(self._targets):
                self._begin("done", now, math.inf)
                self._mark("task/stop", now)
            elif self.pausing:
                self._pause(now)
            else:
                low, high = self._times.break_shortest, self._times.break_longest
                self._begin("break", now, self._random.uniform(low, high))
        elif self.phase == "break" and over:
            self._begin("ready", now, self._times.ready)
        elif self.due(now) and able:
            self.target, self.state = self._targets[len(self.outcomes)], TrialState()
            self._cue, self._outcome = None, ""
            self._begin("trial", now, self.task.seconds)
        else:
            return False
        return True

    def cue_shown(self, now: float) -> None:
        """Tell when the target of a trial that has begun could be seen first."""
        if self.phase == "trial" and self._cue is None:
            self._begun = now
            self._cue = self._mark(self.target, now)
            for decision in self._recent:
                self._take(decision)

    def press(self, now: float) -> None:
        """Begin; pause, at once between trials, else at the end of this one; or go on."""
        if self.phase == "instructions":
            self._mark("task/start", now)
            self._begin("ready", now, self._times.ready)
        elif self.phase == "paused":
            self._mark("task/resume", now)
            self._begin("ready", now, self._times.ready)
        elif self.phase == "trial":
            self.pausing = not self.pausing
        elif self.phase in ("ready", "break"):
            self._pause(now)
        elif self.phase == "result":
            self.pausing = True

    def stop(self, now: float) -> None:
        """End it: the trial that is on does not count."""
        if self.phase in ("instructions", "done"):
            return
        if self.phase == "trial" and self._cue is not None:
            self._mark(TASK_CANCEL, now)
        self._begin("done", now, math.inf)
        self._mark("task/stop", now)

    def _take(self, decision: Decision) -> None:
        if self.phase == "trial" and self._cue is not None and not self._outcome:
            self.state, self._outcome = next_state(
                self.task, self.target, self._cue, self.state, decision
            )

    def _end_trial(self, now: float) -> None:
        self.outcomes = (*self.outcomes, self._outcome)
        self._mark(f"task/{self._outcome}", now)
        self._mark(f"task/score/{self.points}", now)
        self._begin("result", now, self._times.result)

    def _pause(self, now: float) -> None:
        self.pausing = False
        self._mark("task/pause", now)
        self._begin("paused", now, math.inf)

    def _over(self, now: float) -> bool:
        """Whether the phase has lasted as long as it is to."""
        return now - self._begun >= self._length

    def _begin(self, phase: str, now: float, seconds: float) -> None:
        self.phase, self._begun, self._length = phase, now, seconds

    def _order(self, per_target: int) -> tuple[str, ...]:
        """Draw the targets: two of each in every block, so that none is long in coming."""
        order: list[str] = []
        while (left := per_target - len(order) // len(self.task.targets)) > 0:
            block = list(self.task.targets) * min(2, left)
            self._random.shuffle(block)
            order += block
        return tuple(order)

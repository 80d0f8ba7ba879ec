"""A feedback task at work: its run, its view, its markers, and the decisions of the engine."""

from __future__ import annotations

import logging
import math
import random
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QObject, Qt, QTimer

from core.errors import one_line
from core.stream.description import MARKERS
from realtime.engine.snapshot import Decision, Snapshot
from realtime.tasks.run import TaskRun
from realtime.tasks.task import FeedbackTask
from realtime.tasks.view import TaskView
from realtime.widgets.subject import pause_words
from ui import theme

_LOG = logging.getLogger("eegpt.tasks")
_TICK = 16  # ms between two pictures
_ASK = 0.25  # s between two questions whether there are probabilities for a cue that is due
_EASE = 0.3  # of the way to the newest decision's place, a picture


class TaskEngine(Protocol):
    """What a task needs of the engine; every call is cheap and safe from any thread."""

    def snapshot(self) -> Snapshot:
        """Return what is known right now."""
        ...

    def decisions(self, after: int) -> tuple[Decision, ...]:
        """Return every decision of the last minute with a greater index, oldest first."""
        ...

    def mark(self, label: str, time: float, task: str) -> float:
        """Take a marker at a time of this machine's LSL clock; return it by the stream's clock."""
        ...


class Markers(Protocol):
    """Where markers go out."""

    def push(self, text: str, time: float) -> None:
        """Send a marker for a moment of the LSL clock, in seconds."""
        ...

    def close(self) -> None:
        """End the stream."""
        ...


class TaskSession(QObject):
    """Shows a task until its view is closed.

    Parameters
    ----------
    name : str
        Of the task, in the log.
    task : FeedbackTask
    engine : TaskEngine
    per_target : int
        Trials of each target.
    parent : QObject
    markers : Markers, optional
        By default a stream ``EEGPT-Markers``.
    clock : callable, optional
        The LSL clock of this machine, in seconds.

    Attributes
    ----------
    run : TaskRun
    view : TaskView
    """

    def __init__(
        self,
        name: str,
        task: FeedbackTask,
        engine: TaskEngine,
        per_target: int,
        parent: QObject,
        markers: Markers | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(parent)
        self._name, self._engine = name, engine
        self._clock = clock or _lsl_clock()
        self._markers: Markers | None = markers or _outlet()
        self.run = TaskRun(task, self._mark, per_target, seed=random.randrange(2**32))
        self.view = TaskView(task)
        self.view.pressed.connect(self._press)
        # Queued: what is being painted is not to be thrown away meanwhile.
        self.view.failed.connect(self._fail, Qt.ConnectionType.QueuedConnection)
        self.view.closed.connect(self.end)
        latest = engine.snapshot().latest
        self._index = -1 if latest is None else latest.index  # of the newest decision taken
        self._shown = self.run.state.x, self.run.state.y
        self._asked = -math.inf  # s, when a cue was due and there were no probabilities
        self._timer = QTimer(self, interval=_TICK)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start()
        self.tick()

    def tick(self) -> None:
        """Take what was decided, go on, and draw."""
        try:
            self._go_on()
        except Exception as error:  # of a task of another package: anything
            self._fail(error)

    def end(self) -> None:
        """Stop; the trial that is on does not count. May be called again."""
        self._timer.stop()
        if self._markers is not None:
            self.run.stop(self._clock())
            self._markers.close()
            self._markers = None

    def _go_on(self) -> None:
        decisions = self._engine.decisions(self._index)
        if decisions:
            self._index = decisions[-1].index
            self.run.decide(decisions)
        now = self._clock()
        changed = self.run.tick(now, self.run.due(now) and self._able(now))
        cued = changed and self.run.phase == "trial"
        if changed:
            self._shown = self.run.state.x, self.run.state.y
        self._draw(now, at_once=cued)
        if cued:
            self.run.cue_shown(self._clock())

    def _able(self, now: float) -> bool:
        """Whether there are probabilities: a whole snapshot, so it is not asked every tick."""
        if now - self._asked < _ASK:
            return False
        able = not pause_words(self._engine.snapshot())
        self._asked = -math.inf if able else now
        return able

    def _draw(self, now: float, at_once: bool = False) -> None:
        """Draw, and let what decisions move glide to its new place."""
        moment = self.run.moment(now)
        x, y = self._shown
        self._shown = (
            x + _EASE * (moment.state.x - x),
            y + _EASE * (moment.state.y - y),
        )
        if moment.phase == "trial":
            moment = replace(
                moment, state=replace(moment.state, x=self._shown[0], y=self._shown[1])
            )
        else:
            moment = replace(moment, share=0.0)  # nothing that stands still is drawn again
        self.view.show_moment(moment, at_once)

    def _press(self) -> None:
        self.run.press(self._clock())
        self.tick()

    def _mark(self, label: str, time: float) -> float:
        if self._markers is not None:
            self._markers.push(label, time)
        return self._engine.mark(label, time, self._name)

    def _fail(self, error: Exception) -> None:
        if self._timer.isActive():  # else it has been stopped for this already
            _LOG.error("the task %s: %s", self._name, "".join(traceback.format_exception(error)))
            self.end()
            self.view.show_error(theme.plain(f"{type(error).__name__}: {one_line(error)}"))


def _lsl_clock() -> Callable[[], float]:
    import pylsl

    clock: Callable[[], float] = pylsl.local_clock
    return clock


def _outlet() -> Markers:
    from core.stream.outlets import MarkerOutlet

    return MarkerOutlet(MARKERS)

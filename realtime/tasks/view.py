"""A feedback task on the subject's screen."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent

from realtime.engine.snapshot import Snapshot
from realtime.tasks.stage import PaintedStage
from realtime.tasks.task import FeedbackTask, Stage, TaskMoment
from realtime.widgets.subject import pause_words
from realtime.widgets.subject_window import SubjectWindow
from ui import theme

_KEYS = "Space or click: start and pause     Esc or right click: end     O: the operator's view"
_RESULTS = {"hit": "Hit", "miss": "Missed", "none": "No decision"}


class TaskView(SubjectWindow):
    """Draws the moments of a task, with the words around its trials.

    Parameters
    ----------
    task : FeedbackTask
    """

    pressed = Signal()  # to begin, pause or go on
    failed = Signal(object)  # the exception of a task that cannot draw

    def __init__(self, task: FeedbackTask) -> None:
        super().__init__()
        self._task = task
        self._moment: TaskMoment | None = None
        self._waiting = ""  # why there is no feedback now
        self._error = ""
        self.setWindowTitle(task.title)
        self.setAccessibleName(task.title)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Say why there is no feedback now, if there is none."""
        super().show_snapshot(snapshot)
        if (words := pause_words(snapshot)) != self._waiting:
            self._waiting = words
            self.update()

    def show_moment(self, moment: TaskMoment, at_once: bool = False) -> None:
        """Draw another moment, if it differs; at once: before this returns."""
        if moment != self._moment:
            self._moment = moment
            theme.describe(self, moment_words(self._task, moment))
            self.update()
        if at_once:
            self.repaint()

    def show_error(self, words: str) -> None:
        """Show why the task has stopped, in its place."""
        self._error = words
        theme.describe(self, words)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Space and Enter begin, pause and go on."""
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self._press()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Do as Space does; the right button closes."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._press()
        else:
            super().mousePressEvent(event)

    def _press(self) -> None:
        if self._error or (self._moment is not None and self._moment.phase == "done"):
            self.close()
        else:
            self.pressed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the moment."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.STAGE)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        stage = PaintedStage(painter, QRectF(self.rect()), tuple(self._task.places))
        try:
            if self._error:
                stage.words("The task has stopped", 0.0, -0.2, 0.14)
                stage.words(self._error, 0.0, 0.05, 0.06, "muted")
                stage.words("Decoding goes on. Esc or click: back", 0.0, 0.3, 0.06, "muted")
            elif self._moment is not None:
                self._draw(stage, self._moment)
        except Exception as error:  # of a task of another package: anything
            self.failed.emit(error)
        finally:
            painter.end()

    def _draw(self, stage: Stage, moment: TaskMoment) -> None:
        phase = moment.phase
        if phase == "instructions":
            _write(stage, self._task.title, (*self._task.instructions, "", _KEYS))
            return
        if phase == "done":
            _write(stage, "Done", (result_words(moment), "", "Space or click: back"))
            return
        if phase == "paused":
            _write(stage, "Paused", ("Space or click: go on     Esc or right click: end",))
        elif phase in ("trial", "result"):
            self._task.draw(stage, moment)
            if phase == "result":
                ink = moment.target if moment.outcome == "hit" else "muted"
                stage.words(_RESULTS.get(moment.outcome, ""), 0.0, -0.42, 0.18, ink)
        elif phase == "ready":
            stage.cross(0.0, 0.0, 0.1)
        counts = f"Trial {moment.trial} of {moment.trials}     Hits {moment.hits}"
        if moment.points != moment.hits:
            counts += f"     Score {moment.points}"
        stage.words(counts, 0.45 - stage.wide, -0.93, 0.055, "muted")
        if self._waiting and phase in ("ready", "trial"):
            stage.words(self._waiting, 0.0, 0.42, 0.09, "muted")


def result_words(moment: TaskMoment) -> str:
    """Say what a task came to."""
    done = moment.trial if moment.phase == "result" else moment.trials
    words = f"{moment.hits} of {done} targets hit"
    return words if moment.points == moment.hits else f"{words}, score {moment.points}"


def moment_words(task: FeedbackTask, moment: TaskMoment) -> str:
    """Say for a screen reader what is drawn."""
    if moment.phase == "instructions":
        return " ".join(task.instructions)
    if moment.phase == "done":
        return result_words(moment)
    target = moment.target.replace("_", " ")
    if moment.phase == "result":
        return f"{target}: {_RESULTS.get(moment.outcome, moment.outcome)}"
    return f"{moment.phase} {target}".strip()


def _write(stage: Stage, title: str, lines: tuple[str, ...]) -> None:
    """Write a title and the lines below it."""
    stage.words(title, 0.0, -0.4, 0.18)
    for index, line in enumerate(lines):
        stage.words(line, 0.0, -0.05 + 0.13 * index, 0.075, "muted")

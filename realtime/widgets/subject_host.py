"""Opens the subject's view, plain or with a feedback task, on the screen that the subject sees."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow, QMenu

from core.errors import InputError
from realtime.engine.snapshot import Snapshot
from realtime.tasks.registry import available_tasks, load_task, task_title
from realtime.tasks.session import TaskEngine, TaskSession
from realtime.widgets.subject import SubjectView
from realtime.widgets.subject_window import SubjectWindow, subject_screen
from ui import theme


class SubjectHost(QObject):
    """The one view that the subject has, if any.

    Parameters
    ----------
    window : QMainWindow
        The operator's: it gets the keys that the view does not know.
    engine : TaskEngine
    trials : int
        Of each target in a task.
    say : callable
        Takes a sentence that the operator has to read.

    Attributes
    ----------
    view : SubjectWindow or None
    session : TaskSession or None
        Where the view shows a task.
    menu : QMenu
        The list of tasks.
    """

    def __init__(
        self,
        window: QMainWindow,
        engine: TaskEngine,
        trials: int,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(window)
        self._window, self._engine, self._trials, self._say = window, engine, trials, say
        self.view: SubjectWindow | None = None
        self.session: TaskSession | None = None
        self._waiting = ""  # a task that waits for the decoder
        self.menu = QMenu("Tasks", window)
        self.menu.setToolTipsVisible(True)
        for name in available_tasks():
            action = self.menu.addAction(theme.plain(task_title(name), 60))
            action.setToolTip(f"As --task {theme.plain(name, 60)}: {trials} trials of each target")
            action.triggered.connect(partial(self.start, name))

    def toggle_feedback(self) -> None:
        """Open the view with feedback only; or close whatever is open."""
        if self.view is not None:
            self.view.close()
        else:
            self._open(SubjectView())

    def start(self, name: str, *_: object) -> None:
        """Show a task, if there is a decoder for it; once there is, if one is being aligned."""
        snapshot = self._engine.snapshot()
        if snapshot.aligning is not None:
            self._waiting = name
            self._say("The task begins when other people's decoder is aligned.")
            return
        classes = () if snapshot.decoder is None else snapshot.decoder.classes
        if len(classes) < 2:
            self._say("A feedback task needs a decoder for this stream, of two classes or more.")
            return
        try:
            task = load_task(name, classes)
        except InputError as error:
            self._say(str(error))
            return
        self.close()
        self.session = TaskSession(name, task, self._engine, self._trials, self)
        self._open(self.session.view)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Hand a snapshot on."""
        if self._waiting and snapshot.decoder is not None:
            name, self._waiting = self._waiting, ""
            self.start(name)
        if self.view is not None:
            self.view.show_snapshot(snapshot)

    def close(self) -> None:
        """Close what is open."""
        if self.view is not None:
            self.view.close()

    def _open(self, view: SubjectWindow) -> None:
        self.view = view
        view.key_pressed.connect(self._window.keyPressEvent)
        view.key_released.connect(self._window.keyReleaseEvent)
        view.closed.connect(self._forget)
        screen = subject_screen(self._window.screen(), QGuiApplication.screens())
        view.setGeometry(screen.geometry())
        view.show_snapshot(self._engine.snapshot())
        view.showFullScreen()
        view.activateWindow()

    def _forget(self) -> None:
        if self.view is not None:
            self.view.deleteLater()
            self.view = None
        if self.session is not None:
            self.session.deleteLater()
            self.session = None

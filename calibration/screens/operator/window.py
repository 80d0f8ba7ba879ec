"""The operator's view of a running session: it looks ten times a second, and asks for little."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QPushButton, QVBoxLayout, QWidget

from calibration.screens.operator.overview import (
    AccuracyPanel,
    AlarmBanner,
    OverviewHeader,
    Preview,
    status_cells,
)
from calibration.screens.person.cue import Scene
from calibration.session.progress import Progress, SessionView
from ui import theme
from ui.status_line import CellLine
from ui.traces import TraceView
from ui.waiting import WaitingBar

_FRAMES_PER_SECOND = 30.0  # of the traces
_LOOKS_PER_SECOND = 10.0  # at everything else
_ARMED = 4.0  # s for which the second press on "End session" counts


class OperatorWindow(QMainWindow):
    """How far the session is, what the person sees, the signals, and what goes wrong.

    Parameters
    ----------
    view : SessionView
        Looked at by timers, never waited for.
    scene : callable, optional
        Returns what the person's screen shows, such as ``lambda: presenter.scene``.
    """

    closed = Signal()

    def __init__(self, view: SessionView, scene: Callable[[], Scene] = Scene) -> None:
        super().__init__()
        self._view = view
        self.progress: Progress | None = None
        theme.dress(self)
        self.setWindowTitle("Calibration – operator")
        self.setMinimumSize(1000, 640)
        theme.open_with(self, 1280, 860)
        self.alarm = AlarmBanner()
        self.header = OverviewHeader()
        self.waiting = WaitingBar()
        self.traces = TraceView()
        self.preview = Preview(scene)
        self.accuracy = AccuracyPanel()
        self.status = CellLine()
        self.pause = QPushButton("Pause")
        self.pause.setToolTip("Hold before the next trial, or go on (Space)")
        self.end = QPushButton("End session")
        self.end.setToolTip("End after this trial and keep everything (Esc)")
        for button, asked in ((self.pause, self._toggle_pause), (self.end, self.ask_end)):
            button.setFixedHeight(38)
            button.setAutoDefault(False)
            button.clicked.connect(asked)
        self._disarm = QTimer(self, singleShot=True, interval=round(1000 * _ARMED))
        self._disarm.timeout.connect(self._show_buttons)
        self._lay_out()
        self._scroll_timer = QTimer(self, interval=round(1000 / _FRAMES_PER_SECOND))
        self._scroll_timer.timeout.connect(self.follow)
        self._look_timer = QTimer(self, interval=round(1000 / _LOOKS_PER_SECOND))
        self._look_timer.timeout.connect(self.look)
        self.look()
        self.traces.setFocus()
        self._scroll_timer.start()
        self._look_timer.start()

    def _lay_out(self) -> None:
        side = QVBoxLayout()
        side.setSpacing(10)
        side.addWidget(self.preview)
        side.addWidget(self.accuracy, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addWidget(self.pause)
        buttons.addWidget(self.end)
        side.addLayout(buttons)
        panel = QWidget()
        panel.setLayout(side)
        side.setContentsMargins(0, 0, 0, 0)
        panel.setFixedWidth(396)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.traces, 1)
        row.addWidget(panel)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(14, 12, 14, 14)
        column.setSpacing(10)
        column.addWidget(self.alarm)
        column.addWidget(self.header)
        column.addWidget(self.waiting)
        column.addLayout(row, 1)
        column.addWidget(self.status)
        self.setCentralWidget(centre)

    # -- looking --------------------------------------------------------------------------------

    def look(self) -> None:
        """Hand what is known to who draws it."""
        progress = self._view.progress()
        channels = self._view.channels
        if self.progress is None and len(channels) <= 16:
            self.traces.set_scale(100.0)
        self.progress = progress
        self.traces.set_channels(channels, True, progress.live)
        for part in (self.alarm, self.header, self.preview, self.accuracy):
            part.show_progress(progress)
        self.status.show_cells(status_cells(progress))
        if not self._disarm.isActive():
            self._show_buttons()

    def follow(self) -> None:
        """Move the traces, unless nobody can see them or the decoder is being made."""
        if self.isVisible() and not self.isMinimized() and not self.over:
            self.traces.follow(self._view.traces)

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        step = self.progress.step if self.progress else None
        return step is not None and step.phase == "done"

    # -- asking ---------------------------------------------------------------------------------

    def _toggle_pause(self) -> None:
        if not self.over:
            self._view.toggle_pause()
            self.look()

    def ask_end(self) -> None:
        """End after the current trial, if asked twice."""
        if self.over:
            return
        if self._disarm.isActive():
            self._disarm.stop()
            self._view.stop()
            self.look()
            return
        self._disarm.start()
        self.end.setText("Press again to end")

    def _show_buttons(self) -> None:
        progress = self.progress
        held = progress is not None and (
            progress.pausing or (progress.step is not None and progress.step.phase == "paused")
        )
        ending = self.over or (progress is not None and progress.stopping)
        for button, words in (
            (self.pause, "Go on" if held else "Pause"),
            (self.end, "End session"),
        ):
            button.setEnabled(not ending)
            if button.text() != words:
                button.setText(words)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Space: pause or go on. Escape: end, if pressed twice."""
        if event.isAutoRepeat():
            return
        match event.key():
            case Qt.Key.Key_Space:
                self._toggle_pause()
            case Qt.Key.Key_Escape:
                self.ask_end()
            case _:
                super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Closing while the run goes on is asking for its end."""
        if not self.over and (self.progress is None or not self.progress.stopping):
            event.ignore()
            self.ask_end()
            return
        self._scroll_timer.stop()
        self._look_timer.stop()
        self._disarm.stop()
        self.closed.emit()
        super().closeEvent(event)

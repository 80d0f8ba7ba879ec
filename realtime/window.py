"""The operator's window: it looks at what the engine shows, and asks it for what keys ask for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QEvent, QEventLoop, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.signal.monitor import Traces
from core.stream.description import FoundStream
from core.stream.discovery import StreamQuery, list_streams
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.snapshot import Snapshot
from realtime.panels.host import PanelHost
from realtime.panels.panel import NewestSignal, Supplies
from realtime.screenshot import Visit, refuse_existing, save_picture
from realtime.tasks.session import TaskEngine
from realtime.widgets import keys
from realtime.widgets.aligning import AligningPanel
from realtime.widgets.controls import ControlBar
from realtime.widgets.cues import cue_marks
from realtime.widgets.history import HistoryStrip
from realtime.widgets.notices import NoticeBar
from realtime.widgets.panels import DemoHint, HelpOverlay, OfferPanel, status_cells
from realtime.widgets.probabilities import ProbabilityPanel, face
from realtime.widgets.subject_host import SubjectHost
from ui import theme
from ui.picker import StreamPicker
from ui.signals import EndingSignals
from ui.status_line import CellLine
from ui.theme import application
from ui.traces import TraceView

FRAMES_PER_SECOND = 30.0
"""How often the traces may move."""
LOOKS_PER_SECOND = 10.0
"""How often everything else is looked at."""


class EngineView(TaskEngine, Protocol):
    """The engine as a window sees it; every call is cheap and safe from any thread."""

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all stream channels, oldest first."""
        ...

    def raw_traces(self, seconds: float) -> Traces:
        """Return a copy of the newest signal of all stream channels as received, in µV."""
        ...

    def set_evidence(self, settings: EvidenceSettings) -> None:
        """Decide by other rules from the next window on."""
        ...

    def pause(self, on: bool) -> None:
        """Stop or resume decoding."""
        ...

    def accept(self, uid: str) -> None:
        """Take a stream that the snapshot offers in place of the lost one."""
        ...

    def read_markers(self, query: StreamQuery) -> None:
        """Read the markers of another stream from now on."""
        ...

    def toggle_channel(self, label: str) -> None:
        """Set the electrode of a channel aside, or use it again."""
        ...

    def toggle_adaptation(self) -> None:
        """Undo all adaptation, or begin it anew."""
        ...


class MainWindow(QMainWindow):
    """Traces, probabilities, the last minute, the status line and the controls.

    Parameters
    ----------
    view : EngineView
        Looked at by timers, never waited for.
    on_imagine : callable, optional
        In the demo: told "left_hand", "right_hand" or None (rest) as arrow keys are held.
    on_calibrate : callable, optional
        Called when a person without a decoder asks for calibration, before the window closes;
        without it there is no button, only the command line to type.
    arrangement : Path, optional
        File that keeps which panels are open, and where; None to forget it.
    trials : int
        Of each target in a feedback task.
    supplies : Supplies, optional
        For panels that need more than what is decoded.
    """

    calibration_requested = Signal()
    closing = Signal()

    def __init__(
        self,
        view: EngineView,
        *,
        on_imagine: Callable[[str | None], None] | None = None,
        on_calibrate: Callable[[], None] | None = None,
        arrangement: Path | None = None,
        trials: int = 10,
        supplies: Supplies | None = None,
    ) -> None:
        super().__init__()
        self._view = view
        self.snapshot: Snapshot | None = None
        self._picker: StreamPicker | None = None
        theme.dress(self)
        self.setWindowTitle("eegpt-realtime")
        self.setMinimumSize(840, 470)
        theme.open_with(self, 1280, 860)

        self.controls = ControlBar()
        self.notices = NoticeBar()
        self.traces = TraceView()
        self.probabilities = ProbabilityPanel()
        self.offer = OfferPanel(offered=on_calibrate is not None)
        self.aligning = AligningPanel()
        self.history = HistoryStrip()
        self.status = CellLine()
        self.hint = DemoHint()
        self.hint.setVisible(on_imagine is not None)
        calibrate = keys.CALIBRATE_HELP if on_calibrate is not None else ()
        demo = keys.DEMO_HELP if on_imagine is not None else ()
        self.help = HelpOverlay(self, (*keys.HELP, *calibrate, *demo))
        self._stack = QStackedWidget()
        self._lay_out()
        signal = NewestSignal(view.traces, view.raw_traces)
        self.panels = PanelHost(self, view.snapshot, signal, arrangement, supplies)
        self.controls.panels.setMenu(self.panels.menu)
        self.subject = SubjectHost(self, view, trials, self.notices.show_once)
        self.controls.tasks.setMenu(self.subject.menu)
        self._keyboard = keys.Keyboard(
            self._actions(), self.traces, on_imagine is not None, self.panels.press
        )
        self._connect()
        if on_imagine is not None:
            self._keyboard.imagined.connect(on_imagine)
        if on_calibrate is not None:
            self.calibration_requested.connect(on_calibrate)

        self._scroll_timer = QTimer(self, interval=round(1000 / FRAMES_PER_SECOND))
        self._scroll_timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._scroll_timer.timeout.connect(self.follow)
        self._look_timer = QTimer(self, interval=round(1000 / LOOKS_PER_SECOND))
        self._look_timer.timeout.connect(self.look)
        self.look()
        self.traces.setFocus()
        self._scroll_timer.start()
        self._look_timer.start()

    def _lay_out(self) -> None:
        self._stack.addWidget(self.probabilities)
        self._stack.addWidget(self.offer)
        self._stack.addWidget(self.aligning)
        self._stack.setMinimumWidth(320)
        self._stack.setMaximumWidth(440)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.traces, 7)
        row.addWidget(self._stack, 3)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        self.setContentsMargins(14, 12, 14, 14)  # around docks, too
        column.setSpacing(10)
        column.addWidget(self.controls)
        column.addWidget(self.notices)
        column.addLayout(row, 1)
        column.addWidget(self.history)
        column.addWidget(self.status)
        column.addWidget(self.hint)
        self.setCentralWidget(centre)
        self.controls.scale.box.show_value(self.traces.scale_uv)
        self.controls.span.box.show_value(self.traces.span)
        order = (
            self.traces,
            self.controls.pause,
            *self.controls.boxes,
            self.controls.panels,
            self.controls.markers,
            self.controls.tasks,
            self.controls.subject,
            self.controls.more,
            self.controls.help,
        )
        for first, second in pairwise(order):
            QWidget.setTabOrder(first, second)

    def _connect(self) -> None:
        controls = self.controls
        controls.pause_asked.connect(self._pause)
        self.notices.accepted.connect(self._view.accept)
        controls.evidence_asked.connect(self._view.set_evidence)
        controls.span_asked.connect(self.traces.set_span)
        controls.scale_asked.connect(self.traces.set_scale)
        controls.subject_asked.connect(lambda: self.subject.toggle_feedback())
        controls.markers_asked.connect(self.choose_markers)
        controls.help_asked.connect(self.help.open)
        self.traces.scale_stepped.connect(lambda steps: controls.scale.box.stepBy(-steps))
        self.traces.span_stepped.connect(controls.span.box.stepBy)
        self.traces.channel_clicked.connect(lambda label: self._view.toggle_channel(label))
        self.offer.calibrate_asked.connect(self.calibration_requested)
        for widget in (*controls.boxes, *self.findChildren(QAbstractButton)):
            widget.installEventFilter(self._keyboard)
        self._keyboard.imagined.connect(self.hint.show_imagined)

    # -- looking --------------------------------------------------------------------------------

    def look(self) -> None:
        """Take a snapshot and hand each part to who draws it, if anything has changed."""
        snapshot = self._view.snapshot()
        if snapshot == self.snapshot:
            return
        first, self.snapshot = self.snapshot is None, snapshot
        decoding = snapshot.decoder is not None
        if first and len(snapshot.channels) <= 16:
            self.controls.scale.box.setValue(100.0)
        live = snapshot.status not in ("lost", "silent")
        self.traces.set_channels(snapshot.channels, decoding, live)
        self.traces.set_cues(cue_marks(snapshot))
        self.controls.show_state(snapshot.evidence, snapshot.paused, decoding)
        message = theme.plain(snapshot.message, 400)
        if decoding:
            self._stack.setCurrentWidget(self.probabilities)
            self.probabilities.show_face(face(snapshot))
        elif snapshot.aligning is not None:
            self._stack.setCurrentWidget(self.aligning)
            self.aligning.show_left(snapshot.aligning, message)
        else:
            self._stack.setCurrentWidget(self.offer)
            self.offer.show_message(message)
        self.history.setVisible(decoding)
        self.history.show_snapshot(snapshot)
        self.status.show_cells(status_cells(snapshot))
        self.notices.show_snapshot(snapshot)
        title = f"{theme.plain(snapshot.stream.name)} – eegpt-realtime"
        if title != self.windowTitle():
            self.setWindowTitle(title)
        self.subject.show_snapshot(snapshot)

    def follow(self) -> None:
        """Move the traces, unless nobody can see them."""
        if self.isVisible() and not self.isMinimized():
            self.traces.follow(self._view.traces)

    # -- asking ---------------------------------------------------------------------------------

    def _pause(self, on: bool) -> None:
        self._view.pause(on)
        self.look()

    def choose_markers(self) -> None:
        """Ask which stream of markers is read from now on."""
        if self._picker is None:
            self._picker = StreamPicker(_marker_streams, parent=self, title="Choose the markers")
            self._picker.finished.connect(self._take_markers)
            self._picker.open()

    def _take_markers(self) -> None:
        picker, self._picker = self._picker, None
        if picker is not None:
            if picker.chosen is not None:
                self._view.read_markers(StreamQuery.of(picker.chosen.identity))
            picker.deleteLater()

    # -- keys -----------------------------------------------------------------------------------

    def _actions(self) -> dict[str, Callable[[int], object]]:
        controls = self.controls
        return {
            "pause": lambda _: controls.toggle_pause(),
            "scale": lambda larger: controls.scale.box.stepBy(-larger),
            "span": controls.span.box.stepBy,
            "threshold": controls.threshold.step,
            "dwell": controls.dwell.step,
            "smoothing": controls.smoothing.step,
            "rows": lambda _: self.traces.cycle_rows(),
            "adaptation": lambda _: self._view.toggle_adaptation(),
            "page": self.traces.turn_page,
            "filter": lambda _: self.traces.filter.setFocus(),
            "panels": lambda _: controls.open_list(controls.panels),
            "markers": lambda _: self.choose_markers(),
            "tasks": lambda _: controls.open_list(controls.tasks),
            "subject": lambda _: self.subject.toggle_feedback(),
            "calibrate": lambda _: self._ask_calibration(),
            "help": lambda _: self.help.open(),
            "quit": lambda _: self.close(),
        }

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Do what a key asks for."""
        if not self._keyboard.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Let the simulated subject rest."""
        if not self._keyboard.release(event):
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Let the simulated subject rest when another window takes the keyboard."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange:
            self._keyboard.rest()

    def _ask_calibration(self) -> None:
        if self.snapshot is not None and self.snapshot.decoder is None:
            self.calibration_requested.emit()

    # -- end ------------------------------------------------------------------------------------

    def screenshot(self, path: Path, overwrite: bool = False) -> None:
        """Write what the window shows to a PNG file, as `realtime.screenshot.save_picture`."""
        refuse_existing(path, overwrite)
        self.look()
        save_picture(self, path)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Stop looking, and close the subject's view too."""
        self.closing.emit()
        self._scroll_timer.stop()
        self._look_timer.stop()
        self.panels.close()
        self.subject.close()
        super().closeEvent(event)


def _marker_streams() -> list[FoundStream]:
    return [stream for stream in list_streams() if stream.is_markers]


def run_window(
    view: EngineView,
    *,
    on_imagine: Callable[[str | None], None] | None = None,
    on_calibrate: Callable[[], None] | None = None,
    arrangement: Path | None = None,
    screenshot: Path | None = None,
    duration: float | None = None,
    task: str | None = None,
    trials: int = 10,
    supplies: Supplies | None = None,
) -> int:
    """Show the window until it is closed.

    Parameters
    ----------
    view : EngineView
        The engine to look at; started and stopped by the caller.
    on_imagine, on_calibrate, arrangement
        See `MainWindow`.
    screenshot : Path, optional
        PNG file to write: just before the end if there is a duration or the window is closed
        early, else some seconds after the first decision.
    duration : float, optional
        Seconds after which the window closes by itself.
    task : str, optional
        Name of a feedback task to begin with.
    trials : int
    supplies : Supplies, optional
        See `MainWindow`.

    Returns
    -------
    int
        Exit code: 0, or that of the signal which ended it.

    Raises
    ------
    InputError
        If there is no display, or the screenshot exists or cannot be written.
    """
    if screenshot is not None:
        refuse_existing(screenshot)
    application()
    window = MainWindow(
        view,
        on_imagine=on_imagine,
        on_calibrate=on_calibrate,
        arrangement=arrangement,
        trials=trials,
        supplies=supplies,
    )
    visit = Visit(window, screenshot, duration)
    window.closing.connect(visit.take_picture)
    window.calibration_requested.connect(visit.end)  # which needs the screen, and the stream
    loop = QEventLoop()  # ends with this window, whatever other windows do
    window.closing.connect(loop.quit)
    clock = QTimer(interval=100)
    clock.timeout.connect(visit.tick)
    clock.start()
    try:
        with EndingSignals(visit.end) as signals:
            window.show()
            if task is not None:
                window.subject.start(task)
            loop.exec()
    finally:
        clock.stop()
        window.close()
        window.deleteLater()
    if visit.error is not None:
        raise visit.error
    return signals.exit_code

"""The first screen: stream, channels, signals, person and disk, before it costs a session."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from calibration.screens.setup.channels import ChannelTable
from calibration.screens.setup.check import CheckPanel
from calibration.session.progress import size
from calibration.session.setup_state import Preparation, SetupState, obstacles
from ui import theme
from ui.labels import text_label
from ui.naming import edit_names
from ui.picker import StreamPicker
from ui.traces import TraceView

_FRAMES_PER_SECOND = 30.0
_LOOKS_PER_SECOND = 5.0
_ANY_RUN = "next free"


class SetupWindow(QMainWindow):
    """Shows what is prepared, and lets the session begin once nothing stands in the way.

    Parameters
    ----------
    view : Preparation
        Looked at by timers, never waited for.
    """

    begun = Signal()
    cancelled = Signal()

    def __init__(self, view: Preparation) -> None:
        super().__init__()
        self._view = view
        self._state: SetupState | None = None
        self._beginning = False
        self._picker: StreamPicker | None = None
        theme.dress(self)
        self.setStyleSheet(self.styleSheet() + _STYLE)
        self.setWindowTitle("Calibration")
        self.setMinimumSize(1200, 640)
        theme.open_with(self, 1280, 860)
        self.stream = text_label("", 20, bold=True)
        self.origin = text_label("", 13, muted=True)
        self.choose = _button("Choose stream …", "The streams on the network (S)")
        self.choose.clicked.connect(self.choose_stream)
        self.names = _button("Names and units …", "What the channels are called (N)")
        self.names.clicked.connect(self.name_channels)
        self.motor = text_label("", 16, bold=True)
        self.motor.setStyleSheet(f"color: {theme.WARNING.name()};")
        self.motor.hide()
        self.table = ChannelTable()
        self.traces = TraceView()
        self.check = CheckPanel(view.raw)
        self.subject, self.session, self.run = _field("01"), _field("none"), _field(_ANY_RUN)
        for field, name, tip in zip(
            self._fields,
            ("Subject", "Session", "Run"),
            (
                "Label of the person: letters and digits",
                "Label of the session, if the person has several; else none",
                "Number of the run; empty: the next that is free",
            ),
            strict=True,
        ):
            field.setAccessibleName(name)
            field.setToolTip(tip)
            field.textEdited.connect(self._name_person)
            field.returnPressed.connect(self.begin)
        self.someone_new = _button("New person", "The next free number as the subject's label")
        self.someone_new.setFixedHeight(46)
        self.someone_new.clicked.connect(self._take_new)
        self.where = text_label("", 12, muted=True)
        self.reason = text_label("", 14)
        self.doubts = text_label("", 12, muted=True)
        self.start = _button("Start", "Begin the session")
        self.start.setDefault(True)
        self.start.setFixedSize(150, 46)
        self.start.setFont(theme.font(17, bold=True))
        self.start.clicked.connect(self.begin)
        self._lay_out()
        self._scroll_timer = QTimer(self, interval=round(1000 / _FRAMES_PER_SECOND))
        self._scroll_timer.timeout.connect(self.follow)
        self._look_timer = QTimer(self, interval=round(1000 / _LOOKS_PER_SECOND))
        self._look_timer.timeout.connect(self.look)
        self.look()
        self._fill_fields()
        self._scroll_timer.start()
        self._look_timer.start()

    @property
    def _fields(self) -> tuple[QLineEdit, ...]:
        return (self.subject, self.session, self.run)

    def _lay_out(self) -> None:
        names = QVBoxLayout()
        names.setSpacing(2)
        names.addWidget(self.stream)
        names.addWidget(self.origin)
        top = QHBoxLayout()
        top.setContentsMargins(18, 12, 18, 12)
        top.addLayout(names, 1)
        top.addWidget(self.names)
        top.addWidget(self.choose)
        side = QVBoxLayout()
        side.setSpacing(10)
        side.addWidget(self._person_card())
        side.addWidget(self.check, 1)
        row = QHBoxLayout()
        row.setSpacing(10)
        self.table.setFixedWidth(340)
        row.addWidget(self.table)
        row.addWidget(self.traces, 1)
        row.addLayout(side)
        foot = QHBoxLayout()
        foot.setContentsMargins(18, 12, 12, 12)
        foot.setSpacing(18)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.reason)
        words.addWidget(self.doubts)
        foot.addLayout(words, 1)
        foot.addWidget(self.someone_new)
        foot.addWidget(self.start)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(14, 12, 14, 14)
        column.setSpacing(10)
        column.addWidget(self.motor)
        column.addWidget(_card(top))
        column.addLayout(row, 1)
        column.addWidget(_card(foot))
        self.setCentralWidget(centre)

    def _person_card(self) -> QWidget:
        grid = QGridLayout()
        grid.setContentsMargins(18, 14, 18, 14)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(5)
        for column, (caption, field) in enumerate(
            zip(("Subject", "Session", "Run"), self._fields, strict=True)
        ):
            title = text_label(caption, 12, muted=True)
            title.setBuddy(field)
            grid.addWidget(title, 0, column)
            grid.addWidget(field, 1, column)
        grid.addWidget(self.where, 2, 0, 1, 3)
        card = _card(grid)
        card.setFixedWidth(344)
        self.check.setFixedWidth(344)
        return card

    # -- looking --------------------------------------------------------------------------------

    def look(self) -> None:
        """Show what is known, if it has changed."""
        state = self._view.state()
        if state == self._state:
            return
        first, self._state = self._state is None, state
        if first and len(state.channels) <= 16:
            self.traces.set_scale(100.0)
        name = theme.plain(state.stream) or "No stream yet"
        self.stream.setText(name)
        self.origin.setText(_origin(state))
        self.motor.setText(theme.plain(state.motor, 400))
        self.motor.setVisible(bool(state.motor))
        self.names.setEnabled(self._view.sent is not None and self._view.home is not None)
        self.table.show_rows(state.rows, state.missing)
        self.traces.set_channels(state.channels, False, state.live)
        labels = tuple(row.electrode or row.label for row in state.rows)
        self.check.show_stream(labels, state.rate, state.live)
        self.where.setText(_where(state))
        self.someone_new.setVisible(not state.subject)
        reasons = obstacles(state)
        self.start.setEnabled(not reasons)
        theme.describe(self.start, " ".join(reasons))
        # The first is the most urgent; the next shows once it is gone.
        words = reasons[0] if reasons else " ".join((_ready(state), *state.remarks[:1]))
        self.reason.setText(theme.plain(words, 300))
        self.doubts.setText(theme.plain(" ".join(state.doubts), 400))
        self.doubts.setVisible(bool(state.doubts))
        ink = theme.WARNING if reasons else theme.TEXT
        self.reason.setStyleSheet(f"color: {ink.name()};")

    def follow(self) -> None:
        """Move the traces, unless nobody can see them."""
        if self.isVisible() and not self.isMinimized() and self._state and self._state.channels:
            self.traces.follow(self._view.traces)

    # -- asking ---------------------------------------------------------------------------------

    def choose_stream(self) -> None:
        """Open the list of streams."""
        if self._picker is not None:
            return
        problem = self._state.stream_problem if self._state else ""
        self._picker = StreamPicker(self._view.list_streams, problem, self)
        self._picker.finished.connect(self._take_stream)
        self._picker.open()

    def _take_stream(self) -> None:
        picker, self._picker = self._picker, None
        if picker is not None:
            if picker.chosen is not None:
                self._view.choose_stream(picker.chosen)
            picker.deleteLater()
        self.look()

    def name_channels(self) -> None:
        """Ask what the channels of the stream are called, and open it anew with that."""
        sent, home = self._view.sent, self._view.home
        if sent is None or home is None:
            return
        if problem := edit_names(sent, home, self):
            self.reason.setText(theme.plain(problem, 300))
            return
        self._view.choose_again()
        self.look()

    def begin(self) -> None:
        """Begin the session, if nothing stands in the way."""
        self.look()
        if self.start.isEnabled() and not self._beginning:
            self._beginning = True
            self._stop()
            self.begun.emit()

    def _take_new(self) -> None:
        self.subject.setText(self._view.new_subject())
        self._name_person()

    def _name_person(self) -> None:
        run = self.run.text().strip()
        self._view.name_person(self.subject.text().strip(), self.session.text().strip(), run)
        self.look()

    def _fill_fields(self) -> None:
        """Put in what was said on the command line; the run stays the next free one."""
        if self._state is not None:
            self.subject.setText(self._state.subject)
            self.session.setText(self._state.session)
        if not self.subject.text():
            self.subject.setFocus()
        else:
            self.traces.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """S: streams. N: names. B: blinks. Return: start. Escape: leave."""
        match event.key():
            case Qt.Key.Key_S:
                self.choose_stream()
            case Qt.Key.Key_N:
                self.name_channels()
            case Qt.Key.Key_B if self.check.button.isEnabled():
                self.check.toggle()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.begin()
            case Qt.Key.Key_Escape:
                self.close()
            case _:
                super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Leaving without a session."""
        self._stop()
        if not self._beginning:
            self.cancelled.emit()
        super().closeEvent(event)

    def _stop(self) -> None:
        self._scroll_timer.stop()
        self._look_timer.stop()
        self.check.stop()


def _origin(state: SetupState) -> str:
    if not state.stream:
        return theme.plain(state.stream_problem, 300) or "Choose the stream of the amplifier."
    counted = f"{len(state.rows)} channels at {state.rate:g} Hz"
    arriving = "samples are arriving" if state.live else "no samples are arriving"
    return f"{theme.plain(state.host) or 'no host'}   ·   {counted}   ·   {arriving}"


def _where(state: SetupState) -> str:
    run = f"Run {theme.plain(state.run)} in " if state.run else ""
    needed = f"; this session takes about {size(state.needed_bytes)}" * (state.needed_bytes > 0)
    return f"{run}{theme.plain(state.folder, 300)}\n{size(state.free_bytes)} free{needed}"


def _ready(state: SetupState) -> str:
    minutes = max(1, round(state.minutes))
    return f"Ready. The session takes about {minutes} minute{'s' * (minutes != 1)}."


def _card(layout: QHBoxLayout | QGridLayout) -> QWidget:
    card = QWidget()
    card.setObjectName("card")
    card.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    card.setLayout(layout)
    return card


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setAutoDefault(False)
    button.setToolTip(tip)
    button.setFixedHeight(36)
    return button


def _field(placeholder: str) -> QLineEdit:
    field = QLineEdit()
    field.setPlaceholderText(placeholder)
    field.setMaxLength(60)
    field.setFont(theme.font(16))
    field.setFixedHeight(36)
    return field


_STYLE = f"""
QWidget#card {{ background: {theme.PANEL.name()}; }}
QLineEdit {{
    color: {theme.TEXT.name()}; background: {theme.BACKGROUND.name()};
    border: 1px solid {theme.RULE.name()}; border-radius: 5px; padding: 0 10px;
}}
QLineEdit:focus {{ border-color: {theme.ACCENT.name()}; }}
"""

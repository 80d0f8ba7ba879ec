"""The launcher: what is there, and a button for everything that can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QEventLoop, Qt, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.decoding.storage.library import KeptDecoder, decoder_cards
from core.stream.description import FoundStream
from core.stream.discovery import list_streams
from realtime.launcher.child import Child
from realtime.launcher.decoders import DecoderTable
from realtime.launcher.programs import Program, Programs
from ui import theme
from ui.labels import text_label
from ui.naming import name_channels
from ui.signals import EndingSignals
from ui.streams import StreamTable
from ui.waiting import WaitingBar

_SIMULATED, _REPLAY = "Simulated subject", "Replay a file …"
_HIDDEN = (2, 6)  # columns of the streams that tell most people nothing: source id, format


def signals_on_network() -> list[FoundStream]:
    """Return the streams that can be decoded, or that say why they cannot."""
    return [stream for stream in list_streams() if not stream.is_markers]


class LauncherWindow(QMainWindow):
    """Streams, people with their decoders, and buttons that start the programs.

    Parameters
    ----------
    home : Path
        The programs' folder.
    programs : Programs
    streams : callable
        Returns the streams on the network; called in a thread.
    open_page : callable
        Opens a report; returns whether that was possible.
    """

    closed = Signal()

    def __init__(
        self,
        home: Path,
        programs: Programs,
        streams: Callable[[], list[FoundStream]] = signals_on_network,
        open_page: Callable[[Path], bool] = lambda page: QDesktopServices.openUrl(
            QUrl.fromLocalFile(str(page))
        ),
    ) -> None:
        super().__init__()
        self.child: Child | None = None  # what is running, in front of this window
        self._home, self._programs, self._open_page = home, programs, open_page
        self._kept: list[KeptDecoder] = []
        self._senders: dict[str, Child] = {}  # in the background, by their names
        theme.dress(self)
        self.setWindowTitle("eegpt-realtime")
        self.setMinimumSize(860, 470)
        theme.open_with(self, 1180, 680)
        self.streams = StreamTable(streams)
        for column in _HIDDEN:
            self.streams.table.setColumnHidden(column, True)
        self.decoders = DecoderTable()
        self.calibrate = _large("Calibrate", "Take a person through cues, and fit their decoder")
        self.decode = _large("Decode", "Decode the selected stream live")
        self.demo = _button("Demo", "A simulated subject, calibrated in seconds and decoded")
        self.simulate = _button(
            _SIMULATED, "Send a simulated subject as a stream; it follows the cues"
        )
        self.replay = _button(_REPLAY, "Send a recording as a stream, again and again")
        self.names = _button("Names and units …", "What the channels of this stream are called")
        self.report = _button("Last report", "The page of the newest session, or of the selected")
        self.message = text_label("", 14)
        self.running = text_label("", 26, bold=True)
        self.waiting = WaitingBar()
        self.waiting.setFixedWidth(420)
        self.end = _button("End it", "Ask the program to end; what it recorded is kept")
        self._pages = QStackedWidget()
        self._pages.addWidget(self._choice_page())
        self._pages.addWidget(self._running_page())
        self.setCentralWidget(self._pages)
        for button, act in (
            (self.calibrate, self.start_calibration),
            (self.decode, self.start_decoding),
            (self.demo, lambda: self.start(self._programs.demo())),
            (self.simulate, self.toggle_simulation),
            (self.replay, self.choose_file),
            (self.names, self.name_channels),
            (self.report, self.show_report),
            (self.end, lambda: self.child is not None and self.child.end()),
        ):
            button.clicked.connect(lambda _=False, act=act: act())
        self.streams.changed.connect(self._show_state)
        self.streams.taken.connect(self.start_decoding)
        self.decoders.changed.connect(self._show_state)
        self.refresh()

    def _choice_page(self) -> QWidget:
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(8)
        left, right = QHBoxLayout(), QHBoxLayout()
        for row, buttons in (
            (left, (self.names, self.simulate, self.replay)),
            (right, (self.report,)),
        ):
            row.setSpacing(10)
            for button in buttons:
                row.addWidget(button)
            row.addStretch(1)
        grid.addWidget(text_label("1   The stream", 17, bold=True), 0, 0)
        grid.addWidget(text_label("2   The person's decoder", 17, bold=True), 0, 1)
        grid.addWidget(self.streams, 1, 0)
        grid.addWidget(self.decoders, 1, 1)
        grid.addLayout(left, 2, 0)
        grid.addLayout(right, 2, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        foot = QHBoxLayout()
        foot.setSpacing(12)
        foot.addWidget(self.message, 1)
        for button in (self.demo, self.calibrate, self.decode):
            foot.addWidget(button)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(24, 18, 24, 20)
        column.setSpacing(14)
        column.addWidget(text_label("eegpt-realtime", 24, bold=True))
        column.addLayout(grid, 1)
        column.addLayout(foot)
        return page

    def _running_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(16)
        words = text_label(
            "It opens its own windows in some seconds. This one is here again when it ends.",
            16,
            muted=True,
        )
        column.addStretch(2)
        for part in (self.running, words):
            part.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(part)
        column.addWidget(self.waiting, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.end, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        return page

    # -- what is there --------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read again which decoders are kept."""
        self._kept = decoder_cards(self._home)
        self.decoders.show_decoders(self._kept)
        self._show_state()

    def _show_state(self) -> None:
        """Let those buttons be pressed that can do something, and say why others cannot."""
        stream = self.streams.selected
        reason = (
            "Start the amplifier's program, or a simulated subject."
            if stream is None
            else theme.plain(stream.problem, 300)
        )
        for button in (self.calibrate, self.decode, self.names):
            button.setEnabled(not reason)
        for button, first in ((self.calibrate, not self._kept), (self.decode, bool(self._kept))):
            button.setDefault(first and not reason)  # where most people go next
        self.report.setEnabled(self._page() is not None)
        person = self._subject
        self.calibrate.setText(f"Calibrate {person}" if person else "Calibrate")
        signals_only = not self._kept and not self.decoders.selected.flags
        self.decode.setText("Look at the signals" if signals_only else "Decode")
        self._say(reason, warn=stream is not None)

    @property
    def _subject(self) -> str:
        """Of the selected decoder; empty where none is selected."""
        decoder = self.decoders.selected.decoder
        return "" if decoder is None else theme.plain(decoder.card.subject, 20)

    def _page(self) -> Path | None:
        """Return the report of the selected decoder, else the newest one."""
        selected = self.decoders.selected.decoder
        if selected is not None:
            return selected.report
        pages = (kept.report for kept in self._kept)
        return next((page for page in pages if page is not None), None)

    def _say(self, text: str, warn: bool = False) -> None:
        self.message.setText(text)
        self.message.setStyleSheet(f"color: {(theme.WARNING if warn else theme.MUTED).name()};")

    # -- what can be done -----------------------------------------------------------------------

    def start_calibration(self) -> None:
        """Begin a session with the selected stream, of the selected person if there is one."""
        if self.calibrate.isEnabled():
            stream = self.streams.selected.identity
            self.start(self._programs.calibrate(stream, self._subject))

    def start_decoding(self) -> None:
        """Decode the selected stream with the selected decoder."""
        if self.decode.isEnabled():
            stream = self.streams.selected.identity
            self.start(self._programs.decode(stream, self.decoders.selected.flags))

    def start(self, program: Program) -> None:
        """Start a program, and wait in the background until it ends."""
        if self.child is not None:
            return
        self.child = Child(program, self)
        self.child.ended.connect(self._return)
        self.running.setText(f"{program.name} is running")
        self._pages.setCurrentIndex(1)
        self.waiting.show_progress("Starting")
        self.child.start()

    def _return(self) -> None:
        """Come back when a program has ended, with its words if it failed."""
        child, self.child = self.child, None
        if child is None:
            return
        complaint = child.complaint
        child.deleteLater()
        self._pages.setCurrentIndex(0)
        self.waiting.finish()
        self.refresh()
        if complaint:
            self._say(theme.plain(complaint, 600), warn=True)
        self.raise_()
        self.activateWindow()

    def toggle_simulation(self) -> None:
        """Send a simulated subject, or stop it."""
        self._toggle_sender(self._programs.simulate(), self.simulate, _SIMULATED)

    def choose_file(self) -> None:
        """Ask for a recording and send it, or stop the one that is sent."""
        if sender := self._senders.get(_REPLAY):
            sender.end()
            return
        file, _ = QFileDialog.getOpenFileName(self, "Replay a recording")
        if file:
            self.send_file(Path(file))

    def send_file(self, file: Path) -> None:
        """Send a recording."""
        self._toggle_sender(self._programs.replay(file), self.replay, _REPLAY)

    def _toggle_sender(self, program: Program, button: QPushButton, words: str) -> None:
        """Start a sender in the background, or end the one that a button has started."""
        if sender := self._senders.get(words):
            sender.end()
            return
        sender = self._senders[words] = Child(program, self)

        def ended() -> None:
            del self._senders[words]
            button.setText(words)
            self._show_state()
            if sender.complaint:
                self._say(theme.plain(sender.complaint, 600), warn=True)

        sender.ended.connect(ended)
        button.setText(f"Stop the {program.name[0].lower()}{program.name[1:]}")
        sender.start()

    def name_channels(self) -> None:
        """Ask what the channels of the selected stream are called, and keep it."""
        if problem := name_channels(self.streams.selected, self._home, self):
            self._say(theme.plain(problem, 600), warn=True)

    def show_report(self) -> None:
        """Open the report of the selected decoder, or the newest."""
        page = self._page()
        if page is not None and not self._open_page(page):
            self._say(f"No program here opens {page}", warn=True)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Stop waiting for a program as soon as a window of its own is in front."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.waiting.finish()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """End what was started in the background; a session in front of it ends first."""
        if self.child is not None and not self.child.asked:
            event.ignore()
            self.running.setText(f"{self.child.program.name} is running: end it first")
            return
        self.streams.stop()
        for child in (self.child, *tuple(self._senders.values())):
            if child is not None:
                child.finish()
        self.closed.emit()
        super().closeEvent(event)


def run_launcher(home: Path, programs: Programs) -> int:
    """Show the launcher until it is closed; return the exit code."""
    theme.application()
    window = LauncherWindow(home, programs)
    loop = QEventLoop()

    def end() -> None:
        if window.child is not None:
            window.child.finish()
        window.close()

    window.closed.connect(loop.quit)
    with EndingSignals(end) as signals:
        window.show()
        loop.exec()
    window.deleteLater()
    return signals.exit_code


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setAutoDefault(False)
    button.setToolTip(tip)
    button.setMinimumHeight(34)
    return button


def _large(text: str, tip: str) -> QPushButton:
    button = _button(text, tip)
    button.setMinimumSize(150, 46)
    button.setFont(theme.font(17, bold=True))
    return button

"""The end of a session: go or redo, the report, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout

from calibration.recommendation import AGAIN, CLOSE, DECODE, Recommendation
from ui import theme
from ui.labels import text_label
from ui.waiting import WaitingBar


def open_page(page: Path) -> bool:
    """Open a report where pages are opened; return whether that was possible."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))


class EndWindow(QDialog):
    """Says how a session went, and asks what comes next.

    Parameters
    ----------
    title, text : str
        Such as "Done", and what the decoder is worth.
    decoder : bool
        Whether there is one, and with it a report soon.
    opener : callable
        Opens the report.

    Attributes
    ----------
    choice : str
        One of `calibration.recommendation.NEXT`.
    """

    def __init__(
        self,
        title: str,
        text: str,
        decoder: bool,
        opener: Callable[[Path], bool] = open_page,
    ) -> None:
        super().__init__()
        self.choice = CLOSE
        self._page: Path | None = None
        self._opener = opener
        theme.dress(self)
        self.setWindowTitle("Calibration – end of the session")
        self.resize(760, 420)
        self.setMinimumWidth(640)
        self.verdict = text_label(title, 40, bold=True)
        self.text = text_label(text, 16)
        self.reasons = text_label("", 14, muted=True)
        self.waiting = WaitingBar()
        if decoder:
            self.waiting.show_progress("The report is being written")
        self.report = QPushButton("Open the report")
        self.report.setToolTip("Scores, patterns and electrodes on one page")
        self.report.clicked.connect(self._open)
        self.again = QPushButton("Record another run")
        self.again.setToolTip("Back to the first screen, for the same person")
        self.decode = QPushButton("Decode now")
        self.decode.setToolTip("Decode the same stream live with the new decoder")
        self.leave = QPushButton("Close")
        self.leave.setToolTip("End here; recording, decoder and report are kept (Return)")
        for button, choice in ((self.again, AGAIN), (self.decode, DECODE), (self.leave, CLOSE)):
            button.clicked.connect(lambda _=False, choice=choice: self._choose(choice))
        foot = QHBoxLayout()
        foot.setSpacing(10)
        for button in (self.report, self.again, self.decode, self.leave):
            button.setMinimumHeight(40)
            button.setAutoDefault(False)
            foot.addWidget(button)
        foot.insertStretch(1)
        self.leave.setDefault(True)
        self.report.setEnabled(False)
        self.report.setVisible(decoder)
        self.decode.setVisible(decoder)
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 26, 32, 24)
        column.setSpacing(14)
        for part in (self.verdict, self.text, self.reasons, self.waiting):
            column.addWidget(part)
        column.addStretch(1)
        column.addLayout(foot)

    def show_report(self, page: Path, recommendation: Recommendation) -> None:
        """Show go or redo with its reasons, and let the report be opened."""
        self._page = page
        self.waiting.finish()
        self.report.setEnabled(True)
        go = recommendation.go
        self.verdict.setText(f"{recommendation.word}")
        ink = theme.STATUS_COLOURS["ok"] if go else theme.WARNING
        self.verdict.setStyleSheet(f"color: {ink.name()};")
        sentences = (*recommendation.reasons, *recommendation.advice)
        self.reasons.setText("\n".join(theme.plain(words, 400) for words in sentences))

    def show_problem(self, words: str) -> None:
        """Say why there is no report."""
        self.waiting.finish()
        self.reasons.setText(theme.plain(words, 400))

    def _open(self) -> None:
        if self._page is not None and not self._opener(self._page):
            self.reasons.setText(f"No program here opens {self._page}")

    def _choose(self, choice: str) -> None:
        self.choice = choice
        self.accept()

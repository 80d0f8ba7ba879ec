"""The stream picker: which of the streams on the network is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ui import theme
from ui.labels import text_label
from ui.naming import name_channels
from ui.signals import EndingSignals
from ui.streams import ListStreams, StreamTable


class StreamPicker(QDialog):
    """A table of the streams found, searched for again and again in the background.

    Parameters
    ----------
    list_streams : callable
        Returns what is there now; may take seconds. Runs in a thread of its own.
    message : str
        Why a person is asked, such as the candidates' number.
    home : Path, optional
        The programs' folder; with it, channels can be named.
    title : str
        What is to be chosen.
    """

    def __init__(
        self,
        list_streams: ListStreams,
        message: str = "",
        parent: QWidget | None = None,
        home: Path | None = None,
        title: str = "Choose a stream",
    ) -> None:
        super().__init__(parent)
        self.chosen: Any = None
        self._home = home
        theme.dress(self)
        self.setWindowTitle(title)
        self.resize(940, 460)
        heading = text_label(title, 22, bold=True)
        self.message = text_label(theme.plain(message, 400), 14, muted=True)
        self.message.setVisible(bool(message))
        self.streams = StreamTable(list_streams)
        self.table, self.state = self.streams.table, self.streams.state
        self.pick = QPushButton("Use this stream")
        self.pick.setToolTip("Take the selected stream (Return)")
        self.pick.setDefault(True)
        self.pick.setEnabled(False)
        self.pick.clicked.connect(self._accept_row)
        self.names = QPushButton("Names and units …")
        self.names.setToolTip("What the channels of the selected stream are called")
        self.names.setAutoDefault(False)
        self.names.setEnabled(False)
        self.names.setVisible(home is not None)
        self.names.clicked.connect(self._name_channels)
        cancel = QPushButton("Cancel")
        cancel.setToolTip("Choose none (Esc)")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addWidget(self.state, 1)
        foot.addWidget(self.names)
        foot.addWidget(cancel)
        foot.addWidget(self.pick)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        for part in (heading, self.message, self.streams):
            column.addWidget(part)
        column.addLayout(foot)
        self.table.setFocus()
        self.streams.changed.connect(self._show_choice)
        self.streams.taken.connect(self._accept_row)

    def choose(self) -> Any:
        """Ask, and return the chosen stream or None.

        Raises
        ------
        Interrupted
            After a signal that ends the program.
        """
        with EndingSignals(self.reject) as signals:
            self.exec()
        signals.raise_if_any()
        return self.chosen

    def _show_choice(self) -> None:
        for button in (self.pick, self.names):
            button.setEnabled(self.streams.selected is not None)

    def _name_channels(self) -> None:
        if self._home is None:
            return
        if problem := name_channels(self.streams.selected, self._home, self):
            self.message.setText(theme.plain(problem, 400))
            self.message.show()

    def _accept_row(self) -> None:
        if (selected := self.streams.selected) is not None:
            self.chosen = selected
            self.accept()

    def done(self, result: int) -> None:
        """Stop searching and close; a search under way ends by itself."""
        self.streams.stop()
        super().done(result)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Closing the window is cancelling."""
        self.streams.stop()
        super().closeEvent(event)

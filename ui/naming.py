"""Names and units of a stream's channels, typed, pasted or taken from a known board."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.electrodes import is_site
from core.errors import InputError
from core.montage import match
from core.stream.boards import known_boards, motor_words
from core.stream.description import FoundStream, StreamFacts, read_facts
from core.stream.kept_names import KeptNames, keep_names, kept_names
from core.stream.stream_feed import Overrides
from ui import theme
from ui.labels import text_label
from ui.signals import EndingSignals
from ui.tables import explain_columns

_COLUMNS = ("Sent as", "Name", "Unit")
_TIPS = (
    "What the stream calls the channel",
    "The electrode, such as C3; - for a channel without one",
    "Of the values, such as uV",
)
_NAME, _UNIT = 1, 2
_UNITS = ("uV", "mV", "V", "nV")
_SEPARATORS = re.compile(r"[\r\n\t,;]+")


class NamesDialog(QDialog):
    """A row a channel: what the stream calls it, and what a person calls it.

    Parameters
    ----------
    facts : StreamFacts
        As the stream gives them.
    names : KeptNames, optional
        As they were given before.

    Attributes
    ----------
    names : KeptNames or None
        As they stand in the table; None for what the stream says itself.
    """

    def __init__(
        self, facts: StreamFacts, names: KeptNames | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._facts = facts
        self._filling = True
        theme.dress(self)
        self.setWindowTitle("Names and units of the channels")
        self.resize(620, 640)
        self.board = self._make_boards()
        self.unit = self._make_units()
        self.table = self._make_table(len(facts.labels))
        self.state = text_label("", 13)
        self.paste_button = QPushButton("Paste a column")
        self.paste_button.setToolTip("From a spreadsheet or a text, from the selected cell on")
        self.paste_button.clicked.connect(self.paste)
        self.reset = QPushButton("As sent")
        self.reset.setToolTip("Take what the stream says itself, and forget other names")
        self.reset.clicked.connect(lambda: self._fill(facts.labels, facts.units))
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Leave names and units as they were (Esc)")
        self.cancel.clicked.connect(self.reject)
        self.accept_button = QPushButton("Keep for this stream")
        self.accept_button.setToolTip("Use these names and units whenever this stream is seen")
        self.accept_button.clicked.connect(self.accept)
        for button in (self.paste_button, self.reset, self.cancel):
            button.setAutoDefault(False)
        self.accept_button.setDefault(True)
        self._lay_out()
        QShortcut(QKeySequence(QKeySequence.StandardKey.Paste), self.table, self.paste)
        if names is None:
            self._fill(facts.labels, facts.units)
        else:
            self._fill(names.labels, names.units)

    def _lay_out(self) -> None:
        """Put boards and units above the table, and the buttons below it."""
        top, foot = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.board, 1)
        top.addWidget(self.unit)
        for button in (self.paste_button, self.reset):
            foot.addWidget(button)
        foot.addStretch(1)
        foot.addWidget(self.cancel)
        foot.addWidget(self.accept_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        name = theme.plain(self._facts.identity.name) or "(no name)"
        column.addWidget(text_label(f"Channels of {name}", 20, bold=True))
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.state)
        column.addLayout(foot)

    @property
    def names(self) -> KeptNames | None:  # noqa: D102 - stands in the class docstring
        names = KeptNames(self._column(_NAME), self._column(_UNIT))
        plain = KeptNames(self._facts.labels, self._facts.units)
        return None if names == plain else names

    def paste(self) -> None:
        """Put a column of the clipboard into the table, from the selected cell downwards."""
        words = [word.strip() for word in _SEPARATORS.split(QGuiApplication.clipboard().text())]
        while words and not words[-1]:
            words.pop()
        row, column = max(0, self.table.currentRow()), max(_NAME, self.table.currentColumn())
        self._filling = True
        for word, index in zip(words, range(row, self.table.rowCount()), strict=False):
            self._item(index, column).setText(theme.plain(word, 60))
        self._filling = False
        self._check()
        if len(words) > self.table.rowCount() - row:
            self._say(f"The clipboard has {len(words)} words; those that find no channel are left.")

    def _take_board(self, index: int) -> None:
        """Name the first channels as a board has them; what comes behind carries no electrode."""
        if index < 0:
            return
        board = known_boards()[index]
        count = self.table.rowCount()
        if len(board.channels) > count:
            self._say(
                f"{board.name} has {len(board.channels)} channels, and this stream {count}: it is "
                "another board.",
                warn=True,
            )
            return
        more = count - len(board.channels)
        units = [board.unit] * len(board.channels) + list(self._facts.units)[count - more :]
        self._fill((*board.channels, *["-"] * more), units)
        self.board.setToolTip(board.source)

    def _take_unit(self, index: int) -> None:
        """Give all electrodes a unit."""
        if index:
            names = self._column(_NAME)
            whole = not any(is_site(name) for name in names)
            units = [
                _UNITS[index - 1] if whole or is_site(name) else unit
                for name, unit in zip(names, self._column(_UNIT), strict=True)
            ]
            self._fill(names, units)

    def _fill(self, labels: tuple[str, ...], units: tuple[str, ...] | list[str]) -> None:
        self._filling = True
        for row, (label, unit) in enumerate(zip(labels, units, strict=True)):
            self._item(row, _NAME).setText(label)
            self._item(row, _UNIT).setText(unit)
        self._filling = False
        self._check()

    def _check(self) -> None:
        """Say what comes of it, by the code that will use it."""
        if self._filling:
            return
        try:
            names = self.names
            given = Overrides() if names is None else Overrides(names.labels, units=names.units)
            labels = given.on(self._facts).labels
            sites = [label for label in labels if is_site(label)]
            match(labels, tuple(dict.fromkeys(label.upper() for label in sites)))
        except InputError as error:
            self.accept_button.setEnabled(False)
            self._say(str(error), warn=True)
            return
        self.accept_button.setEnabled(True)
        words = motor_words(labels)
        self._say(
            words or f"{len(sites)} of {len(labels)} channels are electrodes of the 10-05 system.",
            warn=bool(words) or not sites,
        )

    def _say(self, text: str, warn: bool = False) -> None:
        self.state.setText(theme.plain(text, 400))
        ink = theme.WARNING if warn else theme.MUTED
        self.state.setStyleSheet(f"color: {ink.name()};")

    def _make_boards(self) -> QComboBox:
        boards = QComboBox()
        boards.setAccessibleName("Known board")
        boards.setToolTip("Name the channels as a known board has them")
        boards.addItem("Choose a known board …")
        for board in known_boards():
            boards.addItem(f"{board.name} ({len(board.channels)})")
        boards.activated.connect(lambda index: self._take_board(index - 1))
        return boards

    def _make_units(self) -> QComboBox:
        units = QComboBox()
        units.setAccessibleName("Unit of all electrodes")
        units.setToolTip("Give all electrodes this unit")
        units.addItems(["Unit of all …", *_UNITS])
        units.activated.connect(self._take_unit)
        return units

    def _make_table(self, rows: int) -> QTableWidget:
        table = QTableWidget(rows, len(_COLUMNS))
        table.setAccessibleName("Channels")
        table.setHorizontalHeaderLabels(_COLUMNS)
        explain_columns(table, _TIPS)
        table.setEditTriggers(QAbstractItemView.EditTrigger.AllEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.verticalHeader().setDefaultSectionSize(30)
        table.verticalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)
        table.horizontalHeader().setStretchLastSection(True)
        table.setColumnWidth(0, 170)
        table.setColumnWidth(_NAME, 170)
        for row, label in enumerate(self._facts.labels):
            sent = QTableWidgetItem(theme.plain(label))
            sent.setFlags(Qt.ItemFlag.ItemIsEnabled)
            sent.setForeground(theme.MUTED)
            table.setItem(row, 0, sent)
            for column in (_NAME, _UNIT):
                table.setItem(row, column, QTableWidgetItem(""))
        if rows:
            table.setCurrentCell(0, _NAME)
        table.itemChanged.connect(lambda _: self._check())
        return table

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self.table.item(row, column)
        assert item is not None
        return item

    def _column(self, column: int) -> tuple[str, ...]:
        rows = range(self.table.rowCount())
        return tuple(self._item(row, column).text().strip() for row in rows)


def name_channels(stream: FoundStream, home: Path, parent: QWidget) -> str:
    """Ask a person what the channels of a stream are called, and keep it.

    Returns
    -------
    str
        What went wrong, in a sentence; empty if nothing did.
    """
    answer: list[StreamFacts | str] = []

    def ask() -> None:
        try:
            answer.append(read_facts(stream))
        except InputError as error:
            answer.append(str(error))

    threading.Thread(target=ask, name="description", daemon=True).start()
    loop, timer = QEventLoop(), QTimer(interval=20)
    timer.timeout.connect(lambda: loop.exit() if answer else None)
    timer.start()
    QGuiApplication.setOverrideCursor(Qt.CursorShape.BusyCursor)
    try:
        loop.exec()  # the window lives on while the sender answers
    finally:
        QGuiApplication.restoreOverrideCursor()
        timer.stop()
    facts = answer[0]
    return facts if isinstance(facts, str) else edit_names(facts, home, parent)


def edit_names(facts: StreamFacts, home: Path, parent: QWidget) -> str:
    """Ask what the channels of a stream with these facts are called; else as `name_channels`."""
    count = facts.channel_count
    dialog = NamesDialog(facts, kept_names(home, facts.identity, count), parent)
    try:
        with EndingSignals(dialog.reject) as signals:
            accepted = dialog.exec() == QDialog.DialogCode.Accepted
        if accepted:
            keep_names(home, facts.identity, count, dialog.names)
    except InputError as error:
        return str(error)
    finally:
        dialog.deleteLater()
    if signals.number:
        signal.raise_signal(signals.number)  # for the window below, which hears it again
    return ""

"""The channel table: what each channel of the stream becomes for the model."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from calibration.session.setup_state import ChannelRow
from core.electrodes import written, written_label
from ui import theme
from ui.tables import PlainTable

_COLUMNS = ("Channel", "Electrode", "", "Unit")
_TIPS = (
    "The channel of the stream",
    "The electrode that it is for the model",
    "Whether its name is the model's, an older one of the same site, or of no use to it",
    "Of its values, and what they are multiplied by to be µV",
)
_WIDTHS = (82, 88, 84)  # px of all but the last
_GOOD = theme.STATUS_COLOURS["ok"]
_INKS: dict[str, QColor] = {
    "matched": _GOOD,
    "aliased": theme.STATUS_COLOURS["artifact"],
    "ignored": theme.DIM,
}


class ChannelTable(QWidget):
    """One row a channel, and a line about the electrodes that are missing."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[tuple[ChannelRow, ...], tuple[str, ...]] = ((), ())
        self.table = PlainTable(_COLUMNS, _TIPS, 26)
        self.table.setAccessibleName("Channels")
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.horizontalHeader().setStretchLastSection(True)
        for index, width in enumerate(_WIDTHS):
            self.table.setColumnWidth(index, width)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.missing = QLabel("")
        self.missing.setTextFormat(Qt.TextFormat.PlainText)
        self.missing.setWordWrap(True)
        self.missing.setProperty("role", "caption")
        self.missing.setFont(theme.font(12))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.missing)

    def show_rows(self, rows: tuple[ChannelRow, ...], missing: tuple[str, ...]) -> None:
        """Show other channels, if they differ."""
        if (rows, missing) == self._shown:
            return
        self._shown = rows, missing
        self.table.setRowCount(len(rows))
        for index, row in enumerate(rows):
            ink = _INKS[row.how]
            unit, unit_ink = _unit(row)
            name, used = written_label(row.label), theme.TEXT if row.electrode else theme.DIM
            self._put(index, 0, name, used, f"Sent as {theme.plain(row.label)}")
            self._put(index, 1, written(row.electrode) if row.electrode else "–", used)
            self._put(index, 2, row.how, ink)
            self._put(index, 3, unit, unit_ink)
        known = sum(row.electrode is not None for row in rows)
        lacking = tuple(map(written, missing))
        self.missing.setText(_summary(known, lacking) if rows else "")
        self.missing.setToolTip(" ".join(lacking))

    def _put(self, row: int, column: int, text: str, ink: QColor, tip: str = "") -> None:
        item = QTableWidgetItem(theme.plain(text))
        item.setToolTip(html.escape(tip))
        item.setForeground(ink)
        self.table.setItem(row, column, item)


def _unit(row: ChannelRow) -> tuple[str, QColor]:
    """Return the unit and, where it is not µV, what it is multiplied by."""
    if row.factor is None:
        used = row.electrode is not None
        return row.unit or "no unit", theme.WARNING if used else theme.DIM
    if abs(row.factor - 1.0) < 1e-9:
        return "µV", theme.MUTED
    return f"{row.unit} × {row.factor:g}", theme.TEXT


def _summary(known: int, missing: tuple[str, ...]) -> str:
    """Say what the model does without."""
    total = known + len(missing)
    if not missing:
        return f"All {total} electrodes that the model knows are there."
    few = " ".join(missing) if len(missing) <= 8 else " ".join(missing[:6]) + " …"
    return f"{known} of the {total} electrodes that the model knows are there; missing: {few}"

"""Tables that look and behave alike."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QTableWidget


class PlainTable(QTableWidget):
    """A table of text to choose a row of: without a grid or numbers of rows, never edited.

    Parameters
    ----------
    columns : sequence of str
        Their heads.
    tips : sequence of str
        What stands in each column.
    row : int
        Height of a row, in px.
    """

    def __init__(self, columns: Sequence[str], tips: Sequence[str], row: int) -> None:
        super().__init__(0, len(columns))
        self.setHorizontalHeaderLabels(columns)
        explain_columns(self, tips)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)  # Tab leaves the table; arrows move in it
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(row)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def explain_columns(table: QTableWidget, tips: Sequence[str]) -> None:
    """Say on hovering over the head of each column what stands in it."""
    for column, tip in enumerate(tips):
        if (item := table.horizontalHeaderItem(column)) is not None:
            item.setToolTip(tip)

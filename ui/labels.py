"""Labels of plain text: what comes from files and streams is never taken for markup."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QTableWidget

from ui import theme


def text_label(text: str, pixels: int, bold: bool = False, muted: bool = False) -> QLabel:
    """Return a label of plain text that wraps."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setFont(theme.font(pixels, bold=bold))
    if muted:
        label.setProperty("role", "caption")
    return label


def explain_columns(table: QTableWidget, tips: Sequence[str]) -> None:
    """Say on hovering over the head of each column what stands in it."""
    for column, tip in enumerate(tips):
        if (item := table.horizontalHeaderItem(column)) is not None:
            item.setToolTip(tip)

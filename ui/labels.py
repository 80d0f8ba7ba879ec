"""Labels of plain text: what comes from files and streams is never taken for markup."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

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

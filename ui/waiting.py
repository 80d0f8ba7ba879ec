"""A bar for what takes seconds: how much of it is done, or only that it goes on."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from ui import theme
from ui.labels import text_label

_HEIGHT = 8  # px


class WaitingBar(QWidget):
    """Words and a bar; hidden while nothing is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.words = text_label("", 14, muted=True)
        self.words.setWordWrap(False)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(_HEIGHT)
        self.bar.setStyleSheet(
            f"QProgressBar {{ background: {theme.RAISED.name()}; border: none; }}"
            f"QProgressBar::chunk {{ background: {theme.ACCENT.name()}; }}"
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        row.addWidget(self.words)
        row.addWidget(self.bar, 1)
        self.hide()

    def show_progress(self, words: str, done: int = 0, total: int = 0) -> None:
        """Show how many of how many items are done; of none, that it goes on."""
        if self.isHidden():
            self.show()
        self.words.setText(f"{words} …")
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        share = f", {100 * done // total} %" if total else ""
        theme.describe(self, f"{words}{share}")

    def finish(self) -> None:
        """Nothing is waited for any more."""
        self.hide()

"""What stands where probabilities would be while other people's decoder is being aligned."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.decoding.recentring import REFERENCE_SECONDS
from ui import theme
from ui.labels import text_label
from ui.waiting import WaitingBar

_STEPS = 10  # of the bar, a second


class AligningPanel(QWidget):
    """Says what the person is to do, and for how long."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Other people's decoder is being aligned")
        self.setStyleSheet(f"AligningPanel {{ background: {theme.PANEL.name()}; }}")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.message = text_label("", 15)
        self.waiting = WaitingBar()
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 22, 22, 22)
        column.setSpacing(14)
        column.addStretch(2)
        for part in (
            text_label("Sit still, eyes open", 26, bold=True),
            text_label("Other people's decoder is being aligned with this signal.", 15),
            self.waiting,
            self.message,
        ):
            column.addWidget(part)
        column.addStretch(3)

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as the panel it stands for."""
        return QSize(380, 520)

    def show_left(self, seconds: float, message: str) -> None:
        """Show how many seconds of signal are still needed, and what the engine says."""
        words = f"{seconds:.0f} s to go" if seconds > 0 else "One moment"
        done = round(_STEPS * (REFERENCE_SECONDS - seconds))
        self.waiting.show_progress(words, max(0, done), round(_STEPS * REFERENCE_SECONDS))
        if message != self.message.text():
            self.message.setText(message)

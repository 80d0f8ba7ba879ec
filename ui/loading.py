"""A small window while a program loads what it needs, before any of its own can open."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui import theme
from ui.labels import text_label
from ui.waiting import WaitingBar


class LoadingWindow(QWidget):
    """Says which step is being done, and how many of all are.

    Nothing here waits for events: the window is drawn when a step begins.

    Parameters
    ----------
    title : str
        Of the program.
    steps : sequence of str
        What will be done, in this order, such as "Loading the encoder".
    """

    def __init__(self, title: str, steps: Sequence[str]) -> None:
        super().__init__()
        self._steps = tuple(steps)
        theme.dress(self)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setFixedSize(520, 130)
        self.waiting = WaitingBar()
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 20)
        column.addWidget(text_label(title, 20, bold=True))
        column.addWidget(self.waiting)

    def begin(self, step: str) -> None:
        """Show a step; nothing any more without one."""
        if not step:
            self.hide()
            return
        self.waiting.show_progress(step, self._steps.index(step), len(self._steps))
        if self.isHidden():
            screen = self.screen().availableGeometry()
            self.move(screen.center() - self.rect().center())
            self.show()
        application = theme.application()
        application.processEvents()  # it is placed, and then drawn
        self.repaint()
        application.processEvents()

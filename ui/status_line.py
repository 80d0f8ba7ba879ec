"""A line of facts: each with its caption above and a remark below."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from ui import theme
from ui.painting import write_line

_HEIGHT, _SECOND_LINE = 70, 14  # px, and for the second line of remarks
_NARROW = 1400  # px, below which remarks may take two lines


@dataclass(frozen=True)
class Cell:
    """One fact: what it is, its value, and a smaller remark."""

    caption: str
    value: str
    detail: str = ""
    weight: float = 1.0  # share of the line's width
    warn: bool = False
    tip: str = ""  # what it means, shown on hovering


class CellLine(QWidget):
    """Draws cells side by side."""

    def __init__(self) -> None:
        super().__init__()
        self._cells: tuple[Cell, ...] = ()
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Status")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def show_cells(self, cells: tuple[Cell, ...]) -> None:
        """Draw other cells, if they differ."""
        if cells != self._cells:
            self._cells = cells
            words = [f"{cell.caption}: {cell.value} {cell.detail}".strip() for cell in cells]
            theme.describe(self, theme.sentence(words))
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give remarks a second line where the first is short; by width alone, so none jumps."""
        self.setFixedHeight(_HEIGHT + _SECOND_LINE * (event.size().width() < _NARROW))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.PANEL)
        lines = 2 if self.height() > _HEIGHT else 1
        for index, (cell, left, width) in enumerate(self._places()):
            if index:
                painter.setPen(QPen(theme.RULE, 1))
                x = round(left) + 0.5
                painter.drawLine(QPointF(x, 14), QPointF(x, self.height() - 14))
            box = QRectF(left + 14, 0, width - 22, self.height())
            write_line(painter, box, 9, cell.caption, 11, theme.MUTED)
            write_line(painter, box, 26, cell.value, 16, theme.TEXT, bold=True)
            ink = theme.WARNING if cell.warn else theme.MUTED
            for number, line in enumerate(_broken(cell.detail, lines, box.width())):
                write_line(painter, box, 47 + number * _SECOND_LINE, line, 11, ink)
        painter.end()

    def _places(self) -> Iterator[tuple[Cell, float, float]]:
        """Give every cell with its left edge and its width, in pixels."""
        whole = sum(cell.weight for cell in self._cells) or 1.0
        left = 0.0
        for cell in self._cells:
            width = self.width() * cell.weight / whole
            yield cell, left, width
            left += width

    def event(self, event: QEvent) -> bool:
        """Say on hovering what a cell means, and all of what it shows."""
        if not isinstance(event, QHelpEvent):
            return super().event(event)
        for cell, left, width in self._places():
            if left <= event.pos().x() < left + width and cell.tip:
                shown = f"{cell.value}, {cell.detail}" if cell.detail else cell.value
                text = f"<p>{html.escape(cell.tip)}</p><p>{html.escape(shown)}</p>"
                QToolTip.showText(event.globalPos(), text, self)
        return True


def _broken(text: str, lines: int, width: float) -> list[str]:
    """Break a remark between words into so many lines at most, the last with what is left."""
    metrics = QFontMetricsF(theme.font(11))
    wrapped: list[str] = []
    rest = text.split(" ")
    while rest and len(wrapped) < lines - 1:
        count = len(rest)
        while count > 1 and metrics.horizontalAdvance(" ".join(rest[:count])) > width:
            count -= 1
        wrapped.append(" ".join(rest[:count]))
        rest = rest[count:]
    return [*wrapped, " ".join(rest)] if rest else wrapped

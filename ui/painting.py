"""What painted widgets have in common: a line of text that fits, and a line across a chart."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from ui import theme

LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight

_LABEL = 54.0  # px: the most that a number beside a chart takes


def draw_text(
    painter: QPainter,
    box: QRectF,
    text: str,
    size: float,
    ink: QColor,
    bold: bool = False,
    align: Qt.AlignmentFlag = LEFT,
) -> float:
    """Write one line into a box, shortened where it does not fit; return its width in px."""
    painter.setFont(theme.font(size, bold=bold))
    painter.setPen(ink)
    metrics = QFontMetricsF(painter.font())
    short = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, align, short)
    return metrics.horizontalAdvance(short)


def write_line(
    painter: QPainter,
    box: QRectF,
    down: float,
    text: str,
    size: int,
    ink: QColor,
    bold: bool = False,
    align: Qt.AlignmentFlag = LEFT,
) -> float:
    """Write one line `down` pixels below the top of a box, as `draw_text` does."""
    line = QRectF(box.left(), box.top() + down, box.width(), size + 6)
    return draw_text(painter, line, text, size, ink, bold, align)


def grid_line(
    painter: QPainter,
    chart: QRectF,
    y: float,
    label: str = "",
    ink: QColor = theme.RULE,
    apart: float = 6.0,
) -> None:
    """Draw a line across a chart, sharp, with a label in the painter's font to the left of it.

    Parameters
    ----------
    painter : QPainter
    chart : QRectF
    y : float
        In px; rounded to the middle of a pixel.
    label : str
    ink : QColor
        Of the line.
    apart : float
        Pixels between label and chart.
    """
    y = round(y) + 0.5
    painter.setPen(QPen(ink, 1))
    painter.drawLine(QPointF(chart.left(), y), QPointF(chart.right(), y))
    painter.setPen(theme.MUTED)
    painter.drawText(QRectF(chart.left() - apart - _LABEL, y - 8, _LABEL, 16), RIGHT, label)

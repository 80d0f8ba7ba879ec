"""The shapes of a feedback task, drawn by Qt."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from ui import theme
from ui.class_style import class_looks, draw_symbol

_LINE = 0.012  # thickness of outlines, in units of half the height


class PaintedStage:
    """A `realtime.tasks.task.Stage` on a painter.

    Parameters
    ----------
    painter : QPainter
        Antialiasing.
    area : QRectF
        Where to draw.
    classes : sequence of str
        Their colours are inks.
    """

    def __init__(self, painter: QPainter, area: QRectF, classes: Sequence[str]) -> None:
        self._painter, self._middle = painter, area.center()
        self._unit = area.height() / 2.0
        self.wide = area.width() / max(1.0, area.height())
        self._inks = {
            "text": theme.TEXT,
            "muted": theme.MUTED,
            "outline": theme.STAGE_OUTLINE,
            "ground": theme.STAGE,
        } | {look.name: look.colour for look in class_looks(classes)}

    def arrow(
        self, direction: str, x: float, y: float, size: float, ink: str, filled: bool = True
    ) -> None:
        """Draw the symbol of a direction: an arrow, or a dot for the centre."""
        draw_symbol(self._painter, direction, self._box(x, y, size, size), self._ink(ink), filled)

    def disc(self, x: float, y: float, radius: float, ink: str, filled: bool = True) -> None:
        """Draw a disc or a ring."""
        self._use(ink, filled)
        self._painter.drawEllipse(self._box(x, y, 2 * radius, 2 * radius))

    def box(
        self, x: float, y: float, width: float, height: float, ink: str, filled: bool = True
    ) -> None:
        """Draw a rectangle around a point."""
        self._use(ink, filled)
        corner = min(0.03, width / 4, height / 4) * self._unit
        self._painter.drawRoundedRect(self._box(x, y, width, height), corner, corner)

    def cross(self, x: float, y: float, size: float) -> None:
        """Draw a fixation cross."""
        self._painter.setPen(QPen(theme.CROSS, max(2.0, 0.02 * self._unit)))
        middle = self._place(x, y)
        for step in (QPointF(size * self._unit, 0), QPointF(0, size * self._unit)):
            self._painter.drawLine(middle - step, middle + step)

    def words(self, text: str, x: float, y: float, size: float, ink: str = "text") -> None:
        """Write a line around a point, smaller where it would not fit."""
        room = 2.0 * (self.wide - abs(x)) * self._unit * 0.96
        bold = size > 0.1
        pixels = size * self._unit
        wide = QFontMetricsF(theme.font(pixels, bold=bold)).horizontalAdvance(text)
        self._painter.setFont(theme.font(pixels * min(1.0, room / max(1.0, wide)), bold=bold))
        self._painter.setPen(self._ink(ink))
        box = self._box(x, y, 2.0 * self.wide, 2.0 * size)
        self._painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _use(self, ink: str, filled: bool) -> None:
        colour = self._ink(ink)
        self._painter.setPen(
            Qt.PenStyle.NoPen if filled else QPen(colour, max(2.0, _LINE * self._unit))
        )
        self._painter.setBrush(colour if filled else Qt.BrushStyle.NoBrush)

    def _ink(self, name: str) -> QColor:
        return self._inks.get(name, theme.TEXT)

    def _place(self, x: float, y: float) -> QPointF:
        return self._middle + QPointF(x, y) * self._unit

    def _box(self, x: float, y: float, width: float, height: float) -> QRectF:
        box = QRectF(0.0, 0.0, width * self._unit, height * self._unit)
        box.moveCenter(self._place(x, y))
        return box

"""Probabilities of the classes of every task beside the first."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from core.decoding.outputs import CLASSES, ClassesOutput
from core.decoding.readouts import Readout
from realtime.panels.task_panel import TaskPanel, draw_bar
from realtime.widgets.probabilities import percent
from ui import theme
from ui.class_style import ClassLook, class_looks, draw_symbol
from ui.painting import RIGHT, draw_text

_ROW = 44.0  # px a class, at most
_STRIP = 60.0  # px of the last minute


class OtherClassesPanel(TaskPanel):
    """A bar for each class of each task beside the first, and the last minute below."""

    kind = CLASSES
    missing = (
        "The decoder has one task of classes only, which stands beside the traces. "
        "eegpt-calibrate fit --task NAME=... gives it more."
    )

    def of_kind(self, readouts: Sequence[Readout]) -> tuple[Readout, ...]:
        """Return the tasks of classes beside the first."""
        return super().of_kind(readouts[1:])

    def task_in_words(self, readout: Readout) -> str:
        """Say the probability of every class."""
        output = self.latest(readout)
        if not isinstance(output, ClassesOutput):
            return f"{readout.task}: nothing decoded"
        shares = zip(output.classes, output.probabilities, strict=True)
        return f"{readout.task}: " + ", ".join(f"{name} {percent(p)}" for name, p in shares)

    def draw_task(self, painter: QPainter, area: QRectF, readout: Readout) -> None:
        """Draw the bars, with a mark at chance, and the last minute if there is room."""
        output, looks = self.latest(readout), class_looks(readout.classes)
        strip = _STRIP if area.height() > _STRIP + 26 * len(looks) else 0.0
        row = min(_ROW, (area.height() - strip) / len(looks))
        for index, look in enumerate(looks):
            box = QRectF(area.left(), area.top() + index * row, area.width(), row)
            share = output.probabilities[index] if isinstance(output, ClassesOutput) else None
            _draw_row(painter, box, look, share, 1 / len(looks))
        if strip:
            top = area.top() + row * len(looks) + 12
            box = QRectF(area.left(), top, area.width(), min(90.0, area.bottom() - top))
            self._draw_history(painter, box, readout, looks)

    def _draw_history(
        self, painter: QPainter, box: QRectF, readout: Readout, looks: tuple[ClassLook, ...]
    ) -> None:
        """Draw each class's share of every decision of the last minute, on top of each other."""
        painter.setPen(Qt.PenStyle.NoPen)
        history = self.history(readout)
        for index, (before, output) in enumerate(history):
            if not isinstance(output, ClassesOutput) or before < -60:
                continue
            after = history[index + 1][0] if index + 1 < len(history) else before + 0.25
            left = box.right() + before * box.width() / 60
            wide = (min(after, before + 1.0) - before) * box.width() / 60
            y = box.top()
            for look, share in zip(looks, output.probabilities, strict=True):
                painter.fillRect(QRectF(left, y, wide + 0.5, share * box.height()), look.colour)
                y += share * box.height()
        painter.setPen(QPen(theme.RULE, 1))
        painter.drawLine(QPointF(box.left(), box.bottom()), QPointF(box.right(), box.bottom()))


def _draw_row(
    painter: QPainter, box: QRectF, look: ClassLook, share: float | None, chance: float
) -> None:
    line = QRectF(box.left(), box.top(), box.width(), box.height() * 0.55)
    track = QRectF(box.left(), line.bottom(), box.width(), box.height() * 0.28)
    painter.setFont(theme.font(13))
    painter.setPen(theme.TEXT)
    mark = QRectF(line.left(), line.center().y() - 8, 16, 16)
    draw_symbol(painter, look.direction, mark, look.colour)
    number = "–" if share is None else percent(share)
    painter.setPen(theme.TEXT)
    painter.drawText(line, RIGHT, number)
    draw_text(painter, line.adjusted(24, 0, -66, 0), look.words, 13, theme.TEXT)
    draw_bar(painter, track, share or 0.0, look.colour)
    x = track.left() + chance * track.width()
    painter.setPen(QPen(theme.TEXT, 1.5, Qt.PenStyle.DotLine))
    painter.drawLine(QPointF(x, track.top() - 2), QPointF(x, track.bottom() + 2))

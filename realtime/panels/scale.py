"""Numbers on a scale, with their interval, and the last minute."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from core.decoding.outputs import SCALE, ScaleOutput
from core.decoding.readouts import Readout
from realtime.panels.task_panel import TaskPanel
from ui import theme
from ui.class_style import PALETTE
from ui.painting import LEFT, RIGHT, grid_line

_BEYOND = 0.25  # of the scale, that is drawn on either side of its ends
_GAP = 1.0  # s between decisions, from which on a line is broken


class ScalePanel(TaskPanel):
    """The number now, the interval that holds nine in ten, and both over the last minute."""

    kind = SCALE
    missing = (
        "The decoder has no scale. eegpt-calibrate fit --task NAME=EVENT:NUMBER,EVENT:NUMBER fits "
        "one."
    )

    def task_in_words(self, readout: Readout) -> str:
        """Say the number and its interval."""
        output = self.latest(readout)
        if not isinstance(output, ScaleOutput):
            return f"{readout.task}: nothing decoded"
        return f"{readout.task}: {output.value:.2f}, {output.low:.2f} to {output.high:.2f}"

    def draw_task(self, painter: QPainter, area: QRectF, readout: Readout) -> None:
        """Draw the number, and a chart of the last minute."""
        output = self.latest(readout)
        painter.setFont(theme.font(34, bold=True))
        painter.setPen(theme.TEXT)
        head = QRectF(area.left(), area.top(), area.width(), 44)
        number = f"{output.value:.2f}" if isinstance(output, ScaleOutput) else "–"
        painter.drawText(head, LEFT, number)
        painter.setFont(theme.font(12))
        painter.setPen(theme.MUTED)
        if isinstance(output, ScaleOutput):
            words = f"nine in ten between {output.low:.2f} and {output.high:.2f}"
            painter.drawText(head, RIGHT, words)
        history = [
            (before, output)
            for before, output in self.history(readout)
            if isinstance(output, ScaleOutput) and before >= -60
        ]
        chart = area.adjusted(44, 56, 0, -4)
        if not history or chart.height() < 30:
            return
        low, high = history[-1][1].ends
        room = _BEYOND * (high - low)
        bottom, top = low - room, high + room

        def point(before: float, value: float) -> QPointF:
            share = min(1.0, max(0.0, (value - bottom) / (top - bottom)))
            x = chart.right() + before * chart.width() / 60
            return QPointF(x, chart.bottom() - share * chart.height())

        painter.setFont(theme.font(11))
        for value in (low, high):
            grid_line(painter, chart, point(0.0, value).y(), f"{value:g}")
        for run in _unbroken(history):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.faded(PALETTE[0], 0.16))
            above = [point(before, output.high) for before, output in run]
            below = [point(before, output.low) for before, output in reversed(run)]
            painter.drawPolygon(QPolygonF(above + below))
            painter.setPen(QPen(PALETTE[0], 2))
            painter.drawPolyline(QPolygonF([point(before, output.value) for before, output in run]))


def _unbroken(
    history: Sequence[tuple[float, ScaleOutput]],
) -> list[list[tuple[float, ScaleOutput]]]:
    """Return what was said, in pieces without a gap."""
    runs: list[list[tuple[float, ScaleOutput]]] = []
    for entry in history:
        if not runs or entry[0] - runs[-1][-1][0] > _GAP:
            runs.append([])
        runs[-1].append(entry)
    return runs

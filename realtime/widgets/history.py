"""The last minute: probabilities as lines, decisions as a band, refused windows hatched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from realtime.engine.snapshot import STATUSES, Decision, Snapshot
from ui import theme
from ui.classes import ClassLook, class_looks, draw_symbol

SECONDS = 60.0
"""How far back the strip reaches."""

_TOP, _BOTTOM, _LEFT, _RIGHT = 34, 24, 52, 20  # px around the chart
_STEP = 0.5  # s: ten pixels of a minute; drawing one takes longer than everything else there is
_BAND, _SPACE = 18, 6  # px: the band of decisions below the chart
_REASONS = {"warming": "warming up"}  # where the word is not the status itself


@dataclass(frozen=True)
class Stretch:
    """Neighbouring decisions of one kind.

    Attributes
    ----------
    start : float
        Seconds, 0 now and negative before.
    times : tuple of float
        When each decision was made, likewise.
    decisions : tuple of Decision
        Oldest first.
    """

    start: float
    times: tuple[float, ...]
    decisions: tuple[Decision, ...]

    @property
    def stop(self) -> float:
        """When the last of them was made."""
        return self.times[-1]

    @property
    def status(self) -> str:
        """The status they share; "ok" only if they carry probabilities."""
        first = self.decisions[0]
        return "unknown" if first.status == "ok" and not first.probabilities else first.status


def stretches(recent: Sequence[Decision], by_decision: bool = False) -> list[Stretch]:
    """Join decisions that follow one another and share a status (and a decision, if asked).

    A decision stands for the usual step between decisions that ends with it; where none was
    made for longer, as in a pause, nothing is drawn.
    """
    if not recent:
        return []
    hop = usual_hop(recent)
    times = shown_times(recent, hop)
    runs = np.cumsum(np.diff(times, prepend=times[0]) > 2.5 * hop).tolist()
    parts: list[Stretch] = []
    numbered = groupby(
        zip(recent, times.tolist(), runs, strict=True),
        key=lambda item: (item[2], item[0].status, item[0].decision if by_decision else None),
    )
    for _, group in numbered:
        members = [(decision, time) for decision, time, _ in group if time > -SECONDS]
        if members:
            decisions, when = zip(*members, strict=True)
            parts.append(Stretch(max(when[0] - hop, -SECONDS), when, decisions))
    return parts


def usual_hop(recent: Sequence[Decision]) -> float:
    """Return the usual step between decisions in seconds."""
    steps = np.diff([decision.time for decision in recent])
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 0.25


def shown_times(recent: Sequence[Decision], hop: float) -> np.ndarray:
    """Return where to draw decisions: seconds, 0 for the newest and negative before.

    While no samples come, refusals carry the time of the last sample there was. They are made
    once a hop all the same, and are drawn so.
    """
    times = np.array([decision.time for decision in recent], dtype=np.float64)
    for index in range(1, len(times)):
        if times[index] - times[index - 1] < 0.25 * hop:
            times[index] = times[index - 1] + hop
    return times - times[-1]


class HistoryStrip(QWidget):
    """Draws the last minute of decisions."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recent: tuple[Decision, ...] = ()
        self._looks: tuple[ClassLook, ...] = ()
        self._threshold = 0.5
        self.setMinimumHeight(150)
        self.setAccessibleName("Last minute")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:  # noqa: N802
        """A strip."""
        return QSize(800, 168)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw another minute, if it differs."""
        classes = snapshot.decoder.classes if snapshot.decoder else ()
        recent = snapshot.recent if snapshot.decoder else ()
        threshold = snapshot.evidence.threshold
        known = tuple(look.name for look in self._looks)
        if (recent, classes, threshold) == (self._recent, known, self._threshold):
            return
        if (classes, threshold) == (known, self._threshold) and _soon(self._recent, recent):
            return
        self._recent, self._threshold = recent, threshold
        self._looks = class_looks(classes)
        refused = sum(decision.status != "ok" for decision in recent)
        words = f"{len(recent)} decisions in the last minute, {refused} refused"
        theme.describe(self, words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.PANEL)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bottom = self.height() - _BOTTOM - _BAND - _SPACE
        chart = QRectF(_LEFT, _TOP, self.width() - _LEFT - _RIGHT, max(20, bottom - _TOP))
        band = QRectF(chart.left(), chart.bottom() + _SPACE, chart.width(), _BAND)
        self._draw_frame(painter, chart, band)
        painter.setClipRect(chart.united(band))
        for part in stretches(self._recent):
            self._draw_part(painter, part, chart, band)
        self._draw_decisions(painter, band)
        painter.end()

    def _x(self, chart: QRectF, seconds: float) -> float:
        return chart.right() + chart.width() * seconds / SECONDS

    def _draw_frame(self, painter: QPainter, chart: QRectF, band: QRectF) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(13, bold=True))
        painter.setPen(theme.TEXT)
        painter.drawText(QRectF(14, 0, 200, _TOP), middle, "Last minute")
        painter.setFont(theme.font(11))
        for value in (0.0, 0.5, 1.0):
            y = round(chart.bottom() - value * chart.height()) + 0.5
            painter.setPen(QPen(theme.RULE, 1))
            painter.drawLine(QPointF(chart.left(), y), QPointF(chart.right(), y))
            painter.setPen(theme.MUTED)
            box = QRectF(0, y - 8, _LEFT - 8, 16)
            painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, f"{100 * value:.0f} %")
        for seconds in range(0, int(SECONDS) + 1, 10):
            x = round(self._x(chart, -seconds)) - 0.5
            painter.setPen(QPen(theme.RULE, 1))
            painter.drawLine(QPointF(x, chart.top()), QPointF(x, band.bottom()))
            painter.setPen(theme.MUTED)
            box, where = QRectF(x - 40, band.bottom() + 3, 80, 18), Qt.AlignmentFlag.AlignHCenter
            if box.right() > self.width():
                box.setRight(x + 1)
                where = Qt.AlignmentFlag.AlignRight
            text = f"−{seconds} s" if seconds else "now"
            painter.drawText(box, where | Qt.AlignmentFlag.AlignTop, text)
        painter.fillRect(band, theme.RAISED)
        self._draw_key(painter)

    def _draw_key(self, painter: QPainter) -> None:
        """Name the lines at the top right, and the hatching."""
        painter.setFont(theme.font(12))
        metrics = QFontMetricsF(painter.font())
        middle = Qt.AlignmentFlag.AlignVCenter
        right = self.width() - float(_RIGHT)
        if not self._looks:
            return
        refused = {d.status for d in self._recent if d.status != "ok"}
        for status in (s for s in reversed(STATUSES) if s in refused):
            text = _REASONS.get(status, status)
            right -= metrics.horizontalAdvance(text)
            painter.setPen(theme.MUTED)
            painter.drawText(QRectF(right, 0, 200, _TOP), middle, text)
            right -= 26
            _hatch(painter, QRectF(right, _TOP / 2 - 5, 18, 10), status)
            right -= 24
        right -= metrics.horizontalAdvance("threshold")
        painter.setPen(theme.MUTED)
        painter.drawText(QRectF(right, 0, 200, _TOP), middle, "threshold")
        right -= 26
        painter.setPen(QPen(theme.MUTED, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(right, _TOP / 2), QPointF(right + 18, _TOP / 2))
        right -= 24
        for look in reversed(self._looks):
            text = metrics.elidedText(look.words, Qt.TextElideMode.ElideRight, 140)
            right -= metrics.horizontalAdvance(text)
            painter.setPen(look.colour)
            painter.drawText(QRectF(right, 0, 200, _TOP), middle, text)
            right -= 20
            draw_symbol(painter, look.direction, QRectF(right, _TOP / 2 - 7, 14, 14), look.colour)
            right -= 24

    def _draw_part(self, painter: QPainter, part: Stretch, chart: QRectF, band: QRectF) -> None:
        left, right = self._x(chart, part.start), self._x(chart, part.stop)
        if part.status != "ok":
            whole = QRectF(left, chart.top(), right - left, band.bottom() - chart.top())
            _hatch(painter, whole, part.status)
            self._draw_reason(painter, _REASONS.get(part.status, part.status), whole)
            return
        y = round(chart.bottom() - self._threshold * chart.height()) + 0.5
        painter.setPen(QPen(theme.MUTED, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(left, y), QPointF(right, y))
        # With a short hop there are more decisions than pixels: one every two pixels is enough.
        every = max(1, math.ceil(2.0 * len(part.times) / max(1.0, right - left)))
        kept = slice((len(part.times) - 1) % every, None, every)  # the newest is always kept
        xs = [left, *(self._x(chart, time) for time in part.times[kept])]
        for look in self._looks:
            values = [_value(decision, look.name) for decision in part.decisions[kept]]
            ys = [chart.bottom() - value * chart.height() for value in values]
            ys = [ys[0], *ys]  # each value stands for the hop that ends with it
            area = [QPointF(x, y) for x, y in zip(xs, ys, strict=True)]
            area += [QPointF(right, chart.bottom()), QPointF(left, chart.bottom())]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.faded(look.colour, 0.08))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.drawPolygon(QPolygonF(area))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(look.colour, 1.6))
            # Line by line: one polyline of this width costs five times as much.
            painter.drawLines([QLineF(*ends) for ends in pairwise(area[:-2])])

    def _draw_reason(self, painter: QPainter, text: str, box: QRectF) -> None:
        painter.setFont(theme.font(11, bold=True))
        wide = QFontMetricsF(painter.font()).horizontalAdvance(text) + 10
        if wide > box.width():
            return
        label = QRectF(0, 0, wide, 18)
        label.moveCenter(box.center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.PANEL)
        painter.drawRoundedRect(label, 3, 3)
        painter.setPen(theme.TEXT)
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, text)

    def _draw_decisions(self, painter: QPainter, band: QRectF) -> None:
        looks = {look.name: look for look in self._looks}
        for part in stretches(self._recent, by_decision=True):
            look = looks.get(part.decisions[0].decision or "")
            if part.status != "ok" or look is None:
                continue
            left, right = self._x(band, part.start), self._x(band, part.stop)
            box = QRectF(left, band.top(), max(1.0, right - left), band.height())
            painter.fillRect(box, look.colour)
            if box.width() >= 20:
                mark = QRectF(0, 0, 13, 13)
                mark.moveCenter(box.center())
                draw_symbol(painter, look.direction, mark, theme.BACKGROUND)


def _soon(before: Sequence[Decision], now: Sequence[Decision]) -> bool:
    """Whether another picture can wait: too little time has passed, and nothing has changed."""
    if not before or not now:
        return False
    last, newest = before[-1], now[-1]
    same = (last.status, last.decision) == (newest.status, newest.decision)
    return same and 0.0 < newest.time - last.time < _STEP


def _hatch(painter: QPainter, box: QRectF, status: str) -> None:
    """Cover a box in the colour of a reason."""
    colour = theme.STATUS_COLOURS.get(status, theme.MUTED)
    painter.fillRect(box, theme.PANEL)
    painter.fillRect(box, theme.faded(colour, 0.10))
    painter.fillRect(box, QBrush(theme.faded(colour, 0.55), Qt.BrushStyle.BDiagPattern))


def _value(decision: Decision, name: str) -> float:
    value = (decision.probabilities or {}).get(name, math.nan)
    return 0.0 if math.isnan(value) else min(1.0, max(0.0, value))

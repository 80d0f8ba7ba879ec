"""The last minute: class probabilities over time, what was decided, and what was refused."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetricsF,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from realtime.engine.snapshot import STATUSES, Decision, Snapshot
from realtime.widgets.cues import cue_marks
from realtime.widgets.timeline import DecisionHistory, HistorySpan, HistoryStep
from ui import theme
from ui.class_style import ClassLook, class_looks, draw_symbol
from ui.painting import grid_line
from ui.scrolling_pixmap import ScrollingPixmap
from ui.traces.cue_marks import CueMark, draw_cues

SECONDS = 60.0
"""How far back the strip reaches."""

_TOP, _BOTTOM, _LEFT, _RIGHT = 34, 24, 52, 20  # px around the chart
_BAND, _SPACE = 18, 6  # px: the band of decisions below the chart
_LINE = 1.6  # px
_HATCH = 8  # px after which Qt's pattern repeats
_MARKED = 20  # px of a decision that leave room for its symbol
_REASONS = {"warming": "warming up"}  # where the word is not the status itself


class HistoryStrip(QWidget):
    """Draws the last minute of decisions.

    What does not move is one picture, what does another, to which a new decision adds its own
    columns. Only words and symbols, which belong to the middle of a stretch, are drawn anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self._timeline = DecisionHistory(SECONDS)
        self._looks: tuple[ClassLook, ...] = ()
        self._threshold = 0.5
        self._refused: tuple[str, ...] = ()  # statuses in the key
        self._cues: tuple[CueMark, ...] = ()
        self._still: QPixmap | None = None  # None for drawing it anew, as below
        self._scroll: ScrollingPixmap | None = None
        self.setMinimumHeight(110)
        self.setAccessibleName("Last minute")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:  # noqa: N802
        """A strip."""
        return QSize(800, 168)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw another minute, if it differs."""
        decoder = snapshot.decoder
        recent = snapshot.recent if decoder else ()
        classes = decoder.classes if decoder else ()
        timeline = self._timeline
        if classes != tuple(look.name for look in self._looks) or not timeline.continued_by(recent):
            self._timeline = timeline = DecisionHistory(SECONDS)
            self._looks = class_looks(classes)
            self._redraw()
        last = timeline.steps[-1] if timeline.steps else None
        timeline.take(recent)
        if timeline.steps and timeline.steps[-1] is not last:
            theme.describe(self, _words(timeline))
            self.update()
        cues = tuple(mark for mark in cue_marks(snapshot) if mark.colour is not None)
        if cues != self._cues:
            self._cues = cues
            self.update()
        kinds = {stretch.kind for stretch in timeline.statuses}
        key = tuple(status for status in STATUSES if status in kinds and status != "ok")
        if (key, snapshot.evidence.threshold) != (self._refused, self._threshold):
            self._refused, self._threshold = key, snapshot.evidence.threshold
            self._still = None
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Lay out anew."""
        self._redraw()

    def _redraw(self) -> None:
        self._still = self._scroll = None
        self.update()

    # -- painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the picture that stands still, the one that moves, and words on it."""
        bottom = self.height() - _BOTTOM - _BAND - _SPACE
        chart = QRectF(_LEFT, _TOP, self.width() - _LEFT - _RIGHT, max(20, bottom - _TOP))
        band = QRectF(chart.left(), chart.bottom() + _SPACE, chart.width(), _BAND)
        ratio = self.devicePixelRatioF()
        if self._still is not None and self._still.devicePixelRatioF() != ratio:
            self._still = self._scroll = None
        if self._still is None:
            self._still = self._draw_still(chart, band, ratio)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._still)
        if self._timeline.steps:
            painter.setClipRect(chart.united(band))
            self._draw_new(chart, band, ratio).show(painter, chart.topLeft(), ratio)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._draw_words(painter, chart, band)
        painter.end()

    def _draw_new(self, chart: QRectF, band: QRectF, ratio: float) -> ScrollingPixmap:
        """Return the picture that moves, with its newest columns drawn."""
        per_second = chart.width() * ratio / SECONDS
        newest = math.floor(self._timeline.newest * per_second)
        if self._scroll is None:
            height = math.ceil((band.bottom() - chart.top()) * ratio)
            self._scroll = ScrollingPixmap(int(chart.width() * ratio), height)
            first = newest - self._scroll.width + 1
        else:
            assert self._scroll.newest is not None
            first = self._scroll.newest - math.ceil(_LINE * ratio)  # the end of a line was rounded

        def draw(painter: QPainter, begin: int, end: int) -> None:
            painter.scale(ratio, ratio)
            painter.translate(0.0, -chart.top())
            # From where columns are counted, so that hatches of neighbours go on in each other.
            painter.setBrushOrigin(QPointF(-(begin % _HATCH) / ratio, 0.0))
            ground = QRectF(0.0, chart.top(), chart.width(), chart.height())
            self._draw_steps(painter, ground, band, per_second / ratio, begin / per_second)

        self._scroll.draw(first, newest, draw)
        return self._scroll

    def _draw_steps(
        self, painter: QPainter, chart: QRectF, band: QRectF, scale: float, start: float
    ) -> None:
        """Draw what came after a time, which is at 0, at so many pixels a second."""
        colours = {look.name: look.colour for look in self._looks}
        before: HistoryStep | None = None
        for step in self._timeline.since(start - 2.0 * _LINE / scale):
            left, right = (scale * (time - start) for time in (step.start, step.stop))
            if step.kind != "ok":
                whole = QRectF(left, chart.top(), right - left, band.bottom() - chart.top())
                _hatch(painter, whole, step.kind)
            else:
                joined = before is not None and before.kind == "ok" and before.stop == step.start
                level = before.decision if before is not None and joined else step.decision
                for look in self._looks:
                    heights = (
                        chart.height() * _value(d, look.name) for d in (level, step.decision)
                    )
                    first, last = (chart.bottom() - height for height in heights)
                    ends = QPointF(left, first), QPointF(right, last)
                    _draw_value(painter, *ends, chart.bottom(), look.colour)
                if colour := colours.get(step.decision.decision or ""):
                    box = QRectF(left, band.top(), right - left, band.height())
                    painter.fillRect(box, colour)
            before = step

    def _draw_words(self, painter: QPainter, chart: QRectF, band: QRectF) -> None:
        """Name the reasons of refusals, and mark what was decided, where there is room."""
        scale, newest = chart.width() / SECONDS, self._timeline.newest

        def box(stretch: HistorySpan, top: float, bottom: float) -> QRectF:
            left, right = (
                max(chart.left(), chart.right() + scale * (time - newest))
                for time in (stretch.start, stretch.stop)
            )
            return QRectF(left, top, right - left, bottom - top)

        for stretch in self._timeline.statuses:
            if stretch.kind != "ok":
                place = box(stretch, chart.top(), band.bottom())
                _draw_reason(painter, _REASONS.get(stretch.kind, stretch.kind), place)
        directions = {look.name: look.direction for look in self._looks}
        for stretch in self._timeline.decisions:
            place = box(stretch, band.top(), band.bottom())
            if place.width() >= _MARKED and stretch.kind in directions:
                mark = QRectF(0, 0, 13, 13)
                mark.moveCenter(place.center())
                draw_symbol(painter, directions[stretch.kind], mark, theme.BACKGROUND)

        draw_cues(
            painter,
            chart,
            self._cues,
            lambda time: chart.right() + scale * (time - newest),
        )

    def _draw_still(self, chart: QRectF, band: QRectF, ratio: float) -> QPixmap:
        """Return the ground with its grid, the threshold and the key."""
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(theme.PANEL)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(13, bold=True))
        painter.setPen(theme.TEXT)
        painter.drawText(QRectF(14, 0, 200, _TOP), middle, "Last minute")
        painter.setFont(theme.font(11))
        for value in (0.0, 0.5, 1.0):
            y = chart.bottom() - value * chart.height()
            grid_line(painter, chart, y, f"{100 * value:.0f} %", apart=8.0)
        for seconds in range(0, int(SECONDS) + 1, 10):
            x = round(chart.right() - chart.width() * seconds / SECONDS) - 0.5
            painter.setPen(QPen(theme.RULE, 1))
            painter.drawLine(QPointF(x, chart.top()), QPointF(x, band.bottom()))
            painter.setPen(theme.MUTED)
            label, where = QRectF(x - 40, band.bottom() + 3, 80, 18), Qt.AlignmentFlag.AlignHCenter
            if label.right() > self.width():
                label.setRight(x + 1)
                where = Qt.AlignmentFlag.AlignRight
            text = f"−{seconds} s" if seconds else "now"
            painter.drawText(label, where | Qt.AlignmentFlag.AlignTop, text)
        painter.fillRect(band, theme.RAISED)
        if self._looks:
            y = round(chart.bottom() - self._threshold * chart.height()) + 0.5
            painter.setPen(QPen(theme.MUTED, 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(chart.left(), y), QPointF(chart.right(), y))
            self._draw_key(painter)
        painter.end()
        return picture

    def _draw_key(self, painter: QPainter) -> None:
        """Name the lines at the top right, and the hatching."""
        painter.setFont(theme.font(12))
        metrics = QFontMetricsF(painter.font())
        middle = Qt.AlignmentFlag.AlignVCenter
        right = self.width() - float(_RIGHT)
        for status in reversed(self._refused):
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


def _draw_value(
    painter: QPainter, first: QPointF, last: QPointF, bottom: float, colour: QColor
) -> None:
    """Draw a line and what lies under it."""
    under = [QPointF(last.x(), bottom), QPointF(first.x(), bottom)]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.faded(colour, 0.08))
    painter.drawPolygon(QPolygonF([first, last, *under]))  # not smoothed: neighbours would overlap
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, _LINE))
    painter.drawLine(first, last)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _draw_reason(painter: QPainter, text: str, box: QRectF) -> None:
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


def _hatch(painter: QPainter, box: QRectF, status: str) -> None:
    """Cover a box in the colour of a reason."""
    colour = theme.STATUS_COLOURS.get(status, theme.MUTED)
    painter.fillRect(box, theme.PANEL)
    painter.fillRect(box, theme.faded(colour, 0.10))
    painter.fillRect(box, QBrush(theme.faded(colour, 0.55), Qt.BrushStyle.BDiagPattern))


def _value(decision: Decision, name: str) -> float:
    value = (decision.probabilities or {}).get(name, math.nan)
    return 0.0 if math.isnan(value) else min(1.0, max(0.0, value))


def _words(timeline: DecisionHistory) -> str:
    """Say how much of the minute was refused."""
    seconds = timeline.seconds_by_status
    every = sum(seconds.values())
    return f"{every - seconds.get('ok', 0.0):.0f} of the last {every:.0f} seconds refused"

"""The subject's view: full screen, dark, one arrow and one word, no numbers."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
)

from realtime.engine.snapshot import Snapshot
from realtime.tasks.task import strength
from realtime.widgets.probabilities import Face, face
from realtime.widgets.subject_window import SubjectWindow
from ui import theme
from ui.class_style import ClassLook
from ui.directions import DIRECTIONS, class_places

_GROUND, _OUTLINE = theme.STAGE, theme.STAGE_OUTLINE
_PAUSES = {
    "warming": "One moment",
    "gap": "One moment",
    "artifact": "Relax and hold still",
    "silent": "Signal lost",
    "lost": "Signal lost",
}


def pause_words(snapshot: Snapshot) -> str:
    """Return what the subject reads instead of feedback; empty while there is feedback."""
    if snapshot.paused:
        return "Paused"
    if snapshot.decoder is None:
        return "Not calibrated yet"
    if snapshot.status != "ok":
        return _PAUSES.get(snapshot.status, "One moment")
    return "" if face(snapshot).bars else "One moment"


class SubjectView(SubjectWindow):
    """Shows feedback only."""

    def __init__(self) -> None:
        super().__init__()
        self._words = "One moment"
        self._face: Face | None = None

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw another moment, if it differs."""
        super().show_snapshot(snapshot)
        words = pause_words(snapshot)
        shown = None if words else face(snapshot)
        if (words, shown) != (self._words, self._face):
            self._words, self._face = words, shown
            decided = shown.decided if shown else None
            theme.describe(self, words or (decided.words if decided else ""))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw feedback above, the decided word below; or the words of a pause."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), _GROUND)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        if self._face is None:
            self._draw_word(painter, area, self._words, theme.MUTED)
        else:
            foot = area.height() * 0.26
            self._draw_feedback(painter, area.adjusted(0, 0, 0, -foot), self._face)
            decided = self._face.decided
            if decided is not None:
                box = QRectF(0, area.height() - foot, area.width(), foot * 0.8)
                self._draw_word(painter, box, decided.words, decided.colour)
        painter.end()

    def _draw_word(self, painter: QPainter, box: QRectF, text: str, ink: QColor) -> None:
        size = self.height() * 0.11
        metrics = QFontMetricsF(theme.font(size, bold=True))
        size *= min(1.0, box.width() * 0.9 / max(1.0, metrics.horizontalAdvance(text)))
        painter.setFont(theme.font(size, bold=True))
        painter.setPen(ink)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _draw_feedback(self, painter: QPainter, area: QRectF, shown: Face) -> None:
        """Draw a long arrow towards each class, filled from the middle as evidence grows."""
        middle = area.center()
        directions = class_places([bar.look.name for bar in shown.bars])
        places = [QPointF(*DIRECTIONS[directions[bar.look.name]]) for bar in shown.bars]
        crossed = any(place.y() for place in places)
        reach = area.height() * 0.46 if crossed else min(area.width() * 0.42, area.height())
        thick = area.height() * (0.12 if crossed else 0.20)
        for bar, place in zip(shown.bars, places, strict=True):
            grown = strength(bar.probability, shown.chance)
            colour = bar.look.colour if bar.decided else theme.faded(bar.look.colour, 0.55)
            if place.isNull():
                radius = thick * (0.30 + 0.45 * grown)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour if grown else _OUTLINE)
                painter.drawEllipse(middle, radius, radius)
                continue
            inner = thick * 0.95
            shape = _long_arrow(middle, place, inner, reach, thick, bool(bar.look.direction))
            far = inner + grown * (reach - inner)
            across = QPointF(place.y(), place.x()) * area.height()
            covered = QRectF(middle - across, middle + place * far + across).normalized()
            painter.save()
            painter.setClipRect(covered)
            painter.fillPath(shape, colour)
            painter.restore()
            painter.strokePath(shape, QPen(colour if bar.decided else _OUTLINE, 3))
            if not bar.look.direction:
                self._draw_name(painter, bar.look, middle + place * reach, place, thick)
        if QPointF(0, 0) not in places:
            painter.setPen(QPen(_OUTLINE, max(2.0, thick * 0.07)))
            for step in (QPointF(thick * 0.3, 0), QPointF(0, thick * 0.3)):
                painter.drawLine(middle - step, middle + step)

    def _draw_name(
        self, painter: QPainter, look: ClassLook, end: QPointF, place: QPointF, thick: float
    ) -> None:
        """Name a class that no arrow stands for: above a level bar, beside an upright one."""
        size = thick * 0.45
        wide = QFontMetricsF(theme.font(size)).horizontalAdvance(look.words)
        room = QRectF(0, 0, thick * 4.0, thick * 0.8)
        align = Qt.AlignmentFlag.AlignVCenter
        if place.x():
            room.moveCenter(end - place * room.width() / 2 - QPointF(0, thick * 0.8))
            align |= Qt.AlignmentFlag.AlignHCenter
        else:
            room.moveTopLeft(end + QPointF(thick * 0.6, 0 if place.y() < 0 else -room.height()))
        painter.setFont(theme.font(size * min(1.0, room.width() / max(1.0, wide))))
        painter.setPen(look.colour)
        painter.drawText(room, align, look.words)


def _long_arrow(
    middle: QPointF, place: QPointF, inner: float, outer: float, thick: float, pointed: bool
) -> QPainterPath:
    """Return an arrow along a direction, or a plain bar where nothing is pointed at."""
    head = thick * 0.95 if pointed else 0.0
    outline = [(inner, -0.30 * thick), (inner, 0.30 * thick), (outer - head, 0.30 * thick)]
    if pointed:
        outline += [(outer - head, 0.75 * thick), (outer, 0.0), (outer - head, -0.75 * thick)]
    outline.append((outer - head, -0.30 * thick))
    across = QPointF(-place.y(), place.x())
    path = QPainterPath()
    path.addPolygon(QPolygonF([middle + place * far + across * side for far, side in outline]))
    path.closeSubpath()
    return path

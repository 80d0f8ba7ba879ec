"""The decision and the probability of every class, large; or the words for why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core.decoding.rest import in_percent
from realtime.engine.snapshot import Snapshot
from ui import theme
from ui.class_style import ClassLook, class_looks, draw_symbol
from ui.painting import LEFT, RIGHT, draw_text

_MARGIN = 22
_WRAPPED = LEFT | Qt.TextFlag.TextWordWrap


@dataclass(frozen=True)
class Bar:
    """One class on the screen."""

    look: ClassLook
    probability: float  # 0 to 1
    decided: bool


@dataclass(frozen=True)
class Face:
    """What the panel shows; a refused window has words and no bars.

    Attributes
    ----------
    headline : str
        The status in a word or two.
    message : str
        A plain sentence, empty while decoding.
    colour : QColor
        Of the mark beside the headline.
    bars : tuple of Bar
        Empty unless the status is "ok" and nothing is paused.
    threshold : float
        Smallest probability that counts for a class.
    idle : bool
        Whether the person is taken to rest.
    alarms : float or None
        False alarms a minute that are expected at this threshold; None where nobody knows.
    """

    headline: str
    message: str
    colour: QColor
    bars: tuple[Bar, ...]
    threshold: float
    idle: bool = False
    alarms: float | None = None

    @property
    def chance(self) -> float:
        """Probability of a class when nothing is known."""
        return 1.0 / max(1, len(self.bars))

    @property
    def decided(self) -> ClassLook | None:
        """The class decided for, if any; being idle is none."""
        return next((bar.look for bar in self.bars if bar.decided and not self.idle), None)

    @property
    def undecided(self) -> str:
        """What to say where there is no class."""
        return "idle" if self.idle else "no decision yet"


def face(snapshot: Snapshot) -> Face:
    """Choose what a snapshot shows: the one place where a probability is let through.

    Probabilities pass only if the decoder runs, nothing is paused, the status is "ok" and so is
    that of the latest decision.
    """
    threshold, latest = snapshot.evidence.threshold, snapshot.latest
    if snapshot.paused:
        message = "Decoding is stopped. Press Space to go on."
        return Face("Paused", message, theme.MUTED, (), threshold)
    headline = theme.STATUS_WORDS.get(snapshot.status, theme.plain(snapshot.status))
    colour = theme.STATUS_COLOURS.get(snapshot.status, theme.MUTED)
    message = theme.plain(snapshot.message, longest=400)
    if snapshot.status != "ok":
        return Face(headline, message, colour, (), threshold)
    if snapshot.decoder is None:
        return Face("Signals only", message, theme.MUTED, (), threshold)
    if latest is None or latest.status != "ok" or latest.probabilities is None:
        return Face("Waiting for a decision", message, theme.MUTED, (), threshold)
    bars = tuple(
        Bar(look, _clean(latest.probabilities.get(look.name)), latest.decision == look.name)
        for look in class_looks(snapshot.decoder.classes)
    )
    rest = snapshot.decoder.rest
    alarms = None if rest is None else rest.at(threshold)[0]
    return Face(headline, "", colour, bars, threshold, latest.idle, alarms)


def in_words(shown: Face) -> str:
    """Return the face as a sentence, for a screen reader."""
    decided = shown.decided
    return theme.sentence(
        [
            shown.headline,
            shown.message,
            (f"decided: {decided.words}" if decided else shown.undecided) if shown.bars else "",
            *(f"{bar.look.words} {percent(bar.probability)}" for bar in shown.bars),
        ]
    )


def percent(probability: float) -> str:
    """Return a probability as people read it; a dash if it is unknown."""
    return "–" if math.isnan(probability) else f"{100 * probability:.0f} %"


def _clean(value: float | None) -> float:
    return float("nan") if value is None else min(1.0, max(0.0, float(value)))


class ProbabilityPanel(QWidget):
    """Draws a `Face`."""

    def __init__(self) -> None:
        super().__init__()
        self._face = Face("Connecting", "", theme.MUTED, (), 0.5)
        self.setMinimumSize(300, 150)
        self.setAccessibleName("Decision")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide enough for a class name beside its percentage."""
        return QSize(380, 520)

    def show_face(self, shown: Face) -> None:
        """Draw another face, if it differs."""
        if shown != self._face:
            self._face = shown
            theme.describe(self, in_words(shown))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.PANEL)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(_MARGIN, 0, -_MARGIN, -14)
        if self._face.bars:
            head = QRectF(area.left(), 0, area.width(), 38)
            self._draw_headline(painter, head, 13)
            hero = min(170.0, max(56.0, area.height() * 0.27))
            self._draw_decision(painter, QRectF(area.left(), 42, area.width(), hero))
            self._draw_bars(painter, area.adjusted(0, 42 + hero + 6, 0, 0))
        else:
            self._draw_refusal(painter, area)
        painter.end()

    def _draw_headline(self, painter: QPainter, box: QRectF, size: int) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._face.colour)
        painter.drawEllipse(QPointF(box.left() + 5, box.center().y()), 5, 5)
        painter.setFont(theme.font(size, bold=True))
        painter.setPen(theme.TEXT)
        painter.drawText(box.adjusted(18, 0, 0, 0), LEFT, self._face.headline)

    def _draw_refusal(self, painter: QPainter, area: QRectF) -> None:
        """Write status and message; nothing here has seen a probability."""
        wrap = Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap
        title, body = theme.font(32, bold=True), theme.font(17)
        room = QRectF(area.left(), 0, area.width(), 4000)
        head = QFontMetricsF(title).boundingRect(room, wrap, self._face.headline).height()
        text = QFontMetricsF(body).boundingRect(room, wrap, self._face.message).height()
        top = max(area.top() + 20, area.center().y() - (head + text + 34) / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._face.colour)
        painter.drawRoundedRect(QRectF(area.left(), top, 44, 6), 3, 3)
        painter.setFont(title)
        painter.setPen(theme.TEXT)
        painter.drawText(room.translated(0, top + 20), wrap, self._face.headline)
        painter.setFont(body)
        painter.setPen(theme.MUTED)
        painter.drawText(room.translated(0, top + 34 + head), wrap, self._face.message)

    def _draw_decision(self, painter: QPainter, box: QRectF) -> None:
        decided = self._face.decided
        tile = QRectF(box.left(), box.top(), box.height(), box.height())
        painter.setPen(QPen(theme.RULE, 1) if decided is None else Qt.PenStyle.NoPen)
        painter.setBrush(theme.faded(decided.colour, 0.18) if decided else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(tile.adjusted(0.5, 0.5, -0.5, -0.5), 10, 10)
        inner = tile.adjusted(*(tile.height() * s for s in (0.16, 0.16, -0.16, -0.16)))
        text = box.adjusted(tile.width() + 20, 0, 0, 0)
        if decided is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.DIM)
            for step in (-1, 0, 1):
                painter.drawEllipse(inner.center() + QPointF(step * 14, 0), 3, 3)
            undecided = self._face.undecided
            painter.setFont(_fitting(undecided, text, 40 if self._face.idle else 22))
            painter.setPen(theme.MUTED)
            painter.drawText(text, _WRAPPED, undecided)
            return
        draw_symbol(painter, decided.direction, inner, decided.colour)
        painter.setFont(_fitting(decided.words, text, 40, bold=True))
        painter.setPen(theme.TEXT)
        painter.drawText(text, _WRAPPED, decided.words)

    def _draw_bars(self, painter: QPainter, area: QRectF) -> None:
        """Draw one bar a class on a common scale, with chance and threshold across all."""
        bars = self._face.bars
        labels = 22.0  # px above and below the bars, for the two marks
        body = area.adjusted(0, labels, 0, -labels)
        step = min(150.0, body.height() / len(bars))
        bottom = body.top() + step * len(bars)
        tall = min(36.0, step * 0.30)
        words = min(22.0, max(12.0, step * 0.30))
        for index, bar in enumerate(bars):
            row = QRectF(body.left(), body.top() + index * step, body.width(), step)
            track = QRectF(row.left(), row.bottom() - tall - step * 0.10, row.width(), tall)
            line = QRectF(row.left(), row.top(), row.width(), track.top() - row.top())
            self._draw_bar(painter, bar, line, track, words)
        for value, text, top in (
            (self._face.chance, "chance", True),
            (self._face.threshold, "threshold", False),
        ):
            x = round(area.left() + area.width() * value) + (0.5 if value < 1 else -0.5)
            style = Qt.PenStyle.DotLine if top else Qt.PenStyle.SolidLine
            ink = theme.MUTED if top else theme.TEXT
            for index in range(len(bars)):
                foot = QPointF(x, body.top() + (index + 1) * step - step * 0.10 + 4)
                head = foot - QPointF(0, tall + 8)
                painter.setPen(QPen(theme.PANEL, 4))  # a rim keeps the mark visible on any colour
                painter.drawLine(head, foot)
                painter.setPen(QPen(ink, 1.5, style))
                painter.drawLine(head, foot)
            painter.setFont(theme.font(12))
            painter.setPen(theme.MUTED)
            label = f"{text} {percent(value) if top else in_percent(value)}"
            if self._face.alarms is not None and not top:
                label += f", {self._face.alarms:.1f} false alarms/min at rest"
            wide = QFontMetricsF(painter.font()).horizontalAdvance(label)
            left = min(max(area.left(), x - wide / 2), area.right() - wide)
            y = area.top() if top else bottom
            painter.drawText(QRectF(left, y, wide + 4, labels), LEFT, label)

    def _draw_bar(
        self, painter: QPainter, bar: Bar, line: QRectF, track: QRectF, size: float
    ) -> None:
        known = not math.isnan(bar.probability)
        painter.setFont(theme.font(size * 1.35, bold=bar.decided))
        painter.setPen(theme.TEXT if bar.decided else theme.MUTED)
        number = percent(bar.probability)
        wide = QFontMetricsF(painter.font()).horizontalAdvance("100 %") + 12
        painter.drawText(line, RIGHT, number)
        mark = QRectF(line.left(), line.center().y() - size * 0.6, size * 1.2, size * 1.2)
        draw_symbol(painter, bar.look.direction, mark, bar.look.colour)
        text = line.adjusted(size * 1.2 + 10, 0, -wide, 0)
        draw_text(painter, text, bar.look.words, size, theme.TEXT, bold=bar.decided)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.RAISED)
        painter.drawRoundedRect(track, 3, 3)
        if known and bar.probability > 0:
            filled = QRectF(track)
            filled.setWidth(max(2.0, track.width() * bar.probability))
            painter.setBrush(bar.look.colour if bar.decided else theme.faded(bar.look.colour, 0.6))
            painter.drawRoundedRect(filled, 3, 3)


def _fitting(text: str, box: QRectF, largest: int, bold: bool = False) -> QFont:
    """Return a large face in which a text fits a box: on one line, else smaller on several."""
    for size in range(largest, largest // 2, -1):
        if QFontMetricsF(theme.font(size, bold)).horizontalAdvance(text) <= box.width():
            return theme.font(size, bold)
    for size in range(largest, 11, -1):
        used = QFontMetricsF(theme.font(size, bold)).boundingRect(box, _WRAPPED, text)
        if used.width() <= box.width() and used.height() <= box.height():
            break
    return theme.font(size, bold)

"""How good the decisions are that follow cues: accuracy, confusions, information, time."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from core.metrics import chance_bound
from realtime.engine.cued_trials import CuedScore
from realtime.engine.snapshot import Snapshot
from realtime.panels.panel import NewestSignal, Panel
from ui import theme
from ui.class_style import ClassLook, class_looks, draw_symbol
from ui.painting import RIGHT, draw_text, grid_line

_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter
_WRAP = Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
_MARGIN, _ROW = 16.0, 30.0  # px
_FEW = 300.0  # px of height below which the matrix has no room


class ScorePanel(Panel):
    """Running accuracy with its chance bound, confusion matrix, information rate, time."""

    every = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.score: CuedScore | None = None
        self._expected = False  # whether there is a marker stream at all
        self.setAccessibleName("Score")

    def look(self, snapshot: Snapshot, signal: NewestSignal) -> None:
        """Take the trials, if there are new ones."""
        classes = () if snapshot.decoder is None else snapshot.decoder.classes
        score = CuedScore(snapshot.trials, classes)
        expected = snapshot.cues is not None
        if (score, expected) != (self.score, self._expected):
            self.score, self._expected = score, expected
            theme.describe(self, self.words)
            self.update()

    @property
    def words(self) -> str:
        """What stands at the top."""
        score = self.score
        if score is not None and score.trials:
            return (
                f"{score.right} of {len(score.trials)} cues decided as asked; guessing stays at "
                f"or below {100 * score.chance:.0f}\u00a0%"
            )
        if self._expected:
            return "No cue was followed by four seconds of decisions yet."
        return (
            "Cues are scored here. A replay of eegpt-stream and a feedback task (G) bring their "
            "own; choose another marker stream with the button Markers (M)."
        )

    def draw(self, painter: QPainter) -> None:
        """Draw."""
        area = QRectF(self.rect()).adjusted(_MARGIN, 8, -_MARGIN, -12)
        score = self.score
        if score is None or not score.trials:
            painter.setFont(theme.font(14))
            painter.setPen(theme.MUTED)
            painter.drawText(area, _WRAP, self.words)
            return
        top = self._draw_head(painter, area, score)
        looks = class_looks(score.classes)
        matrix = _ROW * (len(looks) + 1) + 22
        rest = area.bottom() - top
        if area.height() >= _FEW:
            self._draw_matrix(
                painter,
                QRectF(area.left(), area.bottom() - matrix, area.width(), matrix),
                looks,
                score,
            )
            rest -= matrix + 14
        if rest >= 70:
            self._draw_course(painter, QRectF(area.left(), top, area.width(), rest), looks, score)

    def _draw_head(self, painter: QPainter, area: QRectF, score: CuedScore) -> float:
        """Write the numbers; return where they end."""
        above = score.accuracy > score.chance
        painter.setFont(theme.font(34, bold=True))
        painter.setPen(theme.TEXT if above else theme.MUTED)
        number = f"{100 * score.accuracy:.0f} %"
        wide = QFontMetricsF(painter.font()).horizontalAdvance(number) + 16
        painter.drawText(QRectF(area.left(), area.top(), wide, 46), _MIDDLE, number)
        painter.setFont(theme.font(12))
        painter.setPen(theme.MUTED)
        room = QRectF(area.left() + wide, area.top() + 4, area.width() - wide, 40)
        painter.drawText(room, _MIDDLE | Qt.TextFlag.TextWordWrap, self.words)
        bits, seconds = score.bits_per_minute, score.seconds
        facts = (
            ("Information rate", "–" if bits is None else f"{bits:.1f} bits/min"),
            ("Time to decision", "–" if seconds is None else f"{seconds:.2f} s"),
        )
        for index, (name, value) in enumerate(facts):
            box = QRectF(
                area.left() + index * area.width() / 2, area.top() + 52, area.width() / 2, 18
            )
            painter.setFont(theme.font(11))
            painter.setPen(theme.MUTED)
            painter.drawText(box, _MIDDLE, name)
            painter.setFont(theme.font(15, bold=True))
            painter.setPen(theme.TEXT)
            painter.drawText(box.translated(0, 20), _MIDDLE, value)
        return area.top() + 104

    def _draw_course(
        self, painter: QPainter, area: QRectF, looks: tuple[ClassLook, ...], score: CuedScore
    ) -> None:
        """Draw the accuracy after each trial over what guessing reaches, and the trials below."""
        chart = area.adjusted(40, 6, 0, -34)
        count = len(score.trials)
        painter.setFont(theme.font(11))
        for value in (0.0, 0.5, 1.0):
            y = chart.bottom() - value * chart.height()
            grid_line(painter, chart, y, f"{100 * value:.0f} %")
        step = chart.width() / count

        def points(values: list[float]) -> list[QPointF]:
            return [
                QPointF(chart.left() + (k + 0.5) * step, chart.bottom() - v * chart.height())
                for k, v in enumerate(values)
            ]

        classes = len(score.classes)
        bound = points([chance_bound(trials, classes) for trials in range(1, count + 1)])
        under = QPolygonF(
            [
                QPointF(chart.left(), bound[0].y()),
                *bound,
                QPointF(chart.right(), bound[-1].y()),
                chart.bottomRight(),
                chart.bottomLeft(),
            ]
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.faded(theme.MUTED, 0.14))
        painter.drawPolygon(under)
        painter.setPen(theme.MUTED)
        painter.drawText(
            chart.adjusted(0, 0, -6, -2),
            Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight,
            "what guessing reaches",
        )
        line = points([float(value) for value in score.course])
        painter.setPen(QPen(theme.TEXT, 2))
        painter.drawPolyline(QPolygonF(line)) if count > 1 else painter.drawPoint(line[0])
        painter.setBrush(theme.TEXT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(line[-1], 3.5, 3.5)
        colours = {look.name: look.colour for look in looks}
        size = min(12.0, max(2.0, step - 2))
        for k, trial in enumerate(score.trials):
            middle = QPointF(chart.left() + (k + 0.5) * step, chart.bottom() + 14)
            box = QRectF(0, 0, size, 12)
            box.moveCenter(middle)
            _draw_trial(painter, box, colours[trial.asked], trial.decided == trial.asked)
        painter.setPen(theme.MUTED)
        painter.setFont(theme.font(10))
        caption = QRectF(area.left(), chart.bottom() + 20, area.width(), 16)
        painter.drawText(caption, RIGHT, "trials: filled where decided as asked")

    def _draw_matrix(
        self, painter: QPainter, area: QRectF, looks: tuple[ClassLook, ...], score: CuedScore
    ) -> None:
        """Draw how often each class was decided for each class that was asked for."""
        painter.setFont(theme.font(11))
        painter.setPen(theme.MUTED)
        painter.drawText(
            QRectF(area.left(), area.top(), area.width(), 20),
            _MIDDLE,
            "Asked (rows), decided (columns)",
        )
        left = area.left() + min(120.0, 0.32 * area.width())
        columns = score.confusion.shape[1]
        wide = (area.right() - left) / columns
        heads = [*(look.words for look in looks), "none"]
        inks = [*(look.colour for look in looks), theme.MUTED]
        for column, (head, ink) in enumerate(zip(heads, inks, strict=True)):
            box = QRectF(left + column * wide + 3, area.top() + 22, wide - 6, _ROW - 6)
            draw_text(painter, box, head, 11, ink, align=_CENTRE)
        for row, look in enumerate(looks):
            y = area.top() + 22 + _ROW * (row + 1) - 4
            mark = QRectF(area.left(), y + 8, 14, 14)
            draw_symbol(painter, look.direction, mark, look.colour)
            name = QRectF(area.left() + 20, y, left - area.left() - 24, _ROW)
            draw_text(painter, name, look.words, 11, theme.TEXT)
            total = max(1, int(score.confusion[row].sum()))
            for column in range(columns):
                count = int(score.confusion[row, column])
                box = QRectF(left + column * wide + 1, y + 1, wide - 2, _ROW - 2)
                ink = look.colour if column == row else theme.MUTED
                painter.fillRect(box, theme.faded(ink, 0.10 + 0.55 * count / total))
                painter.setFont(theme.font(13, bold=column == row))
                painter.setPen(theme.TEXT)
                painter.drawText(box, _CENTRE, str(count))


def _draw_trial(painter: QPainter, box: QRectF, colour: QColor, right: bool) -> None:
    painter.setPen(QPen(colour, 1))
    painter.setBrush(colour if right else Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))

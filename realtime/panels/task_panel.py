"""What panels of tasks share: which readouts a decoder has, and what they said lately."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from core.decoding.outputs import Output
from core.decoding.readouts import Readout
from realtime.engine.snapshot import Decision, Snapshot
from realtime.panels.panel import NewestSignal, Panel
from ui import theme
from ui.painting import LEFT, draw_text

MARGIN = 16.0
"""Pixels around what is drawn."""

_WRAP = Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
_HEAD = 44.0  # px: name and score of a task


class TaskPanel(Panel):
    """A panel of one kind of task; tasks of the kind stand below each other.

    Attributes
    ----------
    kind : str
        Of the tasks: "classes", "retrieval" or "scale".
    missing : str
        What to say where the decoder has none.
    readouts : tuple of Readout
        Of that kind.
    """

    kind = ""
    missing = ""
    every = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.readouts: tuple[Readout, ...] = ()
        self._recent: tuple[Decision, ...] = ()
        self._words = ""  # in place of outputs

    def look(self, snapshot: Snapshot, signal: NewestSignal) -> None:
        """Take what the tasks said lately."""
        readouts = () if snapshot.decoder is None else self.of_kind(snapshot.decoder.readouts)
        words = "" if snapshot.status == "ok" else theme.plain(snapshot.message, 300)
        words = "Paused." if snapshot.paused else words
        if (readouts, snapshot.recent, words) != (self.readouts, self._recent, self._words):
            self.readouts, self._recent, self._words = readouts, snapshot.recent, words
            theme.describe(self, theme.sentence(self.in_words()))
            self.update()

    def of_kind(self, readouts: Sequence[Readout]) -> tuple[Readout, ...]:
        """Return the readouts that belong here."""
        return tuple(readout for readout in readouts if readout.kind == self.kind)

    def latest(self, readout: Readout) -> Output | None:
        """Return what a task says now; None while nothing is decoded."""
        if self._words or not self._recent:
            return None
        return self._recent[-1].outputs.get(readout.task)

    def history(self, readout: Readout) -> list[tuple[float, Output | None]]:
        """Return what a task said in the last minute, with the seconds before now."""
        if not self._recent:
            return []
        newest = self._recent[-1].time
        return [(d.time - newest, d.outputs.get(readout.task)) for d in self._recent]

    def in_words(self) -> list[str]:
        """Return what is drawn, for a screen reader."""
        if not self.readouts:
            return [self.missing]
        return [self._words or self.task_in_words(readout) for readout in self.readouts]

    def task_in_words(self, readout: Readout) -> str:
        """Return what a task says now."""
        raise NotImplementedError

    def draw_task(self, painter: QPainter, area: QRectF, readout: Readout) -> None:
        """Draw one task below its heading."""
        raise NotImplementedError

    @property
    def area(self) -> QRectF:
        """Where tasks are drawn."""
        return QRectF(self.rect()).adjusted(MARGIN, 8, -MARGIN, -12)

    def draw(self, painter: QPainter) -> None:
        """Draw each task, or why there is nothing to draw."""
        area = self.area
        if not self.readouts or self._words:
            painter.setFont(theme.font(14))
            painter.setPen(theme.MUTED)
            painter.drawText(area, _WRAP, self._words if self.readouts else self.missing)
            return
        tall = area.height() / len(self.readouts)
        for index, readout in enumerate(self.readouts):
            box = QRectF(area.left(), area.top() + index * tall, area.width(), tall - 8)
            self._draw_heading(painter, box, readout)
            self.draw_task(painter, box.adjusted(0, _HEAD, 0, 0), readout)

    def _draw_heading(self, painter: QPainter, box: QRectF, readout: Readout) -> None:
        card = readout.card
        painter.setFont(theme.font(15, bold=True))
        painter.setPen(theme.TEXT)
        line = QRectF(box.left(), box.top(), box.width(), 22)
        painter.drawText(line, LEFT, theme.plain(readout.task, 40))
        ink = theme.MUTED if card.score > card.chance else theme.STATUS_COLOURS["artifact"]
        score = f"{card.measure} {card.score:.2f}, by guessing up to {card.chance:.2f}"
        draw_text(painter, line.translated(0, 20), f"{score} ({card.trials} trials)", 11, ink)


def draw_bar(painter: QPainter, track: QRectF, share: float, colour: QColor) -> None:
    """Draw a bar that fills a share of its track from the left."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.RAISED)
    painter.drawRoundedRect(track, 3, 3)
    filled = QRectF(track)
    filled.setWidth(max(2.0, track.width() * min(1.0, max(0.0, share))))
    painter.setBrush(colour)
    painter.drawRoundedRect(filled, 3, 3)

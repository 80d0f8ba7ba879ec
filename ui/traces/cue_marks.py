"""Cues over traces and over the last minute: a line in the colour of the class, and its word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from ui import theme

_HIGH, _PAD, _LEAST = 16.0, 5.0, 40.0  # px: of a word; beside it; room below which it is left out


@dataclass(frozen=True)
class CueMark:
    """A cue on the screen.

    Attributes
    ----------
    time : float
        Sender's LSL clock, in seconds.
    words : str
        In plain words, from `theme.plain`.
    colour : QColor or None
        Of its class; None for a marker that is the cue of none.
    """

    time: float
    words: str
    colour: QColor | None


def draw_cues(
    painter: QPainter,
    box: QRectF,
    cues: Sequence[CueMark],
    place: Callable[[float], float],
    named: bool = True,
) -> None:
    """Draw the cues that lie in a box.

    Parameters
    ----------
    painter : QPainter
    box : QRectF
        Lines go from its top to its bottom.
    cues : sequence of CueMark
        Oldest first.
    place : callable
        Returns the x of a time.
    named : bool
        Write the words at the top, where there is room before the next cue.
    """
    shown = [(x, cue) for cue in cues if box.left() <= (x := place(cue.time)) <= box.right()]
    painter.setFont(theme.font(11, bold=True))
    metrics = QFontMetricsF(painter.font())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for index, (x, cue) in enumerate(shown):
        colour = cue.colour or theme.MUTED
        style = Qt.PenStyle.SolidLine if cue.colour else Qt.PenStyle.DotLine
        painter.setPen(QPen(colour, 1.0, style))
        centre = round(x) + 0.5
        painter.drawLine(QPointF(centre, box.top()), QPointF(centre, box.bottom()))
        room = (shown[index + 1][0] if index + 1 < len(shown) else box.right()) - x - 2
        if not named or room < _LEAST:
            continue
        text = metrics.elidedText(cue.words, Qt.TextElideMode.ElideRight, room - 2 * _PAD)
        wide = metrics.horizontalAdvance(text) + 2 * _PAD
        tag = QRectF(round(x) + 1, box.top(), wide, _HIGH)
        painter.fillRect(tag, colour if cue.colour else theme.RAISED)
        painter.setPen(theme.BACKGROUND if cue.colour else theme.TEXT)
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, text)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

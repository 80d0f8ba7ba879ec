"""A picture that moves to the left, of which only new columns are ever drawn."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap


class ScrollingPixmap:
    """Columns of pixels on a clear ground, each at its number modulo the width.

    Parameters
    ----------
    width, height : int
        In pixels of the screen, however it is scaled.

    Attributes
    ----------
    newest : int or None
        The last column that was drawn.
    """

    def __init__(self, width: int, height: int) -> None:
        self.newest: int | None = None
        self._picture = QPixmap(width, height)
        self._picture.fill(Qt.GlobalColor.transparent)

    @property
    def width(self) -> int:
        """Columns."""
        return self._picture.width()

    def draw(self, first: int, last: int, paint: Callable[[QPainter, int, int], None]) -> None:
        """Draw columns, instead of what stood in their places.

        Parameters
        ----------
        first, last : int
            Numbers of columns; `last` is the newest from now on.
        paint : callable
            Draws the columns from one number to another, the first of them at 0.
        """
        width, height = self.width, self._picture.height()
        first = max(first, last - width + 1)
        while first <= last:
            place = first % width
            end = min(last, first + width - place - 1)  # the ring's edge
            painter = QPainter(self._picture)
            columns = QRect(place, 0, end - first + 1, height)
            painter.setClipRect(columns)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
            painter.fillRect(columns, Qt.GlobalColor.transparent)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
            painter.translate(place, 0)
            paint(painter, first, end)
            painter.end()
            first = end + 1
        self.newest = last

    def show(self, painter: QPainter, corner: QPointF, ratio: float) -> None:
        """Paint the picture with its newest column at the right.

        Parameters
        ----------
        painter : QPainter
        corner : QPointF
            Where its upper left corner goes.
        ratio : float
            Pixels of the screen in one of the painter's.
        """
        if self.newest is None:
            return
        oldest, height = (self.newest + 1) % self.width, self._picture.height()
        offset = 0
        for begin, end in ((oldest, self.width), (0, oldest)):
            if begin == end:
                continue
            part = QRectF(begin, 0, end - begin, height)
            to = QRectF(
                corner.x() + offset / ratio, corner.y(), part.width() / ratio, part.height() / ratio
            )
            painter.drawPixmap(to, self._picture, part)
            offset += end - begin

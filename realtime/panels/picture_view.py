"""The nearest pictures of a gallery: the first one large, the next ones below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter

from core.decoding.embedding_heads import Gallery
from core.pictures.gallery import PictureFolder
from ui import theme
from ui.painting import LEFT, RIGHT

_NEXT = 3  # pictures below the first
_GAP = 10.0  # px between pictures
_LINE = 20.0  # px of a name and its similarity
_LOW = 240.0  # px of height below which there is room for the first only
_SHARE = 0.62  # of the height, for the first
_TALL = 0.8  # of its width is a box high, at most
_MIDDLE = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWrapAnywhere


def draw_pictures(
    painter: QPainter,
    area: QRectF,
    nearest: Sequence[tuple[str, float]],
    gallery: Gallery,
    folder: PictureFolder | None,
) -> None:
    """Draw the nearest pictures, and the name of each one that is not here.

    Parameters
    ----------
    painter : QPainter
    area : QRectF
    nearest : sequence of (str, float)
        Names and similarities, the nearest first.
    gallery : Gallery
    folder : PictureFolder or None
        None where no picture is to be had.
    """
    low = area.height() < _LOW or len(nearest) == 1
    room = area.height() if low else _SHARE * area.height()
    tall = min(room, _TALL * area.width() + _LINE)
    boxes = [QRectF(area.left(), area.top(), area.width(), tall)]
    if not low:
        wide = (area.width() - (_NEXT - 1) * _GAP) / _NEXT
        top = area.top() + tall + _GAP
        small = min(area.bottom() - top, _TALL * wide + _LINE)
        boxes += [QRectF(area.left() + n * (wide + _GAP), top, wide, small) for n in range(_NEXT)]
    for rank, (box, (name, similarity)) in enumerate(zip(boxes, nearest, strict=False), start=1):
        pixels = None if folder is None else folder.picture(gallery, name)
        _draw_picture(painter, box.adjusted(0, 0, 0, -_LINE), pixels, name)
        line = QRectF(box.left(), box.bottom() - _LINE, box.width(), _LINE)
        painter.setFont(theme.font(13 if rank == 1 else 11, bold=rank == 1))
        painter.setPen(theme.TEXT if rank == 1 else theme.MUTED)
        cosine = f"{similarity:+.2f}"
        painter.drawText(line, RIGHT, cosine)
        metrics = QFontMetricsF(painter.font())
        words = metrics.elidedText(
            f"{rank}  {theme.plain(name, 200)}",
            Qt.TextElideMode.ElideMiddle,
            line.width() - metrics.horizontalAdvance(cosine) - 6,
        )
        painter.drawText(line, LEFT, words)


def _draw_picture(painter: QPainter, box: QRectF, pixels: np.ndarray | None, name: str) -> None:
    """Draw a picture as large as a box allows, or its name where there is none."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.RAISED)
    painter.drawRoundedRect(box, 4, 4)
    if pixels is None:
        painter.setFont(theme.font(11))
        painter.setPen(theme.MUTED)
        painter.drawText(box.adjusted(8, 8, -8, -8), _MIDDLE, theme.plain(name, 200))
        return
    height, width = pixels.shape[:2]
    scale = min(box.width() / width, box.height() / height)
    place = QRectF(0, 0, scale * width, scale * height)
    place.moveCenter(box.center())
    content = np.ascontiguousarray(pixels).tobytes()  # kept until it is drawn
    image = QImage(content, width, height, 3 * width, QImage.Format.Format_RGB888)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(place, image)

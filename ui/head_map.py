"""A map on a head, painted by Qt: the drawing of `core.topography` in the window's colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from core.topography import EAR, NOSE, Topography
from ui import theme

COLD, HOT = QColor("#3D8BD9"), QColor("#E2553D")
"""Ends of the scale of a map: the smallest and the largest value."""

_STEPS = 255
_ROOM = 1.17  # head radii of a drawing: the nose


def scale_colours() -> np.ndarray:
    """Return the colours from the smallest to the largest value, shape (steps, 4), B G R A."""
    cold, middle, hot = (
        np.array([c.blue(), c.green(), c.red(), 255.0]) for c in (COLD, theme.RAISED, HOT)
    )
    share = np.linspace(-1.0, 1.0, _STEPS)[:, None]
    ends = np.where(share < 0, cold, hot)
    colours: np.ndarray = (middle + np.abs(share) * (ends - middle)).astype(np.uint8)
    return colours


def draw_map(
    painter: QPainter, box: QRectF, head: Topography, values: np.ndarray, limit: float
) -> None:
    """Draw values, shape (labels,), from -limit to limit, with outline and electrodes."""
    grid = np.nan_to_num(head.interpolate(values))[::-1]  # Qt's first row is the upper one
    index = np.clip((grid / limit + 1.0) / 2.0 * (_STEPS - 1), 0, _STEPS - 1).astype(np.intp)
    pixels = np.ascontiguousarray(scale_colours()[index])
    height, width = index.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
    centre, scale = _place(box, head)
    edge = head.radius * scale
    square = QRectF(centre.x() - edge, centre.y() - edge, 2 * edge, 2 * edge)
    clip = QPainterPath()
    clip.addEllipse(square)
    painter.save()
    painter.setClipPath(clip, Qt.ClipOperation.IntersectClip)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(square, image)
    painter.restore()
    draw_outline(painter, box, head)
    draw_electrodes(painter, box, head, [theme.TEXT] * len(head.picks), min(1.4, scale / 60))


def draw_outline(painter: QPainter, box: QRectF, head: Topography) -> None:
    """Draw an empty head."""
    centre, scale = _place(box, head)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.MUTED, 1.2))
    painter.drawEllipse(centre, scale, scale)
    for line in (NOSE, EAR, EAR * [-1, 1]):
        points = [QPointF(centre.x() + x * scale, centre.y() - y * scale) for x, y in line.tolist()]
        painter.drawPolyline(QPolygonF(points))


def draw_electrodes(
    painter: QPainter, box: QRectF, head: Topography, colours: Sequence[QColor], radius: float
) -> list[QPointF]:
    """Draw a dot a placed electrode; return where they are."""
    centre, scale = _place(box, head)
    painter.setPen(Qt.PenStyle.NoPen)
    spots = [
        QPointF(centre.x() + x * scale, centre.y() - y * scale) for x, y in head.places.tolist()
    ]
    for spot, colour in zip(spots, colours, strict=True):
        painter.setBrush(colour)
        painter.drawEllipse(spot, radius, radius)
    return spots


def _place(box: QRectF, head: Topography) -> tuple[QPointF, float]:
    """Return the middle of the head, and pixels in a head radius."""
    return box.center(), min(box.width(), box.height()) / 2 / max(_ROOM, head.radius)

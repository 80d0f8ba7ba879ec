"""How a class looks: its name in plain words, its colour and its symbol."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from ui import theme
from ui.directions import class_directions
from ui.theme import plain

# Okabe & Ito (2008), "Color universal design": distinguished with every kind of colour vision.
_SKY, _ORANGE, _GREEN = map(theme.colour, ("sky", "orange", "green"))
_PURPLE, _YELLOW, _VERMILION = map(theme.colour, ("purple", "yellow", "vermilion"))
_REST = theme.colour("rest")
PALETTE = (_SKY, _ORANGE, _GREEN, _PURPLE, _YELLOW, _VERMILION)
"""Colours of lines that belong together."""

_COLOURS = {"left": _SKY, "right": _ORANGE, "up": _PURPLE, "down": _GREEN, "centre": _REST}
_SPARE = (_YELLOW, _VERMILION, _SKY, _ORANGE, _GREEN, _PURPLE, _REST)


@dataclass(frozen=True)
class ClassLook:
    """What a person sees of one class.

    Attributes
    ----------
    name : str
        As in the decoder, ``left_hand``.
    words : str
        In plain words, ``left hand``.
    direction : str
        "left", "right", "up", "down", "centre", or "" where the name suggests none.
    colour : QColor
        Differs between the first seven classes.
    """

    name: str
    words: str
    direction: str
    colour: QColor


def class_looks(classes: Sequence[str]) -> tuple[ClassLook, ...]:
    """Return the looks of a decoder's classes, in their order.

    Colours and directions are given by meaning first, so that left is always the same blue
    arrow to the left; what is left over goes to names without a known meaning.
    """
    directions = class_directions(classes)
    taken = [_COLOURS[direction] for direction in directions if direction]
    spare = [colour for colour in _SPARE if colour not in taken]
    looks = []
    for index, name in enumerate(classes):
        colour = _COLOURS.get(directions[index])
        if colour is None:
            colour = spare.pop(0) if spare else _REST
        words = plain(name.replace("_", " ")) or f"class {index + 1}"
        looks.append(ClassLook(name, words, directions[index], colour))
    return tuple(looks)


def draw_symbol(
    painter: QPainter, direction: str, box: QRectF, colour: QColor, filled: bool = True
) -> None:
    """Draw an arrow, a dot (centre) or a ring (no direction) inside a box."""
    size = min(box.width(), box.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, max(1.0, size * 0.035)))
    painter.setBrush(colour if filled else Qt.BrushStyle.NoBrush)
    painter.drawPath(symbol(direction, box))
    painter.restore()


def symbol(direction: str, box: QRectF) -> QPainterPath:
    """Return the outline of a class's symbol, centred in a box."""
    size = min(box.width(), box.height())
    centre = box.center()
    path = QPainterPath()
    if direction in ("centre", ""):
        radius = size * (0.16 if direction == "centre" else 0.30)
        path.addEllipse(centre, radius, radius)
        if direction == "":
            path.addEllipse(centre, radius * 0.62, radius * 0.62)
        return path
    angle = {"right": 0.0, "down": 0.5, "left": 1.0, "up": 1.5}[direction] * math.pi
    # An arrow to the right in units of the box, tip first, then turned.
    outline = (
        (0.44, 0.0),
        (0.06, -0.36),
        (0.06, -0.14),
        (-0.44, -0.14),
        (-0.44, 0.14),
        (0.06, 0.14),
        (0.06, 0.36),
    )
    cos, sin = round(math.cos(angle)), round(math.sin(angle))
    for index, (x, y) in enumerate(outline):
        point = QPointF(
            centre.x() + size * (x * cos - y * sin), centre.y() + size * (x * sin + y * cos)
        )
        if index:
            path.lineTo(point)
        else:
            path.moveTo(point)
    path.closeSubpath()
    return path

"""What the person sees: a cross, an arrow, a word. Sizes are shares of the screen's height.

A screen of 24 inches is 300 mm high and seen from two metres 8.6 degrees. There the arrow takes
1.9 degrees, so that it is read without moving the eyes, the cross 0.7 degrees, and capital
letters of running text 20 minutes of arc, which ISO 9241-303 recommends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath

from calibration.paradigm.model import Paradigm
from ui import theme
from ui.class_style import ClassLook, draw_symbol

GROUND = theme.STAGE
_CROSS = theme.CROSS
_ARROW, _CROSS_SIZE, _TEXT, _WORD, _TITLE = 0.22, 0.085, 0.055, 0.078, 0.085
_CENTRE = Qt.AlignmentFlag.AlignCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter

TASKS = {
    "left_hand": "squeeze a ball with your left hand",
    "right_hand": "squeeze a ball with your right hand",
    "feet": "curl the toes of both feet",
    "tongue": "press your tongue against your teeth",
    "rest": "think of nothing in particular",
}
"""What to imagine for each class: felt movements are classified better than seen ones
(Neuper et al., 2005, Cognitive Brain Research 25)."""


@dataclass(frozen=True)
class Scene:
    """One picture.

    Attributes
    ----------
    kind : str
        "blank", "cross", "cue", "message" or "instructions".
    look : ClassLook or None
        The class of a cue.
    looks : tuple of ClassLook
        All classes, for the instructions.
    title, text, foot : str
        Words of messages and instructions.
    strength : float or None
        Feedback, 0 to 1; None for none.
    lit : bool
        Whether the photodiode's square is white.
    corner : str
        Where it is; "none" for nowhere.
    side : int
        Its side in device-independent pixels.
    """

    kind: str = "blank"
    look: ClassLook | None = None
    looks: tuple[ClassLook, ...] = ()
    title: str = ""
    text: str = ""
    foot: str = ""
    strength: float | None = None
    lit: bool = False
    corner: str = "none"
    side: int = field(default=70)


def instructions(paradigm: Paradigm, looks: tuple[ClassLook, ...], foot: str) -> Scene:
    """Return the screen that says what is going to happen."""
    heard = "a cross, then a tone, then an arrow" if paradigm.sound else "a cross, then an arrow"
    return Scene(
        "instructions",
        looks=looks,
        title="What is going to happen",
        text=f"You see {heard}. Until the cross goes, imagine what the arrow says. "
        "Feel the movement, but do not move.",
        foot=foot,
    )


def draw(painter: QPainter, size: QSizeF, scene: Scene) -> None:
    """Draw a scene over the whole window."""
    whole = QRectF(QPointF(0, 0), size)
    painter.fillRect(whole, GROUND)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    match scene.kind:
        case "cross":
            _draw_cross(painter, whole)
        case "cue":
            _draw_cue(painter, whole, scene)
        case "message":
            _draw_message(painter, whole, scene)
        case "instructions":
            _draw_instructions(painter, whole, scene)
    if scene.strength is not None and scene.look is not None:
        _draw_feedback(painter, whole, scene.look, scene.strength)
    if scene.corner != "none":
        _draw_square(painter, whole, scene)


def _draw_cross(painter: QPainter, whole: QRectF) -> None:
    arm, thick = whole.height() * _CROSS_SIZE / 2, max(2.0, round(whole.height() * 0.008))
    middle = whole.center()
    painter.fillRect(
        QRectF(middle.x() - arm, middle.y() - thick / 2, 2 * arm, thick),
        _CROSS,
    )
    painter.fillRect(
        QRectF(middle.x() - thick / 2, middle.y() - arm, thick, 2 * arm),
        _CROSS,
    )


def _draw_cue(painter: QPainter, whole: QRectF, scene: Scene) -> None:
    if scene.look is None:
        return
    side = whole.height() * _ARROW
    box = QRectF(0, 0, side, side)
    box.moveCenter(whole.center())
    draw_symbol(painter, scene.look.direction, box, scene.look.colour)
    painter.setFont(theme.font(whole.height() * _WORD, bold=True))
    painter.setPen(theme.TEXT)
    below = QRectF(whole.left(), box.bottom(), whole.width(), whole.height() * 0.16)
    painter.drawText(below, _CENTRE, scene.look.words)


def _draw_feedback(painter: QPainter, whole: QRectF, look: ClassLook, strength: float) -> None:
    """Draw a bar that grows out of the cross, in the direction of the cue."""
    away = {"left": (-1, 0), "right": (1, 0), "up": (0, -1)}.get(look.direction, (0, 1))
    near, thick = whole.height() * 0.075, whole.height() * 0.05
    long = whole.height() * 0.30
    middle = whole.center()
    for share, ink in ((1.0, theme.RAISED), (min(1.0, max(0.0, strength)), look.colour)):
        if share <= 0.0:
            continue
        start = QPointF(middle.x() + away[0] * near, middle.y() + away[1] * near)
        end = QPointF(start.x() + away[0] * long * share, start.y() + away[1] * long * share)
        across = QPointF(abs(away[1]) * thick / 2, abs(away[0]) * thick / 2)
        path = QPainterPath()
        path.addRoundedRect(QRectF(start - across, end + across).normalized(), 6, 6)
        painter.fillPath(path, ink)


def _draw_square(painter: QPainter, whole: QRectF, scene: Scene) -> None:
    box = QRectF(0, 0, scene.side, scene.side)
    if scene.corner.endswith("right"):
        box.moveRight(whole.right())
    if scene.corner.startswith("bottom"):
        box.moveBottom(whole.bottom())
    painter.fillRect(box, Qt.GlobalColor.white if scene.lit else Qt.GlobalColor.black)


def _draw_message(painter: QPainter, whole: QRectF, scene: Scene) -> None:
    unit, middle = _unit(whole), whole.center()
    wide = 1.5 * unit
    if not scene.text:
        middle += QPointF(0, 0.06 * unit)
    title = QRectF(middle.x() - wide / 2, middle.y() - 0.24 * unit, wide, 0.18 * unit)
    _write(painter, title, scene.title, unit * _TITLE, theme.TEXT, _CENTRE, bold=True)
    text = QRectF(title.left(), middle.y() - 0.05 * unit, wide, 0.3 * unit)
    top = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
    _write(painter, text, scene.text, unit * _TEXT, theme.MUTED, top)
    _draw_foot(painter, whole, scene.foot)


def _draw_instructions(painter: QPainter, whole: QRectF, scene: Scene) -> None:
    unit = _unit(whole)
    column = QRectF(0, 0, 1.46 * unit, unit)
    column.moveCenter(whole.center())
    title = QRectF(column.left(), column.top() + 0.06 * unit, column.width(), 0.12 * unit)
    _write(painter, title, scene.title, unit * _TITLE, theme.TEXT, _LEFT, bold=True)
    text = QRectF(column.left(), title.bottom() + 0.015 * unit, column.width(), 0.24 * unit)
    top = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
    _write(painter, text, scene.text, unit * _TEXT, theme.MUTED, top)
    row = min(0.125, 0.40 / max(1, len(scene.looks))) * unit
    y = column.top() + 0.44 * unit
    for look in scene.looks:
        mark = QRectF(column.left(), y + row * 0.1, row * 0.8, row * 0.8)
        draw_symbol(painter, look.direction, mark, look.colour)
        name = QRectF(column.left() + 0.13 * unit, y, 0.36 * unit, row)
        _write(painter, name, look.words, unit * _TEXT, theme.TEXT, _LEFT, bold=True)
        task = QRectF(column.left() + 0.47 * unit, y, 1.05 * unit, row)
        _write(painter, task, TASKS.get(look.name, ""), unit * _TEXT, theme.MUTED, _LEFT)
        y += row
    _draw_foot(painter, whole, scene.foot)


def _draw_foot(painter: QPainter, whole: QRectF, text: str) -> None:
    box = QRectF(whole.left(), whole.height() * 0.9, whole.width(), whole.height() * 0.07)
    _write(painter, box, text, _unit(whole) * 0.04, theme.MUTED, _CENTRE)


def _unit(whole: QRectF) -> float:
    """Return the height that words are measured by: less than all of it on narrow screens."""
    return min(whole.height(), whole.width() / 1.6)


def _write(
    painter: QPainter,
    box: QRectF,
    text: str,
    size: float,
    ink: QColor,
    align: Qt.AlignmentFlag,
    bold: bool = False,
) -> None:
    """Write text inside a box, wrapped, and smaller where it would not fit."""
    wrapped = align | Qt.TextFlag.TextWordWrap
    for pixels in (size, size * 0.85, size * 0.7, size * 0.55):
        face = theme.font(pixels, bold=bold)
        needed = QFontMetricsF(face).boundingRect(box, wrapped, text)
        if needed.height() <= box.height() + 1 and needed.width() <= box.width() + 1:
            break
    painter.setFont(face)
    painter.setPen(ink)
    painter.drawText(box, wrapped, text)

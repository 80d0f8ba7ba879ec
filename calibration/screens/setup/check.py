"""The blink and jaw-clench check: a head on which the channels light up that see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from calibration.screens.setup.gestures import (
    BLINK,
    CLENCH,
    Gesture,
    GestureCheck,
    Verdict,
)
from core.electrodes import written_label
from core.topography import Topography
from ui import theme
from ui.painting import write_line

_LOOK = 0.25  # s between two looks at the signal
_HOT = theme.STATUS_COLOURS["artifact"]
_GOOD = theme.STATUS_COLOURS["ok"]
_WRAPPED = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
_CENTRE = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True)
class Phase:
    """A stretch of the check: what is asked for, for how long, and when it is measured."""

    prompt: str
    seconds: float
    gesture: Gesture | None = None
    settle: float = 1.0  # s at the beginning that are not measured


PHASES = (
    Phase("Sit still and relax", 2.0),
    Phase(BLINK.prompt, 5.0, BLINK),
    Phase("Relax again", 2.0),
    Phase(CLENCH.prompt, 4.0, CLENCH),
)
"""The course of the check."""


class HeadMap(QWidget):
    """A head seen from above; a channel glows as strongly as it takes part."""

    def __init__(self) -> None:
        super().__init__()
        self._glow: dict[str, float] = {}
        self._labels: tuple[str, ...] = ()
        self._topography = Topography(())
        self._names: list[str] = []  # of the electrodes that are drawn
        self.setMinimumSize(140, 140)  # of a low screen
        self.setAccessibleName("Electrodes on the head")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Square."""
        return QSize(260, 260)

    def show_labels(self, labels: tuple[str, ...]) -> None:
        """Show the electrodes of another stream."""
        if labels != self._labels:
            self._labels, self._glow = labels, {}
            self._topography = Topography(labels)
            self._names = [written_label(labels[index]) for index in self._topography.picks]
            self.update()

    def show_glow(self, glow: dict[str, float]) -> None:
        """Light channels up, from 0 to 1 each."""
        if glow != self._glow:
            self._glow = glow
            bright = sorted(label for label, value in glow.items() if value >= 1.0)
            theme.describe(self, "Lit: " + (", ".join(bright) or "none"))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.PANEL)
        radius = min(self.width(), self.height() - 14) / 2 - 8
        centre = QPointF(self.width() / 2, self.height() / 2 + 7)
        outline = QPainterPath()
        outline.moveTo(centre + QPointF(-0.14 * radius, -0.985 * radius))
        outline.lineTo(centre + QPointF(0, -1.12 * radius))
        outline.lineTo(centre + QPointF(0.14 * radius, -0.985 * radius))
        painter.setPen(QPen(theme.FAINT, 1.5))
        painter.drawPath(outline)
        painter.drawEllipse(centre, radius, radius)
        dense = len(self._labels) > 40
        size = radius * (0.062 if dense else 0.085)
        fitting = min(1.0, 4.0 / max(map(len, self._names), default=1))  # TPP10h in its circle
        painter.setFont(theme.font(max(7.0, size * fitting * (0.95 if dense else 0.9))))
        scale = radius / (1.15 * self._topography.radius)  # the outermost inside the outline
        drawn = zip(self._topography.picks, self._topography.places, self._names, strict=True)
        for index, place, name in drawn:
            point = centre + QPointF(place[0], -place[1]) * scale
            glow = self._glow.get(self._labels[index], 0.0)
            if glow > 0.0:
                halo = size * (1.0 + 0.9 * min(1.0, glow))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.faded(_HOT, 0.25 * min(1.0, glow)))
                painter.drawEllipse(point, halo, halo)
            painter.setPen(QPen(_HOT if glow >= 1.0 else theme.FAINT, 1))
            painter.setBrush(theme.faded(_HOT, 0.9) if glow >= 1.0 else theme.RAISED)
            painter.drawEllipse(point, size, size)
            painter.setPen(theme.BACKGROUND if glow >= 1.0 else theme.MUTED)
            painter.drawText(QRectF(point.x() - 40, point.y() - 10, 80, 20), _CENTRE, name)
        painter.end()


class CheckPanel(QWidget):
    """Asks for blinks, then for clenched teeth, and says where they showed up.

    Parameters
    ----------
    raw : callable
        Returns the newest two seconds of signal, shape (samples, channels), in µV.
    """

    def __init__(self, raw: Callable[[], np.ndarray]) -> None:
        super().__init__()
        self._raw = raw
        self._labels: tuple[str, ...] = ()
        self._rate = 0.0
        self._phase = -1  # which of PHASES; -1 while none
        self._gone = 0.0  # s of it
        self._check: GestureCheck | None = None
        self.verdicts: tuple[Verdict, ...] = ()
        self.head = HeadMap()
        self.words = _Words()
        self.button = QPushButton("Check blinks and jaw (B)")
        self.button.setToolTip("See on the head where blinks and a clenched jaw arrive")
        self.button.setAutoDefault(False)
        self.button.setEnabled(False)
        self.button.clicked.connect(self.toggle)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(f"CheckPanel {{ background: {theme.PANEL.name()}; }}")
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 16)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(self.head, 1)
        column.addWidget(self.button)
        self._timer = QTimer(self, interval=round(1000 * _LOOK))
        self._timer.timeout.connect(self.look)

    @property
    def running(self) -> bool:
        """Whether something is being asked for."""
        return self._phase >= 0

    def show_stream(self, labels: tuple[str, ...], rate: float, live: bool) -> None:
        """Take another stream; a check under way ends if it changed."""
        if (labels, rate) != (self._labels, self._rate):
            self._labels, self._rate = labels, rate
            self.verdicts = ()
            self._end()
            self.head.show_labels(labels)
        self.button.setEnabled(live and bool(labels))

    def toggle(self) -> None:
        """Start the check, or stop it."""
        if self.running:
            self._end()
        else:
            self.verdicts = ()
            self._enter(0)
            self._timer.start()

    def look(self) -> None:
        """Take the newest signal, and go on to the next phase when it is time."""
        phase = PHASES[self._phase]
        self._gone += _LOOK
        raw = self._raw()
        if self._check is not None and self._gone >= phase.settle and len(raw):
            self._check.feed(raw[-round(self._rate) :])
            self._show_glow()
        if self._gone < phase.seconds:
            self.words.show_prompt(phase.prompt, phase.seconds - self._gone)
            return
        if self._check is not None:
            self.verdicts = (*self.verdicts, self._check.verdict())
        if self._phase + 1 < len(PHASES):
            self._enter(self._phase + 1)
        else:
            self._end()

    def stop(self) -> None:
        """Stop looking."""
        self._timer.stop()

    def _enter(self, index: int) -> None:
        phase = PHASES[index]
        self._phase, self._gone = index, 0.0
        gesture = phase.gesture
        self._check = GestureCheck(gesture, self._labels, self._rate) if gesture else None
        self.head.show_glow({})
        self.button.setText("Stop the check")
        self.words.show_prompt(phase.prompt, phase.seconds)

    def _end(self) -> None:
        self._timer.stop()
        self._phase, self._check = -1, None
        self.button.setText("Check again (B)" if self.verdicts else "Check blinks and jaw (B)")
        self.words.show_verdicts(self.verdicts)

    def _show_glow(self) -> None:
        assert self._check is not None
        lit = self._check.verdict().lit
        most = max(float(self._check.strongest.max(initial=0.0)), self._check.gesture.least_uv)
        self.head.show_glow(
            {
                label: 1.0 if flag else 0.6 * float(value) / most
                for label, flag, value in zip(self._labels, lit, self._check.strongest, strict=True)
            }
        )


class _Words(QWidget):
    """The prompt while the check runs, else what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self._prompt = ""
        self._left = 0
        self._verdicts: tuple[Verdict, ...] = ()
        self.setFixedHeight(136)
        self.setAccessibleName("Blink and jaw check")

    def show_prompt(self, prompt: str, left: float) -> None:
        seconds = max(1, int(np.ceil(left)))
        if (prompt, seconds) != (self._prompt, self._left):
            self._prompt, self._left = prompt, seconds
            theme.describe(self, prompt)
            self.update()

    def show_verdicts(self, verdicts: tuple[Verdict, ...]) -> None:
        self._prompt, self._verdicts = "", verdicts
        theme.describe(self, theme.sentence(verdict.words for verdict in verdicts))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        write_line(painter, box, 0, "Are the channels where they say?", 15, theme.TEXT, bold=True)
        if self._prompt:
            write_line(painter, box, 44, self._prompt, 24, theme.TEXT, bold=True)
            write_line(painter, box, 82, f"{self._left} s", 15, theme.MUTED)
            painter.end()
            return
        painter.setFont(theme.font(13))
        if not self._verdicts:
            painter.setPen(theme.MUTED)
            text = "Blinks must light up the front, clenched teeth the sides. The person needs ten "
            text += "seconds for it, and a wrong order of channels shows before it costs a session."
            painter.drawText(box.adjusted(0, 30, 0, 0), int(_WRAPPED), text)
        y = 30.0
        for verdict in self._verdicts:
            ink = {True: _GOOD, False: theme.WARNING, None: theme.MUTED}[verdict.right]
            painter.setPen(QPen(ink, 2))
            painter.setBrush(ink if verdict.right is not None else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(6, y + 9), 4, 4)
            painter.setPen(theme.TEXT if verdict.right is not None else theme.MUTED)
            room = QRectF(20, y, box.width() - 20, 56)
            painter.setFont(theme.font(12.5))
            painter.drawText(room, int(_WRAPPED), theme.plain(verdict.words, 300))
            y += 52
        painter.end()

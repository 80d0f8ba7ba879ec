"""What every view for the subject is: full screen, its own keys, and the operator's corner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from core.signal.monitor import ChannelStatus
from realtime.engine.cued_trials import CuedScore
from realtime.engine.snapshot import Snapshot
from realtime.widgets.probabilities import face
from ui import theme
from ui.painting import write_line
from ui.traces.channels import name

_CORNER = 470, 150  # px


class Screen(Protocol):
    """A screen of this computer, as Qt has it."""

    def geometry(self) -> QRect:
        """Return where it lies on the desktop."""
        ...


_S = TypeVar("_S", bound=Screen)


def subject_screen(own: _S | None, screens: Sequence[_S]) -> _S:
    """Return the last screen that is not the operator's own; their own where there is no other.

    Two that show the same (a mirrored projector) are one.
    """
    taken = None if own is None else own.geometry()
    others = [screen for screen in screens if screen.geometry() != taken]
    return others[-1] if others else screens[-1]


class SubjectWindow(QWidget):
    """A window of its own for the subject's eyes.

    Esc, F, F11 and a right click close it, O shows and hides the operator's corner. Keys that it
    does not know itself are handed on through `key_pressed` and `key_released`.
    """

    key_pressed = Signal(QKeyEvent)
    key_released = Signal(QKeyEvent)
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Feedback")
        self.setAccessibleName("Feedback")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.resize(1280, 720)
        self.corner = OperatorCorner(self)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw another moment, if it differs."""
        self.corner.show_snapshot(snapshot)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc, F and F11 close, O is for the corner; the rest is the operator's."""
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_F, Qt.Key.Key_F11):
            self.close()
        elif event.key() == Qt.Key.Key_O:
            self.corner.setVisible(not self.corner.isVisible())
        else:
            self.key_pressed.emit(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Close by the right button: a mouse alone has to find the way back."""
        if event.button() == Qt.MouseButton.RightButton:
            self.close()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Hand on."""
        self.key_released.emit(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the corner in its corner."""
        super().resizeEvent(event)
        self.corner.move(12, self.height() - self.corner.height() - 12)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Say so."""
        super().closeEvent(event)
        self.closed.emit()


class OperatorCorner(QWidget):
    """The operator's window in small, where there is one screen only."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._lines: tuple[tuple[str, str], ...] = ()
        self.setFixedSize(*_CORNER)
        self.setAccessibleName("Operator")
        self.hide()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show another moment, if it differs."""
        lines = corner_lines(snapshot)
        if lines != self._lines:
            self._lines = lines
            theme.describe(self, theme.sentence(map(": ".join, lines)))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.RULE, 1))
        painter.setBrush(theme.PANEL)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        inside = QRectF(self.rect()).adjusted(14, 10, -14, -10)
        for row, (caption, words) in enumerate(self._lines):
            write_line(painter, inside, 22.0 * row, caption, 12, theme.MUTED)
            write_line(painter, inside.adjusted(84, 0, 0, 0), 22.0 * row, words, 12, theme.TEXT)
        painter.end()


def corner_lines(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    """Return what an operator has to know of a snapshot: a name and a few words each."""
    shown = face(snapshot)
    bars = ", ".join(f"{bar.look.words} {100 * bar.probability:.0f} %" for bar in shown.bars)
    stream, decided = snapshot.stream, shown.decided
    rate = "measuring" if stream.measured_rate is None else f"{stream.measured_rate:.1f} Hz"
    age = "" if stream.age_p50_ms is None else f", {stream.age_p50_ms:.0f} ms old"
    classes = () if snapshot.decoder is None else snapshot.decoder.classes
    score = CuedScore(snapshot.trials, classes)
    warnings = theme.plain(" ".join(snapshot.warnings))
    return (
        ("Status", f"{shown.headline}. {shown.message}" if shown.message else shown.headline),
        ("Decision", decided.words if decided else "none"),
        ("Classes", bars or "–"),
        ("Signal", f"{rate}{age}, {stream.lost_samples} samples lost; {_bad(snapshot.channels)}"),
        ("Cues", f"{score.right} of {len(score.trials)} decided as asked"),
        ("Warnings", warnings or "none"),
    )


def _bad(channels: Sequence[ChannelStatus]) -> str:
    bad = [name(channel) for channel in channels if channel.quality != "good"]
    return "all channels good" if not bad else f"look at {', '.join(bad)}"

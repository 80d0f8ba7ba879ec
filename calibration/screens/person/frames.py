"""A window that knows when each of its frames was handed to the screen."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QPainter, QPaintEvent, QRasterWindow, QScreen


class StampedWindow(QRasterWindow):
    """Draws on demand, and tells the time of every frame right after it was flushed.

    Qt paints and flushes a raster window inside the delivery of one event, so the stamp taken
    when that returns is the first moment after the pixels left this program. What follows, the
    compositor and the panel, no program can see; a photodiode can.

    Parameters
    ----------
    paint : callable
        Given a painter on the whole window; called once a frame.
    clock : callable
        Returns the time of a stamp, in seconds.

    Attributes
    ----------
    frames : int
        Frames flushed.
    """

    flushed = Signal(float)
    key_pressed = Signal(QKeyEvent)
    close_asked = Signal()

    def __init__(
        self, paint: Callable[[QPainter, StampedWindow], None], clock: Callable[[], float]
    ) -> None:
        super().__init__()
        self.frames = 0
        self.may_close = False
        self._paint = paint
        self._clock = clock
        self._painted = False  # whether the event being delivered has drawn a frame
        self.setCursor(Qt.CursorShape.BlankCursor)

    def open(self, screen: QScreen | None = None, full_screen: bool = True) -> None:
        """Show on a screen, by default on the one that it is on."""
        if screen is not None:
            self.setScreen(screen)
        if full_screen:
            # Where no window manager makes it full screen, it is as large all the same.
            self.setGeometry(self.screen().geometry())
            self.showFullScreen()
        else:
            # A quarter of the screen, away from the operator's window, which begins top left.
            area = self.screen().availableGeometry()
            self.setGeometry(QRect(area.center() + QPoint(1, 1), area.bottomRight()))
            self.show()
        self.requestActivate()

    def event(self, event: QEvent) -> bool:
        """Stamp a frame as soon as it was flushed."""
        taken = super().event(event)
        if self._painted:
            now = self._clock()
            self._painted = False
            self.frames += 1
            self.flushed.emit(now)
        return taken

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw one frame."""
        painter = QPainter(self)
        self._paint(painter, self)
        painter.end()
        self._painted = True

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Hand keys on."""
        if not event.isAutoRepeat():
            self.key_pressed.emit(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Closing by hand asks first."""
        if self.may_close:
            event.accept()
            return
        event.ignore()
        self.close_asked.emit()

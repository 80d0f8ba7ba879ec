"""What every panel is: a widget that is given a snapshot and the newest signal, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from core.pictures.gallery import PictureFolder
from core.signal.monitor import Traces
from realtime.engine.snapshot import Snapshot
from ui import theme


@dataclass(frozen=True)
class NewestSignal:
    """The newest signal of all channels of the stream, in the order of `Snapshot.channels`.

    Both functions take seconds, at most 30, return a copy in µV, oldest sample first, and may be
    called as often as wanted; `Traces.whole` is what follows the newest lost stretch.

    Attributes
    ----------
    filtered : callable
        The signal as it is drawn: referenced and in the decoder's band, at 128 Hz or less.
    raw : callable
        The signal as it was received, at the stream's rate.
    """

    filtered: Callable[[float], Traces]
    raw: Callable[[float], Traces]


@dataclass(frozen=True)
class Supplies:
    """What panels may need of this machine, beside what is decoded.

    Attributes
    ----------
    text_encoder : str or None
        The encoder of texts that a person named, as `core.text_encoder.load_text_encoder` takes it.
    pictures : PictureFolder or None
        Where the pictures of galleries are.
    """

    text_encoder: str | None = None
    pictures: PictureFolder | None = None


class Panel(QWidget):
    """Draws something of the live signal or of the decisions.

    A panel is made when it is first shown, and looked after only while it can be seen. What it
    raises in its constructor, in `look`, `draw` or `press` takes its place on the screen, and
    everything else goes on.

    Attributes
    ----------
    every : float
        Seconds between two calls of `look`. One that takes long is called less often.
    """

    every = 0.25
    failed = Signal(object)  # the exception
    supplies = Supplies()
    """Set when the panel has been made."""

    _picture: QPixmap | None = None  # as drawn last: Qt asks for parts of it more often

    def look(self, snapshot: Snapshot, signal: NewestSignal) -> None:
        """Take what is known now, and call `update` if another picture follows from it."""
        raise NotImplementedError

    def draw(self, painter: QPainter) -> None:
        """Draw on the panel's ground; a panel that is made of widgets has nothing to draw."""

    def press(self, text: str) -> bool:
        """Do what a typed letter asks for; return whether it asks for anything."""
        return False

    def update(self, *_: object) -> None:
        """Have it drawn anew."""
        self._picture = None
        super().update()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Draw anew in other colours or another font."""
        self._picture = None
        super().changeEvent(event)

    def sizeHint(self) -> QSize:  # noqa: N802
        """A column beside the traces."""
        return QSize(400, 380)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Small enough for two of them beside the traces of a small screen."""
        return QSize(300, 200)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint what was drawn last, or let the panel draw if it has changed."""
        ratio = self.devicePixelRatioF()
        size = self.size() * ratio
        if self._picture is None or self._picture.size() != size:
            self._picture = QPixmap(size)
            self._picture.setDevicePixelRatio(ratio)
            self._draw_on(self._picture)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        painter.end()

    def _draw_on(self, picture: QPixmap) -> None:
        """Paint the ground, and let the panel draw."""
        picture.fill(theme.PANEL)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        try:
            self.draw(painter)
        except Exception as error:  # Qt would print it, at every picture
            self.failed.emit(error)
        finally:
            painter.end()

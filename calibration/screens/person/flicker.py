"""The screen of the timing test: a square that flashes, drawn frame after frame."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QSizeF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QScreen

from calibration.paradigm.model import Paradigm
from calibration.screens.person import cue
from calibration.screens.person.cue import Scene
from calibration.screens.person.frames import StampedWindow

_LIT = 0.2  # s that each flash lasts
_DARK = (0.3, 0.5)  # s between flashes; random, so that they meet every phase of the sampling


class Flicker(QObject):
    """Flashes the photodiode's square and keeps the stamp of every frame.

    Parameters
    ----------
    paradigm : Paradigm
        Where the square is, and how large.
    flashes : int
        How many.
    on_flash : callable
        Told the stamp of every frame that turned the square white.
    clock : callable
        This machine's LSL clock, in seconds.

    Attributes
    ----------
    stamps : list of float
        Of the frames that turned the square white.
    frames : list of float
        Of all frames.
    """

    finished = Signal()

    def __init__(
        self,
        paradigm: Paradigm,
        flashes: int,
        on_flash: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self.stamps: list[float] = []
        self.frames: list[float] = []
        corner = paradigm.photodiode if paradigm.photodiode != "none" else "bottom_left"
        self._scene = Scene(
            "message",
            title="Timing test",
            text="Put the photodiode on the flashing square.",
            foot="Escape: stop",
            corner=corner,
            side=paradigm.photodiode_size,
        )
        self._flashes, self._on_flash = flashes, on_flash
        self._chance = random.Random(0)
        self._lit = self._was_lit = False
        self._next = 0.0  # when the square changes
        self._over = False
        self.window = StampedWindow(self._paint, clock)
        self.window.setTitle("Timing test")
        self.window.flushed.connect(self._seen)
        self.window.key_pressed.connect(self._press)
        self.window.close_asked.connect(self._end)

    def open(self, screen: QScreen | None = None, full_screen: bool = True) -> None:
        """Show the window, and begin."""
        self.window.open(screen, full_screen)
        self.window.update()

    def close(self) -> None:
        """Close the window."""
        self._over = True
        self.window.may_close = True
        self.window.close()

    def _paint(self, painter: QPainter, window: StampedWindow) -> None:
        cue.draw(painter, QSizeF(window.size()), replace(self._scene, lit=self._lit))

    def _seen(self, stamp: float) -> None:
        if self._over:
            return
        self.frames.append(stamp)
        if self._lit and not self._was_lit:
            self.stamps.append(stamp)
            self._on_flash(stamp)
        self._was_lit = self._lit
        if stamp >= self._next:
            if self._lit and len(self.stamps) >= self._flashes:
                self._end()
                return
            self._lit = not self._lit
            self._next = stamp + (_LIT if self._lit else self._chance.uniform(*_DARK))
        self.window.update()

    def _press(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self.finished.emit()

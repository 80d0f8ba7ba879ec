"""Signals that end a program, while one of its windows is open."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from PySide6.QtCore import QTimer

from core.program import Interrupted, ending_signals

_LOOK = 100  # ms


class EndingSignals:
    """Turns Ctrl+C, SIGTERM and SIGHUP into calls on the GUI's thread.

    Qt's loop runs no Python by itself, and an exception cannot pass through it: the handler only
    takes a note, which a timer finds.

    Parameters
    ----------
    end : callable
        Called for the first signal, and again for every further Ctrl+C or SIGTERM; not for a
        further SIGHUP, of which a terminal that closes may send two.

    Attributes
    ----------
    number : int
        Of the first signal; 0 while there was none.
    """

    def __init__(self, end: Callable[[], object]) -> None:
        self.number = 0
        self._end = end
        self._asked = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Listen."""
        if threading.current_thread() is threading.main_thread():
            for number in ending_signals():
                self._before[number] = signal.signal(number, self._note)
        self._timer = QTimer(interval=_LOOK)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the handlers back."""
        self._timer.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number, as shells count; 0 while there was none."""
        return Interrupted(self.number).exit_code if self.number else 0

    def raise_if_any(self) -> None:
        """Raise `core.program.Interrupted` if there was a signal: the window is closed by now."""
        if self.number:
            raise Interrupted(self.number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self.number:
            self.number = number
            self._asked += 1
        elif number in (signal.SIGINT, signal.SIGTERM):
            self._asked += 1

    def _look(self) -> None:
        while self._asked:
            self._asked -= 1
            self._end()

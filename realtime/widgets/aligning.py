"""What is shown while signal for a decoder without calibration is collected."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QProgressDialog, QPushButton

from core.errors import InputError
from ui import theme
from ui.signals import EndingSignals

_LOOK = 50  # ms


class AligningDialog(QProgressDialog):
    """Runs a collection of signal in a thread, and tells how long it takes yet.

    Parameters
    ----------
    collect : callable
        Takes a function to tell the seconds that are still needed, and returns what it made. What
        that function raises ends it.
    seconds : float
        That it takes.
    """

    def __init__(self, collect: Callable[[Callable[[float], None]], Any], seconds: float) -> None:
        super().__init__()
        theme.dress(self)
        self.setWindowTitle("Other people's decoder, aligned")
        self.setLabelText(_words(seconds))
        cancel = QPushButton("Cancel")
        cancel.setToolTip("Decode nothing, and end")
        self.setCancelButton(cancel)
        self.setRange(0, round(seconds))
        self.setMinimumWidth(680)
        self.setMinimumDuration(0)
        self.setAutoClose(False)
        self.setAutoReset(False)
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        self._collect, self._seconds = collect, seconds
        self._left = seconds
        self._stopped = False

    def run(self) -> Any:
        """Show it until the end, and return what was made.

        Raises
        ------
        InputError
            As the collection, or if the person ended it.
        Interrupted
            After a signal that ends the program.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="align") as pool:
            self._made = pool.submit(self._collect, self._tell)
            timer = QTimer(self, interval=_LOOK)
            timer.timeout.connect(self._show_left)
            timer.start()
            self.canceled.connect(self._stop)
            with EndingSignals(self.cancel) as signals:
                self.exec()
            timer.stop()
            self._stopped |= not self._made.done()
            signals.raise_if_any()  # once the collection has seen that it is to stop
            return self._made.result()

    def _tell(self, left: float) -> None:
        """Take what the thread says."""
        self._left = left
        if self._stopped:
            raise InputError("The minute of signal was cut short; nothing was decoded.")

    def _stop(self) -> None:
        self._stopped = True

    def _show_left(self) -> None:
        if self._made.done():
            self.done(0)
        elif not self.wasCanceled():  # a value would open it again, and nobody would close it
            self.setValue(round(self._seconds - self._left))
            self.setLabelText(_words(self._left))


def _words(left: float) -> str:
    return (
        "Sit still, eyes open. Other people's decoder is being aligned with this signal:\n"
        f"{max(0, round(left))} s to go."
    )

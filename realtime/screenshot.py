"""A picture of the window, and the run of a window that ends by itself or leaves a picture."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Protocol

from PySide6.QtWidgets import QWidget

from core.errors import InputError
from realtime.engine.snapshot import Snapshot
from realtime.widgets.probabilities import face

_SETTLE = 5.0  # s between the first decision and its screenshot: the strip should show something


def refuse_existing(path: Path, overwrite: bool = False) -> None:
    """Raise `InputError` if a file is there that may not be overwritten."""
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already and is not overwritten; name another file.")


def save_picture(widget: QWidget, path: Path) -> None:
    """Write what a widget shows to a PNG file, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.stem}-{os.getpid()}.png")
    try:
        if not widget.grab().save(str(temporary), "PNG"):
            raise OSError("the folder is missing or may not be written to")
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise InputError(f"The screenshot {path} cannot be written: {error}.") from error


class _Photographed(Protocol):
    snapshot: Snapshot | None

    def screenshot(self, path: Path) -> None: ...

    def close(self) -> bool: ...


class Visit:
    """One run of the window: when it ends, and when its picture is taken."""

    def __init__(self, window: _Photographed, picture: Path | None, duration: float | None) -> None:
        self.window = window
        self.picture = picture
        self.duration = duration
        self.error: InputError | None = None
        self._opened = monotonic()
        self._first_decision: float | None = None

    def tick(self) -> None:
        """Look at the clock."""
        now, snapshot = monotonic(), self.window.snapshot
        if self.duration is not None:
            if now - self._opened >= self.duration:
                self.end()
            return
        if self._first_decision is None and snapshot is not None and face(snapshot).bars:
            self._first_decision = now
        if self._first_decision is not None and now - self._first_decision >= _SETTLE:
            self.take_picture()

    def end(self) -> None:
        """Close the window, which takes its picture and ends the run."""
        self.window.close()

    def take_picture(self) -> None:
        """Take the picture, once."""
        picture, self.picture = self.picture, None
        if picture is None:
            return
        try:
            self.window.screenshot(picture)
        except InputError as error:
            self.error = error

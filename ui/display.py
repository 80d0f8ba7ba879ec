"""Whether a window can be opened here, asked where Qt's answer ends no more than a child."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from core.errors import InputError, check_number, one_line
from ui.palettes import THEME

_WITHOUT = ("offscreen", "minimal", "minimalegl", "vnc")  # platforms that need no screen
_PATIENCE = 10.0  # s that a display has to answer
_ADVICE = (
    "eegpt-realtime decodes without one with --headless, and eegpt-calibrate fit makes a decoder "
    "of recordings."
)
_PACKAGES = " (on Debian and Ubuntu: apt install libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1)"
_PROBE = """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # Qt aborts where it cannot begin
from PySide6.QtGui import QGuiApplication
QGuiApplication([])
"""


def dress(theme: str, scale: float) -> None:
    """Choose the theme and the size of all windows, of programs that are started too.

    Before anything of Qt is imported.

    Raises
    ------
    InputError
        If the size is none that fits a screen.
    """
    check_number("--scale", scale, 0.5, 4.0)
    if theme != "dark":
        os.environ[THEME] = theme
    if scale != 1.0:
        os.environ["QT_SCALE_FACTOR"] = f"{scale:g}"


@cache
def check_display() -> None:
    """Refuse to go on where Qt could open no window: it would abort the process.

    Looks once a process, and only where displays can be out of reach (X11, Wayland).

    Raises
    ------
    InputError
        If there is no display, it is out of reach or does not answer, or Qt lacks a library.
    """
    asked = os.environ.get("QT_QPA_PLATFORM", "")
    if sys.platform in ("win32", "darwin") or asked.partition(":")[0] in _WITHOUT:
        return
    if not (asked or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise InputError(f"There is no display to open a window on; {_ADVICE}")
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{_display()} does not answer: nothing came of a window within {_PATIENCE:g} s. Log "
            f"in to that screen again, or take another one; {_ADVICE}"
        ) from None
    if probe.returncode != 0:
        raise InputError(_why(asked, probe.stderr.decode(errors="replace")))


@contextmanager
def loading(
    title: str, steps: Sequence[str], shown: bool = True
) -> Iterator[Callable[[str], object]]:
    """Show which step of loading a program is at; whatever happens, the window is gone afterwards.

    Parameters
    ----------
    title : str
        Of the program.
    steps : sequence of str
        What will be done, in this order, such as "Loading the encoder".
    shown : bool
        Without, nothing is shown, and Qt is not needed.

    Yields
    ------
    callable
        Takes the step that begins; nothing ("") where another window is to be seen instead.

    Raises
    ------
    InputError
        As `check_display` does.
    """
    if not shown:
        yield lambda step: None
        return
    check_display()
    from ui.loading import LoadingWindow
    from ui.theme import application

    application()
    window = LoadingWindow(title, steps)
    try:
        yield window.begin
    finally:
        window.hide()
        window.deleteLater()


def _why(asked: str, message: str) -> str:
    """Return why Qt could not begin, from what it says and what the system can load."""
    imported = re.search(r"ImportError: (\S+): cannot open shared object", message)
    if library := imported[1] if imported else _missing_library(asked):
        return (
            f"Qt cannot open a window: the system library {library} is missing. Install it"
            f"{_PACKAGES if 'xcb' in library else ''}; {_ADVICE}"
        )
    if asked and "Could not find the Qt platform plugin" in message:
        return (
            f'QT_QPA_PLATFORM is "{one_line(asked)}", which Qt does not know; unset it, or set it '
            f"to xcb, wayland or offscreen."
        )
    lines = [line for line in message.splitlines() if "could not connect" in line.lower()]
    return (
        f"{_display()} is out of reach{f' ({one_line(lines[0])})' if lines else ''}: check that it "
        f"is there and that this account may use it; {_ADVICE}"
    )


def _missing_library(asked: str) -> str:
    """Return the system library that Qt's plugin for the display lacks; empty if none."""
    from PySide6.QtCore import QLibraryInfo

    names = re.split("[;:]", asked) if asked else ["xcb" if os.environ.get("DISPLAY") else ""]
    for name in filter(None, (*names, "wayland" if os.environ.get("WAYLAND_DISPLAY") else "")):
        plugins = QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)
        plugin = f"{plugins}/platforms/libq{name.partition('-')[0]}.so"
        if not os.path.exists(plugin):
            continue
        try:
            ctypes.CDLL(plugin)
        except OSError as error:
            return str(error).partition(":")[0]
    return ""


def _display() -> str:
    """Return what the display is called."""
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        if value := os.environ.get(name):
            return f"The display {one_line(value)}"
    return f"The display of QT_QPA_PLATFORM={one_line(os.environ.get('QT_QPA_PLATFORM', ''))}"

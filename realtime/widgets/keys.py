"""The keyboard: what each key asks for, wherever the focus is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QWidget

HELP = (
    ("Space", "pause and resume decoding"),
    ("+   −", "larger, smaller traces"),
    (",   .", "shorter, longer time span"),
    ("R", "rows at once: all, 32, 16, 8"),
    ("Page up, down", "other channels, where not all fit; / filters them"),
    ("[   ]", "threshold down, up (also Shift+T, T)"),
    ("D   Shift+D", "dwell longer, shorter"),
    ("S   Shift+S", "smoothing longer, shorter"),
    ("U", "undo what has been adapted (--adapt); again: adapt anew"),
    ("Tab", "to the controls; Enter or Esc leads back"),
    ("P   1 … 9", "the list of panels; show or hide one"),
    ("B", "baseline of the panels with band power: the last five seconds"),
    ("M", "the marker stream whose cues are shown and scored"),
    ("G", "feedback tasks; Space begins and pauses, Esc ends"),
    ("F   F11", "the subject's full screen; Esc leaves it, O: operator's view"),
    ("?   F1", "this list; any key closes it"),
    ("Ctrl+Q", "quit"),
)
"""Keys, and what they do, in the order in which they are listed."""

CALIBRATE_HELP = (("C", "calibrate, where there is no decoder yet"),)
"""The key that asks for calibration, where somebody listens to it."""

DEMO_HELP = (("←   →", "hold: the simulated subject imagines that hand"), ("↓", "it rests"))
"""Keys of the demo."""

# What is typed, not which key: brackets lie elsewhere on other keyboards.
_TEXTS = {
    " ": ("pause", 1),
    "+": ("scale", 1),
    "=": ("scale", 1),  # the plus of keyboards without a number pad
    "-": ("scale", -1),
    "−": ("scale", -1),
    ",": ("span", -1),
    "<": ("span", -1),
    ".": ("span", 1),
    ">": ("span", 1),
    "[": ("threshold", -1),
    "]": ("threshold", 1),
    "t": ("threshold", 1),
    "T": ("threshold", -1),
    "d": ("dwell", 1),
    "D": ("dwell", -1),
    "s": ("smoothing", 1),
    "S": ("smoothing", -1),
    "r": ("rows", 1),
    "u": ("adaptation", 1),
    "p": ("panels", 1),
    "f": ("subject", 1),
    "g": ("tasks", 1),
    "m": ("markers", 1),
    "c": ("calibrate", 1),
    "/": ("filter", 1),
    "?": ("help", 1),
}
_NAMED: dict[int, tuple[str, int]] = {
    Qt.Key.Key_F1: ("help", 1),
    Qt.Key.Key_F11: ("subject", 1),
    Qt.Key.Key_PageUp: ("page", -1),
    Qt.Key.Key_PageDown: ("page", 1),
}
_IMAGERY: dict[int, str] = {Qt.Key.Key_Left: "left_hand", Qt.Key.Key_Right: "right_hand"}
_REPEATING = {"scale", "span", "threshold", "dwell", "smoothing", "page"}


class Keyboard(QObject):
    """Finds the action that a key asks for.

    Parameters
    ----------
    actions : mapping
        Name of an action -> callable that is given +1 or -1.
    home : QWidget
        Where the focus goes when Enter or Esc leaves a control.
    demo : bool
        Whether the arrow keys steer a simulated subject.
    others : callable, optional
        Is handed a typed letter that asks for no action, and returns whether it knew it.
    """

    imagined = Signal(object)  # the class that the arrow keys held down mean, or None

    def __init__(
        self,
        actions: Mapping[str, Callable[[int], object]],
        home: QWidget,
        demo: bool,
        others: Callable[[str], bool] = lambda text: False,
    ) -> None:
        super().__init__(home)
        self._actions = actions
        self._home = home
        self._demo = demo
        self._others = others
        self._held: list[str] = []  # oldest first

    def press(self, event: QKeyEvent) -> bool:
        """Do what a key asks for, and say whether it asked for anything."""
        if self._demo and self._hold(event):
            return True
        if event.matches(QKeySequence.StandardKey.Quit) or _is_quit(event):
            self._actions["quit"](1)
            return True
        action = _NAMED.get(event.key())
        if action is None and (text := event.text()):
            action = _TEXTS.get(text) or _TEXTS.get(text.lower())
        if action is None:
            text = event.text()
            return bool(text) and not event.isAutoRepeat() and self._others(text)
        name, sign = action
        if not event.isAutoRepeat() or name in _REPEATING:
            self._actions[name](sign)
        return True

    def release(self, event: QKeyEvent) -> bool:
        """Let the simulated subject stop, and say whether the key was one of its keys."""
        name = _IMAGERY.get(event.key())
        if not self._demo or name is None:
            return False
        if not event.isAutoRepeat() and name in self._held:
            self._held.remove(name)
            self._tell()
        return True

    def rest(self) -> None:
        """Let go of every arrow key: its release may never be seen."""
        if self._held:
            self._held.clear()
            self._tell()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take the window's keys from a control that has the focus, and leave it its own."""
        if not isinstance(event, QKeyEvent):
            return False
        if event.type() == QEvent.Type.KeyRelease:
            return self.release(event)
        if event.type() != QEvent.Type.KeyPress:
            return False
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self._home.setFocus()
            return True
        if isinstance(watched, QAbstractButton):
            return key != Qt.Key.Key_Space and self.press(event)
        if isinstance(watched, QAbstractSpinBox):
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                watched.interpretText()
                self._home.setFocus()
                return True
            edits = {Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown}
            if key in edits or event.text() in (".", ",", *"0123456789"):
                return False
        return self.press(event)

    def _hold(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key == Qt.Key.Key_Down:
            self._held.clear()
        elif key not in _IMAGERY:
            return False
        elif not event.isAutoRepeat():
            self._held.append(_IMAGERY[key])
        if not event.isAutoRepeat():
            self._tell()
        return True

    def _tell(self) -> None:
        self.imagined.emit(self._held[-1] if self._held else None)


def _is_quit(event: QKeyEvent) -> bool:
    # Windows names no standard key for quitting.
    return event.key() == Qt.Key.Key_Q and event.modifiers() == Qt.KeyboardModifier.ControlModifier

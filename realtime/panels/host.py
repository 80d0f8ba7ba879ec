"""Shows and hides panels beside the traces, feeds those that can be seen, and survives each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QMenu, QWidget

from realtime.engine.snapshot import Snapshot
from realtime.panels.arrangement import Arrangement, load_arrangement, save_arrangement
from realtime.panels.dock import PanelDock
from realtime.panels.panel import NewestSignal, Supplies
from realtime.panels.registry import available_panels
from ui import theme

_TICK = 50  # ms between two looks at which panel is due
_BEFORE, _AFTER = 0.04, -0.03  # s to the next decision: in between no panel is looked after
_OVERDUE = 0.2  # s after which one is all the same, as where decisions come faster
_ROOM = 400  # px of height a panel needs before another one goes below it
_NARROW = 1080  # px of width below which a panel opens as a window of its own
_WIDTH = 0.3, 340, 520  # of the window; least and most, px
_AREA = Qt.DockWidgetArea.RightDockWidgetArea


class PanelHost(QObject):
    """The panels of a window.

    A panel that is hidden, behind another one or in a minimised window costs nothing. At most one
    is looked after at a time, so that none keeps the traces waiting for all.

    Parameters
    ----------
    window : QMainWindow
        Gets a dock for every panel that is shown; docks can be torn off to another screen.
    snapshot : callable
        Returns the newest snapshot.
    signal : NewestSignal
    file : Path, optional
        Where the arrangement is kept; None to forget it.
    supplies : Supplies, optional
        For panels that need more than what is decoded.

    Attributes
    ----------
    menu : QMenu
        The list of panels; a tick shows one.
    """

    def __init__(
        self,
        window: QMainWindow,
        snapshot: Callable[[], Snapshot],
        signal: NewestSignal,
        file: Path | None = None,
        supplies: Supplies | None = None,
    ) -> None:
        super().__init__(window)
        self._supplies = supplies
        self._window, self._snapshot, self._signal, self._file = window, snapshot, signal, file
        self._entries = available_panels()
        self._docks: dict[str, PanelDock] = {}
        self.menu = QMenu("Panels", window)
        self.menu.setToolTipsVisible(True)
        self._actions = {title: self._action(title) for title in self._entries}
        if not self._entries:
            self.menu.addAction("No panels are installed").setEnabled(False)
        self._kept = Arrangement() if file is None else load_arrangement(file)
        self._timer = QTimer(self, interval=_TICK)
        self._timer.timeout.connect(self.look)
        self._restore()

    @property
    def shown(self) -> tuple[str, ...]:
        """Titles of the panels that are open."""
        return tuple(title for title, action in self._actions.items() if action.isChecked())

    def panel(self, title: str) -> QWidget:
        """Return a panel that is open, or the words that stand in its place."""
        return self._docks[title].widget()

    def toggle(self, title: str) -> None:
        """Show a panel, or hide it."""
        self._actions[title].toggle()

    def press(self, text: str) -> bool:
        """Do what a typed letter asks for: a number toggles, others are for the panels shown."""
        if text.isdecimal() and text.isascii():
            titles = tuple(self._entries)
            if not 1 <= int(text) <= len(titles):
                return False
            self.toggle(titles[int(text) - 1])
            return True
        taken = [dock.press(text) for dock in self._docks.values() if dock.isVisible()]
        return any(taken)

    def look(self) -> None:
        """Let the panel that has waited longest look, if one is due."""
        now = monotonic()
        due = [dock for dock in self._docks.values() if dock.due <= now and dock.seen]
        if not due:
            return
        snapshot = self._snapshot()
        first = min(due, key=lambda dock: dock.due)
        near = snapshot.next_in is not None and _AFTER < snapshot.next_in < _BEFORE
        if near and now - first.due < _OVERDUE:
            return  # drawing holds the interpreter, which the decision would wait for
        first.look(snapshot, self._signal)

    def close(self) -> None:
        """Stop looking, and keep the arrangement."""
        self._timer.stop()
        if self._file is not None and (self.shown or self._kept.shown):
            docks, geometry = self._window.saveState(), self._window.saveGeometry()
            kept = Arrangement(self.shown, bytes(docks.data()), bytes(geometry.data()))
            save_arrangement(self._file, kept)
        for dock in self._docks.values():
            dock.blockSignals(True)  # no panel is hidden for good by this
            dock.close()  # also one that was torn off

    def _action(self, title: str) -> QAction:
        number = len(self.menu.actions()) + 1
        shortcut = f"\t{number}" if number <= 9 else ""
        action = self.menu.addAction(f"{theme.plain(title, 60)}{shortcut}")
        action.setToolTip(f"Show or hide {theme.plain(title, 60)}")
        action.setCheckable(True)
        action.toggled.connect(partial(self._show, title))
        return action

    def _show(self, title: str, on: bool) -> None:
        dock = self._docks.get(title)
        if not on:
            if dock is not None:
                dock.close()
        elif dock is None:
            self._place(self._new_dock(title))
        else:
            dock.open()
            self._tab(dock, self._beside(dock))  # others may have come where it was alone
        watching = bool(self.shown)
        if watching != self._timer.isActive():
            self._timer.start() if watching else self._timer.stop()

    def _new_dock(self, title: str) -> PanelDock:
        dock = PanelDock(self._entries[title], title, self._window, self._supplies)
        dock.closed.connect(partial(self._actions[title].setChecked, False))
        self._docks[title] = dock
        return dock

    def _place(self, dock: PanelDock) -> None:
        """Open a panel at the right: below the others where there is room, else as a tab."""
        others = self._beside(dock)
        self._window.addDockWidget(_AREA, dock)
        if self._window.width() < _NARROW:
            dock.setFloating(True)
        elif others and not self._tab(dock, others):  # all alike
            docks = [*others, dock]
            heights = [self._window.height()] * len(docks)
            self._window.resizeDocks(docks, heights, Qt.Orientation.Vertical)
        dock.open()
        if not others and not dock.isFloating():
            share, least, most = _WIDTH
            width = round(min(max(share * self._window.width(), least), most))
            self._window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)

    def _beside(self, dock: PanelDock) -> list[PanelDock]:
        """Return the other panels at the right that can be seen."""
        return [
            other
            for other in self._docks.values()
            if other is not dock
            and other.seen
            and not other.isFloating()
            and self._window.dockWidgetArea(other) == _AREA
        ]

    def _tab(self, dock: PanelDock, others: list[PanelDock]) -> bool:
        """Put a panel behind a tab of the others', if all are too low otherwise."""
        low = self._window.height() / (len(others) + 1) < _ROOM
        if not (low and others) or dock.isFloating():
            return False
        self._window.tabifyDockWidget(others[-1], dock)
        dock.raise_()
        return True

    def _restore(self) -> None:
        for title in self._kept.shown:
            if title in self._actions:
                self.toggle(title)
        if self.shown:
            self._window.restoreGeometry(self._kept.geometry)
            self._window.restoreState(self._kept.docks)

"""The frame around one panel, which can be moved, torn off to another screen, and closed."""

from __future__ import annotations

import logging
import traceback
from importlib.metadata import EntryPoint
from pathlib import Path
from time import monotonic

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QMainWindow, QToolButton, QWidget

from core.errors import one_line
from realtime.engine.snapshot import Snapshot
from realtime.panels.panel import NewestSignal, Panel, Supplies
from ui import theme

_LOG = logging.getLogger("eegpt.panels")
_REST = 10.0  # times as long as a panel took, before it is asked again ...
_LONGEST = 1.0  # s, but no longer than this more


class PanelDock(QDockWidget):
    """A frame around one panel, or around the words for why there is none.

    Parameters
    ----------
    entry : EntryPoint
        Of the panel; imported when it is first shown.
    title : str
        Of the frame.
    window : QMainWindow
    supplies : Supplies, optional
        For the panel.

    Attributes
    ----------
    due : float
        When the panel is to be looked after again, by the monotonic clock.
    """

    closed = Signal()

    def __init__(
        self,
        entry: EntryPoint,
        title: str,
        window: QMainWindow,
        supplies: Supplies | None = None,
    ) -> None:
        super().__init__(theme.plain(title, 60), window)
        self.due = 0.0
        self._entry, self._supplies = entry, supplies or Supplies()
        self._panel: Panel | None = None
        self.setObjectName(f"panel {title}")  # by which Qt finds its place again
        self.setTitleBarWidget(_TitleBar(self))
        self.setAccessibleName(self.windowTitle())

    @property
    def seen(self) -> bool:
        """Whether any of it is on the screen: not hidden, minimised, or behind another tab."""
        return (
            self.isVisible()
            and not self.window().isMinimized()
            and not self.visibleRegion().isEmpty()
        )

    def open(self) -> None:
        """Show the panel, which is made if there is none, or none any more."""
        if self._panel is None:
            try:
                self._panel = self._made()
            except Exception as error:  # of another package: anything
                self.stop(error)
            else:
                # Queued: what is being painted is not to be thrown away meanwhile.
                self._panel.failed.connect(self._fail, Qt.ConnectionType.QueuedConnection)
                self._put(self._panel)
                self.due = 0.0
        self.show()
        self.raise_()

    def look(self, snapshot: Snapshot, signal: NewestSignal) -> None:
        """Let the panel look, and note when it is due again."""
        if self._panel is None:
            return
        begun = monotonic()
        try:
            self._panel.look(snapshot, signal)
        except Exception as error:
            self.stop(error)
            return
        now = monotonic()
        self.due = now + max(self._panel.every, min(_REST * (now - begun), _LONGEST))

    def press(self, text: str) -> bool:
        """Hand a typed letter to the panel; return whether it asks for anything."""
        if self._panel is None:
            return False
        try:
            return bool(self._panel.press(text))
        except Exception as error:
            self.stop(error)
            return True

    def stop(self, error: Exception) -> None:
        """Show an error in the panel's place; opened again, the panel is made anew."""
        _LOG.error(
            "the panel %s: %s", self.windowTitle(), "".join(traceback.format_exception(error))
        )
        self._panel, self.due = None, float("inf")
        self._put(_error_text(self.windowTitle(), error))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Say so."""
        super().closeEvent(event)
        self.closed.emit()

    def _fail(self, error: Exception) -> None:
        if self._panel is not None:  # else it has been stopped for this already
            self.stop(error)

    def _put(self, widget: QWidget) -> None:
        before = self.widget()
        self.setWidget(widget)
        if before is not None:
            before.deleteLater()

    def _made(self) -> Panel:
        kind = self._entry.load()
        if not (isinstance(kind, type) and issubclass(kind, Panel)):
            raise TypeError(f"{self._entry.value} is no realtime.panels.panel.Panel")
        panel: Panel = kind()
        panel.supplies = self._supplies
        return panel


class _TitleBar(QWidget):
    """The title, and two buttons that work on every platform and in every theme."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        label = QLabel(dock.windowTitle())
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setFont(theme.font(13, bold=True))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 5, 6, 5)
        row.setSpacing(2)
        row.addWidget(label, 1)
        for text, words, asked in (
            ("↗", "A window of its own, for another screen; again: back", _tear_off),
            ("×", "Hide", lambda dock: dock.close()),
        ):
            button = QToolButton()
            button.setText(text)
            button.setProperty("role", "step")
            button.setFont(theme.font(15))
            button.setFixedSize(24, 22)
            button.setToolTip(words)
            button.setAccessibleName(f"{dock.windowTitle()}: {words}")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, asked=asked: asked(dock))
            row.addWidget(button)


def _tear_off(dock: QDockWidget) -> None:
    dock.setFloating(not dock.isFloating())


def _error_text(title: str, error: Exception) -> QLabel:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    words = theme.plain(f"{type(error).__name__}: {one_line(error)}{where}", 600)
    label = QLabel(
        f"The panel {title} stopped.\n\n{words}\n\nEverything else goes on. Hide it and show it "
        "again to start it anew; the log of the program has the details."
    )
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setContentsMargins(14, 12, 14, 12)
    label.setFont(theme.font(13))
    label.setAutoFillBackground(True)
    label.setAccessibleName(f"Error of the panel {title}")
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label

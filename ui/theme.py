"""Colours, type and words shared by every window."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from ui.display import check_display
from ui.palettes import PALETTES, THEME

# Read once: style sheets and pens are made of them when a window's module is imported.
_PALETTE = PALETTES.get(os.environ.get(THEME, "dark"), PALETTES["dark"])


def colour(name: str) -> QColor:
    """Return a colour of the theme by its name in `ui.palettes`."""
    return QColor(_PALETTE[name])


BACKGROUND, PANEL, RAISED, RULE = map(colour, ("background", "panel", "raised", "rule"))
TEXT, MUTED, FAINT, DIM = map(colour, ("text", "muted", "faint", "dim"))
SELECTION, WARNING, ACCENT = map(colour, ("selection", "warning", "accent"))
TRACE, TRACE_IGNORED = colour("trace"), colour("trace ignored")
STAGE, CROSS, STAGE_OUTLINE = map(colour, ("stage", "cross", "stage outline"))

QUALITY = {"good": TRACE} | {name: colour(name) for name in ("flat", "railed", "noisy", "line")}
"""Colour of a channel by its quality, see `core.signal.quality.QUALITIES`."""

QUALITY_WORDS = {"line": "line noise"}
"""Where the word of a quality is not the word that people see."""

STATUS_WORDS = {
    "ok": "Decoding",
    "warming": "Warming up",
    "gap": "Gap in the signal",
    "artifact": "Artifact",
    "rate": "Wrong rate",
    "late": "Too late",
    "silent": "Stream silent",
    "lost": "Signal lost",
}
"""Headline of a window's status; `realtime.engine.snapshot` says what each means."""

STATUS_COLOURS = {
    name: colour(name) for name in ("ok", "warming", "gap", "artifact", "rate", "late")
} | {"silent": colour("line"), "lost": WARNING}
"""Colour of a status; always beside its word."""

_FAMILIES = (
    "Inter",
    "Segoe UI",
    "SF Pro Text",
    "Helvetica Neue",
    "Noto Sans",
    "Ubuntu",
    "Cantarell",
    "DejaVu Sans Condensed",
    "DejaVu Sans",
)
_TITLE_BAR = 36  # px above a window, at most
_MONO = ("JetBrains Mono", "Cascadia Mono", "SF Mono", "Menlo", "Consolas", "DejaVu Sans Mono")


def font(pixels: float, bold: bool = False, mono: bool = False) -> QFont:
    """Return the face of the interface in a size given in device-independent pixels.

    Digits have one width, so that numbers do not dance while they change.
    """
    face = QFont()
    if families := _installed(_MONO if mono else _FAMILIES):
        face.setFamilies(families)
    face.setPixelSize(max(1, round(pixels)))
    face.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    # Hinting sideways rounds every letter's width, and small type falls apart.
    face.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
    face.setFeature(QFont.Tag("tnum"), 1)
    return face


@cache  # asking the font database is slow
def _installed(wanted: tuple[str, ...]) -> list[str]:
    installed = set(QFontDatabase.families())
    return [name for name in wanted if name in installed]


def faded(colour: QColor, opacity: float) -> QColor:
    """Return a colour with another opacity, 0 to 1."""
    copy = QColor(colour)
    copy.setAlphaF(opacity)
    return copy


def plain(text: str, longest: int = 200) -> str:
    """Return text from outside as one harmless line.

    Control and format characters (line breaks, bidirectional overrides) become spaces: a name
    from the network must not rearrange what stands around it.
    """
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in str(text)[:longest])
    return " ".join(kept.split())


def sentence(parts: Iterable[str]) -> str:
    """Join the parts of an accessible description."""
    return "; ".join(part for part in parts if part)


def describe(widget: QWidget, text: str) -> None:
    """Tell a screen reader what a painted widget shows, if that has changed."""
    if widget.accessibleDescription() != text:
        widget.setAccessibleDescription(text)


def application() -> QApplication:
    """Return the one Qt application, with the style that the windows are drawn for.

    Raises
    ------
    InputError
        As `ui.display.check_display` does: Qt itself would abort the process.
    """
    if running := QApplication.instance():
        assert isinstance(running, QApplication)
        return running
    check_display()
    app = QApplication(sys.argv[:1])
    app.setApplicationName("eegpt-realtime")
    app.setStyle("Fusion")
    return app


def palette() -> QPalette:
    """Return the colours of ordinary controls."""
    colours = QPalette()
    role = QPalette.ColorRole
    for where, colour in {
        role.Window: BACKGROUND,
        role.WindowText: TEXT,
        role.Base: PANEL,
        role.AlternateBase: RAISED,
        role.Text: TEXT,
        role.PlaceholderText: MUTED,
        role.Button: RAISED,
        role.ButtonText: TEXT,
        role.ToolTipBase: RAISED,
        role.ToolTipText: TEXT,
        role.Highlight: SELECTION,
        role.HighlightedText: TEXT,
    }.items():
        colours.setColor(where, colour)
    for where in (role.Text, role.WindowText, role.ButtonText):
        colours.setColor(QPalette.ColorGroup.Disabled, where, FAINT)
    return colours


def open_with(window: QWidget, width: int, height: int) -> None:
    """Give a window its first size: this one, or what its screen has room for.

    A screen that has no room for the window's least size, as of platforms without any, changes
    nothing.
    """
    room = window.screen().availableSize() - QSize(0, _TITLE_BAR)
    least = window.minimumSize()
    if room.width() >= least.width() and room.height() >= least.height():
        width, height = min(width, room.width()), min(height, room.height())
    window.resize(width, height)


def dress(window: QWidget) -> None:
    """Give a window its palette, type and style sheet."""
    window.setPalette(palette())
    window.setFont(font(13))
    window.setStyleSheet(_STYLE)


_STYLE = f"""
QMainWindow, QDialog {{ background: {BACKGROUND.name()}; }}
QLabel {{ color: {TEXT.name()}; background: transparent; }}
QLabel[role="caption"] {{ color: {MUTED.name()}; }}
QPushButton, QToolButton {{
    color: {TEXT.name()}; background: {RAISED.name()};
    border: 1px solid {RULE.name()}; border-radius: 5px; padding: 5px 12px;
}}
QToolButton {{ padding: 0; }}
QPushButton:hover, QToolButton:hover {{ background: {_PALETTE["hover"]}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {_PALETTE["pressed"]}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {ACCENT.name()}; }}
QPushButton:checked {{ background: {TEXT.name()}; color: {BACKGROUND.name()}; }}
QPushButton:disabled {{ color: {FAINT.name()}; }}
QPushButton:default {{ background: {SELECTION.name()}; border-color: {_PALETTE["outline"]}; }}
QPushButton:default:disabled {{ background: {RAISED.name()}; border-color: {RULE.name()}; }}
QToolButton[role="step"] {{ background: transparent; border: none; border-radius: 4px; }}
QToolButton[role="step"]:hover {{ background: {RAISED.name()}; }}
QToolButton[role="step"]:pressed {{ background: {_PALETTE["pressed"]}; }}
QToolButton[role="step"]:disabled {{ color: {FAINT.name()}; }}
QComboBox {{
    color: {TEXT.name()}; background-color: {RAISED.name()}; min-height: 28px;
}}
QComboBox QAbstractItemView {{
    color: {TEXT.name()}; background: {PANEL.name()};
    selection-background-color: {SELECTION.name()};
}}
QTableWidget QLineEdit {{
    color: {TEXT.name()}; background: {BACKGROUND.name()}; border: none; padding: 0 4px;
}}
QTableCornerButton::section {{ background: {PANEL.name()}; border: none; }}
QTableWidget {{
    color: {TEXT.name()}; background: {PANEL.name()}; border: 1px solid {RULE.name()};
    gridline-color: transparent; outline: none;
}}
QTableWidget::item {{ padding: 0 10px; border-bottom: 1px solid {RULE.name()}; }}
QTableWidget::item:selected {{ background: {SELECTION.name()}; color: {TEXT.name()}; }}
QHeaderView::section {{
    color: {MUTED.name()}; background: {PANEL.name()}; border: none;
    border-bottom: 1px solid {RULE.name()}; padding: 7px 13px;
}}
QMainWindow::separator {{ background: {BACKGROUND.name()}; width: 8px; height: 8px; }}
QMainWindow::separator:hover {{ background: {RULE.name()}; }}
QDockWidget {{ background: {PANEL.name()}; color: {TEXT.name()}; }}
QDockWidget > QWidget {{ background: {PANEL.name()}; }}
QTabBar {{ qproperty-drawBase: 0; qproperty-elideMode: ElideNone; }}
QTabBar::tab {{
    color: {MUTED.name()}; background: {PANEL.name()}; border: none; padding: 6px 14px;
    border-bottom: 2px solid transparent;
}}
QTabBar::tab:selected {{ color: {TEXT.name()}; border-bottom-color: {ACCENT.name()}; }}
QMenu {{
    color: {TEXT.name()}; background: {RAISED.name()}; border: 1px solid {RULE.name()};
    padding: 6px 0;
}}
QMenu::item {{ padding: 6px 26px 6px 30px; }}
QMenu::item:selected {{ background: {SELECTION.name()}; }}
QMenu::item:disabled {{ color: {MUTED.name()}; }}
QScrollBar:vertical {{ background: {PANEL.name()}; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{
    background: {RULE.name()}; border-radius: 4px; min-height: 30px; margin: 1px;
}}
QScrollBar:horizontal {{ background: {PANEL.name()}; height: 10px; margin: 0; }}
QScrollBar::handle:horizontal {{
    background: {RULE.name()}; border-radius: 4px; min-width: 30px; margin: 1px;
}}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QToolTip {{ color: {TEXT.name()}; background: {RAISED.name()}; border: 1px solid {RULE.name()}; }}
"""

"""Colours, type and words shared by every window: a calm, dark instrument."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from functools import cache

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from ui.display import check_display

BACKGROUND = QColor("#0E1216")
PANEL = QColor("#151A1F")
RAISED = QColor("#1F262D")
RULE = QColor("#2C353E")
TEXT = QColor("#EAEEF1")
MUTED = QColor("#9DA9B4")  # 7:1 on PANEL: small text stays legible
FAINT = QColor("#5C6874")  # ticks and outlines only, never text
SELECTION = QColor("#2F5F86")
WARNING = QColor("#F0743A")
ACCENT = QColor("#7FB8E6")  # keyboard focus

DIM = QColor("#77838E")  # text that is set back: 4.5:1 on PANEL

TRACE = QColor("#B4C0CB")
TRACE_IGNORED = QColor("#4B5661")

# Hues of Okabe & Ito (2008), "Color universal design", shifted until each stands out from good
# on a dark ground with every kind of colour vision (measured in the tests).
QUALITY = {
    "good": TRACE,
    "flat": QColor("#6FA8FF"),
    "railed": QColor("#F0743A"),
    "noisy": QColor("#F0E442"),
    "line": QColor("#D05CC0"),
}
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
    "ok": QColor("#3CB58C"),
    "warming": QColor("#8794A1"),
    "gap": QColor("#8EA6FF"),
    "artifact": QColor("#F0E442"),
    "rate": QColor("#E69F00"),
    "late": QColor("#B0A0D8"),
    "silent": QColor("#D05CC0"),
    "lost": WARNING,
}
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
QPushButton:hover, QToolButton:hover {{ background: #2A333B; }}
QPushButton:pressed, QToolButton:pressed {{ background: #343E47; }}
QPushButton:focus, QToolButton:focus {{ border-color: {ACCENT.name()}; }}
QPushButton:checked {{ background: {TEXT.name()}; color: {BACKGROUND.name()}; }}
QPushButton:disabled {{ color: {FAINT.name()}; }}
QPushButton:default {{ background: {SELECTION.name()}; border-color: #3F77A4; }}
QPushButton:default:disabled {{ background: {RAISED.name()}; border-color: {RULE.name()}; }}
QToolButton[role="step"] {{ background: transparent; border: none; border-radius: 4px; }}
QToolButton[role="step"]:hover {{ background: {RAISED.name()}; }}
QToolButton[role="step"]:pressed {{ background: #343E47; }}
QToolButton[role="step"]:disabled {{ color: {FAINT.name()}; }}
QComboBox {{
    color: {TEXT.name()}; background: {RAISED.name()};
    border: 1px solid {RULE.name()}; border-radius: 5px; padding: 5px 10px; min-height: 20px;
}}
QComboBox:focus {{ border-color: {ACCENT.name()}; }}
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
QToolTip {{ color: {TEXT.name()}; background: {RAISED.name()}; border: 1px solid {RULE.name()}; }}
"""

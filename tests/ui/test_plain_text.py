"""Names come from files and from the network: no widget may take them for markup."""

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from core.signal.monitor import ChannelStatus
from ui.traces import TraceView

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [p for room in ("ui", "calibration", "realtime") for p in (ROOT / room).rglob("*.py")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_label_is_told_to_show_plain_text(path):
    source = path.read_text(encoding="utf-8")
    labels = len(re.findall(r"\bQLabel\(", source))
    assert source.count("setTextFormat(Qt.TextFormat.PlainText)") >= labels
    # These guess at markup, or know nothing else.
    assert not re.search(
        r"QMessageBox|QErrorMessage|QTextBrowser|setHtml|RichText|AutoText", source
    )


def test_a_tool_tip_shows_markup_as_it_stands(qtbot):
    view = TraceView()
    qtbot.addWidget(view)
    view.resize(800, 500)
    view.show()
    view.set_channels((ChannelStatus("<b>x</b><img src=y>", None, "good"),), decoding=True)
    at = QPoint(20, int(view._layout.plot.center().y()))
    QApplication.sendEvent(view, QHelpEvent(QEvent.Type.ToolTip, at, view.mapToGlobal(at)))
    shown = QToolTip.text()
    assert "&lt;b&gt;x&lt;/b&gt;&lt;img src=y&gt;" in shown
    assert "<b>" not in shown
    QToolTip.hideText()

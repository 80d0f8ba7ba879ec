"""Which controls of a window say nothing on hovering."""

from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QTableWidget,
    QWidget,
)

QT_OWN = (
    "qt_dockwidget_floatbutton",
    "qt_dockwidget_closebutton",
    "ScrollLeftButton",
    "ScrollRightButton",
)
"""Buttons that Qt makes and the program never shows, or that are arrows beside tabs."""
CONTROLS = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit)


def without_tips(window):
    """Return the controls of a window, hidden ones too, without a tool tip of their own.

    What is part of a control, such as the buttons of a number, may have that of what it is in. The
    heads of a table's columns count, too.
    """
    missing = []
    for widget in window.findChildren(QWidget):
        if widget.objectName() in QT_OWN:
            continue
        if isinstance(widget, CONTROLS) and not _tip(widget, window):
            missing.append(f"{type(widget).__name__} {_name(widget)!r}")
        if isinstance(widget, QTableWidget):
            heads = [widget.horizontalHeaderItem(k) for k in range(widget.columnCount())]
            missing += [f"column {head.text()!r}" for head in heads if not head.toolTip()]
    return missing


def _tip(widget, window):
    while widget is not window and widget is not None:
        if widget.toolTip():
            return widget.toolTip()
        if isinstance(widget, QTableWidget):
            return "its columns"
        widget = widget.parentWidget()
    return ""


def _name(widget):
    return widget.accessibleName() or getattr(widget, "text", widget.objectName)()

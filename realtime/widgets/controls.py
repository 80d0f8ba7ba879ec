"""What the operator may turn: pause, the evidence rule, and how signals are drawn."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

from PySide6.QtCore import QLocale, QRectF, QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from realtime.engine.evidence import EvidenceSettings
from ui import theme
from ui.traces import SCALES, SPANS

_HEIGHT = 30  # px of every control
_SPACING, _GAP = 12, 10  # px between two controls, and more between groups of them
_LEAST = 560  # px of width
_PATIENCE = 1.0  # s for which the operator's value stands against the engine's older one


class StepBox(QDoubleSpinBox):
    """A number with a unit that moves in even steps, or along a ladder of values."""

    focus_moved = Signal()

    def __init__(
        self,
        unit: str,
        highest: float,
        step: float = 1.0,
        decimals: int = 0,
        ladder: Sequence[float] = (),
    ) -> None:
        super().__init__()
        self._ladder = tuple(ladder)
        self.setLocale(QLocale.c())
        self.setDecimals(decimals)
        self.setRange(self._ladder[0] if self._ladder else 0.0, highest)
        self.setSingleStep(step)
        self.setSuffix(f" {unit}")
        self.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setKeyboardTracking(False)
        self.setFrame(False)
        self.setPalette(theme.palette())  # a style sheet above keeps palettes from being inherited
        self.setFont(theme.font(14))
        self.setFixedHeight(_HEIGHT - 6)

    def stepBy(self, steps: int) -> None:  # noqa: N802
        """Move by steps."""
        # From a value typed by hand, the next step is a round one.
        if not self._ladder:
            multiple = round(self.value() / self.singleStep(), 6)
            multiple = math.floor(multiple) if steps > 0 else math.ceil(multiple)
            self.setValue((multiple + steps) * self.singleStep())
            return
        index = bisect_left(self._ladder, self.value())
        if steps > 0:
            index = bisect_right(self._ladder, self.value()) - 1
        self.setValue(self._ladder[min(max(0, index + steps), len(self._ladder) - 1)])

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Say so."""
        super().focusInEvent(event)
        self.focus_moved.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Say so."""
        super().focusOutEvent(event)
        self.focus_moved.emit()

    def show_value(self, value: float) -> None:
        """Show a value without telling anybody, unless someone is typing."""
        if self.hasFocus() and self.lineEdit().isModified():
            return
        if value != self.value():
            self.blockSignals(True)
            self.setValue(value)
            self.blockSignals(False)


class _Frame(QWidget):
    """Minus, number and plus in one rounded frame that shows the focus."""

    def __init__(self, box: StepBox, caption: str) -> None:
        super().__init__()
        self._box = box
        self.setFixedHeight(_HEIGHT)
        box.focus_moved.connect(self.update)
        row = QHBoxLayout(self)
        row.setSpacing(0)
        row.setContentsMargins(2, 2, 2, 2)
        row.addWidget(box)
        for text, steps in (("−", -1), ("+", 1)):
            button = QToolButton()
            button.setText(text)
            button.setProperty("role", "step")
            button.setFont(theme.font(15))
            button.setFixedSize(24, _HEIGHT - 4)
            button.setAutoRepeat(True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the number itself takes the keys
            button.setAccessibleName(f"{caption} {'up' if steps > 0 else 'down'}")
            button.clicked.connect(lambda _=False, steps=steps: box.stepBy(steps))
            row.insertWidget(0 if steps < 0 else 2, button)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the frame."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.ACCENT if self._box.hasFocus() else theme.RULE, 1))
        painter.setBrush(theme.PANEL)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        painter.end()


class Stepper(QWidget):
    """A caption above a number between a minus and a plus button."""

    changed = Signal(float)

    def __init__(self, caption: str, box: StepBox, tip: str, width: int = 64) -> None:
        super().__init__()
        self.box, self._width = box, width
        box.setFixedWidth(width)
        box.setAccessibleName(caption)
        box.setAccessibleDescription(tip)
        box.valueChanged.connect(self.changed)
        label = caption_label(caption)
        label.setBuddy(box)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(label)
        column.addWidget(_Frame(box, caption))
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def make_narrow(self, narrow: bool) -> None:
        """Leave less room around the number, or as much as there was."""
        self.box.setFixedWidth(self._width - 12 if narrow else self._width)

    def step(self, steps: int) -> None:
        """Move by steps, if there is something to move."""
        if self.isEnabled():
            self.box.stepBy(steps)


def caption_label(text: str) -> QLabel:
    """Return the small grey line that stands above a control."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", "caption")
    label.setFont(theme.font(11))
    return label


def _button(text: str, tip: str, asked: SignalInstance | None = None) -> QPushButton:
    """Return a button as high as the other controls, which emits `asked` when it is clicked."""
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFixedHeight(_HEIGHT)
    if asked is not None:
        button.clicked.connect(lambda: asked.emit())
    return button


class ControlBar(QWidget):
    """One row of controls.

    Its signals carry what the operator asked for; `show_state` puts in what the engine says.
    """

    pause_asked = Signal(bool)
    evidence_asked = Signal(object)  # an EvidenceSettings
    span_asked = Signal(float)
    scale_asked = Signal(float)
    markers_asked = Signal()
    subject_asked = Signal()
    help_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._evidence: EvidenceSettings | None = None  # as shown; None before the first snapshot
        self._asked_at = -_PATIENCE
        self.pause = _button("Pause", "Stop and resume decoding (Space)")
        self.pause.setCheckable(True)
        self.pause.clicked.connect(self.pause_asked)
        self.threshold = Stepper(
            "Threshold",
            StepBox("%", 100.0, step=5.0),
            "Smallest smoothed probability that counts for a class (keys [ and ], or T)",
        )
        self.dwell = Stepper(
            "Dwell",
            StepBox("s", 60.0, step=0.25, decimals=2),
            "For how long a class must stay above the threshold (key D)",
        )
        self.smoothing = Stepper(
            "Smoothing",
            StepBox("s", 60.0, step=0.25, decimals=2),
            "Time constant of the average over probabilities (key S)",
        )
        self.span = Stepper(
            "Time span", StepBox("s", SPANS[-1], ladder=SPANS), "Seconds on screen (keys , and .)"
        )
        self.scale = Stepper(
            "Scale per row",
            StepBox("µV", SCALES[-1], ladder=SCALES),
            "Height of one row in µV (keys + and −)",
            width=76,
        )
        self.panels = _button("Panels", "Show and hide panels beside the traces (P, or its number)")
        self.markers = _button(
            "Markers",
            "Choose the marker stream whose cues are shown and scored (M)",
            self.markers_asked,
        )
        self.tasks = _button(
            "Tasks", "Feedback tasks in the subject's view, with targets and a score (G)"
        )
        self.subject = _button(
            "Subject view", "Plain full-screen view for the subject (F or F11)", self.subject_asked
        )
        self.more = _button("More", "Panels, markers, tasks and the subject's view")
        self.more.setMenu(QMenu(self.more))
        self.more.menu().setToolTipsVisible(True)
        self.more.menu().aboutToShow.connect(self._fill_more)
        self.help = _button("?", "All keys (?)", self.help_asked)
        self.help.setAccessibleName("Help")
        self.help.setFixedWidth(38)
        for stepper in (self.threshold, self.dwell, self.smoothing):
            stepper.changed.connect(self._ask_evidence)
        self.span.changed.connect(self.span_asked)
        self.scale.changed.connect(self.scale_asked)
        self._lay_out()
        self._arrange()

    def _lay_out(self) -> None:
        """Put the controls into a row, in groups."""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_SPACING)
        bottom = Qt.AlignmentFlag.AlignBottom
        row.addWidget(self.pause, alignment=bottom)
        row.addSpacing(_GAP)
        for stepper in (self.threshold, self.dwell, self.smoothing):
            row.addWidget(stepper, alignment=bottom)
        row.addSpacing(_GAP)
        for stepper in (self.span, self.scale):
            row.addWidget(stepper, alignment=bottom)
        row.addStretch(1)
        for button in (*self._opening, self.more, self.help):
            row.addWidget(button, alignment=bottom)

    @property
    def _opening(self) -> tuple[QPushButton, ...]:
        """The buttons that have a place in the menu instead, where there is no room."""
        return (self.panels, self.markers, self.tasks, self.subject)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Leave the width to the window: what finds no room is in the menu, or has a key."""
        return QSize(_LEAST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Show what there is room for."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Show all; or a menu for the buttons, and narrow numbers; or no scales of the traces."""
        always = (self.pause, self.threshold, self.dwell, self.smoothing, self.help)
        drawing = (self.span, self.scale)
        for shown, narrow in (
            ((*always, *drawing, *self._opening), False),
            ((*always, *drawing, self.more), True),
            ((*always, self.more), True),
        ):
            self.pause.setFixedWidth(80 if narrow else 96)
            for stepper in self._steppers:
                stepper.make_narrow(narrow)
            gaps = _SPACING * len(shown) + 2 * _GAP
            widths = (min(w.sizeHint().width(), w.maximumWidth()) for w in shown)
            if sum(widths) + gaps <= self.width():
                break
        for widget in (*drawing, *self._opening, self.more):
            widget.setVisible(widget in shown)

    def _fill_more(self) -> None:
        """Put into the menu what the hidden buttons do."""
        menu = self.more.menu()
        menu.clear()
        for button in self._opening:
            if (list_of := button.menu()) is not None:
                entry = menu.addMenu(list_of)
            else:
                entry = menu.addAction(button.text())
                entry.triggered.connect(button.click)
            entry.setText(button.text())
            entry.setToolTip(button.toolTip())
            entry.setEnabled(button.isEnabled())

    @property
    def _steppers(self) -> tuple[Stepper, ...]:
        return (self.threshold, self.dwell, self.smoothing, self.span, self.scale)

    @property
    def boxes(self) -> tuple[StepBox, ...]:
        """The numbers, in tab order."""
        return tuple(stepper.box for stepper in self._steppers)

    def show_state(self, evidence: EvidenceSettings, paused: bool, decoding: bool) -> None:
        """Show the engine's settings, unless the operator has just asked for others."""
        if evidence != self._evidence and monotonic() - self._asked_at > _PATIENCE:
            self._evidence = evidence
            self.threshold.box.show_value(100.0 * evidence.threshold)
            self.dwell.box.show_value(evidence.dwell)
            self.smoothing.box.show_value(evidence.smoothing)
        if paused != self.pause.isChecked():
            self.pause.setChecked(paused)
        words = "Resume" if paused else "Pause"
        if words != self.pause.text():
            self.pause.setText(words)
        for stepper in (self.threshold, self.dwell, self.smoothing):
            stepper.setEnabled(decoding)
        self.pause.setEnabled(decoding)
        self.tasks.setEnabled(decoding)

    def open_list(self, button: QPushButton) -> None:
        """Show the list of a button, if it is of use now, also where the button has no room."""
        if button.isVisible() and button.isEnabled():
            button.showMenu()
        elif button.isEnabled():
            button.menu().popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def toggle_pause(self) -> None:
        """Ask for the other state."""
        if self.pause.isEnabled():
            self.pause.click()

    def _ask_evidence(self, _value: float) -> None:
        shown = self._evidence or EvidenceSettings()
        box = self.threshold.box
        # The number that is shown is rounded: it stays what it is unless it was changed.
        moved = box.value() != round(100.0 * shown.threshold, box.decimals())
        asked = replace(
            shown,
            threshold=round(box.value() / 100.0, 4) if moved else shown.threshold,
            dwell=self.dwell.box.value(),
            smoothing=self.smoothing.box.value(),
        )
        if asked != self._evidence:
            self._evidence, self._asked_at = asked, monotonic()
            self.evidence_asked.emit(asked)

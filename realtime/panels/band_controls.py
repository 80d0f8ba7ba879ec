"""The row above a panel: which channels it shows, and the baseline that it compares with."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QWidget

from core.electrodes import electrode, is_site, written
from core.montage import motor_sites
from ui import theme

MOST = 6
"""Channels that are shown at once."""


class BandControls(QWidget):
    """A button with the list of channels, one that sets the baseline, and what it is.

    Attributes
    ----------
    picks : tuple of int
        Positions of the chosen channels; at first those over the motor cortex.
    """

    picked = Signal()
    baseline_asked = Signal()

    def __init__(self, parent: QWidget | None = None, chooses: bool = True) -> None:
        super().__init__(parent)
        self.picks: tuple[int, ...] = ()
        self._labels: tuple[str, ...] = ()
        self.menu = QMenu(self)
        self.channels = QPushButton("Channels")
        self.channels.setMenu(self.menu)
        self.channels.setToolTip(f"Which channels are shown, at most {MOST}")
        self.channels.setVisible(chooses)
        self.baseline = QPushButton("Set baseline (B)")
        self.baseline.setToolTip("Compare with the band power of the last five seconds from now on")
        self.baseline.clicked.connect(lambda: self.baseline_asked.emit())
        self.note = QLabel("")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setFont(theme.font(11))
        self.note.setProperty("role", "caption")
        self.note.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.channels)
        row.addWidget(self.baseline)
        row.addWidget(self.note, 1)
        for button in (self.channels, self.baseline):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the traces keep the keys
            button.setFont(theme.font(12))

    def show_labels(self, labels: tuple[str, ...]) -> None:
        """Offer these channels, if they are others than before."""
        if labels == self._labels:
            return
        self._labels, self.picks = labels, tuple(motor_sites(labels))
        self.menu.clear()
        for index in range(len(labels)):
            action = self.menu.addAction(self.name(index) or f"channel {index + 1}")
            action.setCheckable(True)
            action.setChecked(index in self.picks)
            action.toggled.connect(lambda on, index=index: self._pick(index, on))

    def show_baseline(self, known: bool) -> None:
        """Say what band power is compared with."""
        words = "against the baseline" if known else "against the mean of the last minute"
        if words != self.note.text():
            self.note.setText(words)

    def name(self, index: int) -> str:
        """Return how a channel is called on the screen."""
        label = self._labels[index]
        site = electrode(label)
        return written(site) if is_site(site) else theme.plain(label, 40)

    def _pick(self, index: int, on: bool) -> None:
        picks = [pick for pick in self.picks if pick != index]
        if on and len(picks) >= MOST:  # the oldest makes room
            self._untick(picks.pop(0))
        self.picks = tuple([*picks, index] if on else picks)
        self.picked.emit()

    def _untick(self, index: int) -> None:
        action = self.menu.actions()[index]
        action.blockSignals(True)
        action.setChecked(False)
        action.blockSignals(False)

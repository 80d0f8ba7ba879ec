"""What panels of band power share: its history, the row above, and the baseline."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout

from core.signal.spectrum import BandHistory
from realtime.panels.band_controls import BandControls
from realtime.panels.panel import Panel


class BandPanel(Panel):
    """A panel that compares band power with a baseline.

    Parameters
    ----------
    chooses : bool
        Whether channels are chosen in the row above.

    Attributes
    ----------
    history : BandHistory
        Of the last minute.
    controls : BandControls
    """

    every = 0.25

    def __init__(self, chooses: bool = True) -> None:
        super().__init__()
        self.history = BandHistory()
        self.controls = BandControls(self, chooses)
        self.controls.baseline_asked.connect(self.set_baseline)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.controls)
        column.addStretch(1)

    def show_measured(self) -> None:
        """Draw anew, and say what band power is compared with."""
        self.controls.show_baseline(self.history.baseline is not None)
        self.update()

    def set_baseline(self) -> None:
        """Compare with the last five seconds from now on."""
        self.history.set_baseline()
        self.show_measured()

    def press(self, text: str) -> bool:
        """B sets the baseline."""
        if text.lower() != "b":
            return False
        self.set_baseline()
        return True

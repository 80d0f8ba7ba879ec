"""The alpha rhythm at the back of the head as a bar: a panel of a package of its own.

After ``pip install examples/panel_package`` it stands in the window's list of panels.
"""

import numpy as np
from PySide6.QtCore import QRectF, Qt

from realtime.panels.panel import Panel
from ui import theme

SITES = ("O1", "OZ", "O2", "PO3", "POZ", "PO4", "PZ")


class AlphaPanel(Panel):
    """Shows which part of the power from 3 to 30 Hz is alpha, 8 to 13 Hz, now."""

    every = 0.2  # s

    def __init__(self):
        super().__init__()
        self.share = None

    def look(self, snapshot, signal):
        self.share = None
        picks = [i for i, c in enumerate(snapshot.channels) if c.label.upper().strip(".") in SITES]
        newest = signal.filtered(2.0).whole()
        if picks and len(newest.times) > newest.rate:  # at least a second since the last gap
            samples = newest.samples_uv[:, picks] * np.hanning(len(newest.times))[:, None]
            power = (np.abs(np.fft.rfft(samples, axis=0)) ** 2).mean(axis=1)
            frequency = np.fft.rfftfreq(len(samples), 1 / newest.rate)
            alpha = power[(frequency >= 8) & (frequency <= 13)].sum()
            self.share = float(alpha / power[(frequency >= 3) & (frequency <= 30)].sum())
        self.update()

    def draw(self, painter):
        box = QRectF(self.rect()).adjusted(24, 24, -24, -24)
        painter.setPen(theme.TEXT)
        painter.setFont(theme.font(28, bold=True))
        words = "no occipital signal" if self.share is None else f"alpha {100 * self.share:.0f} %"
        painter.drawText(box, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter, words)
        bar = box.adjusted(0, 60, 0, 0)
        painter.fillRect(bar, theme.RAISED)
        if self.share is not None:
            bar.setTop(bar.bottom() - bar.height() * min(1.0, self.share))
            painter.fillRect(bar, theme.ACCENT)

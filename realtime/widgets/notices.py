"""What a person should know or decide about the stream, in a bar that blocks nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

from core.stream.reconnecting_feed import Offer
from realtime.engine.snapshot import Snapshot
from ui import theme

_LONGEST = 400  # characters of a notice
_ONCE = 12_000  # ms for which a sentence stands that follows from a click


class NoticeBar(QFrame):
    """Asks about a stream that may be the lost one; else warns; else is not there.

    An offer that was declined is not made again.
    """

    accepted = Signal(str)  # uid of the stream

    def __init__(self) -> None:
        super().__init__()
        self._offer: Offer | None = None
        self._declined: set[str] = set()
        self._warnings: tuple[str, ...] = ()
        self._once = ""  # said for some seconds
        self._timer = QTimer(self, interval=_ONCE, singleShot=True)
        self._timer.timeout.connect(lambda: self.show_once(""))
        self.setObjectName("notices")
        self.setStyleSheet(
            f"QFrame#notices {{ background: {theme.RAISED.name()};"
            f" border-left: 4px solid {theme.WARNING.name()}; }}"
        )
        self.words = QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.words.setFont(theme.font(14))
        self.take = QPushButton("Take this stream")
        self.take.setToolTip("Go on decoding with this stream")
        self.take.clicked.connect(self._take)
        self.decline = QPushButton("Wait for the old one")
        self.decline.setToolTip("Leave this stream alone, and look on for the lost one")
        self.decline.clicked.connect(self._decline)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.setSpacing(10)
        row.addWidget(self.words, 1)
        row.addWidget(self.take)
        row.addWidget(self.decline)
        self.hide()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show what a snapshot offers or warns of."""
        offers = [offer for offer in snapshot.offers if offer.uid not in self._declined]
        self._offer, self._warnings = offers[0] if offers else None, snapshot.warnings
        self._show()

    def show_once(self, text: str) -> None:
        """Show a sentence for some seconds, before what is to be warned of."""
        self._once = text
        if text:
            self._timer.start()
        self._show()

    def _show(self) -> None:
        if self._offer is not None:
            text = f"{self._offer.words} Is it the one that was lost?"
        else:
            text = " ".join(filter(None, (self._once, *self._warnings)))
        text = theme.plain(text, _LONGEST)
        if text != self.words.text():
            self.words.setText(text)
            self.setAccessibleName(text)
        for button in (self.take, self.decline):
            button.setVisible(self._offer is not None)
        self.setVisible(bool(text))

    def _take(self) -> None:
        if self._offer is not None:
            self.accepted.emit(self._offer.uid)

    def _decline(self) -> None:
        if self._offer is not None:
            self._declined.add(self._offer.uid)
            self.hide()

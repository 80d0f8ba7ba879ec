"""The launcher's list of people and their decoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTableWidgetItem

from core.decoding.storage.library import KeptDecoder
from ui import theme
from ui.tables import PlainTable

_COLUMNS = ("Person", "Made", "Tells apart", "Right", "Guessing", "Trials")
_TIPS = (
    "Whose decoder it is",
    "When it was fitted",
    "The classes that it tells apart",
    "Balanced accuracy on trials that the decoder was not fitted on",
    "What guessing reaches on so many trials, with 95 % certainty",
    "How many trials it was fitted on",
)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Choice:
    """A row: a kept decoder, or another way to have one.

    Attributes
    ----------
    words : tuple of str
        Its cells.
    flags : tuple of str
        That name it to ``eegpt-realtime``.
    decoder : KeptDecoder or None
    """

    words: tuple[str, ...]
    flags: tuple[str, ...] = ()
    decoder: KeptDecoder | None = None


NEWEST = Choice(("Newest decoder that fits the stream",))
UNCALIBRATED = Choice(
    ("Without calibration: left or right hand, by other people's data",), ("--uncalibrated",)
)


def choice_of(kept: KeptDecoder) -> Choice:
    """Return the row of a kept decoder."""
    card = kept.card
    words = (
        theme.plain(card.subject + (f", session {card.session}" if card.session else "")),
        _day(card.created),
        theme.plain(", ".join(name.replace("_", " ") for name in kept.classes)),
        f"{100 * card.score:.0f} %" if card.trials else "–",
        f"up to {100 * card.chance:.0f} %" if card.trials else "–",
        str(card.trials),
    )
    return Choice(words, ("--decoder", str(kept.path)), kept)


class DecoderTable(PlainTable):
    """One row a decoder, below those that choose by themselves."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__(_COLUMNS, _TIPS, 34)
        self._choices: list[Choice] = []
        self.setAccessibleName("People and their decoders")
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.itemSelectionChanged.connect(self.changed)

    @property
    def selected(self) -> Choice:
        """The selected row; the newest that fits where none is."""
        rows = self.selectionModel().selectedRows()
        return self._choices[rows[0].row()] if rows else NEWEST

    def show_decoders(self, kept: Sequence[KeptDecoder]) -> None:
        """Show other decoders, and select what chooses among them."""
        choices = [NEWEST] * bool(kept) + [*map(choice_of, kept), UNCALIBRATED]
        if choices == self._choices:
            return
        self._choices = choices
        self.clearSpans()
        self.setRowCount(len(choices))
        for row, choice in enumerate(choices):
            if len(choice.words) == 1:
                self.setSpan(row, 0, 1, len(_COLUMNS))
            for column, text in enumerate(choice.words):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column >= 3:
                    item.setTextAlignment(_RIGHT)
                self.setItem(row, column, item)
        self.clearSelection()
        if kept:
            self.selectRow(0)
        self.changed.emit()


def _day(created: str) -> str:
    """Return when a decoder was made, in this place's time: to the minute in this year."""
    try:
        made = datetime.fromisoformat(created).astimezone()
        this_year = made.year == datetime.now().astimezone().year
        return f"{made:%d %b %H:%M}" if this_year else f"{made:%d %b %Y}"
    except ValueError:
        return theme.plain(created, 20)

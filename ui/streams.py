"""A table of the streams on the network, searched for again and again in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from core.errors import InputError
from ui import theme
from ui.labels import text_label
from ui.tables import PlainTable

_COLUMNS = ("Name", "Type", "Source id", "Host", "Channels", "Rate", "Format")
_TIPS = (
    "What the sender calls the stream",
    "What it carries: EEG, Markers",
    "What the sender is known by, also after a restart",
    "The computer that sends it",
    "How many channels it has",
    "Samples a second",
    "How values are sent",
)
_NUMBERS = (4, 5)  # columns set flush right
_FLUSH_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_PAUSE = 1.0  # s between the end of one search and the start of the next


class PickableIdentity(Protocol):
    """By what a stream is known."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def source_id(self) -> str: ...  # noqa: D102
    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def uid(self) -> str: ...  # noqa: D102


class PickableStream(Protocol):
    """What the picker reads of a stream."""

    @property
    def identity(self) -> PickableIdentity: ...  # noqa: D102
    @property
    def rate(self) -> float: ...  # noqa: D102
    @property
    def channel_count(self) -> int: ...  # noqa: D102
    @property
    def format(self) -> str: ...  # noqa: D102


ListStreams = Callable[[], Sequence[Any]]


class StreamTable(QWidget):
    """The streams that can be seen, and a line that says how the search goes.

    Parameters
    ----------
    list_streams : callable
        Returns what is there now; may take seconds. Runs in a thread of its own.
    """

    changed = Signal()
    taken = Signal()  # a double click or Return on a row

    def __init__(self, list_streams: ListStreams) -> None:
        super().__init__()
        self._streams: list[Any] = []
        self._answers: SimpleQueue[list[Any] | str] = SimpleQueue()
        self._closing = threading.Event()
        self.table = self._make_table()
        self.state = text_label("Looking for streams …", 13, muted=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.state)
        # The search never touches Qt: it leaves what it found in a queue that this timer empties.
        threading.Thread(
            target=_search,
            args=(list_streams, self._answers, self._closing),
            name="stream search",
            daemon=True,
        ).start()
        self._timer = QTimer(self, interval=50)
        self._timer.timeout.connect(self._take_answer)
        self._timer.start()

    @property
    def selected(self) -> Any:
        """The stream of the selected row; None if there is none."""
        rows = self.table.selectionModel().selectedRows()
        if not rows or rows[0].row() >= len(self._streams):
            return None
        return self._streams[rows[0].row()]

    def stop(self) -> None:
        """End the search; one under way ends by itself."""
        self._closing.set()
        self._timer.stop()

    def _make_table(self) -> QTableWidget:
        table = PlainTable(_COLUMNS, _TIPS, 38)
        table.setAccessibleName("Streams found")
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for stretched in (0, 2, 3):
            header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        for column in _NUMBERS:
            if (item := table.horizontalHeaderItem(column)) is not None:
                item.setTextAlignment(_FLUSH_RIGHT)
        # A double click and, on every platform, Return.
        table.cellDoubleClicked.connect(lambda *_: self.taken.emit())
        table.itemSelectionChanged.connect(self.changed)
        return table

    def _take_answer(self) -> None:
        try:
            answer = self._answers.get_nowait()
        except Empty:
            return
        if isinstance(answer, str):
            self.state.setText(answer)
            return
        self._show_streams(answer)
        count = len(answer)
        self.state.setText(
            f"{count} stream{'s' * (count != 1)} found; still looking …"
            if count
            else "No stream found yet. Is the amplifier's program running? Still looking …"
        )

    def _show_streams(self, streams: list[Any]) -> None:
        """Fill the table, keeping the selected stream selected."""
        rows = [_row(stream) for stream in streams]
        if rows == [_row(stream) for stream in self._streams]:
            self._streams = streams
            return
        selected = self.selected
        kept = _key(selected) if selected is not None else None
        self._streams = streams
        self.table.setRowCount(len(rows))
        for index, row in enumerate(rows):
            for column, text in enumerate(row):
                item = QTableWidgetItem(text)
                if column in _NUMBERS:
                    item.setTextAlignment(_FLUSH_RIGHT)
                self.table.setItem(index, column, item)
        again = next((i for i, stream in enumerate(streams) if _key(stream) == kept), 0)
        if streams:
            self.table.selectRow(again)
        self.changed.emit()


def _search(
    list_streams: ListStreams,
    answers: SimpleQueue[list[Any] | str],
    closing: threading.Event,
) -> None:
    while not closing.is_set():
        try:
            answers.put(list(list_streams()))
        except InputError as error:
            answers.put(theme.plain(str(error), 400))
        except Exception as error:  # a thread's end would look like an endless search
            answers.put(theme.plain(f"The search failed: {error!r}", 400))
        closing.wait(_PAUSE)


def _key(stream: PickableStream) -> tuple[str, ...]:
    known = stream.identity
    return (known.uid, known.name, known.type, known.source_id, known.host)


def _row(stream: PickableStream) -> tuple[str, ...]:
    known, rate = stream.identity, stream.rate
    return (
        theme.plain(known.name) or "(no name)",
        theme.plain(known.type) or "–",
        theme.plain(known.source_id) or "(none)",
        theme.plain(known.host) or "–",
        str(stream.channel_count),
        f"{rate:g} Hz" if rate else "irregular",
        theme.plain(str(stream.format)),
    )

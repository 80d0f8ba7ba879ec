"""Scrolling traces of all channels, drawn with as little work as a moving picture needs."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
from pyqtgraph.functions import create_qpolygonf, ndarray_from_qpolygonf
from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QLineEdit, QToolTip, QWidget

from core.signal.monitor import ChannelStatus, Traces
from ui import theme
from ui.scrolling_pixmap import ScrollingPixmap
from ui.traces import channels as channel_list
from ui.traces.channels import Layout, lay_out
from ui.traces.cue_marks import CueMark, draw_cues
from ui.traces.envelope import envelope, newest_column
from ui.traces.groups import FEW, asked_for, in_order, region

SPANS = (2.0, 4.0, 5.0, 10.0, 20.0, 30.0)
"""Time spans on offer, in seconds."""
_REACH = 2.5  # rows that a trace may leave its own by
_HEAD, _FILTER = 164, (110, 190)  # px: which channels are on the page; least and most of the box
_TICK = 44  # px between two times below the traces, at least
_RECENT = 0.5  # s of signal that hold what is not drawn yet, unless nobody looked for longer

Source = Callable[[float], Traces]
"""Returns the newest signal, so many seconds of it."""


class TraceView(QWidget):
    """Draws the newest seconds of every channel.

    Only new pixels are drawn: a frame without a new pixel column costs nothing, and one with it
    asks for half a second of signal and draws the columns that it adds.

    Attributes
    ----------
    frames_drawn : int
        How often the traces were painted.
    span : float
        Seconds from the left to the right edge.
    scale_uv : float
        µV a row.
    """

    scale_stepped = Signal(int)
    span_stepped = Signal(int)
    channel_clicked = Signal(str)  # the label of a channel whose name was clicked

    def __init__(self) -> None:
        super().__init__()
        self.frames_drawn = 0
        self.span = 10.0
        self.scale_uv = 50.0
        self._all: tuple[ChannelStatus, ...] = ()  # as the stream has them
        self._order: list[int] = []  # positions of those that are shown, on one page or several
        self._channels: tuple[ChannelStatus, ...] = ()  # those that are shown
        self._grouped = False
        self._decoding = False  # whether a decoder sets some channels apart
        self._live = True
        self._cues: tuple[CueMark, ...] = ()
        self._asked = 0  # rows asked for; 0 for as many as fit
        self._first = 0  # first channel of the page
        self._source: Source | None = None
        self._newest: int | None = None  # pixel column that was last asked to be drawn
        self._scroll: ScrollingPixmap | None = None  # what is drawn; None for all anew
        self._ratio = 1.0  # pixels of the screen in one of the widget's
        self._still: QPixmap | None = None
        self._layout = lay_out(self.size(), ())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(360, 150)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Signals")
        self.filter = self._make_filter()

    def _make_filter(self) -> QLineEdit:
        box = QLineEdit(self)
        box.setPlaceholderText("Filter: C3, FC, central, bad")
        box.setAccessibleName("Filter of channels")
        box.setToolTip(
            "Show only these channels: electrodes (C3), rows (FC), regions (central, frontal …), "
            "qualities (flat, noisy, bad), ignored, aside. Esc: all again (key /)"
        )
        box.setClearButtonEnabled(True)
        box.setFont(theme.font(12))
        box.setStyleSheet(
            f"color: {theme.TEXT.name()}; background: {theme.BACKGROUND.name()};"
            f" border: 1px solid {theme.RULE.name()}; border-radius: 5px; padding: 0 6px;"
        )
        box.textChanged.connect(lambda _: self._choose())
        box.returnPressed.connect(self.setFocus)
        box.installEventFilter(self)
        box.hide()
        return box

    def set_channels(
        self, channels: tuple[ChannelStatus, ...], decoding: bool, live: bool = True
    ) -> None:
        """Take the channel list; traces are greyed where `live` is false."""
        if (channels, decoding, live) == (self._all, self._decoding, self._live):
            return
        if len(channels) != len(self._all):
            self._first = 0
            self._asked = FEW if len(channels) > FEW else 0
            self.filter.setVisible(len(channels) > FEW)
        self._all, self._decoding, self._live = channels, decoding, live
        bad = [channel_list.facts(c) for c in channels if c.quality != "good"]
        theme.describe(self, theme.sentence([f"{len(channels)} channels", *bad]))
        self._choose()

    def _choose(self) -> None:
        """Choose which channels are shown, by region and by the words of the filter."""
        words = self.filter.text() if len(self._all) > FEW else ""
        order = asked_for(self._all, in_order(self._all), words)
        if order != self._order:
            self._order, self._first = order, 0
        self._channels = tuple(self._all[position] for position in order)
        regions = {region(channel.label) for channel in self._all}
        self._grouped = len(self._all) > FEW and len(regions) > 1
        self._redraw()

    def set_cues(self, cues: tuple[CueMark, ...]) -> None:
        """Draw these cues over the traces, oldest first."""
        if cues != self._cues:
            self._cues = cues
            self.update(self._layout.plot.toAlignedRect())

    def follow(self, source: Source) -> None:
        """Draw what is new in a signal, if it has moved by a pixel."""
        self._source = source
        newest = newest_column(source(_RECENT), self._per_second())
        if newest != self._newest:
            self._newest = newest
            self.update(self._layout.plot.toAlignedRect())

    def set_span(self, seconds: float) -> None:
        """Show another stretch of time."""
        self.span = seconds
        self._redraw()

    def set_scale(self, microvolts: float) -> None:
        """Show another amplitude in the height of one row."""
        self.scale_uv = microvolts
        self._redraw()

    def cycle_rows(self) -> None:
        """Show all channels, then 32, 16 and 8 at a time, then all again."""
        now = self._rows()
        self._asked = next((rows for rows in (32, 16, 8) if rows < now), 0)
        self._first = 0
        self._redraw()

    def turn_page(self, pages: int) -> None:
        """Show the next or previous channels where not all fit."""
        shown = max(1, self._rows())
        last = (max(1, len(self._channels)) - 1) // shown * shown
        self._first = min(max(0, self._first + pages * shown), last)
        self._redraw()

    def _rows(self) -> int:
        """Return how many channels a full page holds."""
        return self._laid_out(0).page.stop or 1

    @property
    def page(self) -> slice:
        """The channels shown."""
        return self._layout.page

    def _redraw(self) -> None:
        self._layout = self._laid_out(self._first)
        self._still = self._scroll = self._newest = None
        self.update()

    def _laid_out(self, first: int) -> Layout:
        return lay_out(self.size(), self._channels, first, self._asked, self._grouped)

    def _per_second(self) -> float:
        """Return pixels of the screen a second."""
        return self._layout.plot.width() * self._ratio / self.span

    # -- painting -------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Lay out anew."""
        wide = min(max(round(0.2 * self.width()), _FILTER[0]), _FILTER[1])
        self.filter.setGeometry(_HEAD, 6, wide, channel_list.HEADER - 12)
        self._redraw()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the still part from its picture, and the traces."""
        layout = self._layout
        if self._still is None:
            self._still = self._draw_still(layout)
        painter = QPainter(self)
        if (ratio := painter.deviceTransform().m11()) != self._ratio:
            self._ratio, self._scroll = ratio, None
        painter.drawPixmap(0, 0, self._still)
        painter.setClipRect(layout.plot)
        if self._source is not None and self._channels:
            scroll, left = self._draw_new(self._source, layout), round(layout.plot.left())
            scroll.show(painter, QPointF(left, layout.plot.top()), self._ratio)
            if self._cues and scroll.newest is not None:
                oldest, scale = scroll.newest - scroll.width + 1, self._per_second()
                place = partial(_column, oldest=oldest, scale=scale, left=left, ratio=self._ratio)
                draw_cues(painter, layout.plot, self._cues, place)
        painter.end()

    def _draw_new(self, source: Source, layout: Layout) -> ScrollingPixmap:
        """Return the picture of the traces with its newest columns drawn."""
        self.frames_drawn += 1
        traces, scroll = source(_RECENT), self._scroll
        newest = newest_column(traces, self._per_second())
        if scroll is None or scroll.newest is None or not self._reaches(traces, scroll, newest):
            ratio, plot = self._ratio, layout.plot
            scroll = ScrollingPixmap(int(plot.width() * ratio), math.ceil(plot.height() * ratio))
            traces = source(self.span)
            newest = newest_column(traces, self._per_second())
            first = newest - scroll.width + 1
        else:
            first = scroll.newest - 1  # the newest was not complete, and has a line to the left

        def draw(painter: QPainter, begin: int, end: int) -> None:
            self._draw_columns(painter, begin, end, traces, layout)

        scroll.draw(first, newest, draw)
        self._scroll = scroll
        return scroll

    def _reaches(self, traces: Traces, scroll: ScrollingPixmap, newest: int) -> bool:
        """Whether traces hold everything since the newest column that was drawn."""
        assert scroll.newest is not None
        known = traces.times[np.isfinite(traces.times)]
        return scroll.newest <= newest and (
            len(known) > 0 and known[0] * self._per_second() < scroll.newest - 2
        )

    def _draw_columns(
        self, painter: QPainter, first: int, last: int, traces: Traces, layout: Layout
    ) -> None:
        """Draw the columns from one to another, in pixels of the screen from 0 on."""
        ratio = self._ratio
        row, height = layout.row * ratio, layout.plot.height() * ratio
        count = np.atleast_2d(traces.samples_uv).shape[1]  # of another stream, for a moment
        page = np.asarray([i for i in self._order[layout.page] if i < count], dtype=np.intp)
        picture = envelope(traces, page, last - first + 1, self._per_second(), last)
        # On the middle of a pixel, so that a flat line is one crisp row.
        centres = np.floor((np.arange(len(picture.y_uv)) + 0.5) * row) + 0.5
        rise = np.clip(picture.y_uv * (row / self.scale_uv), -_REACH * row, _REACH * row)
        x, y = picture.x, centres[:, None] - rise  # (points,), (channels, points), px
        complete = np.asarray(np.isfinite(y).all(axis=1))  # (channels,)
        shown = self._channels[layout.page][: len(y)]
        # Width 0 is one pixel of the screen, whatever its scaling; a wider line costs fiftyfold.
        pens = [QPen(self._colour(channel), 0) for channel in shown]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for before, after in pairwise(picture.pieces):
            _draw_gap(painter, x[before.stop - 1], x[after.start], height)
        for piece in picture.pieces:
            line = create_qpolygonf(piece.stop - piece.start)
            points = ndarray_from_qpolygonf(line)  # (points, 2), a view into the polygon
            points[:, 0] = x[piece]
            for index, pen in enumerate(pens):
                painter.setPen(pen)
                if complete[index]:
                    points[:, 1] = y[index, piece]
                    painter.drawPolyline(line)
                else:
                    _draw_known(painter, x[piece], y[index, piece])

    def _colour(self, channel: ChannelStatus) -> QColor:
        ink = channel_list.colour(channel, self._decoding and channel.electrode is None)
        return ink if self._live else theme.faded(ink, 0.4)

    def _draw_still(self, layout: Layout) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(theme.PANEL)
        painter = QPainter(picture)
        self._draw_grid(painter, layout.plot)
        if self._channels:
            bar = channel_list.draw_scale(painter, layout, self.scale_uv)
            channel_list.draw_list(painter, layout, self._channels, self._decoding, bar)
            if self._grouped:
                regions = [region(channel.label) for channel in self._channels]
                channel_list.draw_regions(painter, layout, regions)
        else:
            painter.setFont(theme.font(16))
            painter.setPen(theme.MUTED)
            words = "No channel is called that" if self._all else "No channels yet"
            painter.drawText(layout.plot, Qt.AlignmentFlag.AlignCenter, words)
        if self._all:
            head = channel_list.heading(layout, len(self._channels), len(self._all))
            channel_list.draw_heading(painter, head)
            left = self.filter.geometry().right() if len(self._all) > FEW else _HEAD
            channel_list.draw_legend(painter, left, self.width(), self._all, self._decoding)
        painter.end()
        return picture

    def _draw_grid(self, painter: QPainter, plot: QRectF) -> None:
        most = min(10.0, plot.width() / _TICK)
        step = next((s for s in (0.5, 1, 2, 5, 10) if self.span / s <= most), 20)
        painter.setFont(theme.font(11))
        for index in range(int(self.span / step) + 1):
            x = round(plot.right() - index * step * plot.width() / self.span) - 0.5
            painter.setPen(QPen(theme.RULE, 1))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            painter.setPen(theme.MUTED)
            text = f"−{index * step:g} s" if index else "now"
            box = QRectF(x - 40, plot.bottom() + 5, 80, 18)
            where = Qt.AlignmentFlag.AlignHCenter
            if box.right() > self.width():
                box.setRight(x + 1)
                where = Qt.AlignmentFlag.AlignRight
            painter.drawText(box, where | Qt.AlignmentFlag.AlignTop, text)

    # -- mouse ----------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Wheel: scale; with Ctrl: time span."""
        step = 1 if event.angleDelta().y() > 0 else -1
        held = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        (self.span_stepped if held else self.scale_stepped).emit(step)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click on a channel's name, left of its trace."""
        label = self._label_at(event.position())
        head = QRectF(0, 0, _HEAD, channel_list.HEADER)
        if event.button() == Qt.MouseButton.LeftButton and head.contains(event.position()):
            self._first = 0 if self.page.stop >= len(self._channels) else self.page.stop
            self._redraw()  # the next page, and the first one after the last
        if event.button() == Qt.MouseButton.LeftButton and label is not None:
            self.channel_clicked.emit(label.label)
        super().mouseReleaseEvent(event)

    def _label_at(self, place: QPointF) -> ChannelStatus | None:
        """Return the channel whose name is there; names are staggered where rows are low."""
        layout, page = self._layout, self._channels[self._layout.page]
        column = int((place.x() - layout.left) // layout.cell)
        if not 0 <= column < layout.columns or place.y() < layout.plot.top():
            return None
        written = range(column, len(page), layout.columns)
        middles = {index: layout.plot.top() + (index + 0.5) * layout.row for index in written}
        nearest = min(middles, key=lambda index: abs(middles[index] - place.y()), default=None)
        return None if nearest is None else page[nearest]

    def _channel_at(self, y: float) -> ChannelStatus | None:
        row = int((y - self._layout.plot.top()) // self._layout.row)
        page = self._channels[self._layout.page]
        return page[row] if 0 <= row < len(page) else None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Let Esc clear the filter, and give the keys back."""
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if isinstance(watched, QLineEdit) and event.type() == QEvent.Type.KeyPress and escape:
            watched.clear()
            self.setFocus()
            return True
        return False

    def event(self, event: QEvent) -> bool:
        """Show a channel's full label on hovering."""
        if not isinstance(event, QHelpEvent):
            return super().event(event)
        few = self.page.stop - self.page.start < len(self._channels)
        if few and event.pos().y() < channel_list.HEADER:
            tip = "Click: the next channels (Page up, Page down); R: more or fewer at once"
            QToolTip.showText(event.globalPos(), tip, self)
        elif (channel := self._channel_at(event.pos().y())) is not None:
            words = channel_list.facts(channel)
            if self._decoding and channel.electrode is not None:
                again = "use it again" if channel.aside else "set it aside"
                words += f"\nClick on the name to {again}"
            # A tool tip guesses at markup, so what it is given is markup that shows itself.
            text = f"<span>{html.escape(words).replace(chr(10), '<br>')}</span>"
            QToolTip.showText(event.globalPos(), text, self, QRect())
        return True


def _column(time: float, oldest: int, scale: float, left: float, ratio: float) -> float:
    """Return the x of a time, on the pixel column of the samples of that time."""
    return left + (math.floor(time * scale) - oldest) / ratio


def _draw_gap(painter: QPainter, left: float, right: float, height: float) -> None:
    brush = QBrush(theme.faded(theme.STATUS_COLOURS["gap"], 0.5), Qt.BrushStyle.BDiagPattern)
    painter.fillRect(QRectF(left, 0.0, max(1.0, right - left), height), brush)


def _draw_known(painter: QPainter, x: np.ndarray, y: np.ndarray) -> None:
    """Draw the runs of a line between unknown values."""
    known = np.concatenate(([False], np.isfinite(y), [False])).astype(np.int8)
    for start, stop in np.flatnonzero(np.diff(known)).reshape(-1, 2).tolist():
        line = create_qpolygonf(stop - start)
        points = ndarray_from_qpolygonf(line)
        points[:, 0], points[:, 1] = x[start:stop], y[start:stop]
        painter.drawPolyline(line)

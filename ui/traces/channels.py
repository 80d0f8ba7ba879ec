"""The list of channels beside the traces: where each row lies, and what is written there."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen

from core.electrodes import normalise, written, written_label
from core.signal.monitor import ChannelStatus
from core.signal.quality import QUALITIES
from ui import theme
from ui.painting import LEFT, draw_text

SCALES = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
"""Vertical scales on offer, in µV a row."""

HEADER = 38  # px above the traces: the legend
_AXIS, _SIDE, MARGIN = 26, 80, 14  # px: time below; scale and words at the right; edges
_ROOMY, _LINE = 36.0, 12.0  # px: a row with two lines of text; the height of one small line
_SMALLEST_ROW = 5.5  # px: below this, channels are shown in pages
_GUTTER = 20  # px: names of regions, upright, left of the list

_STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "flat": [[(-4.5, 0.0), (4.5, 0.0)]],
    "railed": [[(-4.5, -4.0), (4.5, -4.0)], [(-4.5, 4.0), (4.5, 4.0)], [(0, -4), (0, 4)]],
    "noisy": [[(-4.5, 2.0), (-2.5, -4.5), (0.0, 4.5), (2.5, -4.5), (4.5, 2.0)]],
}


@dataclass(frozen=True)
class Layout:
    """Where things lie, in pixels."""

    plot: QRectF
    page: slice  # the channels shown
    row: float  # height of one
    columns: int  # labels are staggered over so many columns where rows are low
    cell: float  # width of one column
    roomy: bool  # whether a row holds two lines of text
    left: float  # edge of the list of channels


def lay_out(
    size: QSize,
    channels: tuple[ChannelStatus, ...],
    first: int = 0,
    asked: int = 0,
    grouped: bool = False,
) -> Layout:
    """Place channels in a widget, from channel `first` on, at most `asked` at once (0: all).

    Where they are `grouped`, there is room for the names of their regions.
    """
    height = max(40.0, size.height() - HEADER - _AXIS)
    fit = max(1, int(height / _SMALLEST_ROW))
    shown = max(1, min(len(channels) or 1, asked or fit, fit))
    page = slice(first, min(first + shown, len(channels)))
    row = height / shown
    roomy = row >= _ROOMY
    metrics = QFontMetricsF(theme.font(14 if roomy else 11, bold=roomy))
    widest = max((metrics.horizontalAdvance(name(c)) for c in channels[page]), default=0.0)
    cell = min(150.0, max(widest, 100.0 if roomy else 24.0) + 30.0)
    columns = min(4, math.ceil(_LINE / row))
    begin = float(MARGIN + (_GUTTER if grouped else 0))
    left = begin + cell * columns
    plot = QRectF(left, HEADER, max(40.0, size.width() - left - _SIDE), height)
    return Layout(plot, page, row, columns, cell, roomy, begin)


def name(channel: ChannelStatus) -> str:
    """Return the electrode as people write it, behind its label where that is another name."""
    label = theme.plain(written_label(channel.label)) or "(no label)"
    if channel.electrode is None:
        return label
    site = theme.plain(written(channel.electrode))
    return site if normalise(channel.label) == site.upper() else f"{label} → {site}"


def word(channel: ChannelStatus) -> str:
    """Return the quality as a word that people use."""
    if channel.aside:
        return "set aside"
    return theme.QUALITY_WORDS.get(channel.quality, channel.quality)


def facts(channel: ChannelStatus) -> str:
    """Return everything known of a channel in one line."""
    site = channel.electrode
    role = "ignored by the decoder" if site is None else f"as {written(site)}"
    how = f"{word(channel)}: interpolated from its neighbours" if channel.aside else word(channel)
    return theme.plain(f"{written_label(channel.label)}, {role}, {how}")


def colour(channel: ChannelStatus, ignored: bool) -> QColor:
    """Return the colour of a channel's trace."""
    lively = theme.QUALITY.get(channel.quality, theme.TRACE)
    if not ignored:
        return lively
    return theme.TRACE_IGNORED if channel.quality == "good" else theme.faded(lively, 0.5)


def draw_quality(painter: QPainter, quality: str, centre: QPointF, ink: QColor) -> None:
    """Draw the symbol of a quality, nine pixels wide, so that colour is never alone."""
    x, y = centre.x(), centre.y()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    path = QPainterPath()
    if quality == "good":
        path.addEllipse(centre, 2.6, 2.6)
        painter.fillPath(path, ink)
        return
    strokes = _STROKES.get(quality)
    if strokes is None:  # a sine wave: line noise
        strokes = [[(t / 2, -3.6 * math.sin(t * math.pi / 4.5)) for t in range(-9, 10)]]
    for stroke in strokes:
        path.moveTo(x + stroke[0][0], y + stroke[0][1])
        for dx, dy in stroke[1:]:
            path.lineTo(x + dx, y + dy)
    painter.strokePath(path, QPen(ink, 1.6))


def draw_scale(painter: QPainter, layout: Layout, uv_per_row: float) -> QRectF:
    """Draw a bar of a round number of µV beside the lowest traces; return what it covers."""
    per_uv = layout.row / uv_per_row
    value = SCALES[min(bisect_left(SCALES, 40.0 / per_uv), len(SCALES) - 1)]
    plot, height = layout.plot, min(value * per_uv, layout.plot.height() - 24)
    x, bottom = round(plot.right()) + 12.5, round(plot.bottom()) - 8.5
    box = QRectF(x - 4, bottom - height - 20, _SIDE - 12, height + 24)
    head = QRectF(box.left(), box.top(), box.width(), 16)
    draw_text(painter, head, f"{value:g} µV", 12, theme.TEXT)
    painter.setPen(QPen(theme.TEXT, 1))
    painter.drawLine(QPointF(x, bottom - height), QPointF(x, bottom))
    for y in (bottom - height, bottom):
        painter.drawLine(QPointF(x - 4, y), QPointF(x + 4, y))
    return box


def draw_list(
    painter: QPainter,
    layout: Layout,
    channels: tuple[ChannelStatus, ...],
    decoding: bool,
    scale: QRectF,
) -> None:
    """Write label, electrode and quality of each channel beside its trace.

    Ignored channels are set back only where a decoder is `decoding`; without one, none is used.
    Words keep clear of the box that the `scale` covers.
    """
    plot, next_free = layout.plot, layout.plot.top()
    for index, channel in enumerate(channels[layout.page]):
        y = plot.top() + (index + 0.5) * layout.row
        left = layout.left + layout.cell * (index % layout.columns)
        ignored = decoding and channel.electrode is None
        good = channel.quality == "good" and not channel.aside
        ink = theme.DIM if ignored and good else theme.QUALITY.get(channel.quality, theme.TRACE)
        ink = theme.ACCENT if channel.aside else ink
        label_ink = theme.DIM if ignored else theme.TEXT
        draw_quality(painter, channel.quality, QPointF(left + 5, y), ink)
        box = QRectF(left + 18, y - 10, layout.cell - 22, 20)
        if layout.roomy:
            draw_text(painter, box.translated(0, -9), name(channel), 14, label_ink, bold=True)
            words = ["ignored"] * ignored + [word(channel)] * (not ignored or not good)
            second = theme.MUTED if good and not ignored else ink
            draw_text(painter, box.translated(0, 9), " · ".join(words), 12, second)
            continue
        end = box.left() + draw_text(painter, box, name(channel), 11, label_ink) + 4
        stop = plot.left() - 4
        if index % layout.columns < layout.columns - 1 and end < stop:
            # Between the labels of the other columns: lead the eye to the trace.
            painter.setPen(QPen(theme.RULE, 1))
            painter.drawLine(QPointF(end, round(y) + 0.5), QPointF(stop, round(y) + 0.5))
        middle = max(y, next_free)
        if abs(middle - scale.top() - 8) < _LINE:
            middle = scale.top() + 8 + _LINE  # clear of the scale's number
        if not good and middle - y < 2 * _LINE:  # beside its trace, or just below
            right = plot.right() + (22 if middle > scale.top() else 8)
            box = QRectF(right, middle - 8, plot.right() + _SIDE - right - 2, 16)
            draw_text(painter, box, word(channel), 11, ink)
            next_free = middle + _LINE - 2


def draw_regions(painter: QPainter, layout: Layout, regions: list[str]) -> None:
    """Write the name of each region beside its rows, and part it from the next."""
    plot, start = layout.plot, 0
    shown = regions[layout.page]
    for end in range(1, len(shown) + 1):
        if end < len(shown) and shown[end] == shown[start]:
            continue
        top, bottom = (plot.top() + row * layout.row for row in (start, end))
        if start:
            painter.setPen(QPen(theme.FAINT, 1))
            y = round(top) + 0.5
            # Not through labels, which may be higher than their rows.
            painter.drawLine(QPointF(MARGIN, y), QPointF(MARGIN + _GUTTER - 4, y))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
        painter.save()
        painter.translate(MARGIN - 4, bottom - 4)
        painter.rotate(-90)
        box = QRectF(0, 0, bottom - top - 8, _GUTTER)
        if box.width() > 16:
            centre = Qt.AlignmentFlag.AlignCenter
            draw_text(painter, box, shown[start], 11, theme.MUTED, bold=True, align=centre)
        painter.restore()
        start = end


def heading(layout: Layout, shown: int, total: int) -> str:
    """Say which of how many channels are on the page."""
    page = layout.page
    if page.stop - page.start < shown:
        return f"Channels {page.start + 1}–{page.stop} of {shown}"
    if shown < total:
        return f"{shown} of {total} channels"
    return f"{total} channel{'s' * (total != 1)}"


def draw_heading(painter: QPainter, text: str) -> None:
    """Write which channels are on the page."""
    draw_text(painter, QRectF(MARGIN, 4, 240, HEADER - 8), text, 13, theme.TEXT, bold=True)


def draw_legend(
    painter: QPainter,
    left: float,
    width: float,
    channels: tuple[ChannelStatus, ...],
    decoding: bool,
) -> None:
    """Say how many channels look like what, right of `left`: what there is none of goes first."""
    painter.setFont(theme.font(12))
    metrics = QFontMetricsF(painter.font())
    counts = [
        (q, theme.QUALITY_WORDS.get(q, q), sum(c.quality == q for c in channels)) for q in QUALITIES
    ]
    ignored = sum(channel.electrode is None for channel in channels) if decoding else 0
    right = width - MARGIN
    if ignored:
        counts.insert(0, ("", "ignored", ignored))
    needed = sum(metrics.horizontalAdvance(f"{text} {count}") + 36 for _, text, count in counts)
    if needed > right - left:
        counts = [entry for entry in counts if entry[2]]
    for quality, text, count in reversed(counts):
        ink = theme.QUALITY.get(quality, theme.MUTED) if count else theme.DIM
        entry = f"{text} {count}"
        right -= metrics.horizontalAdvance(entry)
        if right - 28 < left:
            return
        painter.setPen(ink)
        painter.drawText(QRectF(right, 4, 400, HEADER - 8), LEFT, entry)
        if quality:
            right -= 14
            draw_quality(painter, quality, QPointF(right, HEADER / 2), ink)
        right -= 22

"""Head maps: the change of mu and beta power, what the decoder reacts to, channel quality."""

from __future__ import annotations

from threading import Thread

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QLinearGradient, QPainter

from core.decoding.patterns import haufe_pattern
from core.electrodes import written_label
from core.signal.monitor import ChannelStatus
from core.signal.spectrum import BANDS
from core.topography import Topography
from realtime.engine.snapshot import Snapshot
from realtime.panels.band_panel import BandPanel
from realtime.panels.panel import NewestSignal
from ui import theme
from ui.class_style import class_looks
from ui.head_map import COLD, HOT, draw_electrodes, draw_map, draw_outline
from ui.painting import draw_text

_LATELY = 4  # values of band power that a map averages: a second
_WINDOW = 16  # values that make up a decoder's window: four seconds
_LEAST = 60  # windows that a pattern needs: a quarter of a minute
_APART = 0.2  # s between a decision and the power that belong together
_RANGES = (25.0, 50.0, 100.0, 200.0)  # % at the ends of the scale
_TOP = 46.0  # px: the row of buttons
_WORDS = 58.0  # px: the title and the scale of a head
_SCALE = 36.0  # px: the scale below a head
_NAMED = 150.0  # px of a head on which names can be read
_CENTRE = Qt.AlignmentFlag.AlignCenter
_WRAP = _CENTRE | Qt.TextFlag.TextWordWrap


class ScalpPanel(BandPanel):
    """Four heads: mu, beta, the decoder's pattern, and the quality of every electrode.

    Attributes
    ----------
    head : Topography or None
        None until it was made, in a thread of its own: scipy takes its time.
    pattern : ndarray or None, shape (channels,)
        Of the decoder over the last minute.
    """

    def __init__(self) -> None:
        super().__init__(chooses=False)
        self.head: Topography | None = None
        self.pattern: np.ndarray | None = None
        self._channels: tuple[ChannelStatus, ...] = ()
        self._labels: tuple[str, ...] = ()
        self._towards = ""  # the class that more power speaks for, where the pattern is red
        self.setAccessibleName("Scalp")

    def look(self, snapshot: Snapshot, signal: NewestSignal) -> None:
        """Measure the newest signal."""
        labels = tuple(channel.label for channel in snapshot.channels)
        if labels != self._labels:
            self._labels, self.head, self.pattern = labels, None, None
            Thread(target=self._prepare, args=(labels,), name="head map", daemon=True).start()
        newest = signal.filtered(1.5)
        if newest.samples_uv.shape[1] != len(labels):
            return  # another sender has just come
        new = self.history.take(newest)
        if new:
            self.pattern = self._pattern(snapshot)
        if new or snapshot.channels != self._channels:
            self._channels = snapshot.channels
            self.show_measured()

    def _prepare(self, labels: tuple[str, ...]) -> None:
        try:
            head = Topography(labels)
            if head.drawable:
                head.interpolate(np.zeros(len(labels)))
        except Exception as error:
            self.failed.emit(error)
            return
        if labels == self._labels:
            self.head = head

    def _pattern(self, snapshot: Snapshot) -> np.ndarray | None:
        """Return how band power moves with the decoder's output; None with too few decisions."""
        classes = () if snapshot.decoder is None else snapshot.decoder.classes
        decided = [d for d in snapshot.recent if d.status == "ok" and d.probabilities]
        times, logs = self.history.times, self.history.logs.mean(axis=1)  # over both bands
        if len(classes) < 2 or len(decided) < 2 or len(times) < _LEAST:
            return None
        latest = decided[-1].probabilities or {}
        name = classes[-1] if len(classes) == 2 else max(latest, key=lambda key: latest[key])
        shares = np.array([(d.probabilities or {}).get(name, np.nan) for d in decided])
        shares = np.clip(shares, 1e-3, 1 - 1e-3)
        made = np.array([d.time for d in decided])
        nearest = np.clip(np.searchsorted(made, times), 1, len(made) - 1)
        nearest -= times - made[nearest - 1] < made[nearest] - times
        kept = (np.abs(made[nearest] - times) < _APART) & np.isfinite(shares[nearest])
        kept[: _WINDOW - 1] = False
        if kept.sum() < _LEAST - _WINDOW:
            return None
        sums = np.cumsum(np.concatenate([np.zeros((1, logs.shape[1])), logs]), axis=0)
        windows = (sums[_WINDOW:] - sums[:-_WINDOW]) / _WINDOW
        windows = np.concatenate([np.zeros((_WINDOW - 1, logs.shape[1])), windows])
        self._towards = name
        output = np.log(shares / (1 - shares))[nearest]
        return haufe_pattern(windows[kept], output[kept])

    # -- drawing --------------------------------------------------------------------------------

    def draw(self, painter: QPainter) -> None:
        """Draw four heads, in two rows or in one, as there is room."""
        area = QRectF(self.rect()).adjusted(10, _TOP, -10, -8)
        head = self.head
        if head is None or not head.picks:
            words = "One moment" if head is None else "No channel has the name of an electrode."
            painter.setFont(theme.font(14))
            painter.setPen(theme.MUTED)
            painter.drawText(area, _WRAP, words)
            return
        # Whichever makes the larger heads.
        columns = max(2, 4, key=lambda n: min(area.width() / n, area.height() * n / 4 - _WORDS))
        wide, high = area.width() / columns, area.height() / (4 // columns)
        boxes = [
            QRectF(area.left() + k % columns * wide, area.top() + k // columns * high, wide, high)
            for k in range(4)
        ]
        for band, (name, (low, high_edge)) in enumerate(BANDS.items()):
            self._draw_change(painter, boxes[band], head, band, f"{name}  {low:g}–{high_edge:g} Hz")
        self._draw_pattern(painter, boxes[2], head)
        self._draw_quality(painter, boxes[3], head)

    def _draw_change(
        self, painter: QPainter, box: QRectF, head: Topography, band: int, title: str
    ) -> None:
        place = _titled(painter, box, title)
        if not len(self.history.times) or self.history.logs.shape[2] != len(self._labels):
            _empty(painter, place, head, "Waiting for signal")
            return
        values = self.history.change[-_LATELY:, band].mean(axis=0)
        largest = np.abs(values[head.picks]).max()
        limit = next((limit for limit in _RANGES if largest <= limit), _RANGES[-1])
        self._draw_values(painter, place, head, values, limit, f"−{limit:.0f} … +{limit:.0f} %")

    def _draw_pattern(self, painter: QPainter, box: QRectF, head: Topography) -> None:
        place = _titled(painter, box, "Decoder's pattern")
        if self.pattern is None:
            _empty(painter, place, head, "in a quarter\nof a minute")
            return
        (look,) = class_looks([self._towards])
        self._draw_values(painter, place, head, self.pattern, 1.0, f"red: {look.words}")

    def _draw_values(
        self,
        painter: QPainter,
        place: QRectF,
        head: Topography,
        values: np.ndarray,
        limit: float,
        words: str,
    ) -> None:
        """Draw a map with its scale below."""
        if not head.drawable or len(values) != len(self._labels):
            _empty(painter, place, head, "Too few electrodes for a map")
            return
        draw_map(painter, place.adjusted(0, 0, 0, -_SCALE), head, values, limit)
        bar = QRectF(place.center().x() - 30, place.bottom() - 32, 60, 7)
        colours = QLinearGradient(bar.topLeft(), bar.topRight())
        for position, colour in ((0.0, COLD), (0.5, theme.RAISED), (1.0, HOT)):
            colours.setColorAt(position, colour)
        painter.fillRect(bar, colours)
        _below(painter, place, words)

    def _draw_quality(self, painter: QPainter, box: QRectF, head: Topography) -> None:
        place = _titled(painter, box, "Quality")
        room = place.adjusted(0, 0, 0, -_SCALE)
        size = min(room.width(), room.height())
        draw_outline(painter, room, head)
        chosen = [self._channels[pick] for pick in head.picks]
        inks = [theme.QUALITY.get(channel.quality, theme.TRACE) for channel in chosen]
        spots = draw_electrodes(painter, room, head, inks, min(4.0, size / 50))
        painter.setFont(theme.font(11, bold=True))
        for channel, spot, ink in zip(chosen, spots, inks, strict=True):
            if channel.quality != "good" and size >= _NAMED:
                painter.setPen(ink)
                words = theme.plain(written_label(channel.label), 12)
                painter.drawText(QRectF(spot.x() - 30, spot.y() - 19, 60, 14), _CENTRE, words)
        bad = sum(channel.quality != "good" for channel in self._channels)
        _below(painter, place, f"{bad} of {len(self._channels)} not good" if bad else "all good")


def _titled(painter: QPainter, box: QRectF, title: str) -> QRectF:
    """Write a title, and return the room below it."""
    line = QRectF(box.left() + 3, box.top(), box.width() - 6, 20)
    draw_text(painter, line, title, 12, theme.TEXT, bold=True, align=_CENTRE)
    room = box.adjusted(4, 22, -4, 0)
    room.setHeight(min(room.height(), room.width() + _SCALE))  # the scale stays at its head
    return room


def _below(painter: QPainter, place: QRectF, words: str) -> None:
    line = QRectF(place.left(), place.bottom() - 20, place.width(), 16)
    draw_text(painter, line, words, 11, theme.MUTED, align=_CENTRE)


def _empty(painter: QPainter, place: QRectF, head: Topography, words: str) -> None:
    draw_outline(painter, place.adjusted(0, 0, 0, -_SCALE), head)
    painter.setFont(theme.font(11))
    painter.setPen(theme.MUTED)
    painter.drawText(place.adjusted(8, 0, -8, -_SCALE), _WRAP, words)

"""Power spectra of chosen channels, and mu and beta power over the last minute."""

from __future__ import annotations

import math

import numpy as np
from pyqtgraph.functions import create_qpolygonf, ndarray_from_qpolygonf
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from core.signal.monitor import Traces
from core.signal.spectrum import BANDS, power_spectrum
from realtime.engine.snapshot import Snapshot
from realtime.panels.band_panel import BandPanel
from realtime.panels.panel import NewestSignal
from realtime.widgets.cues import cue_marks
from ui import theme
from ui.class_style import PALETTE
from ui.painting import RIGHT, grid_line
from ui.traces.cue_marks import CueMark, draw_cues

SECONDS = 8.0
"""Of signal that a spectrum is made of."""

_HIGHEST = 45.0  # Hz drawn
_MINUTE = 60.0  # s of band power drawn
_RANGE = (-100.0, 150.0)  # % of change drawn
_BREAK = 3.0  # s without a value that are left empty
_SMOOTHED = 4  # values of band power in a moving average: a second
_LEFT, _TOP = 52.0, 46.0  # px: numbers beside the charts; the row of buttons
_WAITING = "Waiting for two seconds of signal"
_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter


class SpectrumPanel(BandPanel):
    """Spectra with and without the filter, and the change of mu and beta power.

    Attributes
    ----------
    filtered, raw : tuple of ndarray
        Frequencies in Hz, and µV²/Hz of the chosen channels, as `power_spectrum` gives them.
    """

    def __init__(self) -> None:
        super().__init__()
        nothing = np.empty(0), np.empty((0, 0))
        self.filtered, self.raw = nothing, nothing
        self.controls.picked.connect(self.update)
        self._cues: tuple[CueMark, ...] = ()
        self._picks: list[int] = []  # of what is drawn
        self.setAccessibleName("Spectrum and bands")

    def look(self, snapshot: Snapshot, signal: NewestSignal) -> None:
        """Measure the newest signal."""
        self.controls.show_labels(tuple(channel.label for channel in snapshot.channels))
        both = signal.filtered(SECONDS), signal.raw(SECONDS)
        if any(traces.samples_uv.shape[1] != len(snapshot.channels) for traces in both):
            return  # another sender has just come
        if not self.history.take(both[0]):
            return
        self._picks = list(self.controls.picks)
        self.filtered, self.raw = (
            power_spectrum(Traces(traces.times, traces.samples_uv[:, self._picks]))
            for traces in both
        )
        self._cues = tuple(mark for mark in cue_marks(snapshot) if mark.colour is not None)
        self.show_measured()

    # -- drawing --------------------------------------------------------------------------------

    def draw(self, painter: QPainter) -> None:
        """Draw the spectra above, and a chart a band below."""
        area = QRectF(self.rect()).adjusted(_LEFT, _TOP, -14, -8)
        picks = self._picks
        if not picks:
            painter.setFont(theme.font(14))
            painter.setPen(theme.MUTED)
            painter.drawText(area, _CENTRE, _WAITING)
            return
        inks = [PALETTE[k % len(PALETTE)] for k in range(len(picks))]
        self._draw_key(painter, QRectF(area.left(), area.top(), area.width(), 20), picks, inks)
        upper = QRectF(area.left(), area.top() + 26, area.width(), 0.46 * area.height() - 50)
        self._draw_spectra(painter, upper, inks)
        top = upper.bottom() + 44
        height = (area.bottom() - top - 20) / len(BANDS)
        for band in range(len(BANDS)):
            chart = QRectF(area.left(), top + band * height, area.width(), height - 12)
            self._draw_band(painter, chart, band, picks, inks)
        _draw_time(painter, QRectF(area.left(), top + len(BANDS) * height - 10, area.width(), 16))

    def _draw_key(
        self, painter: QPainter, box: QRectF, picks: list[int], inks: list[QColor]
    ) -> None:
        painter.setFont(theme.font(12, bold=True))
        metrics = QFontMetricsF(painter.font())
        x = box.left()
        for pick, ink in zip(picks, inks, strict=True):
            text = self.controls.name(pick)
            painter.setPen(ink)
            painter.drawText(QRectF(x, box.top(), 120, box.height()), _MIDDLE, text)
            x += metrics.horizontalAdvance(text) + 14
        painter.setFont(theme.font(11))
        painter.setPen(theme.MUTED)
        text = "bold: filtered    thin: as received"
        if box.right() - x > QFontMetricsF(painter.font()).horizontalAdvance(text):
            painter.drawText(box, RIGHT, text)

    def _draw_spectra(self, painter: QPainter, chart: QRectF, inks: list[QColor]) -> None:
        """Draw power over frequency on a logarithmic scale of whole decades."""
        drawn = []
        for (frequencies, density), width, opacity in (
            (self.raw, 1.0, 0.55),
            (self.filtered, 2.0, 1.0),
        ):
            kept = (frequencies >= 1.0) & (frequencies <= _HIGHEST)
            values = np.log10(np.maximum(density[kept], _SMALL)) if kept.any() else None
            drawn.append((frequencies[kept], values, width, opacity))
        known = [values for _, values, _, _ in drawn if values is not None]
        if not known:
            painter.setFont(theme.font(12))
            painter.setPen(theme.MUTED)
            painter.drawText(chart, _CENTRE, _WAITING)
            return
        high = math.ceil(max(float(values.max()) for values in known))
        low = max(math.floor(min(float(values.min()) for values in known)), high - 5)
        low = min(low, high - 1)

        def y(value: np.ndarray | float) -> np.ndarray | float:
            return (
                chart.bottom() - (np.clip(value, low, high) - low) / (high - low) * chart.height()
            )

        painter.setFont(theme.font(11))
        _shade_bands(painter, chart)
        step = max(1, math.ceil(16.0 * (high - low) / max(chart.height(), 1.0)))  # 16 px each
        for decade in range(low, high + 1, step):
            grid_line(painter, chart, float(y(decade)), _decade(decade))
        _write_units(painter, chart)
        for frequencies, values, width, opacity in drawn:
            if values is None:
                continue
            across = chart.left() + frequencies * (chart.width() / _HIGHEST)
            for column, ink in enumerate(inks):
                _polyline(
                    painter,
                    across,
                    np.asarray(y(values[:, column])),
                    theme.faded(ink, opacity),
                    width,
                )

    def _draw_band(
        self,
        painter: QPainter,
        chart: QRectF,
        band: int,
        picks: list[int],
        inks: list[QColor],
    ) -> None:
        """Draw the change of a band's power over the last minute."""
        low, high = _RANGE
        newest = float(self.history.times[-1])
        scale = chart.height() / (high - low)
        painter.setFont(theme.font(11))
        for percent in (-100, 0, 100) if chart.height() > 44 else (0,):
            y = chart.bottom() - (percent - low) * scale
            label = f"{percent:+d} %".replace("-", "−") if percent else "0 %"
            grid_line(painter, chart, y, label, theme.RULE if percent else theme.FAINT)

        def place(time: float) -> float:
            return chart.right() - (newest - time) / _MINUTE * chart.width()

        draw_cues(painter, chart, self._cues, place, named=False)
        change = np.clip(_smoothed(self.history.change[:, band][:, picks]), low, high)
        x = chart.right() - (newest - self.history.times) / _MINUTE * chart.width()
        breaks = np.flatnonzero(np.diff(self.history.times) > _BREAK) + 1
        for rows in np.split(np.arange(len(x)), breaks):
            for column, ink in enumerate(inks):
                heights = (change[rows, column] - low) * scale
                _polyline(painter, x[rows], chart.bottom() - heights, ink, 1.6)
        name, (first, last) = list(BANDS.items())[band]
        painter.setPen(theme.TEXT)
        painter.setFont(theme.font(11, bold=True))
        words = f"{name}  {first:g}–{last:g} Hz"
        painter.drawText(chart.adjusted(6, 0, 0, 0), Qt.AlignmentFlag.AlignTop, words)


_SMALL = 1e-12  # µV²/Hz: a flat channel has no logarithm


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Return a moving average over the second before each value, shape as given."""
    sums = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), values]), axis=0)
    index = np.arange(1, len(values) + 1)
    first = np.maximum(index - _SMOOTHED, 0)
    return np.asarray((sums[index] - sums[first]) / (index - first)[:, None])


def _polyline(painter: QPainter, x: np.ndarray, y: np.ndarray, ink: QColor, width: float) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(ink, width))
    line = create_qpolygonf(len(x))
    points = ndarray_from_qpolygonf(line)  # (points, 2), a view into the polygon
    points[:, 0], points[:, 1] = x, y
    painter.drawPolyline(line)


def _shade_bands(painter: QPainter, chart: QRectF) -> None:
    """Shade the bands in a chart over frequency, and name them."""
    scale = chart.width() / _HIGHEST
    for name, (first, last) in BANDS.items():
        left, wide = chart.left() + first * scale, (last - first) * scale
        box = QRectF(left, chart.top(), wide, chart.height())
        painter.fillRect(box.adjusted(0.5, 0, -0.5, 0), theme.faded(theme.MUTED, 0.10))
        painter.setPen(theme.MUTED)
        painter.drawText(box.adjusted(4, 2, 0, 0), Qt.AlignmentFlag.AlignTop, name)


def _write_units(painter: QPainter, chart: QRectF) -> None:
    """Write frequencies below a chart of spectra, and its unit into the corner."""
    painter.setPen(theme.MUTED)
    for hertz in range(0, int(_HIGHEST) + 1, 10):
        x = chart.left() + hertz * (chart.width() / _HIGHEST)
        text = f"{hertz} Hz" if hertz else "0"
        painter.drawText(QRectF(x - 30, chart.bottom() + 3, 60, 16), _CENTRE, text)
    unit = QRectF(chart.right() - 120, chart.top() + 2, 116, 16)
    painter.drawText(unit, RIGHT, "µV²/Hz")


def _draw_time(painter: QPainter, box: QRectF) -> None:
    painter.setFont(theme.font(11))
    painter.setPen(theme.MUTED)
    for seconds in range(0, int(_MINUTE) + 1, 20):
        x = box.right() - seconds / _MINUTE * box.width()
        text = f"−{seconds} s" if seconds else "now"
        place = QRectF(x - 30, box.top(), 60, box.height())
        if seconds == 0:
            painter.drawText(place.translated(-30, 0), RIGHT, text)
        else:
            painter.drawText(place, _CENTRE, text)


def _decade(power: int) -> str:
    return f"{10.0**power:g}" if -3 <= power <= 4 else f"1e{power}"

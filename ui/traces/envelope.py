"""From samples to as few points as a screen can show, keeping every peak."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.signal.monitor import Traces


@dataclass(frozen=True)
class Envelope:
    """Points of a polyline a channel, in pixel columns.

    Attributes
    ----------
    x : ndarray, shape (points,)
        Pixel column, 0 at the left edge.
    y_uv : ndarray, shape (channels, points)
        Amplitude in µV; NaN where nothing is known.
    pieces : tuple of slice
        Runs of points that belong together; between two of them samples are missing.
    """

    x: np.ndarray
    y_uv: np.ndarray
    pieces: tuple[slice, ...]


def newest_column(traces: Traces, per_second: float) -> int:
    """Return the pixel column of the newest sample, counted from the zero of its clock."""
    finite = traces.times[np.isfinite(traces.times)]
    return int(np.floor(finite.max() * per_second)) if len(finite) else 0


def envelope(
    traces: Traces, channels: slice | np.ndarray, width: int, per_second: float, newest: int
) -> Envelope:
    """Reduce the newest stretch of traces to a picture of `width` pixel columns.

    Columns are bound to the clock, not to the newest sample: as the signal scrolls, a column
    moves by whole pixels and keeps its peaks, so that nothing shimmers.

    Parameters
    ----------
    traces : Traces
        Samples, oldest first.
    channels : slice, or ndarray of int
        The channels to draw.
    width : int
        Columns of the picture.
    per_second : float
        Columns a second.
    newest : int
        The column at the right edge, from `newest_column`.

    Returns
    -------
    Envelope
        With at most two points a column (smallest and largest value) where samples are dense,
        else with the samples themselves.
    """
    count = min(len(traces.times), len(traces.samples_uv))
    times = np.asarray(traces.times[:count], dtype=np.float64)
    samples = np.atleast_2d(traces.samples_uv)[:count, channels]  # (samples, channels), µV
    known = np.isfinite(times)
    if not known.all():
        times, samples = times[known], samples[known]
    times = np.maximum.accumulate(times) if len(times) else times
    # One column and a sample are kept beyond the left edge, so that lines run up to it.
    x = times * per_second - (newest - width + 1)  # (samples,), pixels
    first = max(0, int(np.searchsorted(x, -1.0)) - 1)
    times, x, samples = times[first:], x[first:], samples[first:]
    if not len(x):
        return Envelope(np.empty(0), np.empty((samples.shape[1], 0)), ())

    steps = np.diff(times)
    usual = float(np.median(steps)) if len(steps) else 0.0
    breaks = np.flatnonzero(steps > max(0.1, 5.0 * usual)) + 1
    if usual * per_second >= 0.5:
        edges = [0, *breaks.tolist(), len(x)]
        pieces = tuple(slice(a, b) for a, b in pairwise(edges))
        return Envelope(x, np.ascontiguousarray(samples.T, dtype=np.float64), pieces)

    column = np.floor(x)  # (samples,)
    starts = np.union1d([0], np.concatenate((np.flatnonzero(np.diff(column)) + 1, breaks)))
    starts = starts.astype(np.intp)
    low = np.fmin.reduceat(samples, starts, axis=0)  # (columns, channels); NaN only if all are
    high = np.fmax.reduceat(samples, starts, axis=0)
    points = np.empty((samples.shape[1], 2 * len(starts)))
    # Down in one column and up in the next: no needless diagonal between two columns.
    upward = (column[starts] + newest - width) % 2 == 0
    points[:, 0::2] = np.where(upward[:, None], low, high).T
    points[:, 1::2] = np.where(upward[:, None], high, low).T
    edges = [0, *(2 * np.searchsorted(starts, breaks)).tolist(), points.shape[1]]
    pieces = tuple(slice(a, b) for a, b in pairwise(edges))
    return Envelope(np.repeat(column[starts], 2), points, pieces)

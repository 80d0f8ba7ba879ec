"""From columns of a text file to a recording: rate, breaks and events by its own columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import InputError
from core.feed.segments import segment_bounds
from core.machine.files import sha256_of
from core.numbered_channels import groups_apart
from core.recordings.events import marks_of_events
from core.recordings.recording import Event, Recording

DEVICES = {4: 200.0, 8: 250.0, 16: 125.0}
"""Channels of OpenBCI's devices (Ganglion, Cyton, Cyton with Daisy) -> rate in Hz."""
_NOMINAL = (100, 125, 128, 160, 200, 220, 250, 256, 300, 500, 512, 1000, 1024, 1600, 2000, 2048)
_NEAR = 0.01  # of a nominal rate, as far as clocks of devices and computers differ
_EXACT = 0.002  # of it, where stamps are even and no sample is lost
_TRUSTED = 0.03  # of the rate that is expected; what is missing is found as breaks
_LOSSY = 0.8  # of it, where stamps are as uneven as those of a bad connection
_UNEVEN = 0.03  # of the rate, that it varies by
_LEAST, _MOST = 50.0, 20_000.0  # Hz, of EEG
_GAP = 0.25  # s: no device keeps samples back for longer
_WINDOW = 4.0  # s over which the rate is measured, again and again
_REST = (
    "",
    "0",
    "nan",
    "none",
    "n/a",
    "na",
    "null",
    "-",
)  # what a column of markers says when there is none
_PARTS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}  # s
_EPOCH = (1e9, 5e9)  # s since 1970, from 2001 on


@dataclass
class Columns:
    """What a reader found in a file.

    Attributes
    ----------
    path : Path
    samples_uv : ndarray of float64, shape (samples, channels)
    labels : tuple of str
    stamps : ndarray of float64, shape (samples,), or None
        In s.
    rate : float or None
        In Hz, as the file says or the device usually has.
    counter : ndarray of float64, shape (samples,), or None
        Numbers that the device gave to its samples.
    cuts : tuple of int
        Samples before which lines are missing.
    markers : dict
        Name of a column -> what it says at each sample.
    notes : list of str
    files : tuple of Path
        Others that were read.
    """

    path: Path
    samples_uv: np.ndarray
    labels: tuple[str, ...]
    stamps: np.ndarray | None = None
    rate: float | None = None
    counter: np.ndarray | None = None
    cuts: tuple[int, ...] = ()
    markers: dict[str, Sequence[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    files: tuple[Path, ...] = ()


def recording_of_columns(columns: Columns) -> Recording:
    """Return a recording with the rate, the breaks and the events that its columns say.

    Raises
    ------
    InputError
        If there are no samples, or no rate of EEG can be had.
    """
    count = len(columns.samples_uv)
    if count < 2 or not columns.labels:
        raise InputError(f"{columns.path} has no samples of EEG.")
    stamps = columns.stamps
    counted = None if columns.counter is None else counted_breaks(columns.counter)
    rate = _rate(columns, stamps)
    breaks = set(columns.cuts)
    if counted is not None and columns.counter is not None:
        breaks |= set(counted)
        # A loss of so many that the numbers come round is seen by the stamps alone.
        least = np.ptp(columns.counter) / 2
    else:
        least = 1
    if stamps is not None:
        runs, _ = segment_bounds(stamps, rate)
        if counted is None:
            breaks |= {run.start for run in runs if not run.continues}
        breaks |= {run.start for run in runs if run.lost >= least}
    names = ", ".join(columns.markers)
    looked_in = (f"the column{'s' * (len(columns.markers) > 1)} {names}",) if names else ()
    marks = marks_of_events(_events(columns.markers, rate), columns.path, rate, looked_in)
    with np.errstate(over="ignore"):  # infinity is no voltage, and found to be none later
        samples = np.ascontiguousarray(columns.samples_uv, dtype=np.float32)
    return Recording(
        samples_uv=samples,
        rate=rate,
        labels=groups_apart(columns.labels),
        events=marks.events,
        breaks=tuple(sorted(int(b) for b in breaks if 0 < b < count)),
        path=columns.path,
        sha256=sha256_of(columns.path, *columns.files),
        bad_spans=marks.bad_spans,
        notes=(*columns.notes, *marks.notes),
        looked_in=marks.looked_in or ("the columns, of which none carries markers",),
    )


def in_seconds(stamps: np.ndarray, unit: str | None = None) -> np.ndarray | None:
    """Return stamps in seconds, None if they tell no time.

    Those of the calendar are told by their size; others by the rate that would follow, unless
    their unit is known. Numbers that only count are no times.
    """
    known = stamps[np.isfinite(stamps)]
    if len(known) < 0.9 * len(stamps) or np.ptp(known) <= 0:
        return None
    if unit in _PARTS:
        return stamps * _PARTS[unit]
    for scale in (1.0, 1e-3, 1e-6, 1e-9):
        if _EPOCH[0] <= np.median(known) * scale <= _EPOCH[1]:
            return stamps * scale
    if np.all(np.diff(known) == 1):
        return None
    for scale in (1.0, 1e-3, 1e-6):
        rates = _rates(stamps * scale)
        if len(rates) and _LEAST <= np.median(rates) <= _MOST:
            return stamps * scale
    return stamps


def _rates(stamps: np.ndarray) -> np.ndarray:
    """Return the rate in every stretch of four seconds: losses in some do not change the others.

    Stretches are shorter where a gap would be in all of them.
    """
    stamps = stamps[np.isfinite(stamps)]
    steps = np.abs(np.diff(stamps))
    if not len(steps):
        return steps
    small = steps[steps < _GAP] if (steps < _GAP).mean() > 0.5 else steps
    if not small.sum() > 0:
        return np.empty(0)
    gaps = np.r_[0, np.cumsum(steps > small.max())]
    longest = int(np.unique(gaps, return_counts=True)[1].max())
    lag = int(np.clip(_WINDOW * len(small) / small.sum(), 1, max(longest // 2, 1)))
    lengths = (stamps[lag:] - stamps[:-lag])[gaps[lag:] == gaps[:-lag]]
    correlation: np.ndarray = lag / lengths[lengths > 0]
    return correlation


def counted_breaks(counter: np.ndarray) -> list[int] | None:
    """Return where a device's numbering leaves some out, None if it is no numbering.

    Numbers come round, go in steps of two, or are given to two samples each, as devices do.
    """
    steps = np.diff(counter)
    values, counts = np.unique(steps, return_counts=True)
    usual = values[counts >= 0.2 * len(steps)]
    low, high = counter.min(), counter.max()
    # Where numbers go in steps of two, the last one and the first one may be one off.
    off = max(usual.max(initial=0) - 1, 0)
    round_ = (counter[:-1] >= high - off) & (counter[1:] <= low + off) & (steps < 0)
    good = np.isin(steps, usual) | round_
    if not np.isin(usual, (0, 1, 2)).all() or not (usual > 0).any() or good.mean() < 0.8:
        return None
    return [int(i) + 1 for i in np.flatnonzero(~good)]


def _rate(columns: Columns, stamps: np.ndarray | None) -> float:
    expected, rates = columns.rate, np.empty(0) if stamps is None else _rates(stamps)
    if not len(rates):
        if expected is None:
            raise InputError(
                f"{columns.path} does not say its sampling rate, and its time stamps do not tell "
                "it."
            )
        columns.notes.append(
            f"No time stamps tell the rate; {expected:g} Hz is that of the device."
        )
        return expected
    measured = float(np.median(rates))
    nominal = min(_NOMINAL, key=lambda known: abs(known - measured))
    near = abs(measured / nominal - 1) <= _NEAR
    rate = float(nominal) if near else round(measured, 3)
    if expected is not None:
        low, high = np.percentile(rates, (10, 90))
        uneven = (high - low) / measured > _UNEVEN
        lossy = uneven and _LOSSY <= measured / expected < 1
        # No loss makes a rate higher: even stamps at 256 Hz are not those of a board of 250 Hz.
        other = nominal > expected and abs(measured / nominal - 1) <= _EXACT and not uneven
        if (abs(measured / expected - 1) <= _TRUSTED and not other) or lossy:
            rate = expected
        if lossy or rate != expected:
            columns.notes.append(
                f"By its time stamps {columns.path.name} has {measured:.4g} samples a second, "
                f"where {expected:g} were expected; {rate:g} Hz is used"
                + (f", and {1 - measured / expected:.0%} are taken to be lost." if lossy else ".")
            )
    if not _LEAST <= rate <= _MOST:
        raise InputError(
            f"{columns.path} has {rate:.3g} rows a second; that is no EEG, which has at least "
            f"{_LEAST:g}. Record every sample (in Mind Monitor: recording interval Constant)."
        )
    return rate


def _events(markers: dict[str, Sequence[str]], rate: float) -> tuple[Event, ...]:
    """Return an event wherever a column begins to say something else."""
    events: dict[str, list[Event]] = {}
    for name, cells in markers.items():
        words = np.array([_word(cell) for cell in cells])
        starts = np.flatnonzero(np.r_[True, words[1:] != words[:-1]])
        stops = np.r_[starts[1:], len(words)]
        events[name] = [
            Event(float(start) / rate, float(stop - start) / rate, str(words[start]))
            for start, stop in zip(starts, stops, strict=True)
            if words[start].lower() not in _REST
        ]
    spoken = [name for name in events if events[name]]
    return tuple(
        sorted(
            (
                Event(event.onset, event.duration, f"{name}/{event.label}")
                if len(spoken) > 1
                else event
                for name in spoken
                for event in events[name]
            ),
            key=lambda event: event.onset,
        )
    )


def _word(cell: str) -> str:
    """Return a marker as it is called: a whole number without its point."""
    try:
        number = float(cell)
    except ValueError:
        return cell.strip()
    if "_" in cell:  # which Python reads in numbers
        return cell.strip()
    return str(int(number)) if number.is_integer() else str(number)

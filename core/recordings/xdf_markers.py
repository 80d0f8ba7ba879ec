"""Events of an XDF file: marker streams of any kind, and trigger channels beside the EEG."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from core.feed.timeline import Timeline
from core.recordings.recording import Event
from core.recordings.triggers import pulses_of
from core.recordings.xdf_channels import EegChannels
from core.recordings.xdf_file import XdfStream

_MARKERS = re.compile(r"mark|event|stim|trig|cue|annot|label|respon", re.IGNORECASE)
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_MOST_CODES = 256  # different values of a channel of numbers that may be events
_MOST_A_SECOND = 20.0  # events that people and programs mark

Stamped = tuple[float, str]
"""Time in seconds, and label."""


def is_marker_stream(stream: XdfStream) -> bool:
    """Whether a stream tells events: text, or numbers where its type or size says so."""
    if not stream.numeric:
        return True
    if re.fullmatch(r"eeg|exg", stream.type, re.IGNORECASE):
        return False
    if _MARKERS.search(stream.type):
        return True
    return not stream.rate and _is_sparse(stream)


def events_of(
    markers: Sequence[XdfStream],
    eeg: XdfStream,
    channels: EegChannels,
    timeline: Timeline,
    rate: float,
) -> tuple[tuple[Event, ...], list[str]]:
    """Return what marker streams and trigger channels tell, by onset, and what was done to it.

    Parameters
    ----------
    markers : sequence of XdfStream
    eeg : XdfStream
        Stream whose trigger channels are looked at.
    channels : EegChannels
        Of that stream.
    timeline : Timeline
        Of that stream.
    rate : float
        Of the EEG in Hz.
    """
    notes: list[str] = []
    stamped: list[Stamped] = []
    for stream in markers:
        own = [event for event in _stamped(stream, notes) if np.isfinite(event[0])]
        places = [timeline.position(time) for time, _ in own]
        if own and not any(0 <= place < len(eeg.stamps) for place in places):
            notes.append(
                f'All {len(own)} markers of "{stream.name}" lie outside of the EEG; the '
                "clocks of the two may not have been synchronised."
            )
        stamped += own
    for index in channels.triggers:
        codes = _steps(np.asarray(eeg.values)[:, index])
        if codes:
            label = eeg.channels[index].get("label") or f"Ch{index + 1}"
            notes.append(f"{len(codes)} events are from the trigger channel {label}.")
        stamped += [(timeline.time(place), label) for place, label in codes]
    kept = _without_doubles(stamped, 0.5 / rate)
    if doubles := len(stamped) - len(kept):
        notes.append(
            f"{doubles} events were there twice, with the same label at the same "
            "sample; each is taken once."
        )
    return tuple(Event(timeline.position(time) / rate, 0.0, label) for time, label in kept), notes


def _stamped(stream: XdfStream, notes: list[str]) -> list[Stamped]:
    """Return the events of a marker stream."""
    if stream.numeric:
        values = np.asarray(stream.values)
        dense = stream.rate and _per_second(stream) > 0.5 * stream.rate
        columns = [
            _steps(column)
            if dense
            else [(k, _number(value)) for k, value in enumerate(column) if np.isfinite(value)]
            for column in values.T
        ]
    else:
        count = max((len(row) for row in stream.values), default=0)
        columns = [
            [
                (k, _plain(row[column]))
                for k, row in enumerate(stream.values)
                if column < len(row) and str(row[column] or "").strip()
            ]
            for column in range(count)
        ]
    if len(columns) > 1 and _overlap(columns):
        names = [
            channel.get("label") or str(number) for number, channel in enumerate(stream.channels, 1)
        ]
        columns = [
            [(k, f"{name}:{label}") for k, label in column]
            for name, column in zip(names, columns, strict=True)
        ]
        notes.append(
            f'The columns of "{stream.name}" have labels in common; they are distinguished '
            f"by their column, such as {columns[0][0][1]}."
        )
    return sorted((float(stream.stamps[k]), label) for column in columns for k, label in column)


def _overlap(columns: Sequence[Sequence[tuple[int, str]]]) -> bool:
    """Whether two columns of a marker stream have a label in common."""
    labels = [{label for _, label in column} for column in columns]
    return sum(map(len, labels)) > len(set().union(*labels))


def _plain(text: object) -> str:
    """Return a marker's text; a whole number without a fraction of zeros."""
    label = str(text).strip()
    return match[1] if (match := _WHOLE.fullmatch(label)) else label


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{float(value):g}"


def _steps(column: np.ndarray) -> list[tuple[int, str]]:
    """Return where a channel of numbers changes to another value than its resting one.

    Empty for a channel of more values than events have, or one that never changes.
    """
    values = np.nan_to_num(np.asarray(column, dtype=np.float64))
    codes, ranks = np.unique(values, return_inverse=True)
    if not 1 < len(codes) <= _MOST_CODES:
        return []
    if (codes == np.floor(codes)).all() and np.abs(codes).max() < 2.0**53:
        return [(start, str(code)) for start, _, code in pulses_of(values.astype(np.int64))]
    starts = np.flatnonzero(np.diff(ranks)) + 1
    return [(int(k), _number(values[k])) for k in starts if values[k]]


def _is_sparse(stream: XdfStream) -> bool:
    """Whether numbers at no regular rate can be events: one or two channels, few values."""
    values = np.asarray(stream.values)
    if values.ndim != 2 or values.shape[1] > 2 or not len(values):
        return False
    return len(values) < 2 or (
        len(np.unique(values)) <= _MOST_CODES and _per_second(stream) <= _MOST_A_SECOND
    )


def _per_second(stream: XdfStream) -> float:
    duration = float(np.ptp(stream.stamps)) if len(stream.stamps) > 1 else 0.0
    return len(stream.stamps) / duration if duration else 0.0


def _without_doubles(events: Sequence[Stamped], near: float) -> list[Stamped]:
    """Return events by time, each of those with one label at one time once."""
    last: dict[str, float] = {}
    kept = []
    for time, label in sorted(events):
        if not time - last.get(label, -np.inf) <= near:
            kept.append((time, label))
        last[label] = time
    return kept

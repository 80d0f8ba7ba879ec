"""The tables beside a recording in a BIDS data set: its events, and which channels are bad.

Source: BIDS 1.10, "Tabular files", "Task events" and "Channels description".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from core.electrodes import electrode
from core.errors import InputError, one_line
from core.numbered_channels import numbered_name
from core.recordings.events import Marks, marks_of_events
from core.recordings.recording import Event, Recording, Span

_NOTHING = ("", "n/a", "nan", "na", "none", "null")
_BOUNDARY = "boundary"


@dataclass(frozen=True)
class SidecarTable:
    """A table of tab-separated values.

    Attributes
    ----------
    path : Path
    rows : tuple of dict
        Name of the column -> cell, as text.
    columns : tuple of str
    notes : tuple of str
        Sentences for a person.
    """

    path: Path
    rows: tuple[dict[str, str], ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]


def with_tables(recording: Recording) -> Recording:
    """Return a recording with what the tables beside it add: events and bad channels.

    A file that has events of its own gets those under other names only: the same cues are often
    in both. A table that cannot be read is said in the notes.
    """
    try:
        recording = replace(recording, bad_channels=_bad_channels(recording))
        recording = _with_other_events(recording, events_of_table(recording))
    except InputError as error:
        recording = replace(recording, notes=(*recording.notes, str(error)))
    if not recording.bad_channels:
        return recording
    note = f"Channels marked as bad are not used: {' '.join(recording.bad_channels)}."
    return replace(recording, notes=(*recording.notes, note))


def _with_other_events(recording: Recording, marks: Marks | None) -> Recording:
    own = {event.label for event in recording.events} | {_BOUNDARY}
    more = [event for event in marks.events if event.label not in own] if marks else []
    if marks is None or not (more or marks.bad_spans):
        return recording
    return replace(
        recording,
        events=tuple(sorted([*recording.events, *more], key=lambda event: event.onset)),
        bad_spans=_by_onset({*recording.bad_spans, *marks.bad_spans}),
        looked_in=(*recording.looked_in, *marks.looked_in),
        notes=(*recording.notes, *marks.notes),
    )


def with_events_of_table(recording: Recording) -> Recording:
    """Return a recording with the events of its table alone; as it is if there is no table.

    Raises
    ------
    InputError
        If the table cannot be read.
    """
    recording = replace(recording, bad_channels=_bad_channels(recording))
    marks = events_of_table(recording)
    if marks is None:
        return recording
    return replace(
        recording,
        events=marks.events,
        bad_spans=_by_onset({*recording.bad_spans, *marks.bad_spans}),
        looked_in=marks.looked_in,
        notes=tuple(dict.fromkeys((*recording.notes, *marks.notes))),
    )


def stimuli_of_table(recording: Recording, column: str) -> tuple[Event, ...]:
    """Return what a column of the table of events says: events that are labelled by its cells.

    Parameters
    ----------
    recording : Recording
    column : str
        Such as BIDS' "stim_file"; a line with nothing there has no event.

    Raises
    ------
    InputError
        If the table cannot be read.
    """
    table = read_table(_beside(recording.path, "events"))
    events = []
    for line, row in enumerate(() if table is None else table.rows, start=2):
        assert table is not None
        onset, label = _number(table.path, line, row, "onset"), _cell(row, column)
        if label and math.isfinite(onset):
            duration = _number(table.path, line, row, "duration")
            events.append(Event(onset, duration if duration > 0 else 0.0, label))
    return tuple(events)


def events_of_table(recording: Recording) -> Marks | None:
    """Return what the table of events beside a recording says, None if there is none.

    Raises
    ------
    InputError
        If the table has no column "onset", or a cell that should be a number is none.
    """
    table = read_table(_beside(recording.path, "events"))
    if table is None:
        return None
    name = table.path.name
    if "onset" not in table.columns:
        raise InputError(
            f'{table.path} has no column "onset" (found: {", ".join(table.columns)}); a table of '
            "events has the columns onset, duration and trial_type, separated by tabs."
        )
    notes = list(table.notes)
    if not {"trial_type", "value"} & set(table.columns):
        notes.append(f'{name} has no column "trial_type" or "value": each event is named "event".')
    events, without_time = [], 0
    for line, row in enumerate(table.rows, start=2):
        onset = _number(table.path, line, row, "onset")
        if not math.isfinite(onset):
            without_time += 1
            continue
        duration = _number(table.path, line, row, "duration")
        label = _cell(row, "trial_type") or _whole(_cell(row, "value")) or "event"
        events.append(Event(onset, max(duration, 0.0) if math.isfinite(duration) else 0.0, label))
    if without_time:
        notes.append(f"Events of {name} without an onset were left out: {without_time}.")
    return marks_of_events(events, recording.path, recording.rate, [name], notes)


def channel_types(path: Path) -> dict[str, str]:
    """Return the type of each channel by its name, as the table beside a file says them.

    Empty without a table, and for one that cannot be read, which `with_tables` says.
    """
    try:
        table = read_table(_beside(path, "channels"))
    except InputError:
        return {}
    rows: Iterable[dict[str, str]] = () if table is None else table.rows
    return {_cell(row, "name"): _cell(row, "type").upper() for row in rows}


def read_table(path: Path) -> SidecarTable | None:
    """Read a table, None if there is none or it is empty.

    Quotation marks around a whole cell are taken away; others belong to the text.

    Raises
    ------
    InputError
        If it is there and cannot be read.
    """
    try:
        content = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        raise InputError(f"{path} cannot be read: {one_line(error.strerror or error)}.") from error
    text, notes = _decoded(content, path.name)
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]
    if not lines:
        return None
    columns = tuple(cell.strip().casefold() for cell in _cells(lines[0]))
    rows = tuple(dict(zip(columns, _cells(line), strict=False)) for line in lines[1:])
    return SidecarTable(path, rows, columns, notes)


def _decoded(content: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), (f"{name} is in UTF-16 and not in UTF-8.",)
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return content.decode("latin-1"), (f"{name} is not in UTF-8 and was read as Latin-1.",)


def _cells(line: str) -> list[str]:
    return [
        cell[1:-1].replace('""', '"') if re.fullmatch(r'".*"', cell) and len(cell) > 1 else cell
        for cell in map(str.strip, line.split("\t"))
    ]


def _beside(path: Path, kind: str) -> Path:
    base = path.name.removesuffix(path.suffix).removesuffix("_eeg")
    return path.with_name(f"{base}_{kind}.tsv")


def _bad_channels(recording: Recording) -> tuple[str, ...]:
    table = read_table(_beside(recording.path, "channels"))
    rows: Iterable[dict[str, str]] = () if table is None else table.rows
    bad = {_cell(row, "name") for row in rows if _cell(row, "status").casefold() == "bad"}
    bad.update(recording.bad_channels)
    sites = set(map(electrode, bad))  # tables and files write one electrode in several ways
    return tuple(
        label
        for label in recording.labels
        if numbered_name(label) in bad or electrode(label) in sites
    )


def _by_onset(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(sorted(spans, key=lambda span: (span.onset, span.reason)))


def _cell(row: dict[str, str], column: str) -> str:
    text = row.get(column, "")
    return "" if text.casefold() in _NOTHING else text


def _whole(text: str) -> str:
    """Return a code as a whole number, which some programs write as 1.0."""
    return text.partition(".")[0] if re.fullmatch(r"[+-]?\d+\.0*", text) else text


def _number(path: Path, line: int, row: dict[str, str], column: str) -> float:
    """Return a number, NaN if there is none."""
    text = _cell(row, column)
    try:
        return float(text) if text else math.nan
    except ValueError:
        raise InputError(
            f'{path} has "{text}" in the column "{column}" of line {line}, where a number of '
            "seconds such as 12.5 was expected; correct it there."
        ) from None

"""Text of amplifiers that number their channels: OpenBCI GUI, BrainFlow and Enobio.

Sources: headers that the OpenBCI GUI writes (versions 3 to 6); the columns of each board in
BrainFlow's ``brainflow_boards.cpp`` (version 5); Neuroelectrics' description of ``.easy`` files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import InputError
from core.recordings.text_table import Table, Text, read_lines, table_of
from core.recordings.text_timing import DEVICES, Columns, in_seconds

_OPENBCI = "%OpenBCI Raw E"  # EEG until version 5, then EXG
_CHANNELS = re.compile(r"channels\s*=\s*(\d+)", re.IGNORECASE)
_RATE = re.compile(r"sample rate\s*=\s*([\d.]+)", re.IGNORECASE)
_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
_DAY = 86400.0  # s
_CHANNELS_OF_RATE = {rate: channels for channels, rate in DEVICES.items()}
_COMMA_DECIMALS = re.compile(r"\d+, -?\d+,\d+, ")
_ENOBIO_LABEL = re.compile(r"^\s*Channel (\d+)\s*:\s*(\S+)", re.MULTILINE)
_ENOBIO_RATE = re.compile(r"EEG sampling rate\s*:\s*([\d.]+)")


@dataclass(frozen=True)
class _Board:
    """Where a board has its columns."""

    name: str
    eeg: range
    counter: int
    stamp: int
    marker: int
    labels: tuple[str, ...] = ()
    rates: tuple[float, float] = (0.0, np.inf)  # Hz, which other boards of that width have not


_BOARDS: dict[int, tuple[_Board, ...]] = {
    8: (
        _Board("Muse", range(1, 5), 0, 6, 7, ("TP9", "AF7", "AF8", "TP10"), (253.0, 260.0)),
        _Board("BrainBit", range(1, 5), 0, 6, 7, ("T3", "T4", "O1", "O2"), (247.0, 253.0)),
    ),
    15: (_Board("Ganglion", range(1, 5), 0, 13, 14),),
    19: (_Board("Unicorn", range(8), 15, 17, 18, tuple("Fz C3 Cz C4 Pz PO7 Oz PO8".split())),),
    24: (_Board("Cyton", range(1, 9), 0, 22, 23),),
    25: (_Board("Ganglion with WiFi", range(1, 5), 0, 23, 24),),
    32: (_Board("Cyton with Daisy, or synthetic", range(1, 17), 0, 30, 31),),
    35: (_Board("FreeEEG32", range(1, 33), 0, 33, 34),),
}


def is_openbci(text: Text) -> bool:
    """Return whether the OpenBCI GUI wrote a text."""
    return any(line.startswith(_OPENBCI) for line in text.comments)


def read_openbci(text: Text, unit: str | None) -> Columns:
    """Read what the OpenBCI GUI wrote, in µV.

    Raises
    ------
    InputError
        If it has no rows or too few columns.
    """
    header = "\n".join(text.comments)
    match = _RATE.search(header)
    rate = float(match[1]) if match else None
    # Where a comma divides a number from its decimals, a space follows every other comma.
    if any(map(_COMMA_DECIMALS.match, text.lines[:2])):
        text = replace(text, lines=[line.replace(", ", "\t") for line in text.lines])
    table = table_of(text)
    if len(table.names) != table.width:  # where commas do both, the later columns cannot be told
        table = replace(table, names=())
    named = [i for i, name in enumerate(table.names) if name.startswith(("EXG Ch", "EEG Ch"))]
    count = _CHANNELS.search(header)
    channels = int(count[1]) if count else _CHANNELS_OF_RATE.get(rate or 0.0, 8)
    eeg = named or list(range(1, channels + 1))
    if not 0 < len(eeg) < table.width - 1 or eeg[-1] >= table.width:
        raise InputError(
            f"{text.path} announces {channels} channels, but its rows have {table.width} columns."
        )
    columns = Columns(
        path=text.path,
        samples_uv=table.numbers(eeg),
        labels=tuple(f"Ch{i + 1}" for i in range(len(eeg))),
        stamps=_openbci_stamps(table, eeg[-1] + 1),
        rate=rate,
        counter=table.numbers([0])[:, 0],
        cuts=table.cuts,
        markers={
            name: table.cells(i)
            for i, name in enumerate(table.names)
            if name.startswith("Marker") or (name.startswith("Digital") and _binary(table, i))
        },
        notes=list(table.notes),
    )
    columns.notes += ["Accelerometers and auxiliary columns are left out.", _unnamed(columns)]
    return columns


def is_brainflow(text: Text) -> bool:
    """Return whether BrainFlow wrote a text: no names, and the time among the last columns."""
    table = _without_names(text)
    return table is not None and any(
        _calendar(table.numbers([place])[:, 0]) for place in range(table.width - 3, table.width)
    )


def read_brainflow(text: Text, unit: str | None) -> Columns:
    """Read what BrainFlow wrote, in µV: the columns are those of a board of that width.

    Raises
    ------
    InputError
        If no board, or more than one, has that number of columns.
    """
    table = table_of(text)
    boards = [
        board
        for board in _BOARDS.get(table.width, ())
        if _calendar(stamps := table.numbers([board.stamp])[:, 0])
        and board.rates[0] <= (len(stamps) - 1) / max(float(np.ptp(stamps)), 1e-9) < board.rates[1]
    ]
    if len(boards) != 1:
        known = ", ".join(f"{b.name} {width}" for width, all_ in _BOARDS.items() for b in all_)
        raise InputError(
            f"{text.path} has {table.width} columns without names, as BrainFlow writes them, and "
            f"which of them are EEG cannot be known (boards that are known by their number of "
            f"columns: {known}). Write a first line with a name for each column into a copy of "
            "it, such as Time, C3 (uV), C4 (uV), Marker."
        )
    board = boards[0]
    counter, stamps = table.numbers([board.counter, board.stamp]).T
    columns = Columns(
        path=text.path,
        samples_uv=table.numbers(board.eeg),
        labels=board.labels or tuple(f"Ch{i + 1}" for i in range(len(board.eeg))),
        stamps=stamps,
        counter=counter,
        cuts=table.cuts,
        markers={"marker": table.cells(board.marker)},
        notes=[
            *table.notes,
            f"{table.width} columns without names: read as BrainFlow writes those of {board.name}.",
        ],
    )
    if not board.labels:
        columns.notes.append(_unnamed(columns))
    return columns


def is_enobio(text: Text) -> bool:
    """Return whether NIC wrote a text: whole numbers, at last the milliseconds since 1970."""
    table = _without_names(text)
    if table is None:
        return False
    last = table.numbers([table.width - 1])[:, 0]
    whole = all(re.fullmatch(r"[-\d\s]+", row) for row in table.rows)
    return whole and 1e12 <= float(np.median(last)) <= 5e12


def read_enobio(text: Text, unit: str | None) -> Columns:
    """Read a .easy file, in nV, with the .info file beside it where there is one.

    Raises
    ------
    InputError
        If its columns are not those of such a file.
    """
    table = table_of(text)
    path, info = text.path.with_suffix(".info"), ""
    if path.is_file():
        read = read_lines(path)
        info = "\n".join([*read.comments, *read.lines])
    # EEG, at times three accelerations, the trigger and the time.
    fits = [n for n in (8, 20, 32, 64) if table.width - n - 2 in (0, 3)]
    named = {int(number): label for number, label in _ENOBIO_LABEL.findall(info)}
    count = len(named) if table.width - len(named) - 2 in (0, 3) else next(iter(fits), 0)
    if not count:
        raise InputError(
            f"{text.path} has {table.width} columns; a .easy file has 8, 20, 32 or 64 of EEG, "
            "three accelerations or none, a trigger and the time."
        )
    rate = _ENOBIO_RATE.search(info)
    columns = Columns(
        path=text.path,
        samples_uv=table.numbers(range(count)) * 1e-3,
        labels=tuple(named.get(i + 1, f"Ch{i + 1}") for i in range(count)),
        stamps=table.numbers([table.width - 1])[:, 0] * 1e-3,
        rate=float(rate[1]) if rate else None,
        cuts=table.cuts,
        markers={"trigger": table.cells(table.width - 2)},
        notes=list(table.notes),
        files=(path,) if info else (),
    )
    if not named:
        columns.notes.append(f"{_unnamed(columns)} Their names would be in {path.name} beside it.")
    return columns


def _without_names(text: Text) -> Table | None:
    """Return the beginning of a text of at least four columns; None if they have names."""
    if text.comments or not text.lines:
        return None
    try:
        table = table_of(Text(text.path, text.comments, text.lines[:20], True))
    except InputError:
        return None
    return None if table.names or table.width < 4 else table


def _calendar(stamps: np.ndarray) -> bool:
    """Return whether numbers are seconds since 1970, rising."""
    if not len(stamps) or not np.isfinite(stamps).all():
        return False
    return bool(1e9 <= stamps.min() <= stamps.max() <= 5e9 and stamps[-1] >= stamps[0])


def _openbci_stamps(table: Table, first: int) -> np.ndarray | None:
    """Return the column of times: the named one, else that of the calendar, else the clock's."""
    places: Sequence[int] = [i for i, name in enumerate(table.names) if name == "Timestamp"]
    for place in places or range(table.width - 1, first - 1, -1):
        stamps = table.numbers([place])[:, 0]
        if places or float(np.nan_to_num(stamps).min()) >= 1e9:
            return in_seconds(stamps)
    cells = [_CLOCK.search(cell) for cell in table.cells(table.width - 1)]
    if not all(cells):
        return None
    clock = np.array([float(c[1]) * 3600 + float(c[2]) * 60 + float(c[3]) for c in cells if c])
    return clock + _DAY * np.cumsum(np.r_[0, np.diff(clock) < -_DAY / 2])


def _binary(table: Table, column: int) -> bool:
    """Return whether a column is an input that something is wired to: it says 0, and 1."""
    return set(np.unique(table.numbers([column]))) == {0.0, 1.0}


def _unnamed(columns: Columns) -> str:
    count = len(columns.labels)
    return (
        f"The file does not name the electrodes of its {count} channels: say them with --channels."
    )

"""Text whose columns have names: muse-lsl, openbci csv, Mind Monitor, and others like them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import datetime
from itertools import chain

import numpy as np

from core.electrodes import electrode, is_site
from core.errors import InputError
from core.recordings.text_table import Table, Text, delimiter_of, table_of
from core.recordings.text_timing import DEVICES, Columns, in_seconds
from core.recordings.triggers import is_trigger_name
from core.units import factor, volts_per

_TIMES = ("time", "times", "timestamp", "timestamps", "t", "lsl_timestamp", "unix_timestamp")
_UNIT = re.compile(r"^(?P<name>.*?)\s*[(\[](?P<unit>[^)\]]*)[)\]]$")
_NUMBERED = re.compile(
    r"(?:(?:EEG|EXG|OpenBCI)[ _.-]*)?(?:EEG|EXG|CH|CHANNEL|CHAN)[ _.-]*\d+", re.I
)
# Beside the 10-05 system: ears, mastoids, temples, and numbers of a cap's groups.
_BESIDE_THE_SYSTEM = re.compile(r"(?:FP|AF|F|FT|FC|T|C|TP|CP|P|PO|O|I|A|M|N)(?:Z|\d{1,2}H?)")
_MARKER = re.compile(r"marker|label|event|stim|trigger|direction|class|annotation|cue|target", re.I)
_MUSE = ("TP9", "AF7", "AF8", "TP10")
_RAW = "RAW_"  # the samples in what Mind Monitor writes; other columns are bands


def is_named(text: Text) -> bool:
    """Return whether a table has a column of times and some of electrodes."""
    names = text.lines[0].split(delimiter_of(text.lines[0])) if text.lines else []
    names = [name.strip().strip('"').strip() for name in names]
    return any(map(_is_time, names)) and any(map(_is_channel, names))


def read_named(text: Text, unit: str | None) -> Columns:
    """Read a table by the names of its columns.

    The unit is that of the column's name such as ``C3 (uV)``; muse-lsl and openbci csv are in µV.

    Raises
    ------
    InputError
        If the unit is neither said nor known, or columns have no names.
    """
    table = _all_named(table_of(text), text)
    names = [_bare(name) for name in table.names]
    time = next(i for i, name in enumerate(table.names) if _is_time(name))
    eeg = [i for i, name in enumerate(table.names) if i != time and _is_channel(name)]
    others = [i for i in range(table.width) if i not in (time, *eeg) and names[i]]
    marked = [
        i
        for i in others
        if _MARKER.search(names[i]) or is_trigger_name(names[i]) or _words(table, i)
    ]
    factors = _factors([table.names[i] for i in eeg], text, unit)
    labels = tuple(re.sub(r"^EEG[ _.-]+(?=\D)", "", names[i]) for i in eeg)
    numbered = all(map(_NUMBERED.fullmatch, labels))
    numbers = table.numbers([time])[:, 0]
    unit_of_time = match["unit"].lower() if (match := _UNIT.match(table.names[time])) else None
    columns = Columns(
        path=text.path,
        samples_uv=table.numbers(eeg) * factors,
        labels=labels,
        stamps=(
            _dates(table.cells(time), text)
            if np.isnan(numbers).all()
            else in_seconds(numbers, unit_of_time)
        ),
        rate=DEVICES.get(len(eeg)) if numbered else None,
        cuts=table.cuts,
        markers={
            names[i] if names.count(names[i]) == 1 else f"{names[i]} {i + 1}": table.cells(i)
            for i in marked
        },
        notes=list(table.notes),
    )
    usual = Counter(factors.tolist()).most_common(1)[0][0]
    if odd := [names[i] for i, scale in zip(eeg, factors, strict=True) if scale != usual]:
        columns.notes.append(
            f"In another unit than the other channels, and converted: {', '.join(odd[:8])}."
        )
    if left := [names[i] for i in others if i not in marked]:
        columns.notes.append(f"Columns that are no EEG are left out: {', '.join(left[:8])}.")
    if numbered:
        columns.notes.append(
            f"The file does not name the electrodes of its {len(labels)} channels: say them with "
            "--channels."
        )
    return columns


def is_mind_monitor(text: Text) -> bool:
    """Return whether Mind Monitor wrote a text."""
    return bool(text.lines) and all(f"{_RAW}{site}" in text.lines[0] for site in _MUSE)


def read_mind_monitor(text: Text, unit: str | None) -> Columns:
    """Read what Mind Monitor wrote, in µV: its samples are the columns that begin with RAW.

    Rows without samples say what happened: a marker, a blink, a clenched jaw.

    Raises
    ------
    InputError
        If it has no samples.
    """
    delimiter = delimiter_of(text.lines[0])
    names = [name.strip() for name in text.lines[0].split(delimiter)]
    eeg = [i for i, name in enumerate(names) if name.startswith(_RAW)]
    elements = names.index("Elements") if "Elements" in names else len(names)
    rows, words, events, cuts = [], [], "", []
    for line in text.lines[1:]:
        cells = [cell.strip() for cell in line.split(delimiter)]
        word = cells[elements] if elements < len(cells) else ""
        if len(cells) > eeg[-1] and cells[eeg[0]] and line != text.lines[0]:
            rows.append([cells[0], *(cells[i].replace(",", ".") for i in eeg)])
            words.append(word or events)
            events = ""
        elif line == text.lines[0]:
            cuts.append(len(rows))
        else:
            events = word or events
    if not rows:
        raise InputError(f"{text.path} has no rows with the raw samples of a Muse.")
    table = Table((), ["\t".join(row) for row in rows], "\t", len(eeg) + 1, ())
    return Columns(
        path=text.path,
        samples_uv=table.numbers(range(1, len(eeg) + 1)),
        labels=tuple(names[i].removeprefix(_RAW) for i in eeg),
        stamps=_dates(table.cells(0), text),
        cuts=tuple(cuts),
        markers={"Elements": words},
        notes=["Bands, accelerometers and other columns of Mind Monitor are left out."],
    )


def _all_named(table: Table, text: Text) -> Table:
    """Return a table with a name for each column, where lines end with a separator or do not.

    Raises
    ------
    InputError
        If it cannot be known which column a name is of.
    """
    count = len(table.names)
    if count == table.width:
        return table
    beyond = (row.split(table.delimiter)[count:] for row in table.rows)
    if any(map(str.strip, chain.from_iterable(beyond))):
        raise InputError(
            f"{text.path} names {count} columns in its first line, and its rows have "
            f"{table.width}: write one name for each column."
        )
    return replace(table, names=(*table.names, *[""] * (table.width - count)))


def _bare(name: str) -> str:
    return match["name"] if (match := _UNIT.match(name)) else name


def _is_time(name: str) -> bool:
    return _bare(name).lower().replace(" ", "") in _TIMES


def _is_channel(name: str) -> bool:
    bare = _bare(name)
    site = electrode(bare.upper().removeprefix("EEG.")).split("-")[0]
    return is_site(site) or bool(_NUMBERED.fullmatch(bare) or _BESIDE_THE_SYSTEM.fullmatch(site))


def _factors(names: list[str], text: Text, unit: str | None) -> np.ndarray:
    """Return how many µV one of each column's numbers is."""
    bare = [_bare(name) for name in names]
    known = set(_MUSE) <= set(bare) or all(map(_NUMBERED.fullmatch, bare))
    units = [match["unit"] if (match := _UNIT.match(name)) else "" for name in names]
    units = [given or unit or ("uV" if known else "") for given in units]
    if odd := [name for name, given in zip(names, units, strict=True) if volts_per(given) is None]:
        raise InputError(
            f"{text.path} does not say the unit of {', '.join(odd[:4])}. Say what it is with "
            "--unit."
        )
    return np.array([factor(given, "uV") for given in units])


def _words(table: Table, column: int) -> bool:
    """Return whether a column says anything but numbers."""
    return any(re.search("[A-Za-z]{2}", row.split(table.delimiter)[column]) for row in table.rows)


def _dates(cells: list[str], text: Text) -> np.ndarray:
    """Return dates or times of the day in seconds.

    Raises
    ------
    InputError
        If they are neither.
    """
    try:
        first = datetime.fromisoformat(cells[0])
        return np.array([(datetime.fromisoformat(cell) - first).total_seconds() for cell in cells])
    except (ValueError, TypeError) as error:
        raise InputError(
            f'{text.path} has times such as "{cells[0][:40]}", which are neither numbers nor dates '
            "such as 2026-11-21 10:00:00.250."
        ) from error

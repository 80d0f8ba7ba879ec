"""What a crash can leave in the files of a run, and how each of it is mended.

Only runs that this program recorded and could not close are looked at: the length of the recording
in ``eeg.json`` is the last thing written, and whatever is changed after it is changed by a person.
No sample is ever dropped.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.recording import sidecars
from calibration.recording.bids import BidsRun
from calibration.recording.brainvision import (
    SEGMENT,
    BrainVisionMarker,
    first_segment,
    header,
    markers_file,
    read_markers,
    write_all,
)
from calibration.recording.events import (
    EventRow,
    events_tsv,
    in_order,
    is_events_table,
    read_events,
)
from core.errors import one_line
from core.machine.files import linked, open_regular, read_regular, write_whole
from core.strict_json import load_object
from core.tensor_file import number, text, texts

_ENDINGS = "channels.tsv eeg.json events.json events.tsv eeg.vmrk eeg.eeg eeg.vhdr".split()
_TORN_MARKER = re.compile(rb"^;k\d+=.*\n?|[^\n]+\Z", re.MULTILINE)
_RATES = (1e-3, 1e6)  # Hz
_LONGEST = 1e9  # s


class LinkedError(ValueError):
    """Something would have to be mended that may belong to another data set."""


@dataclass(frozen=True)
class Defect:
    """Something a crash left.

    Attributes
    ----------
    path : Path
        The file.
    text : str
        What is wrong with it, to be read after its name.
    mended : str
        What mending it did, to be read after its name.
    mend : callable
        Mends it.
    """

    path: Path
    text: str
    mended: str
    mend: Callable[[], None]


@dataclass(frozen=True)
class RecordedStream:
    """What ``stamps.json``, which the recorder wrote for itself, says of the stream.

    Attributes
    ----------
    started : str
        UTC time of the first sample.
    rate : float
        In Hz.
    labels, units : list of str
    """

    started: str
    rate: float
    labels: list[str]
    units: list[str]

    @property
    def frame(self) -> int:
        """Bytes of one sample of all channels."""
        return 4 * len(self.labels)


def recorded_stream(run: BidsRun) -> RecordedStream:
    """Read ``stamps.json``.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is not as the recorder wrote it.
    """
    path = run.source("stamps.json")
    metadata = _object(path)
    try:
        stream = metadata["Stream"]
        labels = texts(stream["ChannelLabels"])
        units = [text(unit) for _, unit in zip(labels, stream["ChannelUnits"], strict=True)]
        rate = number(stream["NominalRate"], *_RATES)
        return RecordedStream(text(metadata["FirstSampleArrived"]), rate, list(labels), units)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} does not describe a stream") from error


def recorded_length(run: BidsRun) -> float | None:
    """Return the length in seconds that ``eeg.json`` says; None if the run was never closed.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is not as BIDS wants it.
    """
    path = run.file("eeg.json")
    metadata = _object(path) if os.path.lexists(path) else {}
    length = metadata.get("RecordingDuration")
    try:
        return None if length is None else number(length, 0.0, _LONGEST)
    except ValueError as error:
        raise ValueError(f"{path.name} has no length in its RecordingDuration") from error


def faults(run: BidsRun) -> Iterator[Defect]:
    """Yield what a crash left of a run that nobody is writing.

    Whoever mends does so before asking for the next one: each is judged by what is there then.

    Raises
    ------
    OSError, ValueError
        If a file that says what the recording is has been removed or changed, or a file that
        would have to be mended is a link, and so may be one of another data set.
    """
    if recorded_length(run) is not None:
        return
    ours = (run.source("stamps.f64"), run.source("stamps.json"), *_files(run))
    for path in (run.folder, run.source_folder, *ours):
        if (why := linked(run.root, path)) and not _is_just_placed(path):
            raise LinkedError(
                f"{path.name} {why}, as in a DataLad or git-annex data set; nothing is written "
                "through links. Unlock its files, or mend the data set that they belong to"
            )
    yield from _leftovers(run)
    if not any(path.exists() for path in _files(run)):
        return  # no sample came, or everything was taken away
    # What the recorder wrote for itself: people edit sidecars, and samples are cut by this.
    stream = recorded_stream(run)
    started, rate, frame = stream.started, stream.rate, stream.frame
    data, head = run.file("eeg.eeg"), run.file("eeg.vhdr")
    if not head.exists() and not (data.exists() and data.stat().st_size >= frame):
        yield from _empty(run)
        return
    yield from _torn_samples(data, frame)
    samples = data.stat().st_size // frame
    yield from _stamps(run.source("stamps.f64"), samples)
    yield from _events(run, samples, rate, started)
    if not head.exists():
        content = header(f"{run.name}_eeg", stream.labels, stream.units, rate)
        yield Defect(head, "is missing", "was missing; wrote it", lambda: _replace(head, content))
    for row, entry in (
        (sidecars.participant(run), f"sub-{run.subject}"),
        (sidecars.scan(run, started), run.name),
    ):
        if row.obstacle() is None and row.missing():
            yield Defect(row.path, f"does not name {entry}", f"now names {entry}", row.add)
    yield from _length(run.file("eeg.json"), samples / rate)


def _files(run: BidsRun) -> list[Path]:
    """Return the files of a recording, the header last, in the order in which they are begun."""
    return [run.file(ending) for ending in _ENDINGS]


def _leftovers(run: BidsRun) -> Iterator[Defect]:
    """Find files that were being written when the crash came, and never got their name."""
    for folder in (run.folder, run.source_folder):
        for path in sorted(folder.glob(f".{run.name}[_.]*part")):
            yield Defect(path, "was never finished", "was never finished; removed it", path.unlink)


def _is_just_placed(path: Path) -> bool:
    """Whether a file's other name is that of the unfinished file that it was written as."""
    return any(
        part.samefile(path) for part in path.parent.glob(f".{path.name}.*part") if part.is_file()
    )


def _empty(run: BidsRun) -> Iterator[Defect]:
    """Find what was written around a first sample that never came."""
    for path in _files(run):
        if path.exists():
            yield Defect(
                path,
                "belongs to a run that ended before its first sample",
                "belonged to a run that ended before its first sample; removed it",
                path.unlink,
            )


def _torn_samples(path: Path, frame: int) -> Iterator[Defect]:
    size = path.stat().st_size
    if torn := size % frame:
        yield Defect(
            path,
            "ends in half a sample",
            f"ended in half a sample; cut {torn} bytes",
            lambda: _cut(path, size - torn),
        )


def _stamps(path: Path, samples: int) -> Iterator[Defect]:
    size = path.stat().st_size
    if size > 8 * samples:
        yield Defect(
            path,
            "has stamps of samples that were not written",
            f"had stamps of samples that were not written; cut {size - 8 * samples} bytes",
            lambda: _cut(path, 8 * samples),
        )
    elif size < 8 * samples:
        whole = size // 8

        def fill() -> None:
            with open_regular(path, write=True, follow=False) as file:
                file.seek(8 * whole)
                write_all(file, np.full(samples - whole, np.nan, "<f8").tobytes())

        # Only a machine that lost power can leave this: stamps are written before samples.
        lost = f"{samples - whole} stamps"
        yield Defect(path, f"lacks {lost}", f"lacked {lost}; they are NaN now", fill)


def _events(run: BidsRun, samples: int, rate: float, started: str) -> Iterator[Defect]:
    """Find torn lines, places past the data, and events that only one of two files has."""
    table_path, marker_path = run.file("events.tsv"), run.file("eeg.vmrk")
    table, marked = _content(table_path), _content(marker_path)
    if not is_events_table(table):
        return  # changed by someone who knows better
    rows, markers = read_events(table), read_markers(marked)
    start = first_segment(started)
    kept_rows = [row for row in rows if row.sample < samples]
    kept_markers = [marker for marker in markers if marker.sample < samples]

    marked_rows = [row.marker(rate) for row in kept_rows]
    events = [marker for marker in kept_markers if _key(marker) != _key(start)]
    only_marked = [EventRow.of_marker(m, rate) for m in _beyond(events, marked_rows)]
    unmarked = _beyond([start, *marked_rows], kept_markers)

    wanted = in_order([*kept_rows, *only_marked])
    torn = not table.endswith(b"\n")
    past = len(rows) - len(kept_rows)
    if words := _mended(table_path, torn, past, len(only_marked), wanted != kept_rows):
        content = events_tsv(wanted, rate)
        yield Defect(table_path, *words, lambda: _replace(table_path, content))
    torn = _TORN_MARKER.search(marked) is not None
    past = len(markers) - len(kept_markers)
    if words := _mended(marker_path, torn, past, len(unmarked), False):
        complete = markers_file(f"{run.name}_eeg", _by_sample([*kept_markers, *unmarked]))
        yield Defect(marker_path, *words, lambda: _replace(marker_path, complete))


def _content(path: Path) -> bytes:
    return read_regular(path, sidecars.LARGEST) if path.exists() else b""


def _object(path: Path) -> dict[str, Any]:
    content = read_regular(path, sidecars.LARGEST)
    try:
        return load_object(content)
    except ValueError as error:
        raise ValueError(f"{path.name} is damaged ({one_line(error, 100)})") from error


def _cut(path: Path, size: int) -> None:
    with open_regular(path, write=True, follow=False) as file:
        file.truncate(size)


def _mended(
    path: Path, torn: bool, past: int, missing: int, unordered: bool
) -> tuple[str, str] | None:
    """Return what is wrong with a list of events, and what was done about it."""
    there = bool(_content(path).strip())
    cases = [
        (not there, "is missing", "wrote it"),
        (there and torn, "ends in half a line", "cut half a line"),
        (past, f"has {past} events past the end", f"removed {past} events past the end"),
        (missing, f"lacks {missing} events", f"added {missing} events"),
        (unordered and not missing, "is not in order", "put it in order"),
    ]
    wrong = [(text, done) for here, text, done in cases if here]
    if not wrong:
        return None
    return " and ".join(text for text, _ in wrong), " and ".join(done for _, done in wrong)


def _key(marker: BrainVisionMarker) -> tuple[str, str, int]:
    return marker.kind, "" if marker.kind == SEGMENT else marker.name, marker.sample


def _beyond(
    these: list[BrainVisionMarker], those: list[BrainVisionMarker]
) -> list[BrainVisionMarker]:
    """Return those of the first that have no counterpart among the second."""
    left = Counter(map(_key, those))
    left.subtract(map(_key, these))
    beyond: list[BrainVisionMarker] = []
    for marker in reversed(these):
        if left[_key(marker)] < 0:
            left[_key(marker)] += 1
            beyond.insert(0, marker)
    return beyond


def _by_sample(markers: list[BrainVisionMarker]) -> list[BrainVisionMarker]:
    return sorted(markers, key=lambda marker: (marker.sample, marker.kind != SEGMENT))


def _length(path: Path, seconds: float) -> Iterator[Defect]:
    content = sidecars.with_duration(read_regular(path, sidecars.LARGEST), seconds)
    yield Defect(
        path,
        "does not say how long the recording is",
        f"now says that the recording is {seconds:g} s long",
        lambda: _replace(path, content),
    )


def _replace(path: Path, content: bytes) -> None:
    write_whole(path, content, overwrite=True)

"""BrainVision's three files: a header, plain numbers, and markers.

After "BrainVision Core Data Format 1.0" (Brain Products). The data file is nothing but float32,
sample after sample, so a recording that grows is whole at every moment. Readers such as MNE pass
over half a sample at its end, but not over half a marker; see `MarkerFile`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from core.machine.files import new_file
from core.stream.description import plain_text
from core.units import volts_per

SEGMENT = "New Segment"
STIMULUS = "Stimulus"

_MARKER = re.compile(
    rb"Mk\d+=(?P<kind>[^,\r\n]*),(?P<name>[^,\r\n]*),(?P<place>\d{1,15}),(?P<size>\d{1,15}),\d+"
    rb"(?:,(?P<date>\d*))?\r?\n"
)


@dataclass(frozen=True)
class BrainVisionMarker:
    """A place in the data.

    Attributes
    ----------
    kind : str
        `STIMULUS`, or `SEGMENT` where samples do not follow on those before.
    name : str
        What happened; empty for a segment.
    sample : int
        Counted from 0.
    size : int
        Samples it lasts, at least 1.
    date : str
        ``YYYYMMDDhhmmssuuuuuu`` in UTC, of a segment whose start is known; else empty.
    """

    kind: str
    name: str
    sample: int
    size: int = 1
    date: str = ""

    def line(self, number: int) -> bytes:
        """Return it as the n-th line of a marker file."""
        name = plain_name(self.name) if self.name else ""
        date = f",{self.date}" if self.date else ""
        return f"Mk{number}={self.kind},{name},{self.sample + 1},{self.size},0{date}\n".encode()


def first_segment(started: str) -> BrainVisionMarker:
    """Return the marker that every file begins with; it keeps the time of the first sample.

    Parameters
    ----------
    started : str
        UTC, ISO 8601 with microseconds.
    """
    return BrainVisionMarker(SEGMENT, "", 0, date="".join(filter(str.isdigit, started)))


def plain_name(name: str) -> str:
    r"""Return a name of an event as it can stand in all files.

    Readers guess the encoding of markers, and a comma ends a field: neither survives.
    """
    return re.sub(r"[^ -+\--~]", "_", name).strip() or "_"


def plain_label(label: str) -> str:
    """Return the name of a channel as it can stand in all files, and be read from them again."""
    # Whatever follows on the word, readers take for remarks.
    return re.sub(r"\[(?=comment)", "(", plain_text(label), flags=re.IGNORECASE) or "unnamed"


def header(name: str, labels: Sequence[str], units: Sequence[str], rate: float) -> bytes:
    """Return the content of the header file.

    Parameters
    ----------
    name : str
        Of the data and marker files, without suffix.
    labels : sequence of str
        Of the channels.
    units : sequence of str
        Of the stream's channels; voltages are written in µV.
    rate : float
        In Hz.
    """
    channels = "".join(
        f"Ch{index}={label.replace(',', chr(92) + '1')},,1,{file_unit(unit)}\n"
        for index, (label, unit) in enumerate(zip(labels, units, strict=True), 1)
    )
    return (
        "Brain Vision Data Exchange Header File Version 1.0\n"
        "\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={name}.eeg\nMarkerFile={name}.vmrk\n"
        "DataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels={len(labels)}\nSamplingInterval={1e6 / rate!r}\n"
        "\n[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n"
        f"\n[Channel Infos]\n{channels}"
    ).encode()


def file_unit(unit: str) -> str:
    """Return the unit in which a channel of a stream is written: µV for every voltage."""
    if volts_per(unit) is not None:
        return "µV"
    return plain_text(unit).replace(",", " ") or "n/a"  # a comma ends a field


def markers_head(name: str) -> bytes:
    """Return what a marker file begins with."""
    return (
        "Brain Vision Data Exchange Marker File Version 1.0\n"
        f"\n[Common Infos]\nCodepage=UTF-8\nDataFile={name}.eeg\n"
        "\n[Marker Infos]\n"
    ).encode()


def markers_file(name: str, markers: Sequence[BrainVisionMarker]) -> bytes:
    """Return the content of a whole marker file."""
    lines = (marker.line(number) for number, marker in enumerate(markers, 1))
    return markers_head(name) + b"".join(lines)


def read_markers(content: bytes) -> list[BrainVisionMarker]:
    """Return the complete markers of a file that may end in half a line."""
    matches = re.finditer(rb"^" + _MARKER.pattern, content, re.MULTILINE)
    return [
        BrainVisionMarker(
            kind=match["kind"].decode("ascii", "replace"),
            name=match["name"].decode("ascii", "replace"),
            sample=int(match["place"]) - 1,
            size=int(match["size"]),
            date=(match["date"] or b"").decode(),
        )
        for match in matches
    ]


class MarkerFile:
    """A marker file that grows and never ends in half a marker.

    MNE refuses a file in which a marker is torn. So a line is first written as a comment, which
    begins with a semicolon, and one byte then turns it into a marker: a process killed at any
    moment leaves a marker, or a comment that readers pass over.

    Parameters
    ----------
    path : Path
        A file that must not exist.
    name : str
        Of the data file, without suffix.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self._count = 0
        self.file = new_file(path)
        write_all(self.file, markers_head(name))

    def add(self, marker: BrainVisionMarker) -> None:
        """Append a marker."""
        line = marker.line(self._count + 1)
        start = self.file.seek(0, os.SEEK_END)
        write_all(self.file, b";" + line[1:])
        self.file.seek(start)
        write_all(self.file, line[:1])
        self._count += 1


def write_all(file: FileIO, content: bytes | memoryview) -> None:
    """Write everything to an unbuffered file; the system may take a part at a time.

    Raises
    ------
    OSError
        If it takes no more, as on a full disk.
    """
    rest = memoryview(content).cast("B")
    while len(rest):
        rest = rest[file.write(rest) :]

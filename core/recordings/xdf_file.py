"""What an XDF file holds: its streams with raw and with synchronised stamps, damage left out."""

from __future__ import annotations

import gzip
import io
import logging
import struct
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.errors import InputError, one_line
from core.recordings.tal import plain_text

_MAGIC = b"XDF:"
_BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
_SET_ANEW = 0.5  # s by which a sender's clock jumps when it is set
_LATEST = 1e19  # more than the nanoseconds since 1970
_SAMPLES, _TAGS = 3, range(1, 7)
_PACKED = (".xdfz", ".xdf.gz")


@dataclass(frozen=True)
class XdfStream:
    """One stream of a file.

    Attributes
    ----------
    header : dict
        The stream's XML header, as pyxdf gives it.
    values : ndarray of shape (samples, channels), or list of lists of str
    stamps : ndarray of float64, shape (samples,)
        In seconds of the clock of the machine that recorded: comparable between streams.
    raw_stamps : ndarray of float64, shape (samples,)
        As the sender gave them.
    """

    header: dict[str, Any]
    values: np.ndarray | list[list[str]]
    stamps: np.ndarray
    raw_stamps: np.ndarray

    def text(self, key: str) -> str:
        """Return an entry of the header; empty where there is none."""
        value = self.header.get(key)
        return str(value[0] or "").strip() if value else ""

    @property
    def name(self) -> str:
        """Its name."""
        return self.text("name")

    @property
    def type(self) -> str:
        """Its kind of content, such as EEG."""
        return self.text("type")

    @property
    def rate(self) -> float:
        """Nominal rate in Hz; 0 for a stream without one."""
        try:
            rate = float(self.text("nominal_srate") or 0.0)
        except ValueError:
            return 0.0
        return rate if 0.0 < rate < np.inf else 0.0

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return isinstance(self.values, np.ndarray)

    @property
    def channels(self) -> list[dict[str, str]]:
        """What the description says of each channel; empty where it says nothing."""
        count = int(self.text("channel_count") or 1)
        try:
            described = self.header["desc"][0]["channels"][0]["channel"]
        except (TypeError, KeyError, IndexError):
            described = []
        descriptions = [
            {key: str(value[0] or "").strip() for key, value in channel.items() if value}
            if isinstance(channel, dict)
            else {}
            for channel in described[:count]
        ]
        return descriptions + [{}] * (count - len(descriptions))

    def __str__(self) -> str:
        rate = f"{self.rate:g} Hz" if self.rate else "no regular rate"
        source = f', source_id "{self.text("source_id")}"' if self.text("source_id") else ""
        return (
            f'"{self.name}" (type "{self.type}"{source}, {len(self.channels)} channels, {rate}, '
            f"{len(self.stamps)} samples)"
        )


def is_xdf(path: Path) -> bool:
    """Return whether a file is an XDF file by its name, packed or not."""
    return path.name.lower().endswith((".xdf", *_PACKED))


def load_streams(path: Path) -> tuple[list[XdfStream], list[str]]:
    """Read the streams of an XDF file.

    Returns
    -------
    list of XdfStream
        In the file's order.
    list of str
        Sentences about damage, for a person.

    Raises
    ------
    InputError
        If nothing of it can be read.
    """
    import pyxdf

    raw_stamps: dict[int, list[np.ndarray]] = defaultdict(list)

    def keep(values: Any, stamps: np.ndarray, header: Any, stream_id: int) -> tuple[Any, ...]:
        raw_stamps[stream_id].append(stamps)
        return values, stamps, header

    try:
        whole, notes = _without_damage(path)
        with _Heard() as heard:
            loaded, _ = pyxdf.load_xdf(
                path if whole is None else io.BytesIO(whole),
                on_chunk=keep,
                dejitter_timestamps=False,  # smoothed stamps would hide what was lost
                clock_reset_threshold_seconds=_SET_ANEW,
                clock_reset_threshold_offset_seconds=_SET_ANEW,
            )
    except InputError:
        raise
    except Exception as error:  # a damaged file can raise anything in a reader
        raise InputError(
            f"{path} cannot be read as an XDF recording: {one_line(error)}. If it can be opened "
            "elsewhere, record or export it again."
        ) from error
    if heard.corrupted:
        notes.append(f"The file has damaged parts; {heard.corrupted} of them were left out.")
    if heard.unsynchronised:
        notes.append(
            "The file has clock offsets that cannot be used; events from other machines may lie at "
            "wrong times."
        )
    streams = []
    for stream in loaded:
        header, stamps = stream["info"], np.asarray(stream["time_stamps"], dtype=np.float64)
        if (resets := len(header.get("clock_segments", ())) - 1) > 0:
            notes.append(
                f'The clock of "{header["name"][0]}" was set anew {resets} times; '
                "events within 5 s of that may lie at wrong times."
            )
        own = raw_stamps.get(header.get("stream_id", -1))
        raw = np.concatenate(own)[: len(stamps)] if own else stamps
        values = stream["time_series"]
        if isinstance(values, list) and any("\ufffd" in text for row in values for text in row):
            values = _texts(path.read_bytes() if whole is None else whole, header, values)
        streams.append(XdfStream(header, values, _sensible(stamps), _sensible(raw)))
    return streams, notes


def _sensible(stamps: np.ndarray) -> np.ndarray:
    """Return stamps with NaN for those that no clock has."""
    return np.where(np.abs(stamps) < _LATEST, stamps, np.nan)


class _Heard(logging.Handler):
    """Keeps what pyxdf says of a file from the terminal, and counts the damage it met."""

    def __init__(self) -> None:
        super().__init__()
        self.corrupted = 0
        self.unsynchronised = False
        self._logger = logging.getLogger("pyxdf.pyxdf")

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().lower()
        self.corrupted += "corruption" in text
        self.unsynchronised |= "cannot be used for synchronization" in text

    def __enter__(self) -> _Heard:
        self._propagate, self._logger.propagate = self._logger.propagate, False
        self._logger.addHandler(self)
        self._quiet = warnings.catch_warnings()
        self._quiet.__enter__()
        warnings.simplefilter("ignore")
        return self

    def __exit__(self, *_: object) -> None:
        self._quiet.__exit__(None, None, None)
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagate


def _without_damage(path: Path) -> tuple[bytes | None, list[str]]:
    """Return the whole chunks of a file that is cut off or damaged between them.

    Source of the layout: the XDF specification 1.0 (sccn/xdf). A boundary chunk, which a recorder
    writes every few seconds, is where reading can go on after damage.

    Returns
    -------
    bytes, or None
        None for a file that can be read as it is.
    list of str

    Raises
    ------
    InputError
        If it is no XDF file.
    """
    packed = path.name.lower().endswith(_PACKED)
    content, notes = _unpacked(path) if packed else (b"", [])
    file: BinaryIO = io.BytesIO(content) if packed else path.open("rb")
    with file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if file.read(4) != _MAGIC:
            raise InputError(f'{path} is no XDF file: it does not begin with "XDF:".')
        whole, start = [], 4  # ranges of bytes, and where the present one begins
        while start < size:
            stop = _chunks_end(file, start, size)
            whole.append((start, stop))
            if stop == size:
                break
            start = _after_boundary(file, stop)
            if start < 0:
                notes.append(
                    f"The file is cut off or damaged at byte {stop} of {size}; it was read up "
                    "to there."
                )
                break
            notes.append(
                f"The file is damaged at byte {stop} of {size}; {start - stop} bytes were left out."
            )
        if whole == [(4, size)] and not packed:
            return None, notes
        parts = [_MAGIC]
        for begin, end in whole:
            file.seek(begin)
            parts.append(file.read(end - begin))
    return b"".join(parts), notes


def _unpacked(path: Path) -> tuple[bytes, list[str]]:
    """Return what can be unpacked of a gzip file."""
    parts = []
    try:
        with gzip.open(path) as file:
            while part := file.read1(1 << 16):
                parts.append(part)
    except (EOFError, OSError) as error:
        if not parts:
            raise
        return b"".join(parts), [f"The file is damaged: {one_line(error)}."]
    return b"".join(parts), []


def _chunks_end(file: BinaryIO, start: int, size: int) -> int:
    """Return where the last whole chunk ends of those that follow one another from `start`."""
    while start < size:
        file.seek(start)
        head = file.read(32)
        width = head[0]
        if width not in (1, 4, 8) or len(head) < 1 + width + 2:
            return start
        length = int.from_bytes(head[1 : 1 + width], "little")
        tag = int.from_bytes(head[1 + width : 3 + width], "little")
        stop = start + 1 + width + length
        if length < 2 or stop > size or tag not in _TAGS:
            return start
        if tag == _SAMPLES:
            wide = head[7 + width] if len(head) > 7 + width else 0
            count = int.from_bytes(head[8 + width : 8 + width + wide], "little")
            if wide not in (1, 4, 8) or count > length:
                return start
        start = stop
    return start


def _texts(content: bytes, header: dict[str, Any], values: list[list[str]]) -> list[list[str]]:
    """Return the rows of a stream of text that is no UTF-8, which pyxdf takes all text for.

    Text of older programs is Latin-1. Rows that cannot be distinguished stay as they are.
    """
    file, columns = io.BytesIO(content), int(header["channel_count"][0])
    rows: list[list[str]] = []
    end = _chunks_end(file, len(_MAGIC), len(content))
    file.seek(len(_MAGIC))
    try:
        while file.tell() < end:
            stop = _number(file) + file.tell()
            tag, stream_id = struct.unpack("<HI", file.read(6))
            if tag == _SAMPLES and stream_id == header["stream_id"]:
                for _ in range(_number(file)):
                    file.seek(8 * (file.read(1) != b"\0"), io.SEEK_CUR)
                    rows.append([plain_text(file.read(_number(file))) for _ in range(columns)])
            file.seek(stop)
    except (struct.error, IndexError):
        return values
    return rows if len(rows) == len(values) else values


def _number(file: BinaryIO) -> int:
    """Read a number of variable length."""
    return int.from_bytes(file.read(file.read(1)[0]), "little")


def _after_boundary(file: BinaryIO, start: int) -> int:
    """Return where the next boundary chunk ends, -1 if there is none."""
    overlap = b""
    file.seek(start)
    while block := file.read(1 << 20):
        place = (overlap + block).find(_BOUNDARY)
        if place >= 0:
            return file.tell() - len(overlap) - len(block) + place + len(_BOUNDARY)
        overlap = block[-len(_BOUNDARY) :]
    return -1

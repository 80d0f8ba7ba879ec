"""Headers of EDF, BDF and GDF files, read for what MNE does not say of them.

Sources: Kemp et al., 1992 (EDF); Kemp and Olivan, 2003 (EDF+); Schlögl, 2006 and 2013 (GDF 1.25 and
2.x); BioSemi's description of BDF.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError, one_line

_STARTS = {".edf": b"0", ".gdf": b"GDF", ".bdf": b"\xff"}
_GDF_VOLTS = {4256: "V", 4274: "mV", 4275: "uV", 4276: "nV"}  # ISO 11073-10101
_GDF_SILENT = (0, 512)  # nothing was said; no dimension
_GDF_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 8, 8: 8, 16: 4, 17: 8}  # of sample types
_GDF_LOWEST = {1: -(2**7), 2: 0, 3: -(2**15), 4: 0, 5: -(2**31), 6: 0, 7: -(2**63), 8: 0}


@dataclass(frozen=True)
class Channel:
    """What a header says of a channel that carries samples.

    Attributes
    ----------
    label, unit : str
        The unit is empty where the header says none.
    samples : int
        How many a record has.
    step : float
        Change of the value from one number to the next, in the unit; with the sign of a channel
        that is stored upside down.
    lowest : tuple of float
        Values, in the unit, of the lowest numbers: that of the header and that of the sample type.
        Empty for samples that are no whole numbers.
    """

    label: str
    unit: str
    samples: int
    step: float
    lowest: tuple[float, ...]


@dataclass(frozen=True)
class Lists:
    """Where the annotations of an EDF+ or BDF+ file lie, as bytes."""

    begin: int  # of the first record
    record: int  # of one record
    channels: tuple[tuple[int, int], ...]  # begin and end in a record, a channel of annotations


@dataclass(frozen=True)
class Header:
    """What a file says of itself before its samples.

    Attributes
    ----------
    channels : tuple of Channel
        Those with samples, in the order of the file.
    seconds : float
        Duration of a record.
    record : int
        Its length in bytes.
    lists : Lists or None
        None if the file has no annotations.
    end : int
        Where the samples of a GDF file end and its event table begins, in bytes.
    """

    channels: tuple[Channel, ...]
    seconds: float
    record: int
    lists: Lists | None = None
    end: int = 0


def read_header(path: Path) -> Header | None:
    """Read the header of an EDF, BDF or GDF file.

    Returns
    -------
    Header or None
        None for a file of another kind, by the ending of its name.

    Raises
    ------
    InputError
        If it cannot be that of such a file.
    """
    kind = path.suffix.lower()
    if kind not in (".edf", ".bdf", ".gdf"):
        return None
    try:
        count, content = _beginning(path, kind)
        header = _gdf(content, count) if kind == ".gdf" else _edf(content, count)
        # MNE makes room for all that a header says. In EDF and BDF it counts the records itself.
        records = struct.unpack_from("<q", content, 236)[0] if kind == ".gdf" else 1
        held = (path.stat().st_size - len(content)) // max(header.record, 1)
        if header.channels and not 0 < records <= held:
            raise InputError(
                f"its header says {records} records of {header.record} bytes, and it holds {held}."
            )
    except InputError as error:
        raise InputError(f"{path} cannot be read as a recording: {error}") from error
    except (ValueError, IndexError, struct.error) as error:
        raise InputError(
            f"{path} cannot be read as a recording: its header is damaged ({one_line(error)})."
        ) from error
    return header


def _beginning(path: Path, kind: str) -> tuple[int, bytes]:
    """Return the number of channels, and the whole header.

    Raises
    ------
    InputError
        If it is that of another kind of file, says no channels or ends early.
    """
    with path.open("rb") as file:
        fixed = file.read(256)
        begun = next((k for k, start in _STARTS.items() if fixed.startswith(start)), None)
        if begun is None:
            raise InputError(f"it does not begin as one of {kind[1:].upper()} does.")
        if begun != kind:
            family = begun[1:].upper()
            raise InputError(f"it begins as one of {family} does, and its name ends with {kind}.")
        if kind != ".gdf":
            count = int(_text(fixed[252:]))
        elif _old(fixed):
            count = struct.unpack("<I", fixed[252:])[0]
        else:
            count = struct.unpack("<H", fixed[252:254])[0]
        if not 0 < count < 2**16:
            raise InputError(f"its header says that it has {count} channels.")
        content = fixed + file.read(256 * count)
    if len(content) < 256 * (count + 1):
        raise InputError(f"it ends within its header, which is of {count} channels.")
    return count, content


def _old(content: bytes) -> bool:
    """Return whether a GDF file is of version 1.x."""
    return float(_text(content[4:8])) < 1.9


def _edf(content: bytes, count: int) -> Header:
    width = 3 if content[:1] == b"\xff" else 2
    seconds = float(_text(content[244:252]))
    rest = content[256:]

    def column(begin: int, size: int) -> list[str]:
        start = begin * count
        return [_text(rest[start + size * i : start + size * (i + 1)]) for i in range(count)]

    labels, units = column(0, 16), column(96, 8)
    numbers = [[_number(text) for text in column(begin, 8)] for begin in (104, 112, 120, 128)]
    sizes = [int(text) for text in column(216, 8)]
    ends = np.cumsum([width * size for size in sizes]).tolist()
    lists = [i for i, label in enumerate(labels) if label in ("EDF Annotations", "BDF Annotations")]
    signals = [i for i in range(count) if i not in lists]
    if signals and not (math.isfinite(seconds) and seconds > 0.0):
        raise InputError(f"its header says that a record lasts {seconds:g} s.")
    if any(size < (1 if i in signals else 0) for i, size in enumerate(sizes)):
        raise InputError("its header says that a record holds no samples of a channel.")
    places = tuple((ends[i] - width * sizes[i], ends[i]) for i in lists)
    lowest = -(2 ** (8 * width - 1))
    return Header(
        tuple(
            _channel(labels[i], units[i], sizes[i], [values[i] for values in numbers], lowest)
            for i in signals
        ),
        seconds,
        ends[-1],
        Lists(int(_text(content[184:192])), ends[-1], places) if lists else None,
    )


def _gdf(content: bytes, count: int) -> Header:
    above, below = struct.unpack_from("<II", content, 244)  # a record lasts above / below s
    if not above or not below:
        raise InputError("its header says that a record lasts 0 s.")
    rest = content[256:]

    def column(begin: int, code: str) -> list[Any]:
        return list(struct.unpack_from(f"<{count}{code}", rest, begin * count))

    def texts(begin: int, size: int) -> list[str]:
        start = begin * count
        return [_text(rest[start + size * i : start + size * (i + 1)]) for i in range(count)]

    types = column(220, "i")
    if _old(content):
        units, digital = texts(96, 8), "q"
    else:
        pairs = zip(column(102, "H"), texts(96, 6), strict=True)
        units = [text if code in _GDF_SILENT else _gdf_unit(code) for code, text in pairs]
        digital = "d"
    numbers = [column(104, "d"), column(112, "d"), column(120, digital), column(128, digital)]
    unknown = sorted({kind for kind in types if kind not in _GDF_BYTES})
    if unknown:
        raise InputError(f"its samples are of type {unknown[0]}, which is not known.")
    sizes = column(216, "i")
    if min(sizes) < 1:
        raise InputError("its header says that a record holds no samples of a channel.")
    channels = tuple(
        _channel(label, units[i], sizes[i], [v[i] for v in numbers], _GDF_LOWEST.get(types[i]))
        for i, label in enumerate(texts(0, 16))
    )
    record = sum(size * _GDF_BYTES[kind] for size, kind in zip(sizes, types, strict=True))
    records = struct.unpack_from("<q", content, 236)[0]
    begin = struct.unpack_from("<q" if _old(content) else "<H", content, 184)[0]
    begin *= 1 if _old(content) else 256
    return Header(channels, above / below, record, end=begin + records * record)


def _gdf_unit(code: int) -> str:
    return _GDF_VOLTS.get(code, f"code {code} of ISO 11073")


def _channel(
    label: str, unit: str, samples: int, numbers: list[float], lowest: int | None
) -> Channel:
    """Return a channel by its physical and digital minima and maxima.

    Raises
    ------
    InputError
        If one of them is not a finite number, or both digital ones are the same.
    """
    low, high, bottom, top = (float(number) for number in numbers)
    if not all(map(math.isfinite, (low, high, bottom, top))):
        raise InputError(f"the range of its channel {label} is not in numbers.")
    if bottom == top:
        raise InputError(f"the numbers of its channel {label} range from {bottom:g} to {top:g}.")
    step = (high - low) / (top - bottom)
    values = () if lowest is None else (low, low + (lowest - bottom) * step)
    return Channel(label, unit, samples, step, values)


def _text(content: bytes) -> str:
    return content.split(b"\0")[0].decode("latin-1").strip()


def _number(text: str) -> float:
    return float(text.replace(",", "."))

"""Small files of recordings, written byte by byte, so that a test knows what must come back."""

import struct
from pathlib import Path

import numpy as np
from scipy.io import savemat

GDF_CODES = {np.dtype("<i2"): 3, np.dtype("<u2"): 4, np.dtype("<i4"): 5, np.dtype("<f4"): 16}
GDF_CODES[np.dtype("<f8")] = 17


EPOCH = 1_700_000_000.0  # s since 1970: where recordings of text begin


def drawn(count, channels):
    """Return samples with two decimals, so that text holds them exactly."""
    return np.round(np.random.default_rng(0).normal(0.0, 20.0, (count, channels)), 2)


def noise(samples, channels=2, deviation=20.0, seed=0):
    """White noise in µV, (samples, channels)."""
    return deviation * np.random.default_rng(seed).standard_normal((samples, channels))


def per_channel(value, count):
    """One value a channel, from one for all or a sequence."""
    return [value] * count if np.isscalar(value) else list(value)


def write_edf(
    path,
    samples,
    labels=("C3", "C4"),
    rate=250,
    annotations=(),
    *,
    units="uV",
    resolution=0.1,
    reserved=None,
    starts=None,
    encoding="utf-8",
    fields=None,
):
    """Write EDF(+), or BDF(+) where the path ends so, in records of one second.

    samples: (n, channels) in the channels' units; NaN is the lowest number that there is.
    annotations: (onset in s, duration in s or None, text); None leaves their channel out.
    resolution: physical units a digit, one or one a channel.
    reserved: such as "EDF+D"; by default continuous.
    starts: onset of each record in s.
    fields: header field -> bytes or text that replaces that of every channel.
    """
    path, count = Path(path), len(labels)
    bdf = path.suffix == ".bdf"
    low, high = (-(2**23), 2**23 - 1) if bdf else (-(2**15), 2**15 - 1)
    width, family = (3, "BDF") if bdf else (2, "EDF")
    records = len(samples) // rate
    starts = list(range(records)) if starts is None else list(starts)
    steps = np.array(per_channel(resolution, count), dtype=float)
    values = np.clip(np.round(np.nan_to_num(samples / steps)), low, high)
    digits = np.where(np.isnan(samples), low, values).astype("<i4")

    lists = [f"+{start:.15g}\x14\x14\0".encode() for start in starts]
    for onset, duration, text in annotations or ():
        record = max([k for k, start in enumerate(starts) if start <= onset], default=0)
        span = "" if duration is None else f"\x15{duration:.15g}"
        lists[record] += f"{onset:+.15g}{span}\x14{text}\x14\0".encode(encoding)
    size = -(-max(map(len, lists), default=0) // width)  # numbers a record of the annotations
    extra = [] if annotations is None else [f"{family} Annotations"]
    total = count + len(extra)
    by_channel = {
        "label": (16, [*labels, *extra]),
        "transducer": (80, [""] * total),
        "unit": (8, [*per_channel(units, count), *[""] * len(extra)]),
        "physical minimum": (8, [*_eight(low * steps), *[-1] * len(extra)]),
        "physical maximum": (8, [*_eight(high * steps), *[1] * len(extra)]),
        "digital minimum": (8, [low] * total),
        "digital maximum": (8, [high] * total),
        "prefilter": (80, [""] * total),
        "samples": (8, [rate] * count + [size] * len(extra)),
        "reserved": (32, [""] * total),
    }
    reserved = ("24BIT" if bdf else "") if reserved is None and not extra else reserved
    general = {
        "version": (8, b"\xffBIOSEMI" if bdf else "0"),
        "patient": (80, "X X X X"),
        "recording": (80, "Startdate X X X X"),
        "date": (8, "01.01.20"),
        "time": (8, "10.00.00"),
        "bytes": (8, 256 * (total + 1)),
        "kind": (44, f"{family}+C" if reserved is None else reserved),
        "records": (8, records),
        "record length": (8, 1),
        "channels": (4, total),
    }
    fields = fields or {}
    header = [(size, fields.get(name, value)) for name, (size, value) in general.items()]
    for name, (field, column) in by_channel.items():
        header += [(field, fields.get(name, value)) for value in column]
    body = []
    for record in range(records):
        block = np.ascontiguousarray(digits[record * rate : (record + 1) * rate].T)
        body.append(block.view(np.uint8).reshape(-1, 4)[:, :width].tobytes())
        if extra:
            body.append(lists[record].ljust(width * size, b"\0"))
    path.write_bytes(b"".join(_field(value, size) for size, value in header) + b"".join(body))
    return path


def _eight(values):
    """Numbers that fit into eight characters."""
    return [next(t for p in range(8, 0, -1) if len(t := f"{v:.{p}g}") <= 8) for v in values]


def _field(value, size):
    value = value if isinstance(value, bytes) else str(value).encode("latin-1")
    return value.ljust(size)[:size]


def write_gdf(
    path,
    samples,
    labels=("C3", "C4"),
    rate=250,
    events=(),
    *,
    version="1.25",
    units="uV",
    resolution=0.1,
    dtype="<i2",
    digital=None,
    event_rate=None,
):
    """Write GDF in records of one second.

    samples: (n, channels) in the channels' units; NaN is the lowest number, or NaN in floats.
    events: (sample from 0, type, duration in samples).
    units: text in version 1.x, codes of ISO 11073-10101 in 2.x (4275: µV).
    event_rate: that the positions of events are counted at; by default that of the samples.
    digital: lowest and highest number in the header; by default of the sample type.
    """
    count, dtype = len(labels), np.dtype(dtype)
    whole = dtype.kind in "iu"
    limits = np.iinfo(dtype) if whole else np.finfo(np.float32)
    low, high = (int(limits.min), int(limits.max)) if whole else (-(2**15), 2**15 - 1)
    steps = np.array(per_channel(resolution, count), dtype=float)
    values = samples / steps
    if whole:
        clipped = np.clip(np.round(np.nan_to_num(values)), low + 1, high)
        values = np.where(np.isnan(values), low, clipped)
    digits = values.astype(dtype)
    low, high = digital or (low, high)
    old = version.startswith("1")
    records, column = len(samples) // rate, f"<{count}"
    names = b"".join(label.encode().ljust(16, b"\0") for label in labels)
    physical = struct.pack(f"{column}d", *low * steps) + struct.pack(f"{column}d", *high * steps)
    kind = struct.pack(f"{column}i", *[GDF_CODES[dtype]] * count)
    rates = struct.pack(f"{column}i", *[rate] * count)
    head = f"GDF {version}".encode()
    if old:
        head += b"X X".ljust(80) + b"run".ljust(80) + b"2008010110000000"
        head += struct.pack("<q", 256 * (count + 1)) + bytes(44)
        head += struct.pack("<qIII", records, 1, 1, count) + names + b" " * 80 * count
        head += b"".join(_field(unit, 8) for unit in per_channel(units, count)) + physical
        head += struct.pack(f"{column}q", *[low] * count) + struct.pack(
            f"{column}q", *[high] * count
        )
        head += b" " * 80 * count + rates + kind + bytes(32 * count)
    else:
        head += b"X X".ljust(66) + bytes(14) + b"run".ljust(64) + bytes(32)
        head += struct.pack("<H", count + 1) + bytes(6 + 8 + 6 + 6 + 24)
        head += struct.pack("<qIIHH", records, 1, 1, count, 0) + names + bytes(86 * count)
        head += struct.pack(f"{column}H", *per_channel(units, count)) + physical
        head += struct.pack(f"{column}d", *[low] * count) + struct.pack(
            f"{column}d", *[high] * count
        )
        head += bytes(80 * count) + rates + kind + bytes(32 * count)
    assert len(head) == 256 * (count + 1)
    body = b"".join(digits[r * rate : (r + 1) * rate].T.tobytes() for r in range(records))
    positions = [position + 1 for position, _, _ in events]
    table = struct.pack(f"<{len(events)}I", *positions)
    table += struct.pack(f"<{len(events)}H", *[event for _, event, _ in events])
    table += bytes(2 * len(events)) + struct.pack(f"<{len(events)}I", *[d for *_, d in events])
    event_rate = rate if event_rate is None else event_rate
    begin = struct.pack("<I", event_rate)[:3] + struct.pack("<I", len(events))
    if not old:
        begin = struct.pack("<I", len(events))[:3] + struct.pack("<f", event_rate)
    Path(path).write_bytes(head + body + b"\x03" + begin + table)
    return Path(path)


BRAINVISION = """Brain Vision Data Exchange Header File Version 1.0
[Common Infos]
{codepage}DataFile={stem}.eeg
MarkerFile={stem}.vmrk
DataFormat=BINARY
DataOrientation=MULTIPLEXED
NumberOfChannels={count}
SamplingInterval={interval}
[Binary Infos]
BinaryFormat=IEEE_FLOAT_32
[Channel Infos]
{channels}
"""
MARKERS = """Brain Vision Data Exchange Marker File Version 1.0
[Common Infos]
{codepage}DataFile={stem}.eeg
[Marker Infos]
{markers}
"""


def write_brainvision(
    path,
    samples,
    labels=("C3", "C4"),
    rate=250,
    markers=(("New Segment", "", 1, 1, 0),),
    *,
    units="µV",
    resolution=1,
    encoding="utf-8",
):
    """Write BrainVision files: `path` is that of the header.

    samples: (n, channels) as stored, before the resolution.
    markers: (kind, description, position from 1, length in samples, channel).
    units: None leaves the field out.
    """
    path = Path(path)
    codepage = "Codepage=UTF-8\n" if encoding == "utf-8" else ""
    rows = [
        f"Ch{n}={label},,{step}" + ("" if unit is None else f",{unit}")
        for n, (label, step, unit) in enumerate(
            zip(
                labels,
                per_channel(resolution, len(labels)),
                [units] * len(labels) if units is None else per_channel(units, len(labels)),
                strict=True,
            ),
            start=1,
        )
    ]
    lines = [f"Mk{n}={','.join(map(str, marker))}" for n, marker in enumerate(markers, start=1)]
    known = {"codepage": codepage, "stem": path.stem}
    header = BRAINVISION.format(
        **known, count=len(labels), interval=1e6 / rate, channels="\n".join(rows)
    )
    path.write_text(header, encoding=encoding)
    marks = MARKERS.format(**known, markers="\n".join(lines))
    path.with_suffix(".vmrk").write_text(marks, encoding=encoding)
    path.with_suffix(".eeg").write_bytes(np.asarray(samples, dtype="<f4").tobytes())
    return path


def write_eeglab(
    path, samples, labels=("C3", "C4"), rate=250, events=(), *, units=None, types=None, trials=1
):
    """Write an EEGLAB file.

    samples: (n, channels) as stored, the same in each of several trials.
    events: (latency in samples from 1, type as text or number, duration in samples).
    units, types: of the channels, where their locations have such fields.
    """
    fields = {"labels": list(labels)}
    for name, values in (("unit", units), ("type", types)):
        if values is not None:
            fields[name] = per_channel(values, len(labels))
    places = np.array(list(zip(*fields.values(), strict=True)), dtype=object)
    chanlocs = np.empty(len(labels), dtype=[(name, object) for name in fields])
    chanlocs[:] = [tuple(row) for row in places]
    table = np.empty(len(events), dtype=[(n, object) for n in ("latency", "type", "duration")])
    table[:] = [(float(latency), kind, float(length)) for latency, kind, length in events]
    eeg = {
        "setname": "",
        "nbchan": len(labels),
        "trials": trials,
        "pnts": len(samples),
        "srate": rate,
        "xmin": 0.0,
        "xmax": (len(samples) - 1) / rate,
        "data": np.dstack([np.asarray(samples, dtype=np.float32).T] * trials),
        "chanlocs": chanlocs,
        "event": table,
        "epoch": [],
    }
    savemat(path, {"EEG": eeg}, appendmat=False)
    return Path(path)

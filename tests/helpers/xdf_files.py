"""Small XDF files, as the specification 1.0 has them (sccn/xdf)."""

import gzip
import struct
from dataclasses import dataclass, field

import numpy as np

_BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
_DTYPES = {"float32": "<f4", "double64": "<f8", "int16": "<i2", "int32": "<i4", "int64": "<i8"}


def _chunk(tag, body):
    return b"\x04" + struct.pack("<IH", len(body) + 2, tag) + body


@dataclass
class Stream:
    """What is written as one stream; stamps of None are left to the reader."""

    rows: list
    stamps: list
    rate: float = 250.0
    name: str = "EEG"
    type: str = "EEG"
    format: str = "float32"
    channels: list = field(default_factory=list)
    offsets: list = field(default_factory=lambda: [(0.0, 0.0), (5.0, 0.0)])
    source_id: str = "s"
    encoding: str = "utf-8"

    def header(self):
        told = "".join(
            "<channel>" + "".join(f"<{k}>{v}</{k}>" for k, v in channel.items()) + "</channel>"
            for channel in self.channels
        )
        count = len(self.rows[0]) if len(self.rows) else len(self.channels) or 1
        return (
            f"<info><name>{self.name}</name><type>{self.type}</type><channel_count>{count}"
            f"</channel_count><nominal_srate>{self.rate}</nominal_srate><channel_format>"
            f"{self.format}</channel_format><source_id>{self.source_id}</source_id><desc>"
            f"<channels>{told}</channels></desc></info>"
        ).encode()

    def sample(self, row, stamp):
        head = b"\0" if stamp is None else b"\x08" + struct.pack("<d", stamp)
        if self.format != "string":
            return head + np.asarray(row, _DTYPES[self.format]).tobytes()
        texts = [text.encode(self.encoding) for text in row]
        return head + b"".join(b"\x04" + struct.pack("<I", len(t)) + t for t in texts)


def eeg_stream(labels=("C3", "C4"), units="uV", stamps=None, **settings):
    """Make an EEG stream: ten seconds at 250 Hz by default, stamps from 100 s on."""
    stamps = 100.0 + np.arange(2500) / 250.0 if stamps is None else stamps
    units = [units] * len(labels) if isinstance(units, str) else units
    rows = np.random.default_rng(0).normal(0, 20, (len(stamps), len(labels)))
    told = [{"label": label, "unit": unit} for label, unit in zip(labels, units, strict=True)]
    return Stream(rows, list(stamps), channels=told, **settings)


def write_xdf(path, *streams):
    """Write streams, a boundary after each hundred samples; packed where the name says so."""
    content = b"XDF:" + _chunk(1, b"<info><version>1.0</version></info>")
    for number, stream in enumerate(streams, 1):
        content += _chunk(2, struct.pack("<I", number) + stream.header())
    for number, stream in enumerate(streams, 1):
        who = struct.pack("<I", number)
        for time, value in stream.offsets:
            content += _chunk(4, who + struct.pack("<dd", time, value))
        for start in range(0, len(stream.rows), 100):
            rows, stamps = stream.rows[start : start + 100], stream.stamps[start : start + 100]
            samples = b"".join(map(stream.sample, rows, stamps))
            count = b"\x04" + struct.pack("<I", len(rows))
            content += _chunk(3, who + count + samples) + _chunk(5, _BOUNDARY)
    path.write_bytes(content if path.suffix == ".xdf" else gzip.compress(content))
    return path

"""Annotations as an EDF+ or BDF+ file has them: time-stamped annotation lists.

Source: Kemp & Olivan, 2003 (EDF+), sections 2.2.2 and 2.2.4.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from core.recordings.recording import Event

_LIST = re.compile(rb"([+-]\d+\.?\d*)(?:\x15(\d+\.?\d*))?((?:\x14[^\x14\x00]*)+)\x14\x00")


def read_tal(path: Path) -> list[Event]:
    """Return all annotations of a file, also those outside its samples, as they are written.

    Parameters
    ----------
    path : Path
        EDF or BDF. One that has no annotation signal gives an empty list.

    Raises
    ------
    OSError, ValueError
        If the header is damaged.
    """
    width = 3 if path.suffix.lower() == ".bdf" else 2  # bytes of a sample
    with path.open("rb") as file:
        header = file.read(256)
        begin, count = int(header[184:192]), int(header[252:256])
        fields = file.read(256 * count)
    labels = [fields[16 * i : 16 * (i + 1)].strip() for i in range(count)]
    sizes = [width * int(fields[216 * count + 8 * i :][:8]) for i in range(count)]
    signals = [i for i, label in enumerate(labels) if label.endswith(b"DF Annotations")]
    record = sum(sizes)
    if not signals or not record:
        return []
    content = np.memmap(path, np.uint8, "r", begin)
    records = content[: len(content) // record * record].reshape(-1, record)
    ends = np.cumsum(sizes)
    events, start = [], None
    for signal in signals:
        lists = np.ascontiguousarray(records[:, ends[signal] - sizes[signal] : ends[signal]])
        for onset, duration, texts in _LIST.findall(lists.tobytes()):
            if start is None:  # the first one says when the first sample was
                start = float(onset)
            events += [
                Event(float(onset) - start, float(duration or 0), plain_text(text))
                for text in texts.split(b"\x14")[1:]
                if text
            ]
    return events


def plain_text(content: bytes) -> str:
    """Return a text that should be UTF-8, and in older files is Latin-1."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")

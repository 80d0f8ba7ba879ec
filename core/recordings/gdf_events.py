"""The event table of a GDF file, whose rate may be another than that of the samples.

Sources: Schlögl, 2006 and 2013 (GDF 1.25 and 2.x).
"""

from __future__ import annotations

import math
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.recordings.headers import Header

if TYPE_CHECKING:
    import mne

_OFF = 0.01  # share by which a rate may be rounded


def place_by_event_rate(raw: mne.io.BaseRaw, path: Path, header: Header) -> None:
    """Move the events of a GDF file to their times, if its event table counts at its own rate.

    MNE takes every position for one of the samples. A table without a rate means them.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        As MNE read it; its annotations are changed.
    path : Path
    header : Header
        Of the file.
    """
    import mne

    with path.open("rb") as file:
        old = float(file.read(8)[4:]) < 1.94
        file.seek(max(header.end, 0))
        table = file.read()
    if len(table) < 8:
        return
    if old:
        rate, count = (
            float(int.from_bytes(table[1:4], "little")),
            struct.unpack("<I", table[4:8])[0],
        )
    else:
        count, rate = int.from_bytes(table[1:4], "little"), struct.unpack("<f", table[4:8])[0]
    samples = float(raw.info["sfreq"])
    if not (math.isfinite(rate) and rate > 0.0) or abs(rate / samples - 1.0) < _OFF:
        return
    whole = table[0] == 3  # with channel and duration of each
    if len(table) < 8 + count * (12 if whole else 6):
        return
    places = np.frombuffer(table, "<u4", count, 8).astype(float) - 1.0
    kinds = np.frombuffer(table, "<u2", count, 8 + 4 * count)
    lengths = np.frombuffer(table, "<u4", count, 8 + 8 * count) if whole else np.ones(count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of those outside the signal
        raw.set_annotations(
            mne.Annotations(places / rate, np.maximum(lengths, 1.0) / rate, kinds.astype(str)),
            verbose="ERROR",
        )

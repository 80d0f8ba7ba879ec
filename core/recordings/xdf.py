"""Recordings of Lab Streaming Layer streams: XDF."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.errors import InputError
from core.recordings.hashing import sha256_of
from core.recordings.recording import UNIT, Event, Recording
from core.units import factor

NEAR = 0.05  # s by which an event may come before the stamp of the sample that it belongs to


def read_xdf(path: Path, unit: str | None) -> Recording:
    """Read the EEG stream of an XDF file, and the markers beside it.

    Raises
    ------
    InputError
        If it is damaged or does not hold exactly one EEG stream.
    """
    import pyxdf

    try:
        # Raw stamps: smoothing them would hide what was lost.
        streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False, verbose=False)
    except Exception as error:  # a damaged file can raise anything in a reader
        raise InputError(f"{path} cannot be read as an XDF recording: {error}") from error

    signals = [s for s in streams if _regular(s) and len(s["time_series"])]
    eeg = [s for s in signals if s["info"]["type"][0] == "EEG"] or signals
    if len(eeg) != 1:
        names = ", ".join(s["info"]["name"][0] for s in eeg) or "none"
        raise InputError(f"{path} must hold exactly one EEG stream with samples; found: {names}.")
    info, stamps = eeg[0]["info"], np.asarray(eeg[0]["time_stamps"])
    rate = float(info["nominal_srate"][0])
    channels = _xdf_channels(info)
    labels = tuple(
        channels[i].get("label") or f"Ch{i + 1}" if i < len(channels) else f"Ch{i + 1}"
        for i in range(int(info["channel_count"][0]))
    )
    units = [c.get("unit", "") for c in channels] + [""] * (len(labels) - len(channels))
    try:
        factors = [factor(found or unit or "", UNIT) for found in units]
    except InputError as error:
        raise InputError(f"{path} cannot be used: {error}") from error
    samples = np.asarray(eeg[0]["time_series"], dtype=np.float64) * factors
    steps = np.diff(stamps) * rate
    events = sorted(
        (
            Event(_position(float(stamp), stamps) / rate, 0.0, str(row[0]))
            for s in streams
            if not _regular(s)
            for stamp, row in zip(s["time_stamps"], s["time_series"], strict=True)
        ),
        key=lambda event: event.onset,
    )
    return Recording(
        samples_uv=np.ascontiguousarray(samples, dtype=np.float32),
        rate=rate,
        labels=labels,
        events=tuple(events),
        breaks=tuple(int(i) + 1 for i in np.flatnonzero(np.abs(steps - 1.0) > 0.1 * rate)),
        path=path,
        sha256=sha256_of(path),
    )


def _position(time: float, stamps: np.ndarray) -> float:
    """Return which sample an event belongs to: by the stamps, as samples may be missing.

    One among lost samples belongs to the last before them.
    """
    if not stamps[0] <= time <= stamps[-1]:
        return -1.0 if time < stamps[0] else float(len(stamps))
    nearest = int(np.abs(stamps - time).argmin())
    return nearest - int(stamps[nearest] > time + NEAR)


def _regular(stream: dict) -> bool:
    return float(stream["info"]["nominal_srate"][0]) > 0


def _xdf_channels(info: dict) -> list[dict[str, str]]:
    """Return each channel's label and unit, where the description has them."""
    try:
        found = info["desc"][0]["channels"][0]["channel"]
    except (TypeError, KeyError, IndexError):
        return []
    return [{key: str(value[0]) for key, value in c.items() if value} for c in found]

"""The events of a run: rows of ``events.tsv``, each of them a marker too."""

from __future__ import annotations

import math
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

from calibration.recording.brainvision import SEGMENT, STIMULUS, BrainVisionMarker
from calibration.recording.sidecars import NOTHING, as_json, read_tsv, tsv_line

BOUNDARY = "boundary"
"""Name of a place where the signal does not follow on; EEGLAB and MNE know the word."""

EARLY = "before/"
"""What the name of an event begins with that came before the first sample, and stands there."""

_MOST = 10**12  # samples or seconds, more than a disk holds
_COLUMNS = ("onset", "duration", "trial_type", "value", "sample", "trial", "lsl_time")


@dataclass(frozen=True)
class EventRow:
    """One event, in place.

    Attributes
    ----------
    sample : int
        Counted from 0.
    name : str
        What happened, such as ``left_hand``, or `BOUNDARY`.
    duration : float
        Planned, in seconds; 0 for a moment.
    code : int or None
        Of the General Data Format, such as 769.
    trial : int or None
        Number of the trial in the plan.
    time : float
        In seconds of the stream's LSL clock; NaN if unknown.
    """

    sample: int
    name: str
    duration: float = 0.0
    code: int | None = None
    trial: int | None = None
    time: float = math.nan

    def line(self, rate: float) -> bytes:
        """Return it as a row of ``events.tsv``."""
        return tsv_line(
            (
                f"{self.sample / rate:.6f}",
                f"{self.duration:.6f}",
                self.name,
                NOTHING if self.code is None else self.code,
                self.sample,
                NOTHING if self.trial is None else self.trial,
                f"{self.time:.6f}" if math.isfinite(self.time) else NOTHING,
            )
        )

    def marker(self, rate: float) -> BrainVisionMarker:
        """Return it as a marker."""
        if self.name == BOUNDARY:
            return BrainVisionMarker(SEGMENT, "", self.sample)
        return BrainVisionMarker(
            STIMULUS, self.name, self.sample, max(1, round(self.duration * rate))
        )

    @classmethod
    def of_marker(cls, marker: BrainVisionMarker, rate: float) -> Self:
        """Return what a marker alone says of its event."""
        if marker.kind == SEGMENT:
            return cls(marker.sample, BOUNDARY)
        duration = marker.size / rate if marker.size > 1 else 0.0
        return cls(marker.sample, marker.name, duration)


def in_order(rows: list[EventRow]) -> list[EventRow]:
    """Return rows by sample, a boundary before what happens after it."""
    return sorted(rows, key=lambda row: (row.sample, row.name != BOUNDARY))


def events_tsv(rows: list[EventRow], rate: float) -> bytes:
    """Return the content of a whole ``events.tsv``."""
    return tsv_line(_COLUMNS) + b"".join(row.line(rate) for row in rows)


def read_events(content: bytes) -> list[EventRow]:
    """Return the complete rows of an ``events.tsv`` that may end in half a line."""
    whole = content[: content.rfind(b"\n") + 1]
    rows = []
    for cells in read_tsv(whole)[1]:
        try:
            row = EventRow(
                sample=int(cells["sample"]),
                name=cells["trial_type"],
                duration=float(cells["duration"]),
                code=_number(cells["value"]),
                trial=_number(cells["trial"]),
                time=math.nan if cells["lsl_time"] == NOTHING else float(cells["lsl_time"]),
            )
        except (KeyError, ValueError):
            continue  # not a row of ours
        if 0 <= row.sample < _MOST and 0.0 <= row.duration < _MOST:
            rows.append(row)
    return rows


def is_events_table(content: bytes) -> bool:
    """Whether an ``events.tsv`` is as this program writes it, but for half a line at its end."""
    whole = content[: content.rfind(b"\n") + 1]
    head = tsv_line(_COLUMNS)
    if not whole:
        return head.startswith(content)
    return whole.startswith(head) and len(read_events(whole)) == len(whole.splitlines()) - 1


def events_json() -> bytes:
    """Return the content of ``events.json``."""
    return as_json(
        {
            "onset": {
                "Description": "Start of the event in the file, from its first sample",
                "Units": "s",
            },
            "duration": {"Description": "Planned length; 0 for a moment", "Units": "s"},
            "trial_type": {
                "LongName": "Event",
                # No "Levels": a validator takes a word that is not among them for an error.
                "Description": "What happened. left_hand, right_hand, feet, tongue and rest (as "
                "named in MOABB) are cues of what to imagine; at a boundary samples were lost, so "
                "that the sample does not follow on the one before; at decision/... what a live "
                "decoder decided, or why it decided nothing, became another",
            },
            "value": {"Description": "Code of the event in the General Data Format (GDF)"},
            "sample": {"Description": "Sample at which the event starts, counted from 0"},
            "trial": {"Description": "Number of the trial in the run's plan"},
            "lsl_time": {
                "Description": "Time of the event on the LSL clock of the stream's sender",
                "Units": "s",
            },
            "StimulusPresentation": {
                "OperatingSystem": platform.platform(),
                "SoftwareName": "eegpt-realtime",
                "SoftwareVersion": version("eegpt-realtime"),
            },
        }
    )


def _number(cell: str) -> int | None:
    return None if cell == NOTHING else int(cell)

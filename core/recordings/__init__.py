"""Recordings of any kind, read into one common form."""

from core.recordings.amplitude import implausible_amplitude
from core.recordings.mne_files import recording_of_raw
from core.recordings.reading import named_apart, read_recording, read_recordings
from core.recordings.recording import UNIT, Event, Recording, Span
from core.recordings.xdf import NEAR

__all__ = [
    "NEAR",
    "UNIT",
    "Event",
    "Recording",
    "Span",
    "implausible_amplitude",
    "named_apart",
    "read_recording",
    "read_recordings",
    "recording_of_raw",
]

"""Recordings of any kind, read into one common form."""

from core.recordings.mne_files import recording_of_raw
from core.recordings.reading import named_apart, read_recording, read_recordings, renamed
from core.recordings.recording import UNIT, Event, Recording, Span
from core.recordings.stamps import NEAR

__all__ = [
    "NEAR",
    "UNIT",
    "Event",
    "Recording",
    "Span",
    "named_apart",
    "read_recording",
    "read_recordings",
    "recording_of_raw",
    "renamed",
]

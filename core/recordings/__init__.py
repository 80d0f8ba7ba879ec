"""Recordings of any kind, read into one common form."""

from core.recordings.amplitude import implausible_amplitude
from core.recordings.bids import with_events_of_table
from core.recordings.mne_files import recording_of_raw
from core.recordings.notes import notes_of, print_notes
from core.recordings.reading import named_apart, read_recording, read_recordings, renamed
from core.recordings.recording import Event, Recording, Span, usable_labels, without_bad_channels
from core.recordings.xdf_file import is_xdf
from core.units import UNIT

__all__ = [
    "UNIT",
    "Event",
    "Recording",
    "Span",
    "implausible_amplitude",
    "is_xdf",
    "named_apart",
    "notes_of",
    "print_notes",
    "read_recording",
    "read_recordings",
    "recording_of_raw",
    "renamed",
    "usable_labels",
    "with_events_of_table",
    "without_bad_channels",
]

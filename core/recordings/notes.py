"""What reading a recording left out, corrected or assumed, said to the person."""

from __future__ import annotations

from collections.abc import Iterable

from core.program import say
from core.recordings.recording import Recording


def notes_of(recordings: Iterable[Recording]) -> tuple[str, ...]:
    """Return the notes of recordings with the name of their file, each once, in their order."""
    named = (
        note if recording.path.name in note else f"{recording.path.name}: {note}"
        for recording in recordings
        for note in recording.notes
    )
    return tuple(dict.fromkeys(named))


def print_notes(recordings: Iterable[Recording]) -> None:
    """Print the notes of recordings to stderr, a line each."""
    for note in notes_of(recordings):
        say(f"Note: {note}")

"""The cues of a recording, each once: what a second marker stream doubles is merged."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import InputError
from core.recordings import Event, Recording

AT_ONCE = 0.1
"""Seconds within which two cues are one: triggers and annotations of the same cue lie some ms to
some ten ms apart, and no paradigm of imagery or of evoked potentials cues faster."""


def cues_of(recording: Recording, events: Mapping[str, str]) -> tuple[tuple[Event, ...], str]:
    """Return the cues of a recording, and what was merged.

    Of several cues of one class within `AT_ONCE` the first is taken: a trial that was there twice
    would be learned from and tested on.

    Parameters
    ----------
    recording : Recording
    events : mapping
        Label in the recording -> class name.

    Returns
    -------
    tuple of Event
        By onset.
    str
        A sentence about what was merged; empty if nothing was.

    Raises
    ------
    InputError
        If cues of two classes lie within `AT_ONCE` of each other.
    """
    cues: list[Event] = []
    doubles: list[tuple[Event, Event]] = []
    for event in sorted(recording.events, key=lambda event: event.onset):
        if event.label not in events:
            continue
        if not cues or event.onset - cues[-1].onset > AT_ONCE:
            cues.append(event)
        elif events[event.label] == events[cues[-1].label]:
            doubles.append((cues[-1], event))
        else:
            raise InputError(
                f"{recording.path.name} has cues of two classes at once: "
                f"{_named(cues[-1], events)} and {_named(event, events)}; a trial is of one "
                "class, so correct the events, or name the labels of one marker stream alone."
            )
    if not doubles:
        return tuple(cues), ""
    first, again = doubles[0]
    return tuple(cues), (
        f"{len(doubles)} of the {len(cues) + len(doubles)} cues of {recording.path.name} repeat "
        f"another within {AT_ONCE:g} s and do not count (the first: {again.label} at "
        f"{again.onset:.3f} s after {first.label} at {first.onset:.3f} s)."
    )


def _named(event: Event, events: Mapping[str, str]) -> str:
    name = events[event.label]
    called = event.label if event.label == name else f"{event.label} ({name})"
    return f"{called} at {event.onset:.3f} s"

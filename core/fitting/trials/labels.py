"""Which event is the cue of which class: as a person says it, and as recordings have it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from core.errors import InputError
from core.recordings import Recording, is_xdf
from core.suggestions import counted, did_you_mean

# Source: the event table of the General Data Format, as BCI Competition IV and MOABB use it.
KNOWN_CODES = {"769": "left hand", "770": "right hand", "771": "foot", "772": "tongue"}


def parse_events(texts: Iterable[str]) -> dict[str, str]:
    """Return label -> class of ``LABEL=CLASS`` texts from a command line.

    Raises
    ------
    InputError
        If a text is of another form, or a label is given two classes.
    """
    events: dict[str, str] = {}
    for text in texts:
        label, _, name = text.rpartition("=")  # a label may have an = in it, a class has none
        label, name = label.strip(), name.strip()
        if not (label and name):
            raise InputError(f'--event "{text}" is not LABEL=CLASS, such as T1=left_hand.')
        if events.setdefault(label, name) != name:
            raise InputError(
                f'--event gives the label "{label}" two classes, {events[label]} and {name}; a '
                "label is the cue of one class, so leave one of them out."
            )
    return events


def check_asked(recordings: Sequence[Recording], events: Mapping[str, str]) -> None:
    """Refuse labels that no recording has, and say what there is and where it was looked for.

    Parameters
    ----------
    recordings : sequence of Recording
    events : mapping
        Label in the recordings -> class name.

    Raises
    ------
    InputError
        If no label is asked for, or one does not occur.
    """
    present = [event.label for recording in recordings for event in recording.events]
    absent = [label for label in events if label not in present]
    if events and not absent:
        return
    names = ", ".join(recording.path.name for recording in recordings)
    places = list(dict.fromkeys(place for r in recordings for place in _places(r)))
    if not present:
        notes = " ".join(dict.fromkeys(note for r in recordings for note in r.notes))
        looked = f"; looked in {_joined(places)}" if places else ""
        raise InputError(
            f"There are no events in {names}{looked}.{' ' if notes else ''}{notes} Cues must be "
            "in the recording: as annotations, in a trigger channel, in a marker stream or in an "
            "events.tsv beside it."
        )
    there = (
        f"Found{' in ' + _joined(places) if places else ''}: {counted(present)}.{_hint(present)}"
    )
    if not events:
        raise InputError(
            f"No event of {names} is named as a class, such as left_hand. {there} Say which event "
            "is the cue of which class, such as --event T1=left_hand --event T2=right_hand."
        )
    raise InputError(f"No event {', '.join(absent)} in {names}.{_meant(absent, present)} {there}")


def _places(recording: Recording) -> Sequence[str]:
    return recording.looked_in or (("the marker streams",) if is_xdf(recording.path) else ())


def _meant(absent: Sequence[str], present: Iterable[str]) -> str:
    """Return a question for the first label that is close to one that is there."""
    known = list(present)
    for label in absent:
        if question := did_you_mean(label, known):
            return question
        # What a recorder puts before a number, as in "Stimulus/S  1", people leave away.
        ending = re.compile(rf"(?:.*[^0-9])?0*{re.escape(_bare(label))}")
        if close := [name for name in known if ending.fullmatch(_bare(name))]:
            return f' Did you mean "{close[0]}"?'
    return ""


def _bare(label: str) -> str:
    return re.sub(r"\W", "", label).casefold()


def _hint(present: Iterable[str]) -> str:
    codes = [code for code in KNOWN_CODES if code in present]
    if not codes:
        return ""
    meanings = ", ".join(f"{code} is {KNOWN_CODES[code]}" for code in codes)
    return f" In the General Data Format {meanings}."


def _joined(places: Sequence[str]) -> str:
    return " and ".join([", ".join(places[:-1]), places[-1]] if len(places) > 1 else places)

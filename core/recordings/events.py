"""What happened during a recording that MNE reads: cues, and what is marked as bad."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from core.recordings.recording import Event, Span
from core.recordings.tal import plain_text, read_tal
from core.recordings.triggers import read_triggers
from core.suggestions import counted

if TYPE_CHECKING:
    import mne

SEGMENT = "new segment/"
"""How BrainVision's mark of a new segment begins, in small letters."""

# A word rather than a code such as "S  1", which stays as MNE shows it.
_BRAINVISION_NAME = re.compile(r"Stimulus/(?!S *\d+$)(?P<name>.+)")
_KIND = re.compile(r"\w+/(?=bad_)")  # that BrainVision puts before what MNE marked as bad
_JOINED = re.compile(r"bad boundary", re.IGNORECASE)  # where MNE put two recordings together

# Source: the event table of the General Data Format (Schloegl, 2006; biosig's eventcodes.txt).
_REJECTED, _TRIAL = "1023", "768"
_CODES = {str(code) for code in range(768, 800)}


@dataclass(frozen=True)
class Marks:
    """What a file says of its time.

    Attributes
    ----------
    events : tuple of Event
        By onset. One before the first sample has a negative onset.
    bad_spans : tuple of Span
    looked_in : tuple of str
        Where events were looked for.
    notes : tuple of str
        Sentences for a person.
    """

    events: tuple[Event, ...]
    bad_spans: tuple[Span, ...]
    looked_in: tuple[str, ...]
    notes: tuple[str, ...]


def read_in_its_encoding(
    path: Path, read: Callable[..., mne.io.BaseRaw]
) -> tuple[mne.io.BaseRaw, tuple[str, ...]]:
    """Read a file whose texts may be in Latin-1 where its format wants UTF-8.

    Parameters
    ----------
    path : Path
    read : callable
        Takes a path and options of `mne.io.read_raw`, and returns what it read.

    Returns
    -------
    raw : mne.io.BaseRaw
    notes : tuple of str
        A sentence for a person, if the file is in Latin-1.
    """
    latin = f"The {{}} of {path.name} are not in UTF-8 and were read as Latin-1."
    suffix = path.suffix.lower()
    try:
        return read(path), ()
    except Exception as error:  # MNE has no class of its own for it
        message = str(error)
        foreign = isinstance(error, UnicodeDecodeError) or "unknown encoding" in message
        if suffix in (".vhdr", ".ahdr") and foreign:
            return _read_in_utf8(path, read), (latin.format("markers"),)
        if suffix not in (".edf", ".bdf") or "encoding='latin1'" not in message:
            raise
    raw = read(path, encoding="latin1")
    annotations = raw.annotations.copy()
    texts = [plain_text(text.encode("latin-1")) for text in annotations.description]
    annotations.description = np.array(texts, dtype=np.str_)
    raw.set_annotations(annotations)
    return raw, (latin.format("annotations"),)


def _read_in_utf8(path: Path, read: Callable[..., mne.io.BaseRaw]) -> mne.io.BaseRaw:
    """Read a BrainVision recording by copies of its header and markers in UTF-8."""
    header = plain_text(path.read_bytes())
    data = _named_file(header, "DataFile", path, ".eeg")
    markers = _named_file(header, "MarkerFile", path, ".vmrk")
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        for name, content in ((copy, header), (copy.with_suffix(".vmrk"), _text_of(markers))):
            content = re.sub(r"(?m)^Codepage=.*$", "Codepage=UTF-8", content)
            content = re.sub(r"(?m)^DataFile=.*$", lambda _: f"DataFile={data}", content)
            content = re.sub(
                r"(?m)^MarkerFile=.*$", lambda _: f"MarkerFile={path.stem}.vmrk", content
            )
            name.write_text(content, encoding="utf-8", newline="")
        return read(copy)


def _named_file(header: str, key: str, path: Path, suffix: str) -> Path:
    """Return a file that a BrainVision header names."""
    match = re.search(rf"(?m)^{key}=(.+?)\s*$", header)
    name = match[1].replace("$b", path.stem) if match else path.stem + suffix
    return path.absolute().parent / name


def _text_of(path: Path) -> str:
    return plain_text(path.read_bytes()) if path.is_file() else ""


def annotated(raw: mne.io.BaseRaw, path: Path) -> list[Event]:
    """Return the annotations of a recording as they are in its file.

    MNE gives those that begin before the first sample the time of the first sample, and drops
    those that also end before it. Here both have a negative onset, so that no cue is moved.

    Parameters
    ----------
    raw : mne.io.BaseRaw
    path : Path
        Of its file, if there is one.

    Returns
    -------
    list of Event
        With onsets in s from the first sample.
    """
    # Annotations count from the first sample of what was recorded, of which a part may have been
    # cut off, whether the file has a date or not.
    first = raw.first_time
    events = [
        Event(float(onset) - first, float(duration), plain_label(str(label)))
        for onset, duration, label in zip(
            raw.annotations.onset,
            raw.annotations.duration,
            raw.annotations.description,
            strict=True,
        )
    ]
    for early in _before(raw, path):
        moved = Event(0.0, early.onset + early.duration, early.label)
        for index, event in enumerate(events):
            if event.label == moved.label and _near(event, moved, 1e-3):
                events[index] = early
                break
        else:
            events.append(early)
    return _cut_by_cropping(events) if raw.first_samp > 0 else events


def marks_of(raw: mne.io.BaseRaw, annotations: Sequence[Event], path: Path, rate: float) -> Marks:
    """Return the events and bad spans of what MNE read: of its annotations and trigger channels.

    Parameters
    ----------
    raw : mne.io.BaseRaw
    annotations : sequence of Event
        From `annotated`.
    path : Path
    rate : float
        Sampling rate in Hz.
    """
    triggers = read_triggers(raw, rate)
    notes = triggers.notes
    if path.suffix.lower() in (".vhdr", ".ahdr") and path.is_file():
        markers = _named_file(plain_text(path.read_bytes()), "MarkerFile", path, ".vmrk")
        if not markers.is_file():
            notes += (f"{path.name} names the markers {markers.name}, which is not there.",)
    places = ("the annotations", *triggers.looked_in)
    return marks_of_events(annotations, path, rate, places, notes, triggers.events)


def marks_of_events(
    marked: Sequence[Event],
    path: Path,
    rate: float,
    places: Sequence[str],
    notes: Sequence[str] = (),
    triggers: Sequence[Event] = (),
) -> Marks:
    """Part what is marked in a recording into events and bad spans, each event once.

    Parameters
    ----------
    marked : sequence of Event
        Annotations, or rows of a table.
    path : Path
        Of the recording.
    rate : float
        Its sampling rate in Hz.
    places : sequence of str
        Where they were looked for.
    notes : sequence of str
        What is known already.
    triggers : sequence of Event
        Further events, which mark nothing as bad.
    """
    cues, spans = _parted(marked, path)
    events, doubles = without_doubles([*cues, *triggers], 0.5 / rate)
    sentences = list(notes)
    if doubles:
        sentences.append(
            f"{len(doubles)} events are there twice, with the same name at the same "
            f"sample ({counted(doubles)}); each counts once."
        )
    if spans:
        marks = counted(span.reason for span in spans)
        sentences.append(f"Parts are marked as bad: {marks}. Trials in them are left out.")
    return Marks(events, spans, tuple(places), tuple(sentences))


def without_doubles(events: Iterable[Event], apart: float) -> tuple[tuple[Event, ...], list[str]]:
    """Return events by onset, and the names of those that were left out as they are there already.

    Parameters
    ----------
    events : iterable of Event
        Of two that are alike, the one that is named first stays.
    apart : float
        Most seconds between two events of one name that are the same.
    """
    kept: list[Event] = []
    doubles = []
    last: dict[str, float] = {}
    for event in sorted(events, key=lambda event: event.onset):
        if event.onset - last.get(event.label, -np.inf) <= apart + 1e-9:
            doubles.append(event.label)
            continue
        last[event.label] = event.onset
        kept.append(event)
    return tuple(kept), doubles


def plain_label(label: str) -> str:
    """Return what a marker says, without BrainVision's kind of marker before a word."""
    return match["name"] if (match := _BRAINVISION_NAME.fullmatch(label)) else label


def _before(raw: mne.io.BaseRaw, path: Path) -> list[Event]:
    """Return the annotations of a file that begin before its first sample."""
    import mne

    suffix = path.suffix.lower()
    if not path.is_file() or suffix not in (".edf", ".bdf", ".fif", ".set"):
        return []
    try:
        if suffix in (".edf", ".bdf"):
            events = read_tal(path)
        else:
            own = mne.read_annotations(path)
            begin = 0.0
            if own.orig_time is not None and raw.info["meas_date"] is not None:
                begin = (raw.info["meas_date"] - own.orig_time).total_seconds() + raw.first_time
            rows = zip(own.onset, own.duration, own.description, strict=True)
            events = [Event(float(o) - begin, float(d), str(text)) for o, d, text in rows]
    except (OSError, ValueError):  # it has none, or MNE alone understands it
        return []
    half = 0.5 / raw.info["sfreq"]
    return [replace(e, label=plain_label(e.label)) for e in events if e.onset < -half]


def _cut_by_cropping(events: Sequence[Event]) -> list[Event]:
    """Return events of a cropped recording, those whose beginning was cut off before its start.

    `mne.io.Raw.crop` shortens what the cut goes through, and saves it as if it began there.
    """
    lengths: dict[str, float] = {}
    for event in events:
        if event.onset > 1e-6:
            lengths[event.label] = min(event.duration, lengths.get(event.label, np.inf))
    whole = []
    usual = min(lengths.values(), default=0.0)
    for event in events:
        full = lengths.get(event.label, usual)
        if abs(event.onset) < 1e-6 and event.duration < full - 1e-3:
            event = replace(event, onset=event.duration - full, duration=full)
        whole.append(event)
    return whole


def _near(event: Event, other: Event, apart: float) -> bool:
    return abs(event.onset - other.onset) < apart and abs(event.duration - other.duration) < apart


def _parted(annotations: Sequence[Event], path: Path) -> tuple[list[Event], tuple[Span, ...]]:
    """Part annotations into events, and spans that are marked as bad."""
    gdf = path.suffix.lower() == ".gdf" or any(event.label in _CODES for event in annotations)
    events, spans = [], []
    for event in annotations:
        text = _KIND.sub("", event.label.lower(), count=1)
        if text.startswith(SEGMENT):
            continue
        if gdf and event.label == _REJECTED:
            onset, duration = _trial_of(event, annotations)
            spans.append(Span(onset, duration, f"{_REJECTED} (rejected trial)"))
        elif text.startswith("bad") and not _JOINED.match(text):
            spans.append(Span(event.onset, event.duration, event.label.rstrip("/")))
        else:
            events.append(event)
    return events, tuple(sorted(dict.fromkeys(spans), key=lambda span: span.onset))


def _trial_of(mark: Event, annotations: Sequence[Event]) -> tuple[float, float]:
    """Return onset and duration of the trial that a mark of GDF rejects.

    It lasts as long as the mark says. A mark without a length means the trial around it, from 768
    to the next 768; without these, all up to the end of the first event that follows.
    """
    others = [event for event in annotations if event.label != _REJECTED]
    length = mark.duration
    follows = [event for event in others if event.onset >= mark.onset and event.label != _TRIAL]
    starts = sorted(event.onset for event in others if event.label == _TRIAL)
    if any(event.onset < mark.onset + length for event in follows):
        return mark.onset, length
    if starts and mark.onset >= starts[0] - 1e-6:
        begin = max(start for start in starts if start <= mark.onset + 1e-6)
        end = min((start for start in starts if start > mark.onset + 1e-6), default=np.inf)
        return begin, end - begin
    if follows:
        cue = min(follows, key=lambda event: event.onset)
        length = max(length, cue.onset + cue.duration - mark.onset)
    return mark.onset, length

"""Rest in a calibration: the pauses between cues, and recordings without a cue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from core.decoding.artifacts.learning import PIECE
from core.errors import InputError
from core.fitting.trials.epochs import Epochs
from core.fitting.trials.labels import KNOWN_CODES
from core.recordings import Event, Recording
from core.signal.pipeline import SignalSettings

REST = "rest"
"""The class that means rest, as MOABB names it, and events that are its cues."""

SHARED = 1 / 8
"""Of a window that may still lie in the trial before a pause, or in the first moments of the next
one: imagery has ended, or has not begun to show."""

_TASKS = {"left_hand", "right_hand", "feet", "tongue", *KNOWN_CODES}
_PRACTICE = "practice_"  # before the class, in a session's practice cues


@dataclass(frozen=True)
class Pauses:
    """Windows of signal in which nothing was asked of the person.

    Attributes
    ----------
    places : ndarray of int, shape (windows, 2)
        Segment and first sample of each, in rising order.
    pause : ndarray of int, shape (windows,)
        Which pause each lies in, counted from 0.
    hop : int
        Samples from one window to the next in a pause; more where one was left out.
    length : int
        Samples of a window.
    """

    places: np.ndarray
    pause: np.ndarray
    hop: int
    length: int

    def __len__(self) -> int:
        return len(self.places)

    @property
    def samples(self) -> int:
        """Of signal that the windows cover."""
        steps = np.diff(self.places[:, 1])
        same = (np.diff(self.pause) == 0) & (steps < self.length)
        return int(steps[same].sum()) + self.length * (len(self) - int(same.sum()))

    @property
    def pairs(self) -> np.ndarray:
        """Positions of the windows that are followed by the next hop's, shape (pairs,)."""
        follows = (np.diff(self.places[:, 1]) == self.hop) & (np.diff(self.pause) == 0)
        return np.flatnonzero(follows)


def pauses_of(
    epochs: Epochs,
    recordings: Sequence[Recording],
    events: Mapping[str, str],
    settings: SignalSettings,
    hop: int,
    refused: Sequence[Sequence[str | None]] = (),
) -> Pauses:
    """Return the windows of rest, hop by hop, that a live program would decode.

    Parameters
    ----------
    epochs : Epochs
        Cut from these recordings.
    recordings : sequence of Recording
    events : mapping
        Label in the recordings -> class, of all that is asked of the person.
    settings : SignalSettings
    hop : int
        Samples.
    refused : sequence, optional
        By segment and piece, why the live program refuses it; None where it does not.

    Returns
    -------
    Pauses
    """
    window, rate = epochs.length, settings.rate
    slack = round(SHARED * window)
    places: list[tuple[int, int]] = []
    pause: list[int] = []
    number = -1
    for segment, start, stop, recording, begin in _free(epochs, recordings, events, settings):
        number += 1
        first, last = max(0, start - slack), min(len(epochs.segments[segment]), stop + slack)
        for sample in range(first, last - window + 1, hop):
            seconds = begin + sample / rate
            reach = max(0, min(sample, sample + window - epochs.warmup))
            pieces = slice(int(reach / rate / PIECE), int((sample + window - 1) / rate / PIECE) + 1)
            spoilt = any(refused[segment][pieces]) if refused else False
            early = sample + window < epochs.warmup
            if not (spoilt or early or recording.marked_bad(seconds, window / rate)):
                places.append((segment, sample))
                pause.append(number)
    return Pauses(
        np.array(places, dtype=np.intp).reshape(-1, 2), np.array(pause, dtype=np.intp), hop, window
    )


def with_rest_cues(
    recordings: Sequence[Recording], events: Mapping[str, str], window: float
) -> tuple[list[Recording], dict[str, str]]:
    """Return recordings with cues of rest, and the events with them.

    Where events of that name are there already they are the cues; else every pause between cues
    that is as long as a window gets some, and so does a recording without cues.

    Parameters
    ----------
    recordings : sequence of Recording
    events : mapping
        Label in the recordings -> class.
    window : float
        Seconds of a window.

    Raises
    ------
    InputError
        If there is no rest as long as a window.
    """
    if REST in events.values():
        return list(recordings), dict(events)
    asked = {**events, REST: REST}
    if any(event.label == REST for recording in recordings for event in recording.events):
        return list(recordings), asked
    runs = []
    for recording in recordings:
        rests = [
            Event(start + step * (stop - start) / count + spare / 2, window, REST)
            for start, stop in free_seconds(recording, events, window)
            if (count := int((stop - start + 1e-6) / window))
            for spare in [(stop - start) / count - window]
            for step in range(count)
        ]
        marked = tuple(sorted((*recording.events, *rests), key=lambda event: event.onset))
        runs.append(replace(recording, events=marked))
    if runs and not any(event.label == REST for run in runs for event in run.events):
        raise InputError(
            f"There is no rest to learn an idle class from: no pause between the cues lasts "
            f"{window:g} s, as long as a window. Record a run with longer breaks or with the "
            "class rest, or leave out --idle-class."
        )
    return runs, asked


def _tasks(recording: Recording, events: Mapping[str, str]) -> list[Event]:
    """Return the cues after which something is asked of the person, by onset."""
    asked = {label for label, name in events.items() if name != REST} | _TASKS
    return sorted(
        (event for event in recording.events if event.label.removeprefix(_PRACTICE) in asked),
        key=lambda event: event.onset,
    )


def free_seconds(
    recording: Recording, events: Mapping[str, str], window: float
) -> Iterator[tuple[float, float]]:
    """Give where nothing is asked: between two cues, or all of a recording without any."""
    tasks = _tasks(recording, events)
    if not tasks:
        yield 0.0, recording.duration
    end = -np.inf
    for event, following in pairwise(tasks):
        end = max(end, event.onset + max(window, event.duration))
        if end < following.onset:
            yield end, following.onset


def _free(
    epochs: Epochs,
    recordings: Sequence[Recording],
    events: Mapping[str, str],
    settings: SignalSettings,
) -> Iterator[tuple[int, int, int, Recording, float]]:
    """Give segment, first sample and end of each pause, its recording and where that begins."""
    before = 0  # segments of earlier recordings
    for recording in recordings:
        bounds = recording.stretches(settings.channels)
        starts = np.array([start for start, _ in bounds]) / recording.rate  # s
        for begin, end in free_seconds(recording, events, epochs.length / settings.rate):
            # A pause may hold breaks: each segment in it is a pause of its own.
            for index, seconds in enumerate(starts):
                segment = before + index
                start = max(0, round((begin - seconds) * settings.rate))
                stop = min(len(epochs.segments[segment]), round((end - seconds) * settings.rate))
                if start < stop:
                    yield segment, start, stop, recording, float(seconds)
        before += len(bounds)

"""The signal of recordings behind the path: its segments, where cues lie in them, and rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.decoding.artifacts import listed
from core.errors import InputError
from core.montage import match
from core.recordings import UNIT, Recording
from core.signal.finite import finite_mask
from core.signal.pipeline import SignalPath, SignalSettings
from core.units import factor

REST_SECONDS = 30.0
"""Signal outside trials that tells how the channels vary together."""

_MIDDLE = 1e-3  # of a sample: onsets in files are rounded to microseconds


def signals_of(
    recordings: Sequence[Recording], settings: SignalSettings, unit: str
) -> Iterator[np.ndarray]:
    """Run the signal path over every segment of recordings: `Recording.stretches`.

    Raises
    ------
    InputError
        If a recording lacks a channel, has no signal, or its rate cannot carry the band.
    """
    for recording in recordings:
        montage = match(recording.labels, settings.channels)
        if montage.missing:
            raise InputError(
                f"{recording.path.name} lacks the channels {' '.join(montage.missing)}."
            )
        path = SignalPath(
            settings, recording.rate, montage.indices, [factor(UNIT, unit)] * len(montage.indices)
        )
        for start, stop in _bounds(recording, settings):
            path.restart()
            yield path.push(recording.samples_uv[start:stop])


@dataclass(frozen=True)
class Segments:
    """The segments of one recording, among those of all.

    Attributes
    ----------
    recording : Recording
    first : int
        Position of its first segment.
    bounds : tuple of (int, int)
        Samples of the recording at which each begins and ends.
    starts : ndarray, shape (segments,)
        Where they begin, in seconds from the recording's first sample.
    rate : float
        Of the signal after the path, in Hz.
    """

    recording: Recording
    first: int
    bounds: tuple[tuple[int, int], ...]
    starts: np.ndarray
    rate: float

    def place(self, onset: float) -> tuple[int, int] | None:
        """Return the segment that a cue belongs to, and its sample there; None if to none.

        Parameters
        ----------
        onset : float
            Of the cue, in seconds from the recording's first sample.
        """
        place = place_of_cue(onset, self.starts, self.rate, self.recording.rate)
        return None if place is None else (self.first + place[0], place[1])

    def bad_places(self, window: int) -> list[tuple[int, int]]:
        """Return the places of windows that cover what is marked as bad."""
        return self._places(
            onset
            for span in self.recording.bad_spans
            for onset in np.arange(
                span.onset,
                min(span.onset + span.duration, self.recording.duration),
                window / self.rate,
            )
        )

    def cued_places(self, labels: Collection[str]) -> list[tuple[int, int]]:
        """Return where windows after events of these labels begin."""
        return self._places(e.onset for e in self.recording.events if e.label in labels)

    def _places(self, onsets: Iterable[float]) -> list[tuple[int, int]]:
        return [place for onset in onsets if (place := self.place(onset)) is not None]


def segments_of(recordings: Sequence[Recording], settings: SignalSettings) -> Iterator[Segments]:
    """Return the segments of each recording, in order.

    Raises
    ------
    InputError
        If a recording has no signal.
    """
    first = 0
    for recording in recordings:
        bounds = _bounds(recording, settings)
        starts = np.array([start for start, _ in bounds]) / recording.rate
        yield Segments(recording, first, tuple(bounds), starts, settings.rate)
        first += len(bounds)


def place_of_cue(
    onset: float, starts: np.ndarray, rate: float, rate_in: float
) -> tuple[int, int] | None:
    """Return the segment that a cue belongs to, and its sample there; None if to none.

    Parameters
    ----------
    onset : float
        Of the cue, in seconds from the recording's first sample.
    starts : ndarray, shape (segments,)
        Where segments begin, in the same seconds.
    rate, rate_in : float
        Of the signal after the path and of the recording, in Hz.
    """
    # From half a sample of the recording before a segment on, a cue belongs to it: one among lost
    # samples, which lies at the last before them, does not.
    segment = int(np.searchsorted(starts, onset + 0.5 / rate_in, "right")) - 1
    if segment < 0:
        return None
    # Of two samples the later where it lies in the middle, however the onset was rounded.
    return segment, round((onset - starts[segment]) * rate + _MIDDLE)


def cued_places(
    recordings: Sequence[Recording], labels: Collection[str], settings: SignalSettings, window: int
) -> list[tuple[int, int]]:
    """Return where windows after events begin, segment and sample, and those over what is bad.

    Parameters
    ----------
    recordings : sequence of Recording
    labels : collection of str
        Of the events.
    settings : SignalSettings
    window : int
        Samples of a window.
    """
    return [
        place
        for segments in segments_of(recordings, settings)
        for place in (*segments.cued_places(labels), *segments.bad_places(window))
    ]


def _bounds(recording: Recording, settings: SignalSettings) -> list[tuple[int, int]]:
    bounds = recording.stretches(settings.channels)
    if not bounds:
        picks = list(match(recording.labels, settings.channels).indices)
        never = ~finite_mask(recording.samples_uv[:, picks]).any(axis=0)
        raise InputError(
            f"{recording.path.name} has no sample that is a number on all of its electrodes"
            + (f"; {listed(np.array(settings.channels)[never])} sent none." if never.any() else ".")
        )
    return bounds


def rest_outside(
    segments: Sequence[np.ndarray],
    cues: Sequence[tuple[int, int]],
    window: int,
    rate: float,
    seconds: float = REST_SECONDS,
) -> np.ndarray:
    """Return the first signal in which nothing was asked of the person.

    Parameters
    ----------
    segments : sequence of ndarray, each (samples, channels)
    cues : sequence of (segment, sample)
        Where windows begin.
    window : int
        Samples of a window.
    rate : float
        In Hz.
    seconds : float
        Of signal that are wanted.

    Returns
    -------
    ndarray, shape (samples, channels)
        So much of it, or less if there is not more. If it is too little to know how the channels
        vary together, the first signal there is, whatever was asked.
    """
    most = round(seconds * rate)
    rest = resting(segments, cues, window)[:most]
    return rest if len(rest) >= most / 3 else np.concatenate(segments)[:most]


def resting(
    segments: Sequence[np.ndarray], cues: Sequence[tuple[int, int]], window: int
) -> np.ndarray:
    """Return all signal outside windows, as `rest_outside`."""
    outside = []
    for index, segment in enumerate(segments):
        free = np.ones(len(segment), dtype=bool)
        for cue_segment, start in cues:
            if cue_segment == index:
                free[max(0, start) : max(0, start + window)] = False
        outside.append(segment[free])
    return np.concatenate(outside)

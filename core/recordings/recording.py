"""A recording in memory: samples, events and breaks, whatever file they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from core.electrodes import electrode
from core.montage import match
from core.signal.finite import contiguous, finite_mask


@dataclass(frozen=True)
class Event:
    """Something that happened during a recording."""

    onset: float  # s from the first sample
    duration: float  # s
    label: str


@dataclass(frozen=True)
class Span:
    """A part of a recording, and what is said of it."""

    onset: float  # s from the first sample
    duration: float  # s
    reason: str  # as marked in the file, such as "BAD_blink"


@dataclass(frozen=True)
class Recording:
    """Contiguous samples of one recording, and what is known about them.

    Attributes
    ----------
    samples_uv : ndarray of float32, shape (samples, channels)
        In µV, as an LSL stream would carry them.
    rate : float
        Sampling rate in Hz.
    labels : tuple of str
        Channel labels as in the file.
    events : tuple of Event
        Annotations or markers, by onset.
    breaks : tuple of int
        Positions of samples that do not follow on the one before.
    path : Path
        Where it came from.
    sha256 : str
        Of the file that was named, followed by the files of samples that it names.
    bad_spans : tuple of Span
        Where an expert or a program marked the signal as bad, by onset.
    bad_channels : tuple of str
        Labels of channels that are marked as bad.
    notes : tuple of str
        Sentences for a person: what was left out, corrected or assumed while reading.
    looked_in : tuple of str
        Where events were looked for, such as "the annotations".
    """

    samples_uv: np.ndarray
    rate: float
    labels: tuple[str, ...]
    events: tuple[Event, ...]
    breaks: tuple[int, ...]
    path: Path
    sha256: str
    bad_spans: tuple[Span, ...] = ()
    bad_channels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    looked_in: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples_uv) / self.rate

    def marked_bad(self, onset: float, duration: float) -> str:
        """Return what marks a part of the recording as bad; empty if nothing does.

        Parameters
        ----------
        onset, duration : float
            Of the part, in s.
        """
        reasons = [
            span.reason
            for span in self.bad_spans
            if span.onset < onset + duration
            and (span.onset >= onset or span.onset + span.duration > onset)
        ]
        return ", ".join(dict.fromkeys(reasons))

    @property
    def samples_sha256(self) -> str:
        """SHA-256 of rate, electrodes and samples, whatever file they lie in.

        Over the rate, the electrodes' modern names in rising order, and their samples in that
        order as float32, rounded to 0.01 µV.
        """
        names = [electrode(label) for label in self.labels]
        order = sorted(range(len(names)), key=lambda index: (names[index], index))
        digest = hashlib.sha256(repr((self.rate, [names[index] for index in order])).encode())
        for index in order:
            digest.update((np.round(self.samples_uv[:, index], 2) + 0.0).astype("<f4").tobytes())
        return digest.hexdigest()

    @cached_property
    def fingerprint(self) -> tuple[int, ...]:
        """What `core.recordings.copies.fingerprint` gives, computed once."""
        from core.recordings.copies import fingerprint

        return fingerprint(self)

    def stretches(self, channels: Sequence[str]) -> list[tuple[int, int]]:
        """Return where contiguous signal begins and ends, as a live stream would be decoded.

        Parameters
        ----------
        channels : sequence of str
            Electrodes. Samples that are NaN or inf on one of them are in no stretch.
        """
        sound = np.ones(len(self.samples_uv), dtype=bool)
        for index in match(self.labels, channels).indices:
            sound &= finite_mask(self.samples_uv[:, index])
        return [
            (begin + start, begin + stop)
            for begin, end in pairwise((0, *self.breaks, len(sound)))
            for start, stop in contiguous(sound[begin:end])
            if sound[begin + start]
        ]


def without_bad_channels(recordings: Sequence[Recording]) -> list[Recording]:
    """Return recordings in which a channel has no name if it is marked as bad in any of them."""
    return [replace(run, labels=usable_labels(run.labels, recordings)) for run in recordings]


def usable_labels(labels: Sequence[str], recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Return labels of channels, empty where one of the recordings marks the channel as bad."""
    bad = {label for recording in recordings for label in recording.bad_channels}
    return tuple("" if label in bad else label for label in labels)

"""Trials cut from recordings: where they lie in continuous, already processed signal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.decoding.artifacts import listed
from core.errors import InputError
from core.fitting.folds import FOLDS, folds, folds_in_time, independent
from core.fitting.trials.cues import cues_of
from core.fitting.trials.labels import check_asked
from core.montage import match
from core.recordings import UNIT, Event, Recording
from core.signal.filtering import CausalFilter
from core.signal.finite import finite_mask
from core.signal.pipeline import SignalPath, SignalSettings
from core.units import factor

LEAST_TRIALS = 5
"""Of each class: with fewer, five folds cannot be made."""

REST_SECONDS = 30.0
"""Signal outside trials that tells how the channels vary together."""


@dataclass(frozen=True)
class Trial:
    """A cue and what was asked for.

    Attributes
    ----------
    number : int
        From 1, over all recordings in their order, left-out trials counted too.
    recording : int
        Which of the recordings, from 0.
    onset : float
        Of the cue, in seconds from the recording's first sample.
    label : str
        Name of the class.
    """

    number: int
    recording: int
    onset: float
    label: str


@dataclass(frozen=True)
class Rejected:
    """A trial that was left out, and why, in words such as "FC3 flat for 2.5 s"."""

    trial: Trial
    reason: str


@dataclass(frozen=True)
class FeatureCache:
    """What was computed of recordings while they were still being made; None for nothing.

    Attributes
    ----------
    signals : tuple of ndarray, each (samples, channels)
        Segments after the signal path.
    banded : tuple of ndarray, each (samples, channels)
        The same, band-passed for the covariances.
    tokens : dict
        Segment and first sample of a window -> its token features.
    """

    signals: tuple[np.ndarray, ...] | None = None
    banded: tuple[np.ndarray, ...] | None = None
    tokens: Mapping[tuple[int, int], np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Epochs:
    """Windows after cues, as places in segments of signal at the model's rate.

    Attributes
    ----------
    segments : tuple of ndarray, each (samples, channels)
        After the signal path, in the model's unit.
    places : ndarray of int, shape (trials, 2)
        Segment and first sample of every trial's window.
    labels : ndarray of int, shape (trials,)
        Class of every trial.
    classes : tuple of str
        Names of the classes.
    length : int
        Samples in a window.
    trials : tuple of Trial
        The cue of every trial.
    rejected : tuple of Rejected
        Cues that have no trial here, by number.
    rest : ndarray, shape (samples, channels)
        The first `REST_SECONDS` of signal outside all windows after cues and all that is marked
        as bad.
    notes : tuple of str
        Sentences for a person: which cues were merged.
    warmup : int
        Samples that an encoder needs before the end of a window, none of them with an artifact.
    in_time : bool
        Whether folds are stretches of time.
    """

    segments: tuple[np.ndarray, ...]
    places: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    length: int
    trials: tuple[Trial, ...]
    rejected: tuple[Rejected, ...]
    rest: np.ndarray
    notes: tuple[str, ...] = ()
    warmup: int = 0
    in_time: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def windows(self) -> np.ndarray:
        """Return all windows, shape (trials, channels, samples)."""
        return np.stack(
            [self.segments[i][start : start + self.length].T for i, start in self.places]
        )

    def only(self, kept: np.ndarray) -> Epochs:
        """Return the trials at these positions, in this order."""
        return replace(
            self,
            places=self.places[kept],
            labels=self.labels[kept],
            trials=tuple(self.trials[index] for index in kept),
        )

    def folds(
        self, seed: int = 0, part: np.ndarray | None = None, most: int = FOLDS
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Part the trials into folds that share no sample: `core.fitting.folds`.

        Parameters
        ----------
        seed : int
        part : ndarray of int, optional
            Positions of the trials to part; by default all.
        most : int
            Number of folds, at most.

        Yields
        ------
        train, test : ndarray of int
            Positions among these trials.
        """
        trials = np.arange(len(self)) if part is None else part
        if self.in_time:
            return folds_in_time(self.labels[trials], self.places[trials], self.length, most)
        return folds(self.labels[trials], self.places[trials], self.length, seed, most)

    @property
    def independent(self) -> np.ndarray:
        """Classes of the most trials that share no sample, shape (trials,)."""
        labels: np.ndarray = self.labels[independent(self.places, self.length)]
        return labels

    def filtered(self, sections: np.ndarray, signals: Sequence[np.ndarray] | None = None) -> Epochs:
        """Return the same trials in signal that went on through a causal filter.

        Parameters
        ----------
        sections : ndarray, shape (sections, 6)
        signals : sequence of ndarray, optional
            What the filter made of every segment, if that is known already.
        """
        if signals is None:
            signals = [CausalFilter(sections).push(segment) for segment in self.segments]
        return replace(self, segments=tuple(signals))


def cut_epochs(
    recordings: Sequence[Recording],
    events: Mapping[str, str],
    settings: SignalSettings,
    unit: str,
    window: int,
    signals: Sequence[np.ndarray] | None = None,
    warmup: int = 0,
) -> Epochs:
    """Run the signal path over recordings and cut the window after each cue.

    Parameters
    ----------
    recordings : sequence of Recording
        Of one person.
    events : mapping
        Label in the recording -> class name, such as ``{"T1": "left_hand"}``.
    settings : SignalSettings
        The signal path.
    unit : str
        Unit the signal leaves the path in.
    window : int
        Samples of a window at the settings' rate.
    signals : sequence of ndarray, optional
        What the signal path made of every segment, if that is known already.
    warmup : int
        Samples of a segment that an encoder needs before the end of its first window.

    Returns
    -------
    Epochs
        Classes in the order in which `events` first names them. Trials whose window runs over
        the end of a recording or over a break, or touches what is marked as bad, are left out,
        with that reason.

    Raises
    ------
    InputError
        If an asked event does not occur, fewer than two classes remain, cues of two classes lie
        at once, or a class has fewer than five trials.
    """
    check_asked(recordings, events)
    classes = tuple(dict.fromkeys(events.values()))
    if len(classes) == 1:
        raise InputError(
            f"Only one class was asked for ({classes[0]}); a decoder needs at "
            "least two, such as --event T1=left_hand --event T2=right_hand."
        )
    segments = list(signals if signals is not None else signals_of(recordings, settings, unit))
    places: list[tuple[int, int]] = []
    cues: list[tuple[int, int]] = []
    trials: list[Trial] = []
    rejected: list[Rejected] = []
    notes: list[str] = []
    first = 0  # segment that the recording begins with
    for index, recording in enumerate(recordings):
        bounds = _segment_bounds(recording, settings)
        starts = np.array([start for start, _ in bounds]) / recording.rate  # s
        cued, note = cues_of(recording, events)
        notes += [note] if note else []
        for event in cued:
            number = len(trials) + len(rejected) + 1
            trial = Trial(number, index, event.onset, events[event.label])
            segment, sample = place(event.onset, starts, settings.rate)
            there = 0  # samples after the cue
            if segment >= 0:
                there = len(segments[first + segment]) - sample
                cues.append((first + segment, sample))
            if there < window and (silent := _not_finite(recording, event, settings, window)):
                rejected.append(Rejected(trial, f"{silent} sent NaN or inf"))
            elif not 0.0 <= event.onset + 0.5 / settings.rate < recording.duration:
                rejected.append(Rejected(trial, "the cue lies outside the recording"))
            elif there <= 0 and bounds[segment][1] < len(recording.samples_uv):
                rejected.append(Rejected(trial, "the cue lies among lost samples"))
            elif there < window:
                ends = bounds[segment][1] == len(recording.samples_uv)
                reason = "the recording ends" if ends else "samples are missing"
                after = max(there, 0) / settings.rate
                rejected.append(Rejected(trial, f"{reason} {after:.1f} s after the cue"))
            elif sample + window < warmup:
                needed, before = warmup / settings.rate, (sample + window) / settings.rate
                rejected.append(
                    Rejected(trial, f"the encoder needs {needed:.1f} s of signal, not {before:.1f}")
                )
            elif marks := recording.marked_bad(event.onset, window / settings.rate):
                rejected.append(Rejected(trial, f"marked as bad in the recording: {marks}"))
            else:
                places.append((first + segment, sample))
                trials.append(trial)
        cues += [
            (first + segment, sample)
            for segment, sample in _bad_places(recording, starts, settings.rate, window)
            if segment >= 0
        ]
        first += len(starts)
    epochs = Epochs(
        segments=tuple(segments),
        places=np.array(places, dtype=np.intp).reshape(-1, 2),
        labels=np.array([classes.index(trial.label) for trial in trials], dtype=np.intp),
        classes=classes,
        length=window,
        trials=tuple(trials),
        rejected=tuple(rejected),
        rest=rest_outside(segments, cues, window, settings.rate),
        notes=tuple(notes),
        warmup=warmup,
    )
    check_counts(epochs)
    return epochs


def place(onset: float, starts: np.ndarray, rate: float) -> tuple[int, int]:
    """Return the segment that a cue belongs to, and its sample there; a segment of -1 if to none.

    Parameters
    ----------
    onset : float
        Of the cue, in seconds from the recording's first sample.
    starts : ndarray, shape (segments,)
        Where segments begin, in the same seconds.
    rate : float
        Of the signal after the path, in Hz.
    """
    # From half a sample before a segment on, a cue belongs to it.
    segment = int(np.searchsorted(starts, onset + 0.5 / rate, "right")) - 1
    return segment, round((onset - starts[segment]) * rate) if segment >= 0 else -1


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
    places: list[tuple[int, int]] = []
    first = 0
    for recording in recordings:
        bounds = _segment_bounds(recording, settings)
        starts = np.array([start for start, _ in bounds]) / recording.rate  # s
        onsets = [event.onset for event in recording.events if event.label in labels]
        cues = [place(onset, starts, settings.rate) for onset in onsets]
        cues += _bad_places(recording, starts, settings.rate, window)
        places += [(first + segment, sample) for segment, sample in cues if segment >= 0]
        first += len(starts)
    return places


def _bad_places(
    recording: Recording, starts: np.ndarray, rate: float, window: int
) -> list[tuple[int, int]]:
    """Return the places of windows that cover what is marked as bad."""
    return [
        place(onset, starts, rate)
        for span in recording.bad_spans
        for onset in np.arange(
            span.onset, min(span.onset + span.duration, recording.duration), window / rate
        )
    ]


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
        for start, stop in _segment_bounds(recording, settings):
            path.restart()
            yield path.push(recording.samples_uv[start:stop])


def _not_finite(recording: Recording, event: Event, settings: SignalSettings, window: int) -> str:
    """Name the channels that sent NaN or inf in the window after a cue; empty if there are none."""
    start = max(0, round(event.onset * recording.rate))
    stop = start + round(window / settings.rate * recording.rate)
    picks = list(match(recording.labels, settings.channels).indices)
    known = finite_mask(recording.samples_uv[start:stop, picks]).all(axis=0)
    return listed(np.array(settings.channels)[~known])


def _segment_bounds(recording: Recording, settings: SignalSettings) -> list[tuple[int, int]]:
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


def check_counts(epochs: Epochs) -> None:
    """Refuse trials that are too few to fit a decoder.

    Raises
    ------
    InputError
        If a class has fewer than five.
    """
    counts = np.bincount(epochs.labels, minlength=len(epochs.classes))
    if counts.min() >= LEAST_TRIALS:
        return
    listed = ", ".join(f"{n} of {name}" for name, n in zip(epochs.classes, counts, strict=True))
    lost = "; ".join(f"trial {r.trial.number}: {r.reason}" for r in epochs.rejected[:3])
    more = " ..." if len(epochs.rejected) > 3 else ""
    were = "was" if len(epochs.rejected) == 1 else "were"
    raise InputError(
        f"Too few complete trials ({listed}); at least {LEAST_TRIALS} of each class are needed to "
        "fit a decoder and to say how good it is."
        + (f" {len(epochs.rejected)} {were} left out ({lost}{more})." if lost else "")
    )

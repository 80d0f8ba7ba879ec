"""From recordings to epochs: the window after each cue, or why it is no trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.decoding.artifacts import listed
from core.errors import InputError
from core.fitting.trials.cues import cues_of
from core.fitting.trials.epochs import Epochs, Rejected, Trial, check_counts
from core.fitting.trials.labels import check_asked
from core.fitting.trials.signals import Segments, rest_outside, segments_of, signals_of
from core.montage import match
from core.recordings import Event, Recording
from core.signal.finite import finite_mask
from core.signal.pipeline import SignalSettings


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
    runs = tuple(signals if signals is not None else signals_of(recordings, settings, unit))
    check = _WindowCheck(runs, settings, window, warmup)
    places: list[tuple[int, int]] = []
    cues: list[tuple[int, int]] = []
    trials: list[Trial] = []
    rejected: list[Rejected] = []
    notes: list[str] = []
    for index, segments in enumerate(segments_of(recordings, settings)):
        cued, note = cues_of(segments.recording, events)
        notes += [note] if note else []
        for cue in cued:
            number = len(trials) + len(rejected) + 1
            trial = Trial(number, index, cue.onset, events[cue.label])
            place = segments.place(cue.onset)
            cues += [] if place is None else [place]
            if reason := check.why_not(cue, segments):
                rejected.append(Rejected(trial, reason))
            elif place is not None:
                places.append(place)
                trials.append(trial)
        cues += segments.bad_places(window)
    epochs = Epochs(
        segments=runs,
        places=np.array(places, dtype=np.intp).reshape(-1, 2),
        labels=np.array([classes.index(trial.label) for trial in trials], dtype=np.intp),
        classes=classes,
        length=window,
        trials=tuple(trials),
        rejected=tuple(rejected),
        rest=rest_outside(runs, cues, window, settings.rate),
        notes=tuple(notes),
        warmup=warmup,
    )
    check_counts(epochs)
    return epochs


class _WindowCheck:
    """Says why the window after a cue is no trial.

    Parameters
    ----------
    signals : sequence of ndarray, each (samples, channels)
        All segments after the path.
    settings : SignalSettings
    window : int
        Samples of a window.
    warmup : int
        Samples that an encoder needs before the end of one.
    """

    def __init__(
        self, signals: Sequence[np.ndarray], settings: SignalSettings, window: int, warmup: int
    ) -> None:
        self._signals = signals
        self._settings, self._window, self._warmup = settings, window, warmup

    def why_not(self, cue: Event, segments: Segments) -> str:
        """Return the reason in words; nothing if the window is a trial."""
        recording, rate, window = segments.recording, self._settings.rate, self._window
        place = segments.place(cue.onset)
        there, end = 0, 0  # samples after the cue; of the recording where its segment ends
        if place is not None:
            there = len(self._signals[place[0]]) - place[1]
            _, end = segments.bounds[place[0] - segments.first]
        if there < window and (silent := self._not_finite(recording, cue)):
            return f"{silent} sent NaN or inf"
        if not 0.0 <= cue.onset + 0.5 / recording.rate < recording.duration:
            return "the cue lies outside the recording"
        if there <= 0 and end < len(recording.samples_uv):
            return "the cue lies among lost samples"
        if there < window:
            ends = end == len(recording.samples_uv)
            reason = "the recording ends" if ends else "samples are missing"
            return f"{reason} {max(there, 0) / rate:.1f} s after the cue"
        heard = 0 if place is None else place[1] + window
        if heard < self._warmup:
            return (
                f"the encoder needs {self._warmup / rate:.1f} s of signal, not {heard / rate:.1f}"
            )
        if marks := recording.marked_bad(cue.onset, window / rate):
            return f"marked as bad in the recording: {marks}"
        return ""

    def _not_finite(self, recording: Recording, cue: Event) -> str:
        """Name the channels that sent NaN or inf in the window after a cue; empty if none did."""
        start = max(0, round(cue.onset * recording.rate))
        stop = start + round(self._window / self._settings.rate * recording.rate)
        channels = self._settings.channels
        picks = list(match(recording.labels, channels).indices)
        known = finite_mask(recording.samples_uv[start:stop, picks]).all(axis=0)
        return listed(np.array(channels)[~known])

"""Event-related (de)synchronisation: how mu and beta power change after the cue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal
from scipy.ndimage import uniform_filter1d

from core.fitting.trials.epochs import Epochs
from core.montage import match
from core.recordings import Recording
from core.signal.pipeline import SignalSettings
from core.signal.spectrum import BANDS

BASELINE = (-2.0, -0.5)
"""Seconds from the cue that power is compared with."""

SETTLED = 0.5
"""Seconds after the cue from which on the maps average."""

_STEP = 1 / 16  # s between two points of a sequencer
_SMOOTHING = 0.5  # s of moving average over power


@dataclass(frozen=True)
class Rhythms:
    """Change of band power against the seconds before the cue, in percent.

    Attributes
    ----------
    channels : tuple of str
    classes : tuple of str
    times : ndarray, shape (times,)
        Seconds from the cue.
    change : ndarray, shape (bands, classes, times, channels)
        Geometric mean over trials, bands as in `BANDS`; -50 is half the power.
    low, high : ndarray, shape (bands, classes, times, channels)
        A standard error below and above it.
    trials : tuple of int
        Trials of each class with a whole baseline.
    """

    channels: tuple[str, ...]
    classes: tuple[str, ...]
    times: np.ndarray
    change: np.ndarray
    low: np.ndarray
    high: np.ndarray
    trials: tuple[int, ...]

    @property
    def maps(self) -> np.ndarray:
        """Mean change from `SETTLED` to the window's end, shape (bands, classes, channels)."""
        mean: np.ndarray = self.change[:, :, self.times >= SETTLED].mean(axis=2)
        return mean


def rhythms(
    epochs: Epochs, recordings: Sequence[Recording], settings: SignalSettings
) -> Rhythms | None:
    """Measure the classic way: filter, square, compare with a baseline, average over trials.

    Every trial is compared with its own baseline, and averages are of logarithms, so that one
    trial with a burst of alpha does not paint the whole map. The filter runs forwards and
    backwards, so that power stays where it was in time: this is for looking at, nothing is
    fitted on it.

    Returns
    -------
    Rhythms or None
        None if no trial of some class has a whole baseline before its cue.

    Notes
    -----
    Pfurtscheller and Lopes da Silva (1999), Clin. Neurophysiol. 110(11), section 2.1. Baselines
    by trial: Grandchamp and Delorme (2011), Front. Psychol. 2:236.
    """
    count = round((epochs.length / settings.rate - BASELINE[0]) / _STEP)
    times = BASELINE[0] + _STEP * np.arange(count + 1)
    whole = [recording.stretches(settings.channels) for recording in recordings]
    kept = [complete_trials(epochs, recordings, whole, times, name) for name in epochs.classes]
    if not all(kept):
        return None
    shape = (len(BANDS), len(epochs.classes), len(times), len(settings.channels))
    change, low, high = np.empty(shape), np.empty(shape), np.empty(shape)
    before = (times >= BASELINE[0]) & (times <= BASELINE[1])
    for band, edges in enumerate(BANDS.values()):
        powers = [
            _power(recording, stretches, settings, edges)
            for recording, stretches in zip(recordings, whole, strict=True)
        ]
        for label, trials in enumerate(kept):
            power = np.stack(
                [
                    powers[index][np.round((onset + times) * recordings[index].rate).astype(int)]
                    for index, onset in trials
                ]
            )  # (trials, times, channels)
            logs = np.log(np.maximum(power, 1e-6))  # of µV²: a dead channel has no logarithm
            logs -= logs[:, before].mean(axis=1, keepdims=True)
            mean, error = logs.mean(axis=0), logs.std(axis=0) / np.sqrt(len(trials))
            for percent, log in ((change, mean), (low, mean - error), (high, mean + error)):
                percent[band, label] = 100.0 * np.expm1(log)
    return Rhythms(
        settings.channels, epochs.classes, times, change, low, high, tuple(len(k) for k in kept)
    )


def complete_trials(
    epochs: Epochs,
    recordings: Sequence[Recording],
    stretches: Sequence[Sequence[tuple[int, int]]],
    times: np.ndarray,
    name: str,
) -> list[tuple[int, float]]:
    """Return recording and cue of a class's trials that lie in one stretch, baseline and all."""
    cues = []
    for trial in epochs.trials:
        recording = recordings[trial.recording]
        first, last = (round((trial.onset + time) * recording.rate) for time in times[[0, -1]])
        whole = any(start <= first and last < stop for start, stop in stretches[trial.recording])
        if trial.label == name and whole:
            cues.append((trial.recording, trial.onset))
    return cues


def _power(
    recording: Recording,
    stretches: Sequence[tuple[int, int]],
    settings: SignalSettings,
    edges: tuple[float, float],
) -> np.ndarray:
    """Return smoothed band power, shape (samples, channels), in µV²."""
    picks = list(match(recording.labels, settings.channels).indices)
    sections = signal.butter(4, edges, "bandpass", fs=recording.rate, output="sos")
    width = round(_SMOOTHING * recording.rate)
    power = np.zeros((len(recording.samples_uv), len(picks)))
    for start, stop in stretches:
        if stop - start > recording.rate:  # shorter stretches hold no trial
            samples = recording.samples_uv[start:stop, picks].astype(np.float64)
            if settings.reference == "average":
                samples -= samples.mean(axis=1, keepdims=True)
            banded = signal.sosfiltfilt(sections, samples, axis=0)
            power[start:stop] = uniform_filter1d(banded**2, width, axis=0)
    return power

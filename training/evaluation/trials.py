"""Trials of one or several people, and their features; nothing here looks at a label.

Features of a window depend on that window, on the causal filters before it, and on spatial
filters fitted on signal outside trials. So they can be computed for all trials at once and kept,
whichever of them are learned from later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.decoding.features import TokenFeatures, shrunk_covariances
from core.decoding.recentring import REFERENCE_SECONDS
from core.decoding.spatial import channel_covariance, power, spatial_filter
from core.encoders import Encoder
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.feature_input import away_from_eyes, without_eyes
from core.fitting.transfer.recentring import beginning, beginning_covariance
from core.fitting.trials.epochs import LEAST_TRIALS, Epochs
from core.fitting.trials.rejection import without_artifacts
from core.fitting.trials.signals import REST_SECONDS
from core.fitting.views import token_vectors
from training.evaluation.people import Signal


@dataclass(frozen=True)
class Share:
    """Windows of one person.

    Attributes
    ----------
    signal : Signal
    epochs : Epochs
        In this signal's stretches.
    fitted : tuple of int
        Recordings whose signal outside trials fits spatial filters.
    aligned : bool
        Whether every band's signal is whitened by the person's own covariance at rest.
    known : dict
        Features of all of `epochs`, by name; shared by parts of it.
    index : ndarray of int
        Which of `epochs` are meant.
    """

    signal: Signal
    epochs: Epochs
    fitted: tuple[int, ...]
    aligned: bool
    known: dict[tuple[Any, ...], np.ndarray] = field(repr=False)
    index: np.ndarray

    @property
    def channels(self) -> tuple[str, ...]:
        """Electrode of every channel that systems get."""
        names = self.signal.settings.channels
        return tuple(names[index] for index in self.kept.tolist())

    @property
    def kept(self) -> np.ndarray:
        """Which of the signal's channels those are, shape (kept,)."""
        names = self.signal.settings.channels
        if not self.signal.regress_eyes:
            return np.arange(len(names))
        return away_from_eyes(names)

    def projection(self, band: tuple[float, float] | None) -> np.ndarray | None:
        """Return the filter that regresses the eyes out, shape (kept, channels), if they are.

        Its coefficients are those of the signal of the recordings that fit spatial filters.
        """
        if not self.signal.regress_eyes:
            return None
        key, kept = (band, self.fitted), self.signal.projections
        if key not in kept:
            signals = self.signal.segments if band is None else self.signal.banded(band)
            whole = np.concatenate([signals[run] for run in self.signal.runs_of(self.fitted)])
            kept[key] = without_eyes(self.signal.settings.channels, channel_covariance(whole.T))
        return kept[key]

    def rest(self, seconds: float, band: tuple[float, float] | None = None) -> np.ndarray:
        """Return signal outside cues' windows, as `Signal.rest`, of the channels that are got."""
        rest, projection = self.signal.rest(self.fitted, seconds, band), self.projection(band)
        return rest if projection is None else rest @ projection.T

    def windows(self, band: tuple[float, float] | None = None) -> np.ndarray:
        """Return what systems get of the windows in a band, shape (trials, channels, samples)."""
        return self._windows(self.index, band)

    def whole_windows(self, band: tuple[float, float] | None = None) -> np.ndarray:
        """Return the windows as they are, shape (trials, channels, samples)."""
        runs = self.signal.segments if band is None else self.signal.banded(band)
        places = self.epochs.places[self.index].tolist()
        return np.stack([self._window(run, start, runs) for run, start in places])

    def covariances(
        self, band: tuple[float, float], picks: Sequence[int], order: int, lag: int
    ) -> np.ndarray:
        """Return covariances of windows beside their own past, as `Trials.covariances`."""
        key = ("covariances", band, tuple(picks), order, lag, self.aligned and self.fitted)
        if key not in self.known:
            everything = np.arange(len(self.epochs))
            chunks = np.array_split(everything, max(1, len(everything) // 50))
            self.known[key] = np.concatenate(
                [
                    shrunk_covariances(delayed(self._windows(chunk, band)[:, picks], order, lag))
                    for chunk in chunks
                ]
            )
        covariances: np.ndarray = self.known[key][self.index]
        return covariances

    def beginnings(self) -> dict[int, np.ndarray]:
        """Return the covariance of each recording's first minute in the band, by recording."""
        signal, projection = self.signal, self.projection(BAND)
        banded, covariances = signal.banded(BAND), {}
        for recording in self.fitted:
            runs = [banded[run] for run in signal.runs_of([recording])]
            covariance = beginning_covariance(runs, signal.spec.rate)
            if projection is not None:
                covariance = projection @ covariance @ projection.T
            covariances[recording] = covariance
        return covariances

    def tokens(self, encoder: Encoder) -> np.ndarray:
        """Return token features behind the person's own spatial filter, (trials, features)."""
        key = ("tokens", encoder.weights_sha256(), self.fitted)
        if key not in self.known:
            spatial, skip = self.spatial(encoder), self.signal.skip
            projection = self.projection(None)
            spatial = spatial if projection is None else spatial @ projection
            features = TokenFeatures(encoder, self.channels, spatial, skip)
            epochs = replace(self.epochs, segments=tuple(self.signal.segments))
            self.known[key] = token_vectors(features, epochs, {})
        tokens: np.ndarray = self.known[key][self.index]
        return tokens

    def filtered(self, encoder: Encoder) -> np.ndarray:
        """Return the windows as the encoder sees them, shape (trials, channels, samples)."""
        windows, projection = self.whole_windows(), self.projection(None)
        windows = windows if projection is None else projection @ windows
        filtered: np.ndarray = self.spatial(encoder) @ windows
        return filtered

    def spatial(self, encoder: Encoder) -> np.ndarray:
        """Return the filter before the encoder, shape (channels, channels)."""
        rest = self.rest(REST_SECONDS)
        if encoder.spec.readout is not None:  # as it was trained
            signal, projection = self.signal, self.projection(None)
            stretches = [[signal.segments[run] for run in signal.runs_of([i])] for i in self.fitted]
            rest = np.concatenate([beginning(runs, signal.spec.rate) for runs in stretches])
            rest = rest if projection is None else rest @ projection.T
        covariance = channel_covariance(rest.T)
        return spatial_filter(covariance, self.channels, encoder.spec)

    def clean(self) -> Share:
        """Leave out trials with artifacts, if enough stay to judge and to learn by."""
        signal, chosen = self.signal, self.epochs.only(self.index)
        if np.bincount(chosen.labels, minlength=len(chosen.classes)).min() < LEAST_TRIALS:
            return self
        try:
            kept = without_artifacts(
                chosen,
                signal.person.recordings,
                signal.settings,
                signal.spec.unit,
                banded=signal.banded(BAND),
                refused=signal.refused,
            )
        except InputError:  # too few would stay
            return self
        numbers = {trial.number for trial in kept.trials}
        stay = [index for index in self.index if self.epochs.trials[index].number in numbers]
        return replace(self, index=np.array(stay, dtype=np.intp))

    def _windows(self, index: np.ndarray, band: tuple[float, float] | None) -> np.ndarray:
        windows = replace(self, index=index).whole_windows(band)[..., self.signal.skip :]
        projection = self.projection(band)
        windows = windows if projection is None else projection @ windows
        if not self.aligned:
            return windows
        signal: np.ndarray = self._whitener(band) @ windows
        return signal

    def _window(self, run: int, start: int, runs: Sequence[np.ndarray]) -> np.ndarray:
        return runs[run][start : start + self.epochs.length].T

    def _whitener(self, band: tuple[float, float] | None) -> np.ndarray:
        key = ("whitener", band, self.fitted)
        if key not in self.known:
            rest = self.rest(REFERENCE_SECONDS, band)
            self.known[key] = power(channel_covariance(rest.T), -0.5)
        return self.known[key]


@dataclass(frozen=True)
class Trials:
    """Windows of one or several people, to learn from or to be tested on."""

    shares: tuple[Share, ...]

    def __len__(self) -> int:
        return sum(len(share.index) for share in self.shares)

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people."""
        return tuple(share.signal.person.name for share in self.shares)

    @property
    def labels(self) -> np.ndarray:
        """Class of every trial, shape (trials,)."""
        return np.concatenate([share.epochs.labels[share.index] for share in self.shares])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.shares[0].epochs.classes

    @property
    def channels(self) -> tuple[str, ...]:
        """Electrode of every channel."""
        return self.shares[0].channels

    @property
    def rate(self) -> float:
        """Rate of the signal in Hz."""
        return self.shares[0].signal.spec.rate

    def windows(self, band: tuple[float, float] | None = None) -> np.ndarray:
        """Return the windows in a band, shape (trials, channels, samples)."""
        return np.concatenate([share.windows(band) for share in self.shares])

    def covariances(
        self,
        band: tuple[float, float] = BAND,
        picks: Sequence[int] | None = None,
        order: int = 1,
        lag: int = 1,
    ) -> np.ndarray:
        """Return shrunk covariances of the windows.

        Parameters
        ----------
        band : tuple of float
            In Hz.
        picks : sequence of int, optional
            Channels; by default all.
        order, lag : int
            How many times the channels are taken, each `lag` samples before the last.

        Returns
        -------
        ndarray, shape (trials, order x picked, order x picked)
        """
        picked = tuple(range(len(self.channels))) if picks is None else tuple(picks)
        return np.concatenate([s.covariances(band, picked, order, lag) for s in self.shares])

    def tokens(self, encoder: Encoder) -> np.ndarray:
        """Return token features, shape (trials, features)."""
        return np.concatenate([share.tokens(encoder) for share in self.shares])

    def filtered(self, encoder: Encoder) -> np.ndarray:
        """Return windows behind each person's own spatial filter, as the encoder sees them.

        Returns
        -------
        ndarray, shape (trials, channels, samples)
        """
        return np.concatenate([share.filtered(encoder) for share in self.shares])

    def clean(self) -> Trials:
        """Leave out trials with artifacts, each person's judged by these alone."""
        return Trials(tuple(share.clean() for share in self.shares))

    def as_epochs(self) -> tuple[Epochs, tuple[np.ndarray, ...]]:
        """Return the trials as `core.decoding` takes them, each window a run of its own.

        Returns
        -------
        Epochs
        tuple of ndarray, each (samples, channels)
            The runs in the band of the covariances.
        """
        trials = [share.epochs.trials[index] for share in self.shares for index in share.index]
        rests = [share.rest(REST_SECONDS) for share in self.shares]
        epochs = Epochs(
            segments=tuple(window.T for window in self.windows()),
            places=np.stack([np.arange(len(self)), np.zeros(len(self), dtype=np.intp)], axis=1),
            labels=self.labels,
            classes=self.classes,
            length=self.shares[0].epochs.length - self.shares[0].signal.skip,
            trials=tuple(trials),
            rejected=(),
            rest=np.concatenate(rests),
        )
        return epochs, tuple(window.T for window in self.windows(BAND))


def share_of(
    signal: Signal,
    epochs: Epochs | None = None,
    fitted: Sequence[int] | None = None,
    aligned: bool = False,
) -> Share:
    """Return all windows of a person, by default those after their cues.

    Parameters
    ----------
    signal : Signal
    epochs : Epochs, optional
        In its stretches.
    fitted : sequence of int, optional
        Recordings that fit spatial filters; by default all.
    aligned : bool
    """
    epochs = signal.epochs if epochs is None else epochs
    everything = range(len(signal.person.recordings))
    recordings = tuple(everything if fitted is None else fitted)
    return Share(signal, epochs, recordings, aligned, {}, np.arange(len(epochs)))


def delayed(windows: np.ndarray, order: int, lag: int) -> np.ndarray:
    """Return windows beside their own past, shape (trials, order x channels, samples - ...).

    Parameters
    ----------
    windows : ndarray, shape (trials, channels, samples)
    order, lag : int
        As in `Trials.covariances`.
    """
    length = windows.shape[-1] - (order - 1) * lag
    return np.concatenate([windows[..., i * lag : i * lag + length] for i in range(order)], axis=1)

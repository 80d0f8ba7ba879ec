"""What others, or earlier sessions, teach a decoder before its person's first trial.

Covariances differ between people and sessions mostly by where they lie. Each recording is
therefore whitened by its own mean, the person's by the person's own, and what is left is compared
(Zanini et al., 2018; He and Wu, 2020). On such vectors one linear head is fitted to the others'
trials, and the person's trials then move it as far as they can show to be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import permutations

import numpy as np

from core.decoding.features import TangentFeatures, band_sections
from core.decoding.recentring import SECONDS
from core.decoding.riemannian import riemannian_mean
from core.decoding.spatial import power
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.trials.epochs import cut_epochs
from core.fitting.trials.rejection import without_artifacts
from core.montage import match
from core.recordings import UNIT, Recording, named_apart
from core.signal.pipeline import SignalSettings


@dataclass(frozen=True)
class Prior:
    """Trials of other people, or of earlier sessions, as covariances.

    Attributes
    ----------
    classes : tuple of str
    channels : tuple of str
        Electrodes that all recordings have.
    rate : float
        In Hz.
    length : int
        Samples of a window.
    skip : int
        Samples of it, after the cue, that are not in the covariances.
    band : tuple of float
        Pass band of the covariances in Hz.
    covariances : ndarray of float32, shape (trials, channels, channels)
        Of windows after cues, in µV², with the reference as recorded and not shrunk, so that any
        part of the channels can be taken and referenced anew.
    labels, recording, person : ndarray of int, shape (trials,)
        Class of every trial, and which recording and person it is from.
    recordings : dict of str to str
        "person/file" -> SHA-256, in the order of `recording`.
    created, software : str
        UTC, ISO 8601; and the version that made it.
    beginnings : ndarray, shape (recordings, channels, channels), or None
        Covariance of each recording's first minute, in the band, as `covariances`; None in files
        from before there was one.
    """

    classes: tuple[str, ...]
    channels: tuple[str, ...]
    rate: float
    length: int
    band: tuple[float, float]
    covariances: np.ndarray
    labels: np.ndarray
    recording: np.ndarray
    person: np.ndarray
    recordings: dict[str, str]
    created: str
    software: str
    skip: int = 0
    beginnings: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def without_people_of(self, recordings: Iterable[str]) -> Prior:
        """Return what is left without everybody who made one of these recordings.

        Parameters
        ----------
        recordings : iterable of str
            SHA-256 of each.

        Returns
        -------
        Prior
            The same one if it has none of them.
        """
        theirs = set(recordings)
        owner = [name.rpartition("/")[0] for name in self.recordings]
        gone = {
            who
            for who, digest in zip(owner, self.recordings.values(), strict=True)
            if digest in theirs
        }
        if not gone:
            return self
        stays = np.array([who not in gone for who in owner])
        kept = stays[self.recording]
        return replace(
            self,
            covariances=self.covariances[kept],
            labels=self.labels[kept],
            recording=(np.cumsum(stays) - 1)[self.recording[kept]],
            person=np.unique(self.person[kept], return_inverse=True)[1],
            beginnings=None if self.beginnings is None else self.beginnings[stays],
            recordings={
                name: digest
                for name, digest, stayed in zip(
                    self.recordings, self.recordings.values(), stays, strict=True
                )
                if stayed
            },
        )


def make_prior(
    people: Mapping[str, Sequence[Recording]],
    events: Mapping[str, str],
    known: Sequence[str],
    settings: SignalSettings,
    window: int,
    processed: bool = False,
    skip: int = 0,
    passed_over: list[str] | None = None,
) -> Prior:
    """Collect trials of several people or sessions.

    Parameters
    ----------
    people : mapping
        Name -> recordings; each recording is aligned on its own.
    events : mapping
        Label in the recordings -> class name.
    known : sequence of str
        Electrodes that decoders may use.
    settings : SignalSettings
        Rate and band of the signal path; channels and reference are the recordings' own.
    window : int
        Samples of a window.
    processed : bool
        Whether the recordings have been through the signal path already, as those of a window
        store have.
    skip : int
        Samples of a window, after the cue, that are passed over.
    passed_over : list of str, optional
        Where to write down which recordings have too few trials, and why; without it, the first is
        refused.

    Returns
    -------
    Prior

    Raises
    ------
    InputError
        If there is no recording, they share fewer than two electrodes, or one cannot be cut into
        trials.
    """
    sources = [(person, one) for person, several in people.items() for one in several]
    if not sources:
        raise InputError("There are no recordings to make a prior of.")
    found = [set(match(recording.labels, known).channels) for _, recording in sources]
    shared = set.intersection(*found)
    channels = tuple(name for name in known if name in shared)
    if len(channels) < 2:
        raise InputError(
            f"The recordings for the prior share {len(channels)} electrodes; at least 2 are needed."
        )
    path = SignalSettings(channels, "recorded", settings.rate, settings.band)
    sections = band_sections(BAND, settings.rate)
    classes = tuple(dict.fromkeys(events.values()))
    collected, labels, beginnings, used = [], [], [], []
    for person, recording in sources:
        try:
            signals = _stretches(recording, channels) if processed else None
            epochs = cut_epochs([recording], events, path, UNIT, window, signals)
            epochs = without_artifacts(epochs, [recording], path, UNIT)
        except InputError as error:
            sentence = f"{person}/{recording.path.name} is no prior: {error}"
            if passed_over is None:
                raise InputError(sentence) from error
            passed_over.append(sentence)
            continue
        used.append((person, recording))
        banded = epochs.filtered(sections)
        beginnings.append(beginning_covariance(banded.segments, settings.rate))
        windows = banded.windows()[..., skip:]
        windows = np.ascontiguousarray(windows - windows.mean(axis=-1, keepdims=True))
        sample = windows @ windows.transpose(0, 2, 1) / (window - skip)
        collected.append(sample.astype(np.float32))
        labels.append(epochs.labels)
    if not used:
        raise InputError("None of the recordings has enough trials for a prior.")
    counts = [len(each) for each in labels]
    names = list(dict.fromkeys(person for person, _ in used))
    return Prior(
        classes=classes,
        channels=channels,
        rate=settings.rate,
        length=window,
        band=BAND,
        covariances=np.concatenate(collected),
        labels=np.concatenate(labels).astype(np.int64),
        recording=np.repeat(np.arange(len(used)), counts),
        person=np.repeat([names.index(person) for person, _ in used], counts),
        recordings=named_apart((f"{who}/{one.path.name}", one.sha256) for who, one in used),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"eegpt-realtime {version('eegpt-realtime')}",
        skip=skip,
        beginnings=np.stack(beginnings).astype(np.float32),
    )


def beginning(segments: Sequence[np.ndarray], rate: float, seconds: float = SECONDS) -> np.ndarray:
    """Return a recording's first signal, shape (samples, channels), of its contiguous stretches."""
    first: np.ndarray = np.concatenate(list(segments))[: round(seconds * rate)]
    return first


def beginning_covariance(
    segments: Sequence[np.ndarray], rate: float, seconds: float = SECONDS
) -> np.ndarray:
    """Return the covariance of a recording's first signal, labels unseen.

    Parameters
    ----------
    segments : sequence of ndarray, each (samples, channels)
        Contiguous stretches in the band of the covariances.
    rate : float
        In Hz.
    seconds : float

    Returns
    -------
    ndarray, shape (channels, channels)
    """
    first = beginning(segments, rate, seconds)
    first = first - first.mean(axis=0)
    covariance: np.ndarray = first.T @ first / len(first)
    return covariance


def beginnings_of(
    recordings: Sequence[Recording],
    channels: Sequence[str],
    segments: Sequence[np.ndarray],
    rate: float,
) -> dict[int, np.ndarray]:
    """Return `beginning_covariance` of each recording, by its position.

    Parameters
    ----------
    recordings : sequence of Recording
    channels : sequence of str
        Of the signal path.
    segments : sequence of ndarray, each (samples, channels)
        All their stretches in the band of the covariances, in order.
    rate : float
        In Hz.
    """
    each = _segments_of_each(recordings, channels, segments)
    return {index: beginning_covariance(own, rate) for index, own in enumerate(each)}


def all_beginnings(
    recordings: Sequence[Recording],
    channels: Sequence[str],
    segments: Sequence[np.ndarray],
    rate: float,
) -> np.ndarray:
    """Return the first minutes of recordings, one after the other, as `beginnings_of` takes them.

    Returns
    -------
    ndarray, shape (samples, channels)
    """
    each = _segments_of_each(recordings, channels, segments)
    return np.concatenate([beginning(own, rate) for own in each])


def _segments_of_each(
    recordings: Sequence[Recording], channels: Sequence[str], segments: Sequence[np.ndarray]
) -> Iterator[Sequence[np.ndarray]]:
    start = 0
    for recording in recordings:
        stop = start + len(recording.stretches(channels))
        yield segments[start:stop]
        start = stop


def _stretches(recording: Recording, channels: Sequence[str]) -> list[np.ndarray]:
    """Return the contiguous stretches of a recording as they are, each (samples, channels)."""
    picks = list(match(recording.labels, channels).indices)
    return [
        recording.samples_uv[start:stop, picks].astype(float)
        for start, stop in recording.stretches(channels)
    ]


def whiteners(covariances: np.ndarray, recording: np.ndarray) -> dict[int, np.ndarray]:
    """Return, for every recording, the inverse square root of the mean of its covariances.

    Parameters
    ----------
    covariances : ndarray, shape (trials, channels, channels)
    recording : ndarray of int, shape (trials,)

    Returns
    -------
    dict of int to ndarray, each (channels, channels)
    """
    return {
        int(one): power(riemannian_mean(covariances[recording == one]), -0.5)
        for one in np.unique(recording)
    }


def reference_whitener(covariance: np.ndarray, shrinkage: float = 0.01) -> np.ndarray:
    """Return the inverse square root of the covariance of much signal, kept from being singular.

    Parameters
    ----------
    covariance : ndarray, shape (channels, channels)
    shrinkage : float
        Share of the mean variance put on every channel.
    """
    floor = np.trace(covariance) / len(covariance)
    return power((1.0 - shrinkage) * covariance + shrinkage * floor * np.eye(len(covariance)), -0.5)


def vectors_at(covariances: np.ndarray, whitener: np.ndarray) -> np.ndarray:
    """Return tangent vectors of covariances at the reference that a whitener belongs to.

    Returns
    -------
    ndarray, shape (trials, channels x (channels + 1) / 2)
    """
    everything = np.arange(covariances.shape[-1])
    return TangentFeatures(BAND, 0.0, 0, everything, whitener).of_covariances(covariances)


def recentre(
    covariances: np.ndarray, recording: np.ndarray, whitened: Mapping[int, np.ndarray]
) -> np.ndarray:
    """Return tangent vectors of covariances, each recording's at its own mean.

    Parameters
    ----------
    covariances : ndarray, shape (trials, channels, channels)
    recording : ndarray of int, shape (trials,)
    whitened : mapping of int to ndarray
        From `whiteners`.

    Returns
    -------
    ndarray, shape (trials, channels x (channels + 1) / 2)

    Notes
    -----
    Zanini, Congedo, Jutten, Said and Berthoumieu (2018), Transfer learning: a Riemannian geometry
    framework with applications to brain-computer interfaces, IEEE Trans. Biomed. Eng. 65(5).
    """
    channels = covariances.shape[-1]
    vectors = np.empty((len(covariances), channels * (channels + 1) // 2))
    for one, whitener in whitened.items():
        its = recording == one
        vectors[its] = vectors_at(covariances[its], whitener)
    return vectors


def recentre_pairs(
    covariances: np.ndarray,
    recording: np.ndarray,
    person: np.ndarray,
    whitened: Mapping[int, np.ndarray],
) -> dict[tuple[int, int], np.ndarray]:
    """Return tangent vectors of every recording at the mean of each other one of its person.

    Parameters
    ----------
    covariances, recording, whitened
        As in `recentre`.
    person : ndarray of int, shape (trials,)

    Returns
    -------
    dict of (int, int) to ndarray, each (trials of the recording, features)
        By the recording whose mean is the reference, and the one that is seen from there.
    """
    return {
        (reference, seen): vectors_at(covariances[recording == seen], whitened[reference])
        for one in np.unique(person)
        for reference, seen in permutations(np.unique(recording[person == one]).tolist(), 2)
    }


def recentre_cross_session(
    vectors: np.ndarray, recording: np.ndarray, seen_from: Mapping[tuple[int, int], np.ndarray]
) -> np.ndarray:
    """Return vectors, each recording's at the mean of the one before it of the same person.

    Nobody's own trials are known before they happen: this is how a live stream is seen from a
    reference that was fitted earlier. A person's first recording is seen from the last one; who
    has one recording keeps its own reference.

    Parameters
    ----------
    vectors : ndarray, shape (trials, features)
        From `recentre`.
    recording : ndarray of int, shape (trials,)
    seen_from : mapping
        From `recentre_pairs`.

    Returns
    -------
    ndarray, shape (trials, features)
    """
    found = vectors.copy()
    for one in np.unique(recording):
        references = [reference for reference, seen in seen_from if seen == one]
        earlier = [reference for reference in references if reference < one]
        if references:
            found[recording == one] = seen_from[max(earlier or references), one]
    return found

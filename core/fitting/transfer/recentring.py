"""The reference of each recording: covariances whitened by it, labels unseen.

Covariances differ between people and sessions mostly by where they lie (Zanini et al., 2018; He and
Wu, 2020): a recording's own mean, or that of its first minute, takes that away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

import numpy as np

from core.decoding.features import TangentFeatures
from core.decoding.recentring import REFERENCE_SECONDS
from core.decoding.riemannian import riemannian_mean
from core.decoding.spatial import power
from core.fitting.baselines import BAND
from core.recordings import Recording

_SHRINKAGE = 0.01  # share of the mean variance put on every channel


def beginning(segments: Sequence[np.ndarray], rate: float) -> np.ndarray:
    """Return a recording's first minute, shape (samples, channels), of its segments."""
    first: np.ndarray = np.concatenate(list(segments))[: round(REFERENCE_SECONDS * rate)]
    return first


def beginning_covariance(segments: Sequence[np.ndarray], rate: float) -> np.ndarray:
    """Return the covariance of a recording's first minute, labels unseen.

    Parameters
    ----------
    segments : sequence of ndarray, each (samples, channels)
        In the band of the covariances.
    rate : float
        In Hz.

    Returns
    -------
    ndarray, shape (channels, channels)
    """
    first = beginning(segments, rate)
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
        All of theirs in the band of the covariances, in order.
    rate : float
        In Hz.
    """
    by_recording = _segments_of_each(recordings, channels, segments)
    return {index: beginning_covariance(own, rate) for index, own in enumerate(by_recording)}


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
    by_recording = _segments_of_each(recordings, channels, segments)
    return np.concatenate([beginning(own, rate) for own in by_recording])


def _segments_of_each(
    recordings: Sequence[Recording], channels: Sequence[str], segments: Sequence[np.ndarray]
) -> Iterator[Sequence[np.ndarray]]:
    start = 0
    for recording in recordings:
        stop = start + len(recording.stretches(channels))
        yield segments[start:stop]
        start = stop


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
        int(index): power(riemannian_mean(covariances[recording == index]), -0.5)
        for index in np.unique(recording)
    }


def reference_whitener(covariance: np.ndarray) -> np.ndarray:
    """Return the inverse square root of the covariance of much signal, kept from being singular.

    Parameters
    ----------
    covariance : ndarray, shape (channels, channels)
    """
    floor = _SHRINKAGE * (np.trace(covariance) / len(covariance))
    return power((1.0 - _SHRINKAGE) * covariance + floor * np.eye(len(covariance)), -0.5)


def vectors_at(covariances: np.ndarray, whitener: np.ndarray) -> np.ndarray:
    """Return tangent vectors of covariances at the reference that a whitener belongs to.

    Returns
    -------
    ndarray, shape (trials, channels x (channels + 1) / 2)
    """
    everything = np.arange(covariances.shape[-1])
    return TangentFeatures(BAND, 0.0, 0, everything, whitener).of_covariances(covariances)


def recentre(
    covariances: np.ndarray, recording: np.ndarray, whiteners: Mapping[int, np.ndarray]
) -> np.ndarray:
    """Return tangent vectors of covariances, each recording's at a reference of its own.

    Parameters
    ----------
    covariances : ndarray, shape (trials, channels, channels)
    recording : ndarray of int, shape (trials,)
    whiteners : mapping of int to ndarray
        Inverse square root of each recording's reference: of its mean, or of its first minute.

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
    for index, whitener in whiteners.items():
        mask = recording == index
        vectors[mask] = vectors_at(covariances[mask], whitener)
    return vectors


def recentre_pairs(
    covariances: np.ndarray,
    recording: np.ndarray,
    person: np.ndarray,
    whiteners: Mapping[int, np.ndarray],
) -> dict[tuple[int, int], np.ndarray]:
    """Return tangent vectors of every recording at the mean of each other one of its person.

    Parameters
    ----------
    covariances, recording, whiteners
        As in `recentre`.
    person : ndarray of int, shape (trials,)

    Returns
    -------
    dict of (int, int) to ndarray, each (trials of the recording, features)
        By the recording whose mean is the reference, and the one that is seen from there.
    """
    return {
        (reference, seen): vectors_at(covariances[recording == seen], whiteners[reference])
        for index in np.unique(person)
        for reference, seen in permutations(np.unique(recording[person == index]).tolist(), 2)
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
    recentred = vectors.copy()
    for index in np.unique(recording):
        references = [reference for reference, seen in seen_from if seen == index]
        earlier = [reference for reference in references if reference < index]
        if references:
            recentred[recording == index] = seen_from[max(earlier or references), index]
    return recentred

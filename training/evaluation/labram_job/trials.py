"""Trials of the job: 0 to 38 Hz, four seconds from the cue, every session aligned as a whole.

Unlike all other protocols here, trials are filtered forward and backward, and those of the tested
person take part, without their labels, in the alignment: no live program can do either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.signal import butter, lfilter, resample_poly, sosfiltfilt

from core.decoding.spatial import euclidean_alignment, power
from core.errors import InputError
from core.montage import match
from core.recordings import Recording
from training.evaluation.people import Subject

SECONDS = 4
RATE = 200.0  # of LaBraM
CUTOFF, ORDER = 38.0, 4  # Hz; of the low-pass, each way
FORGETTING, LEAST_DEVIATION = 1e-3, 1e-4  # of the moving standardisation, in samples and µV


@dataclass(frozen=True)
class SessionTrials:
    """All trials of one session of a person, as they were recorded.

    Attributes
    ----------
    windows : ndarray, shape (trials, channels, samples)
        In µV, from the cue to four seconds after it, both ends included.
    labels : ndarray of int, shape (trials,)
    rate : float
        In Hz.
    """

    windows: np.ndarray
    labels: np.ndarray
    rate: float


def shared_electrodes(people: Sequence[Subject], known: Sequence[str]) -> tuple[str, ...]:
    """Return the known electrodes that all recordings have, in the order of the first recording.

    Raises
    ------
    InputError
        If they are fewer than two.
    """
    recordings = [recording for person in people for recording in person.recordings]
    shared = set(known)
    for recording in recordings:
        shared &= set(match(recording.labels, known).channels)
    first = match(recordings[0].labels, tuple(shared))
    order = sorted(zip(first.indices, first.channels, strict=True))
    if len(order) < 2:
        raise InputError(
            f"The recordings share {len(order)} electrodes that LaBraM knows; 2 are needed."
        )
    return tuple(name for _, name in order)


def session_trials(
    person: Subject, classes: Sequence[str], ch_names: Sequence[str]
) -> list[SessionTrials]:
    """Cut a person's trials, session after session.

    Cues whose window is not whole, or crosses a break or missing samples, are passed over.

    Raises
    ------
    InputError
        If rates differ within a session, or a session lacks a class.
    """
    sessions = []
    for session in dict.fromkeys(identity.session for identity in person.identities):
        recordings = [
            recording
            for identity, recording in zip(person.identities, person.recordings, strict=True)
            if identity.session == session
        ]
        rates = {recording.rate for recording in recordings}
        if len(rates) > 1:
            raise InputError(f"{person.name} has recordings of {len(rates)} rates in a session.")
        pairs = [pair for recording in recordings for pair in _cut(recording, classes, ch_names)]
        labels = np.array([label for _, label in pairs], dtype=np.int64)
        if min(np.bincount(labels, minlength=len(classes))) < 2:
            raise InputError(
                f"{person.name} has fewer than two whole trials of a class in a session; at least "
                f"two of each of {', '.join(classes)} are needed."
            )
        windows = np.stack([window for window, _ in pairs])
        sessions.append(SessionTrials(windows, labels, rates.pop()))
    return sessions


def _cut(
    recording: Recording, classes: Sequence[str], ch_names: Sequence[str]
) -> list[tuple[np.ndarray, int]]:
    indices = list(match(recording.labels, ch_names).indices)
    length = round(SECONDS * recording.rate) + 1
    pairs = []
    for event in recording.events:
        start = round(event.onset * recording.rate)
        stop = start + length
        broken = any(start < position < stop for position in recording.breaks)
        if event.label not in classes or broken or stop > len(recording.samples_uv):
            continue
        window = recording.samples_uv[start:stop, indices].T.astype(np.float64)
        if np.isfinite(window).all():
            pairs.append((window, classes.index(event.label)))
    return pairs


def as_published(session: SessionTrials) -> np.ndarray:
    """Return trials as the published job has them, shape (trials, channels, 800).

    Each is low-passed, standardised by a moving mean and deviation, aligned by the session's mean
    product of channels (so that a sample is no voltage any more, but about 0.03), brought to the
    average reference, and resampled by taking the nearest earlier sample.
    """
    windows = moving_standardised(low_passed(session.windows, session.rate))
    products: np.ndarray = np.mean(windows @ windows.transpose(0, 2, 1), axis=0)
    aligned = average_referenced(power(products, -0.5) @ windows)
    count = round(SECONDS * RATE)
    nearest = np.arange(count) * windows.shape[-1] // count
    return aligned[..., nearest].astype(np.float32)


def as_it_should_be(session: SessionTrials) -> np.ndarray:
    """Return trials in µV, shape (trials, channels, 800).

    Each is low-passed and its mean taken off, the session is aligned so that the channels' mean
    variance stays what it was in µV², and trials are brought to the average reference and resampled
    behind a filter.
    """
    windows = low_passed(session.windows, session.rate)
    windows -= windows.mean(axis=-1, keepdims=True)
    covariance = np.mean(windows @ windows.transpose(0, 2, 1), axis=0) / windows.shape[-1]
    aligned = average_referenced(euclidean_alignment(covariance) @ windows)
    ratio = Fraction(RATE / session.rate).limit_denominator(1000)
    resampled = resample_poly(aligned, ratio.numerator, ratio.denominator, axis=-1)
    trials: np.ndarray = resampled[..., : round(SECONDS * RATE)].astype(np.float32)
    return trials


def low_passed(windows: np.ndarray, rate: float) -> np.ndarray:
    """Return windows through the low-pass, forward and backward; nothing else is taken away."""
    if rate <= 2 * CUTOFF:
        raise InputError(f"Recordings at {rate:g} Hz hold nothing up to {CUTOFF:g} Hz.")
    filtered: np.ndarray = sosfiltfilt(butter(ORDER, CUTOFF, fs=rate, output="sos"), windows)
    return filtered


def moving_standardised(windows: np.ndarray) -> np.ndarray:
    """Return windows less their moving mean, over their moving deviation.

    Both weigh a sample by (1 - 0.001) to the power of its age.

    Notes
    -----
    Schirrmeister et al. (2017), Deep learning with convolutional neural networks for EEG decoding
    and visualization, Human Brain Mapping 38(11), with each trial begun anew.
    """
    keep = 1.0 - FORGETTING
    total = (1.0 - keep ** np.arange(1, windows.shape[-1] + 1)) / FORGETTING

    def moving_mean(values: np.ndarray) -> np.ndarray:
        mean: np.ndarray = lfilter([1.0], [1.0, -keep], values) / total
        return mean

    centred = windows - moving_mean(windows)
    deviation = np.sqrt(moving_mean(centred**2))
    standardised: np.ndarray = centred / np.maximum(deviation, LEAST_DEVIATION)
    return standardised


def average_referenced(windows: np.ndarray) -> np.ndarray:
    """Return windows less the mean over channels of every sample."""
    referenced: np.ndarray = windows - windows.mean(axis=1, keepdims=True)
    return referenced

"""What others, or earlier sessions, teach a decoder before its person's first trial: their trials.

Each recording is whitened by its own reference (`core.fitting.transfer.recentring`), the person's
by the person's own; on such vectors one linear head is fitted to the others' trials, and the
person's trials then move it as far as they can show to be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.decoding.features import band_sections
from core.errors import InputError
from core.fitting.baselines import BAND, passed
from core.fitting.transfer.recentring import beginning_covariance
from core.fitting.trials.cutting import cut_epochs
from core.fitting.trials.rejection import without_artifacts
from core.montage import match
from core.provenance import provenance
from core.recordings import UNIT, Recording, named_apart
from core.recordings.copies import Fingerprint
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
        Pass band of the covariances in Hz: what the signal path passes of `BAND`.
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
    marks : dict of str to tuple of int
        SHA-256 of recordings -> fingerprint (`core.recordings.copies`), as far as they are known.
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
    marks: dict[str, Fingerprint] = field(default_factory=dict)

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
        If there is no recording, they share fewer than two electrodes, one cannot be cut into
        trials, or the signal path passes nothing of `BAND`.
    """
    sources = [(person, recording) for person, several in people.items() for recording in several]
    if not sources:
        raise InputError("There are no recordings to make a prior of.")
    montages = [set(match(recording.labels, known).channels) for _, recording in sources]
    shared = set.intersection(*montages)
    channels = tuple(name for name in known if name in shared)
    if len(channels) < 2:
        raise InputError(
            f"The recordings for the prior share {len(channels)} electrodes; at least 2 are needed."
        )
    path = SignalSettings(channels, "recorded", settings.rate, settings.band)
    band, sections = passed(settings.band), band_sections(BAND, settings.rate)
    classes = tuple(dict.fromkeys(events.values()))
    collected, labels, beginnings, used = [], [], [], []
    for person, recording in sources:
        try:
            signals = _segments(recording, channels) if processed else None
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
    counts = list(map(len, labels))
    names = list(dict.fromkeys(person for person, _ in used))
    return Prior(
        classes=classes,
        channels=channels,
        rate=settings.rate,
        length=window,
        band=band,
        covariances=np.concatenate(collected),
        labels=np.concatenate(labels).astype(np.int64),
        recording=np.repeat(np.arange(len(used)), counts),
        person=np.repeat([names.index(person) for person, _ in used], counts),
        recordings=named_apart(
            (f"{who}/{recording.path.name}", recording.sha256) for who, recording in used
        ),
        **provenance(),
        skip=skip,
        beginnings=np.stack(beginnings).astype(np.float32),
    )


def _segments(recording: Recording, channels: Sequence[str]) -> list[np.ndarray]:
    """Return the segments of a recording as they are, each (samples, channels)."""
    picks = list(match(recording.labels, channels).indices)
    return [
        recording.samples_uv[start:stop, picks].astype(float)
        for start, stop in recording.stretches(channels)
    ]

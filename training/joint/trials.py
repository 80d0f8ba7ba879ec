"""Trials of a store's people, as features that are aligned by each recording's first minute."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from core.decoding.recentring import LEAST_SECONDS, REFERENCE_SECONDS
from core.encoders import Encoder, EncoderSpec
from core.errors import InputError
from core.fitting.transfer.shared_heads import PersonAlignment, align, side_by_side
from core.signal.pipeline import default_reference
from core.units import factor
from training.shards import RecordingIdentity
from training.store import Store


@dataclass(frozen=True, eq=False)
class AlignedRecording:
    """One recording's signal and trials.

    Attributes
    ----------
    person : str
    identity : RecordingIdentity
    origin, sha256 : str
        Name and hash of its file.
    run : ndarray, shape (samples, channels)
        Behind the signal path, in the encoder's unit.
    starts : tuple of int
        First samples of the trials' windows.
    labels : tuple of str
        Of their events.
    alignment : PersonAlignment
    """

    person: str
    identity: RecordingIdentity
    origin: str
    sha256: str
    run: np.ndarray
    starts: tuple[int, ...]
    labels: tuple[str, ...]
    alignment: PersonAlignment


@dataclass(frozen=True, eq=False)
class StoredTrials:
    """All trials of a store that some task asks for.

    Attributes
    ----------
    channels : tuple of str
        Electrodes that all recordings have.
    recordings : tuple of AlignedRecording
    blocks : tuple of ndarray, each (trials, features of the block)
    """

    channels: tuple[str, ...]
    recordings: tuple[AlignedRecording, ...]
    blocks: tuple[np.ndarray, ...]

    @property
    def labels(self) -> list[str]:
        """Of every trial's event."""
        return [label for recording in self.recordings for label in recording.labels]

    @property
    def people(self) -> tuple[str, ...]:
        """Whose trials there are, sorted."""
        return tuple(sorted({recording.person for recording in self.recordings}))

    def of(self, people: Collection[str]) -> StoredTrials:
        """Return the trials of some people."""
        kept = [recording.person in people for recording in self.recordings]
        rows = np.repeat(kept, [len(recording.starts) for recording in self.recordings])
        recordings = tuple(r for r, keep in zip(self.recordings, kept, strict=True) if keep)
        return replace(
            self, recordings=recordings, blocks=tuple(block[rows] for block in self.blocks)
        )


def stored_trials(
    store: Store,
    labels: Collection[str],
    spec: EncoderSpec,
    encoder: Encoder | None,
    covariances: bool,
) -> StoredTrials:
    """Read the trials of a store.

    Parameters
    ----------
    store : Store
    labels : collection of str
        Of events that are trials.
    spec : EncoderSpec
        Whose window trials have.
    encoder : Encoder or None
        Where tokens are a view.
    covariances : bool
        Whether covariances are.

    Raises
    ------
    InputError
        If the store has another rate or band than the encoder, no recording has such a trial, or
        the recordings have too few electrodes in common.
    """
    if store.rate != spec.rate:
        raise InputError(
            f"The store has {store.rate:g} Hz and the encoder {spec.label} takes {spec.rate:g} Hz; "
            "prepare a store for this encoder (training.prepare --family)."
        )
    band = store.form.band
    if encoder is not None and spec.trained and band != spec.band_with(band.notch):
        raise InputError(
            f"The store has {band.label} and the encoder {spec.label} was trained on "
            f"{spec.band.label}; prepare a store with the encoder's band, or take another encoder."
        )
    trials = {
        index: [
            (start, label)
            for start, label in recording.events
            if label in labels and 0 <= start <= recording.length - spec.window
        ]
        for index, recording in enumerate(store.recordings)
        if recording.length >= LEAST_SECONDS * store.rate
    }
    trials = {index: cues for index, cues in trials.items() if cues}
    if not trials:
        raise InputError(
            f"No recording of the store has a trial of {', '.join(sorted(labels))} with a window "
            f"of {spec.window / spec.rate:g} s, in {LEAST_SECONDS:g} s of signal or more."
        )
    everywhere = np.all([store.present(index) for index in trials], axis=0)
    channels = tuple(
        name
        for name, there in zip(store.channels, everywhere.tolist(), strict=True)
        if there and name in spec.ch_names
    )
    if len(channels) < 2:
        raise InputError(
            f"The {len(trials)} recordings have {len(channels)} electrodes in common that the "
            f"encoder {spec.label} knows; make a store of recordings with one montage."
        )
    spec.check_electrodes(channels, "The store")
    rows = [store.channels.index(name) for name in channels]
    minute = round(REFERENCE_SECONDS * store.rate)
    recordings, blocks = [], list[list[np.ndarray]]()
    for index, cues in trials.items():
        stored = store.recordings[index]
        run = store.crop(index, 0, stored.length)[rows].T.astype(np.float64)
        run = run * factor(store.unit, spec.unit)
        if default_reference(len(channels)) == "average":
            run = run - run.mean(axis=1, keepdims=True)
        alignment = align([run[:minute]], channels, store.rate, spec.window, covariances, encoder)
        starts = tuple(start for start, _ in cues)
        blocks.append(alignment.blocks(run, starts))
        identity = RecordingIdentity(stored.source, stored.subject, stored.session, stored.run)
        recordings.append(
            AlignedRecording(
                stored.person,
                identity,
                stored.origin,
                stored.origin_sha256,
                run.astype(np.float32),
                starts,
                tuple(label for _, label in cues),
                alignment,
            )
        )
    return StoredTrials(
        channels,
        tuple(recordings),
        tuple(np.concatenate(view) for view in zip(*blocks, strict=True)),
    )


def encoded_again(trials: StoredTrials, encoder: Encoder) -> StoredTrials:
    """Return the same trials with the tokens of another encoder, behind the same filters.

    Parameters
    ----------
    trials : StoredTrials
        With tokens as their last block.
    encoder : Encoder
    """
    vectors = []
    for recording in trials.recordings:
        assert recording.alignment.tokens is not None
        tokens = replace(recording.alignment.tokens, encoder=encoder)
        run = recording.run.astype(np.float64)
        minute = beginnings(recording, encoder.spec)
        offset = tokens.of_run(run, minute).mean(axis=0)
        vectors.append(tokens.of_run(run, recording.starts) - offset)
    return replace(trials, blocks=(*trials.blocks[:-1], np.concatenate(vectors)))


def beginnings(recording: AlignedRecording, spec: EncoderSpec) -> list[int]:
    """Return where the windows begin that a recording's tokens are centred by."""
    return side_by_side(recording.run[: round(REFERENCE_SECONDS * spec.rate)], spec.window)

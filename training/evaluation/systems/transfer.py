"""What other people's recordings teach before a person's first trial, never the person's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.decoding.decoder import Decoder
from core.decoding.features import TokenFeatures
from core.decoding.recentring import REFERENCE_SECONDS
from core.encoders import Encoder
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.feature_input import CovarianceSettings
from core.fitting.transfer.population import Prior, make_prior
from core.fitting.transfer.prior_head import PriorHead, with_readout
from core.fitting.transfer.prior_sources import head_of_prior
from core.fitting.transfer.uncalibrated import CALLED, uncalibrated_decoder
from core.program import say
from core.recordings import Recording
from training.evaluation.people import Signal
from training.evaluation.trials import Share, Trials


@dataclass(frozen=True)
class Others:
    """Everybody's trials, of which each person gets those of all the others.

    Attributes
    ----------
    pieces : tuple of (str, Prior)
        Name of a person and the trials of one recording, for all that have enough of them.
    windows : CovarianceSettings
    groups : int
        Into how many groups people are parted, of which each starts from all the others; 0 for
        everybody in a group of their own.
    heads : dict
        What was learned already, by people and classes.
    """

    pieces: tuple[tuple[str, Prior], ...]
    windows: CovarianceSettings
    groups: int = 0
    heads: dict[tuple[Any, ...], PriorHead] = field(default_factory=dict, repr=False)

    def head(self, people: Collection[str], classes: Sequence[str]) -> PriorHead:
        """Return the head that the recordings of these people teach.

        Raises
        ------
        InputError
            If none of them has enough trials.
        """
        key = frozenset(people), tuple(classes)
        if key not in self.heads:
            pieces = [piece for piece in self.pieces if piece[0] in people]
            if not pieces:
                raise InputError(
                    "No other subject has a recording with enough trials of every class to start "
                    "from; add people, or leave out --others."
                )
            self.heads[key] = head_of_prior(_together(pieces), self.windows, classes)
        return self.heads[key]

    def head_for(self, trials: Trials) -> PriorHead:
        """Return the head that everybody teaches who is not in these trials."""
        everybody = list(dict.fromkeys(name for name, _ in self.pieces))
        gone = set(trials.people)
        if self.groups:
            group = {name: index % self.groups for index, name in enumerate(everybody)}
            theirs = {group[name] for name in gone if name in group}
            gone |= {name for name in everybody if group[name] in theirs}
        return self.head(set(everybody) - gone, trials.classes)


def others_of(signals: Sequence[Signal], *, last: bool, groups: int = 0) -> Others:
    """Collect everybody's trials.

    Parameters
    ----------
    signals : sequence of Signal
    last : bool
        Whether the last session or run of people is among what others learn from. Protocols that
        test the last leave it out, so that each is read for its own test and for nothing else.
    groups : int
        As in `Others`.
    """
    pieces = []
    for signal in signals:
        parts = signal.person.parts if last else signal.person.parts[:-1]
        for index in (index for part in parts for index in part):
            if index not in signal.taught:
                signal.taught[index] = _taught(signal, index)
            if (prior := signal.taught[index]) is not None:
                pieces.append((signal.person.name, prior))
    return Others(tuple(pieces), signals[0].windows, groups=groups)


def _taught(signal: Signal, index: int) -> Prior | None:
    """Return what one recording of a person teaches others; a note says why it teaches nothing."""
    recordings = {signal.person.name: [signal.person.recordings[index]]}
    events, path = {name: name for name in signal.classes}, signal.settings
    try:
        return make_prior(
            recordings, events, path.channels, path, signal.spec.window, skip=signal.skip
        )
    except InputError as error:
        say(f"Note: others do not learn from a recording. {error}")
        return None


@dataclass(frozen=True)
class PopulationSystem:
    """Others' head on a minute of a person's unlabelled signal, as before any calibration.

    Attributes
    ----------
    others : Others
    eeg_encoder : Encoder
        Whose readout takes part, if it has one for these classes.
    source : str
        What it was loaded from.
    mixed : bool
        Whether the trials of a fit are those of others, and not the person's.
    """

    others: Others
    eeg_encoder: Encoder
    source: str
    mixed: bool = True
    name: str = CALLED

    @property
    def encoder(self) -> str | None:
        """Label of the encoder, if it takes part."""
        spec = self.eeg_encoder.spec
        return None if spec.readout is None else spec.label

    def fit(self, trials: Trials, seed: int) -> PopulationModel:
        """Learn from all recordings of the people in the trials, or of all others than these."""
        classes = trials.classes
        others = self.others
        head = others.head(trials.people, classes) if self.mixed else others.head_for(trials)
        return PopulationModel(
            with_readout(head, self.eeg_encoder.spec, classes), self.source, self.eeg_encoder
        )


@dataclass(frozen=True)
class PopulationModel:
    """A head that waits for somebody's signal."""

    head: PriorHead
    source: str
    encoder: Encoder

    def decoder(self, signal: Signal, recording: int) -> Decoder:
        """Return the decoder that the first minute of a recording gives."""
        return uncalibrated_decoder(
            self.head,
            _first_minute(signal.person.recordings[recording]),
            signal.classes,
            signal.windows,
            (self.source, self.encoder),
            signal.person.identities[0].subject,
        )

    def probabilities(self, trials: Trials) -> np.ndarray:
        """Return class probabilities, shape (trials, classes)."""
        return np.concatenate([self._of_share(share) for share in trials.shares])

    def _of_share(self, share: Share) -> np.ndarray:
        signal = share.signal
        decoder = self.decoder(signal, share.fitted[0])
        banded = share.whole_windows(BAND)  # the decoder aligns and regresses by itself
        vectors = [view.of_windows(banded[..., signal.skip :]) for view in decoder.tangents]
        if decoder.spatial is not None:
            features = TokenFeatures(
                self.encoder, decoder.token_channels, decoder.spatial, signal.skip
            )
            windows = share.whole_windows()
            vectors.append(np.concatenate([features.of_run(window.T, [0]) for window in windows]))
        return decoder.head.probabilities(np.concatenate(vectors, axis=1))


def _first_minute(recording: Recording) -> Recording:
    most = round(REFERENCE_SECONDS * recording.rate)
    return replace(
        recording,
        samples_uv=recording.samples_uv[:most],
        events=(),
        breaks=tuple(position for position in recording.breaks if position < most),
    )


def _together(pieces: Sequence[tuple[str, Prior]]) -> Prior:
    """Return the trials of several recordings as one prior."""
    names = list(dict.fromkeys(name for name, _ in pieces))
    priors = [prior for _, prior in pieces]
    counts = [len(prior) for prior in priors]
    beginnings = [prior.beginnings for prior in priors if prior.beginnings is not None]
    assert len(beginnings) == len(priors)  # `make_prior` has them all
    return replace(
        priors[0],
        covariances=np.concatenate([prior.covariances for prior in priors]),
        labels=np.concatenate([prior.labels for prior in priors]),
        recording=np.repeat(np.arange(len(priors)), counts),
        person=np.repeat([names.index(name) for name, _ in pieces], counts),
        recordings={name: sha256 for prior in priors for name, sha256 in prior.recordings.items()},
        beginnings=np.concatenate(beginnings),
    )

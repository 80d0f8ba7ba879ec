"""Heads that many people's trials taught, for a person who gives a minute and no trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.decoding.artifacts import learn_limits
from core.decoding.card import EncoderPin
from core.decoding.decoder import Decoder
from core.decoding.embedding_heads import RetrievalHead
from core.decoding.features import (
    TangentFeatures,
    TokenFeatures,
    band_sections,
    shrunk_covariances,
)
from core.decoding.heads import LinearHead
from core.decoding.outputs import CLASSES
from core.decoding.readouts import Readout
from core.decoding.recentring import LEAST_SECONDS
from core.decoding.spatial import channel_covariance, power, spatial_filter
from core.encoders import Encoder
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.joint_heads import JointHead
from core.fitting.transfer.uncalibrated import card_without_trials
from core.fitting.trials.signals import signals_of
from core.recordings import Recording
from core.signal.filtering import Band, CausalFilter
from core.signal.pipeline import SignalSettings, default_reference
from core.sites import is_motor

CALLED = "heads of others, uncalibrated"
"""What a decoder of them is called."""


@dataclass(frozen=True, eq=False)
class PersonAlignment:
    """Features of windows, relative to those of a person's own signal without labels.

    Attributes
    ----------
    tangent : TangentFeatures or None
        At the mean covariance of that signal.
    tokens : TokenFeatures or None
        Behind the filter that this signal gives.
    offset : ndarray, shape (token features,)
        Mean token features of that signal, which are taken off those of every window.
    """

    tangent: TangentFeatures | None
    tokens: TokenFeatures | None
    offset: np.ndarray

    def blocks(self, segment: np.ndarray, starts: Sequence[int]) -> list[np.ndarray]:
        """Return the features of windows of a segment, a block for each view.

        Parameters
        ----------
        segment : ndarray, shape (samples, channels)
            Contiguous signal from its first sample on, in the encoder's unit.
        starts : sequence of int
            Where the windows begin.
        """
        blocks = []
        if self.tangent is not None:
            banded = CausalFilter(band_sections(BAND, self.tangent.rate)).push(segment)
            windows = [banded[start : start + self.tangent.length].T for start in starts]
            blocks.append(self.tangent.of_windows(np.stack(windows)))
        if self.tokens is not None:
            blocks.append(self.tokens.of_run(segment, starts) - self.offset)
        return blocks

    def applied(self, readout: Readout) -> Readout:
        """Return a readout that takes windows of this person as they are."""
        head = readout.head
        if self.tokens is not None:
            assert isinstance(head, JointHead)
            head = moved(head, self.offset)
        views = () if self.tangent is None else (self.tangent,)
        return replace(readout, head=head, tangents=views)


def align(
    segments: Sequence[np.ndarray],
    channels: Sequence[str],
    rate: float,
    window: int,
    covariances: bool,
    encoder: Encoder | None,
) -> PersonAlignment:
    """Align features by signal that nobody has to label.

    Parameters
    ----------
    segments : sequence of ndarray, each (samples, channels)
        Behind the signal path, each of a window at least.
    channels : sequence of str
        The encoder's names where there is one.
    rate : float
        In Hz.
    window : int
        Samples of a window.
    covariances : bool
        Whether covariances of the motor electrodes are a view; of all, where there are none.
    encoder : Encoder or None
        Whose tokens are a view.
    """
    tangent, tokens, offset = None, None, np.empty(0)
    if covariances:
        tangent = tangent_view(channels, rate, window)
        sums = []
        for segment in segments:
            banded = CausalFilter(band_sections(BAND, rate)).push(segment)
            windows = np.stack(
                [banded[start : start + window].T for start in side_by_side(segment, window)]
            )
            sums.append(shrunk_covariances(windows[:, tangent.picks]))
        tangent = tangent.at(power(np.concatenate(sums).mean(axis=0), -0.5))
    if encoder is not None:
        covariance = channel_covariance(np.concatenate(segments).T)
        spatial = spatial_filter(covariance, channels, encoder.spec)
        tokens = TokenFeatures(encoder, tuple(channels), spatial)
        blocks = [tokens.of_run(segment, side_by_side(segment, window)) for segment in segments]
        offset = np.concatenate(blocks).mean(axis=0)
    return PersonAlignment(tangent, tokens, offset)


def tangent_view(channels: Sequence[str], rate: float, window: int) -> TangentFeatures:
    """Return the view of the covariance that shared heads read, at no person's reference."""
    motor = [index for index, name in enumerate(channels) if is_motor(name)]
    picks = np.array(motor if len(motor) >= 2 else range(len(channels)), dtype=np.intp)
    return TangentFeatures(BAND, rate, window, picks, np.eye(len(picks)))


def side_by_side(segment: np.ndarray, window: int) -> list[int]:
    """Return where windows begin that fill a segment without overlap, from its first sample on."""
    return list(range(0, len(segment) - window + 1, window))


def moved(head: JointHead, offset: np.ndarray) -> JointHead:
    """Return a head for features whose last ones have an offset.

    Parameters
    ----------
    head : LinearHead, RetrievalHead or ScaleHead
    offset : ndarray, shape (token features,)
    """
    if isinstance(head, RetrievalHead):
        centre = head.window.centre.copy()
        centre[len(centre) - len(offset) :] += offset
        return replace(head, window=replace(head.window, centre=centre))
    centre = head.centre.copy()
    centre[len(centre) - len(offset) :] += offset
    return replace(head, centre=centre)


@dataclass(frozen=True, eq=False)
class SharedHeads:
    """Heads of tasks that were trained on many people.

    Attributes
    ----------
    channels : tuple of str
        Electrodes that a person must have.
    band : Band
        Of the signal path.
    rate : float
        In Hz.
    unit : str
        That the signal leaves the path in.
    window, hop : int
        Samples of a window, and between two decisions.
    encoder : EncoderPin or None
        Where heads read tokens.
    readouts : tuple of Readout
        For aligned features: `align`. At least one of classes.
    recordings : dict of str to str
        Person and file -> SHA-256, of everything that they were trained on.
    people : int
        Whose trials these are.
    created, software : str
        When and by which version they were made.
    """

    channels: tuple[str, ...]
    band: Band
    rate: float
    unit: str
    window: int
    hop: int
    encoder: EncoderPin | None
    readouts: tuple[Readout, ...]
    recordings: dict[str, str]
    people: int
    created: str
    software: str

    @property
    def settings(self) -> SignalSettings:
        """The signal path."""
        reference = default_reference(len(self.channels))
        return SignalSettings(self.channels, reference, self.rate, self.band)

    def decoder(
        self, recording: Recording, subject: str, encoder: tuple[str, Encoder] | None
    ) -> Decoder:
        """Return a decoder for a person who gave no trial.

        Parameters
        ----------
        recording : Recording
            Any signal of the person with the electrodes as they will be; its events are not
            looked at.
        subject : str
            BIDS label.
        encoder : tuple of (str, Encoder) or None
            What it was loaded from, and it, where heads read tokens.

        Raises
        ------
        InputError
            If the recording lacks a channel or has too little signal, or the encoder is another
            one.
        """
        if (self.encoder is None) != (encoder is None) or (
            encoder is not None
            and self.encoder is not None
            and encoder[1].weights_sha256() != self.encoder.sha256
        ):
            label = "none" if self.encoder is None else self.encoder.label
            raise InputError(
                f"The heads were trained on the encoder {label}, and this is another one; name it "
                "with --encoder."
            )
        settings = self.settings
        segments = [
            segment
            for segment in signals_of([recording], settings, self.unit)
            if len(segment) >= self.window
        ]
        seconds = sum(map(len, segments)) / self.rate
        if seconds < LEAST_SECONDS:
            raise InputError(
                f"{recording.path.name} has {seconds:.0f} s of signal in stretches of a window; an "
                f"alignment needs at least {LEAST_SECONDS:g} s."
            )
        covariances = any(readout.tangents for readout in self.readouts)
        used = None if encoder is None else encoder[1]
        alignment = align(segments, self.channels, self.rate, self.window, covariances, used)
        aligned = [alignment.applied(readout) for readout in self.readouts]
        first = next(readout for readout in aligned if readout.kind == CLASSES)
        assert isinstance(first.head, LinearHead)
        return Decoder(
            classes=first.classes,
            settings=settings,
            unit=self.unit,
            window=self.window,
            hop=self.hop,
            patch=self.hop,
            warmup=0 if used is None else used.spec.warmup,
            head=first.head,
            tangents=first.tangents,
            spatial=None if alignment.tokens is None else alignment.tokens.spatial,
            encoder=None if encoder is None else EncoderPin.of(*encoder[::-1]),
            facts=card_without_trials(
                subject,
                recording,
                (first.card.score, first.card.chance),
                learn_limits([recording], settings, self.unit, segments),
                {"called": CALLED, "heads": {"people": self.people}},
            ),
            task=first.task,
            others=tuple(readout for readout in aligned if readout is not first),
        )

"""A calibrated decoder: everything between a person's stream and class probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.card import OF_THE_HEAD, DecoderCard, EncoderPin
from core.decoding.features import TangentFeatures
from core.decoding.graph_head import GraphHead
from core.decoding.heads import LinearHead
from core.decoding.outputs import CLASSES
from core.decoding.readouts import FIRST, Readout, ReadoutCard
from core.decoding.recentring import RunReference
from core.decoding.state_head import StateHead
from core.errors import InputError, one_line
from core.montage import match
from core.recordings import UNIT
from core.signal.pipeline import SignalPath, SignalSettings
from core.sites import eog_of
from core.units import factor

if TYPE_CHECKING:
    from core.encoders import Encoder


@dataclass(frozen=True)
class Decoder:
    """What calibration leaves, and a live stream is compared with.

    Its first task is one of classes: what it says is what decisions are made of. There may be
    others, which read the same features of the same windows.

    Attributes
    ----------
    classes : tuple of str
        Of the first task.
    settings : SignalSettings
        The signal path: channels in order, reference, band, rate.
    unit : str
        Unit the signal leaves the path in.
    window, hop, patch : int
        Samples of a window, between two decisions by default, and between two at the most.
    head : LinearHead or GraphHead
    tangents : tuple of TangentFeatures
        Views of the covariance that the head uses, before any tokens.
    spatial : ndarray or None, shape (token channels, channels)
        The filter before the encoder, if a head uses tokens.
    encoder : EncoderPin or None
        The encoder, if a head uses tokens.
    facts : DecoderCard
    warmup : int
        Samples of a run before its first window may be decoded; at least a window's come anyway.
    skip : int
        Samples at the beginning of a window, after the cue, that features pass over.
    token_channels : tuple of str
        Electrodes that the encoder gets: all, or those that `spatial` leaves.
    uses_tokens : bool
        Whether the first task's head uses tokens, where there is an encoder.
    task : str
        Name of the first task.
    others : tuple of Readout
        Of the tasks beside it.
    """

    classes: tuple[str, ...]
    settings: SignalSettings
    unit: str
    window: int
    hop: int
    patch: int
    head: LinearHead | GraphHead
    tangents: tuple[TangentFeatures, ...]
    spatial: np.ndarray | None
    encoder: EncoderPin | None
    facts: DecoderCard
    warmup: int = 0
    skip: int = 0
    token_channels: tuple[str, ...] = ()
    uses_tokens: bool = True
    task: str = FIRST
    others: tuple[Readout, ...] = ()

    def __post_init__(self) -> None:
        """Give the encoder all electrodes where nothing else is said."""
        object.__setattr__(self, "token_channels", self.token_channels or self.settings.channels)

    @cached_property
    def readouts(self) -> tuple[Readout, ...]:
        """Of all tasks, the first one first."""
        facts, tokens = self.facts, self.uses_tokens and self.spatial is not None
        card = ReadoutCard(
            facts.head, facts.trials, facts.score, facts.chance, "balanced accuracy", facts.fit
        )
        first = Readout(self.task, self.classes, self.head, self.tangents, tokens, card)
        return (first, *self.others)

    def only(self, task: str) -> Decoder:
        """Return the decoder of one task of classes alone.

        Raises
        ------
        InputError
            If there is no such task, or it has no classes.
        """
        readout = next((readout for readout in self.readouts if readout.task == task), None)
        if readout is None or readout.kind != CLASSES:
            names = ", ".join(readout.task for readout in self.readouts if readout.kind == CLASSES)
            raise InputError(f'The decoder has no task "{task}" of classes; it has {names}.')
        if not isinstance(readout.head, LinearHead | GraphHead):
            remembers = isinstance(readout.head, StateHead)
            part = "a memory of its own" if remembers else "a gate over several heads"
            raise InputError(
                f'The task "{task}" has {part}, which is no decoder by itself; '
                "take what it says from the decoder's outputs."
            )
        card, first = readout.card, readout is self.readouts[0]
        common = {name: fact for name, fact in self.facts.fit.items() if name not in OF_THE_HEAD}
        facts = replace(
            self.facts,
            head=card.head,
            trials=card.trials,
            scores={card.head: card.score},
            chance=card.chance,
            fit=self.facts.fit if first else {**common, **card.fit},
        )
        return replace(
            self,
            classes=readout.classes,
            head=readout.head,
            tangents=readout.tangents,
            spatial=self.spatial if readout.tokens else None,
            encoder=self.encoder if readout.tokens else None,
            warmup=self.warmup if readout.tokens else 0,
            token_channels=self.token_channels if readout.tokens else (),
            uses_tokens=True,
            facts=facts,
            task=task,
            others=(),
        )

    @property
    def input_words(self) -> str:
        """What the features are computed of, in words; empty if that is everything."""
        sites = str(self.facts.fit.get("sites", "all"))
        parts = [f"{one_line(sites, 20)} electrodes only"] if sites != "all" else []
        if self.skip:
            parts.append(f"from {self.skip / self.settings.rate:g} s after the cue")
        if self.facts.fit.get("regress_eyes"):
            eog = " ".join(eog_of(self.settings.channels))
            parts.append(f"{eog or 'frontal and temporal electrodes'} regressed out")
        return ", ".join(parts)

    @property
    def recentre(self) -> float | None:
        """Seconds of a run's first signal that its reference is taken anew from, if nobody says.

        None where the decoder's own stays, as in all files from before there was a choice.
        """
        seconds: float | None = self.facts.fit.get("recentre")
        return seconds

    def check_recentring(self) -> None:
        """Raise `InputError` if a run's own reference would take away what a task tells apart."""
        if names := self.facts.fit.get("in_blocks"):
            text = ", ".join(one_line(name, 40) for name in names)
            raise InputError(
                f"A reference of the run's own takes away what stays the same for a run, and that "
                f"is what this decoder was fitted to tell apart ({text}): leave out --recentre and "
                "--adapt recentre."
            )

    def hop_samples(self, seconds: float | None) -> int:
        """Return a hop in samples at the model's rate.

        Raises
        ------
        InputError
            If it is not a whole number of samples that divides a patch.
        """
        if seconds is None:
            return self.hop
        divides = self.encoder is None  # encoders say which they can
        return hop_samples(seconds, self.settings.rate, self.patch, divides)

    def attach(self, labels: Sequence[str], units: Sequence[str], rate: float) -> SignalPath:
        """Return the signal path from a stream or file with these channels into this decoder.

        Parameters
        ----------
        labels, units : sequence of str
            Of the stream's channels; a unit may be empty and is then taken as `UNIT`.
        rate : float
            The stream's rate in Hz.

        Raises
        ------
        InputError
            If a channel is missing, a unit is none, or the rate cannot carry the band.
        """
        montage = match(labels, self.settings.channels)
        if montage.missing:
            have = " ".join(labels[:8]) + (" ..." if len(labels) > 8 else "")
            if eog := " ".join(eog_of(montage.missing)):
                raise InputError(
                    f"The signal lacks {eog}, the EOG by which this decoder regresses the eyes out "
                    f"(it has {have}); record it, name it (--channels), or fit without it."
                )
            raise InputError(
                f"The signal lacks {len(montage.missing)} of the decoder's "
                f"{len(self.settings.channels)} channels: {' '.join(montage.missing)} "
                f"(it has {have}). Name its channels (--channels), or calibrate on this montage."
            )
        factors = [factor(units[index] or UNIT, self.unit) for index in montage.indices]
        return SignalPath(self.settings, rate, montage.indices, factors)

    def load_encoder(self, source: str | None = None, home: Path | None = None) -> Encoder | None:
        """Load the pinned encoder, if the head needs one.

        Nothing is downloaded, and no file opened, because the decoder says so: only a person may.

        Parameters
        ----------
        source : str, optional
            The encoder as a person names it; it is remembered. By default the one that is here.
        home : Path, optional
            From `core.machine.home.home_folder`.

        Raises
        ------
        InputError
            If it is not to be had, or is not the one the decoder was fitted with.
        """
        if self.encoder is None:
            return None
        from core.encoders import load_encoder
        from core.encoders.known import place_of, remember
        from core.encoders.registry import is_name

        place = source or place_of(self.encoder.source, self.encoder.sha256, home)
        if place is None:
            name = self.encoder.source
            how = (
                f"download it once with --encoder {name}"
                if is_name(name)
                else f'name its file with --encoder FILE (it was called "{Path(name).name}")'
            )
            raise InputError(
                f"This decoder needs the encoder {self.encoder.label}, with weights of SHA-256 "
                f"{self.encoder.sha256[:12]}..., which is not on this machine; {how}."
            )
        encoder = load_encoder(place, home=home)
        if encoder.weights_sha256() != self.encoder.sha256:
            raise InputError(
                f'The encoder "{place}" has other weights than {self.encoder.label}, which this '
                "decoder was fitted with. Name the right one with --encoder, or fit again."
            )
        if source is not None:
            remember(source, self.encoder.sha256, home)
        spec = encoder.spec
        pinned = (self.unit, self.settings.rate, self.window, self.patch)
        wanted = (spec.unit, spec.rate, spec.window, spec.default_hop)
        names = ("unit", "rate", "window", "patch")
        differing = [
            f"{name} {have} instead of {want}"
            for name, have, want in zip(names, pinned, wanted, strict=True)
            if have != want
        ]
        if differing:
            raise InputError(
                f"This decoder does not fit the encoder {spec.label}: {', '.join(differing)}."
            )
        return encoder

    def recentred(self, reference: RunReference) -> Decoder:
        """Return the decoder with a run's reference in place of its own, for good.

        Raises
        ------
        InputError
            If the reference was not taken with this decoder.
        """
        sizes = [view.whitener.shape for view in self.tangents]
        if sizes != [whitener.shape for whitener in reference.whiteners]:
            raise InputError(
                "The reference was taken with another decoder, as it has other views of the "
                "covariance. Name the decoder of its run."
            )
        views = zip(self.tangents, reference.whiteners, strict=True)
        facts = replace(self.facts, fit={**self.facts.fit, "recentre": None})
        tangents = tuple(view.at(whitener) for view, whitener in views)
        others = tuple(readout.recentred(tangents) for readout in self.others)
        return replace(self, tangents=tangents, facts=facts, others=others)


def hop_samples(seconds: float, rate: float, patch: int, divides: bool = False) -> int:
    """Return a hop in samples.

    Parameters
    ----------
    seconds, rate : float
        In s and Hz.
    patch : int
        Samples of the longest hop.
    divides : bool
        Whether it must divide the longest.

    Raises
    ------
    InputError
        If it is no whole number of samples, longer than that, or does not divide it.
    """
    samples = seconds * rate
    whole = round(samples) if math.isfinite(samples) else 0
    fits = not divides or not patch % max(whole, 1)
    if not 1 <= whole <= patch or abs(samples - whole) > 1e-6 or not fits:
        longest = patch / rate
        raise InputError(
            f"A hop of {seconds:g} s does not divide the patch of {longest:g} s into whole "
            f"samples; choose {longest:g} s, or a half, a quarter ... of it."
        )
    return whole

"""Whose recordings an evaluation is made on, and their signal after the one signal path."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core.decoding.artifacts.learning import Refusals, measure_runs
from core.decoding.features import band_sections
from core.encoders import EncoderSpec
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.feature_input import CovarianceSettings, away_from_eyes, electrodes_used
from core.fitting.transfer.population import Prior
from core.fitting.trials.cues import cues_of
from core.fitting.trials.cutting import cut_epochs
from core.fitting.trials.epochs import Epochs
from core.fitting.trials.signals import rest_outside, segments_of, signals_of
from core.montage import match
from core.recordings import Recording, implausible_amplitude
from core.recordings.copies import find_copy, fingerprint
from core.signal.filtering import CausalFilter
from core.signal.pipeline import SignalSettings, default_reference
from core.sites import Sites
from core.suggestions import counted, did_you_mean
from training.shards import RecordingIdentity
from training.sources.catalogue import find_parts, read_part


@dataclass(frozen=True)
class Subject:
    """Somebody's recordings.

    Attributes
    ----------
    identities : tuple of RecordingIdentity
        Which recording each is; source and subject are the same in all.
    recordings : tuple of Recording
        With the classes as labels of their events.
    """

    identities: tuple[RecordingIdentity, ...]
    recordings: tuple[Recording, ...]

    @property
    def name(self) -> str:
        """Source and subject."""
        return f"{self.identities[0].source} {self.identities[0].subject}"

    @property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """Recordings of each session; of each run where there is one session."""
        sessions = dict.fromkeys(identity.session for identity in self.identities)
        if len(sessions) < 2:
            return tuple((index,) for index in range(len(self.recordings)))
        return tuple(
            tuple(i for i, identity in enumerate(self.identities) if identity.session == session)
            for session in sessions
        )

    def part_name(self, part: Sequence[int]) -> str:
        """Say which session or run that is."""
        first = self.identities[part[0]]
        several = any(identity.session != first.session for identity in self.identities)
        return f"session {first.session}" if several else f"run {first.run or part[0] + 1}"


def read_people(
    sources: Sequence[str],
    classes: Sequence[str],
    subjects: Sequence[str] = (),
    runs: Sequence[str] = (),
    unit: str | None = None,
) -> tuple[Subject, ...]:
    """Read the recordings in which any of the classes was asked for.

    Parameters
    ----------
    sources, subjects, runs
        As `training.sources.catalogue.find_parts`.
    classes : sequence of str
        Labels of events.
    unit : str, optional
        Of files that do not say it.

    Raises
    ------
    InputError
        If there is none, one cannot be read or has no amplitude of EEG, or two have samples in
        common.
    """
    people: dict[tuple[str, str], list[tuple[RecordingIdentity, Recording]]] = {}
    taken: list[tuple[RecordingIdentity, Recording]] = []
    seen: list[str] = []
    for part in find_parts(sources, subjects, runs):
        for identity, recording in read_part(part, unit):
            labels = {event.label for event in recording.events}
            seen += [event.label for event in recording.events]
            if labels & set(classes):
                if (implausible := implausible_amplitude(recording)) is not None:
                    raise InputError(implausible)
                pairs = people.setdefault((identity.source, identity.subject), [])
                pairs.append((identity, recording))
                taken.append((identity, recording))
    if not people:
        raise InputError(
            f"No recording asks for {' or '.join(classes)}; found: "
            f"{counted(seen) or 'no events at all'}." + did_you_mean(classes[0], seen)
        )
    if copy := find_copy([fingerprint(recording) for _, recording in taken]):
        first, second = (f"{taken[i][1].path.name} of {taken[i][0]}" for i in copy)
        raise InputError(
            f"{first} and {second} are the same recording: they have samples in common. What "
            "learns from one must not be tested on the other; take one of the files away."
        )
    return tuple(
        Subject(tuple(i for i, _ in pairs), tuple(r for _, r in pairs)) for pairs in people.values()
    )


def path_for_all(
    people: Sequence[Subject],
    specs: Sequence[EncoderSpec],
    sites: Sites = "all",
    regress_eyes: bool = False,
) -> SignalSettings:
    """Return the signal path from the electrodes that everybody has and every encoder knows.

    Parameters
    ----------
    people : sequence of Subject
    specs : sequence of EncoderSpec
    sites : str
        Those that are used: `core.sites`.
    regress_eyes : bool
        Whether frontal and temporal ones are needed beside them, to be regressed out.

    Raises
    ------
    InputError
        If fewer than two are shared or at these sites, none can be regressed out, or encoders
        differ in what they take.
    """
    first, *others = specs
    takes = [(spec.unit, spec.rate, spec.window, spec.patch) for spec in specs]
    if len(set(takes)) > 1:
        raise InputError(
            "The encoders differ in unit, rate, window or patch: "
            + "; ".join(
                f"{spec.label} {' '.join(map(str, has))}"
                for spec, has in zip(specs, takes, strict=True)
            )
            + "."
        )
    bands = list(dict.fromkeys(spec.band for spec in specs if spec.trained)) or [first.band]
    if len(bands) > 1:
        raise InputError(
            "The encoders were trained on different bands: "
            + "; ".join(f"{spec.label} {spec.band.label}" for spec in specs if spec.trained)
            + ". Evaluate each by itself."
        )
    electrode_sets = [
        set(match(recording.labels, first.ch_names).channels)
        for person in people
        for recording in person.recordings
    ]
    shared = set.intersection(*electrode_sets, *(set(other.ch_names) for other in others))
    channels = tuple(name for name in first.ch_names if name in shared)
    if len(channels) < 2:
        raise InputError(
            f"The recordings share {len(channels)} electrodes that the encoder {first.label} "
            "knows; at least 2 are needed."
        )
    channels = electrodes_used(channels, sites, regress_eyes, "What the recordings share")
    if regress_eyes:
        away_from_eyes(channels)
    for spec in specs:
        spec.check_electrodes(channels, "What the recordings share")
    return SignalSettings(channels, default_reference(len(channels)), first.rate, bands[0])


class Signal:
    """One person's signal after the path, and what is computed of it without any label.

    Parameters
    ----------
    person : Subject
    settings : SignalSettings
    spec : EncoderSpec
        Says unit, window and patch.
    classes : sequence of str
        Labels of the cues.
    skip : int
        Samples of a window, after the cue, that no system gets.
    regress_eyes : bool
        Whether systems get the other channels with frontal and temporal ones regressed out.

    Attributes
    ----------
    segments : tuple of ndarray, each (samples, channels)
        Contiguous stretches.
    owner : tuple of int
        Recording that each stretch is of.
    starts : tuple of int
        Where in it each stretch begins, in samples at the model's rate.
    epochs : Epochs
        A window after every cue.
    projections : dict
        Filters that regress the eyes out, by band and the recordings that fix them.
    taught : dict
        What each recording teaches others, by its place; None where it has too few trials.
    """

    def __init__(
        self,
        person: Subject,
        settings: SignalSettings,
        spec: EncoderSpec,
        classes: Sequence[str],
        skip: int = 0,
        regress_eyes: bool = False,
    ) -> None:
        self.person, self.settings, self.spec = person, settings, spec
        self.skip, self.regress_eyes = skip, regress_eyes
        self.classes = tuple(classes)
        self.segments = tuple(signals_of(person.recordings, settings, spec.unit))
        stretches = [
            (index, round(start * settings.rate / recording.rate))
            for index, recording in enumerate(person.recordings)
            for start, _ in recording.stretches(settings.channels)
        ]
        self.owner = tuple(index for index, _ in stretches)
        self.starts = tuple(start for _, start in stretches)
        self.projections: dict[tuple[Any, ...], np.ndarray] = {}
        self.taught: dict[int, Prior | None] = {}
        self._banded: dict[tuple[float, float], tuple[np.ndarray, ...]] = {}
        try:
            self.epochs = self.cut(person.recordings, {name: name for name in classes})
        except InputError as error:
            raise InputError(f"{person.name}: {error}") from error

    @property
    def windows(self) -> CovarianceSettings:
        """How the person's windows come from the signal."""
        return CovarianceSettings(self.settings, self.spec.window, self.skip, self.regress_eyes)

    def without_eyes(self) -> Signal:
        """Return the same signal for systems that get it with the eyes regressed out.

        What was computed of either serves both.
        """
        other = copy(self)
        other.regress_eyes = True
        return other

    def cut(self, recordings: Sequence[Recording], events: Mapping[str, str]) -> Epochs:
        """Cut windows after the events of recordings that have the samples of this signal."""
        spec = self.spec
        return cut_epochs(
            recordings,
            events,
            self.settings,
            spec.unit,
            spec.window,
            self.segments,
            spec.warmup,
        )

    def banded(self, band: tuple[float, float]) -> tuple[np.ndarray, ...]:
        """Return every stretch after another causal band-pass."""
        if band not in self._banded:
            for other in set(self._banded) - {BAND}:  # a whole filter bank would fill the memory
                del self._banded[other]
            sections = band_sections(band, self.spec.rate)
            self._banded[band] = tuple(CausalFilter(sections).push(run) for run in self.segments)
        return self._banded[band]

    def runs_of(self, recordings: Collection[int]) -> list[int]:
        """Return the positions of the stretches that are of some recordings."""
        return [run for run, owner in enumerate(self.owner) if owner in recordings]

    def rest(
        self, recordings: Collection[int], seconds: float, band: tuple[float, float] | None = None
    ) -> np.ndarray:
        """Return the first signal outside cues' windows of some recordings: `rest_outside`.

        Returns
        -------
        ndarray, shape (samples, channels)
        """
        taken = self.runs_of(recordings)
        signals = self.segments if band is None else self.banded(band)
        runs = [signals[run] for run in taken]
        cues = [(taken.index(run), cue) for run, cue, _ in self.cues if run in taken]
        return rest_outside(runs, cues, self.spec.window, self.spec.rate, seconds)

    @cached_property
    def cues(self) -> list[tuple[int, int, int]]:
        """Stretch, sample there and class of every cue, also of those that are no trial."""
        labels = {name: name for name in self.classes}
        return [
            (*place, self.classes.index(cue.label))
            for segments in segments_of(self.person.recordings, self.settings)
            for cue in cues_of(segments.recording, labels)[0]
            if (place := segments.place(cue.onset)) is not None
        ]

    @cached_property
    def refused(self) -> Refusals:
        """Why the live program would refuse each piece of the segments."""
        recordings = self.person.recordings
        return measure_runs(recordings, self.settings, self.spec.unit, self.segments).refused

    @cached_property
    def pace(self) -> float:
        """Seconds from one cue to the next, on average, gaps included."""
        steps = [
            np.diff([cue.onset for cue in cues_of(recording, {c: c for c in self.classes})[0]])
            for recording in self.person.recordings
        ]
        return float(np.mean(np.concatenate(steps)))

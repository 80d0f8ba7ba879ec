"""The trials of recordings that a fit can use, for one task or for several of one decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from core.decoding.artifacts.learning import Measured, measure_runs
from core.decoding.features import TangentFeatures, band_sections
from core.encoders import EncoderSpec
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.feature_input import FeatureInput, regression_of
from core.fitting.transfer.recentring import all_beginnings
from core.fitting.trials.cutting import cut_epochs
from core.fitting.trials.epochs import Epochs, FeatureCache
from core.fitting.trials.rejection import without_artifacts
from core.recordings import Recording, implausible_amplitude
from core.recordings.copies import refuse_copies
from core.signal.pipeline import SignalSettings


class TrialSettings(Protocol):
    """What the trials depend on of a fit's `calibration.fit_settings.FitSettings`."""

    @property
    def in_time(self) -> bool:
        """Whether folds are stretches of time."""

    @property
    def regress_eyes(self) -> bool:
        """Whether frontal and temporal electrodes are regressed out."""

    @property
    def tokens_needed(self) -> bool:
        """Whether any head uses tokens."""

    def skip(self, spec: EncoderSpec) -> int:
        """Return the samples after the cue that are passed over."""


@dataclass(frozen=True, eq=False)
class SharedParts:
    """What the tasks of one decoder have in common.

    Attributes
    ----------
    rest : ndarray or None, shape (samples, channels)
        Signal that the filter before the encoder is fitted on; None for that outside the trials,
        or for an encoder with a readout the first minute of each recording.
    references : sequence of TangentFeatures
        Of a task that is fitted already, as `core.fitting.views.FeatureViews` takes them.
    measured : Measured or None
        Of all signal, if that is known.
    """

    rest: np.ndarray | None = None
    references: Sequence[TangentFeatures] = ()
    measured: Measured | None = None


def usable_trials(
    recordings: Sequence[Recording],
    events: Mapping[str, str],
    path: SignalSettings,
    settings: TrialSettings,
    spec: EncoderSpec,
    cache: FeatureCache,
    shared: SharedParts | None = None,
) -> tuple[Epochs, Measured, FeatureInput, FeatureCache]:
    """Cut the trials of recordings, and leave out those with artifacts.

    Parameters
    ----------
    recordings, events, cache, shared
        As for `fit_decoder`.
    path : SignalSettings
        From `path_for`.
    settings : TrialSettings
    spec : EncoderSpec

    Returns
    -------
    Epochs
    Measured
        Of all signal, as `core.decoding.artifacts.learning.measure_runs`.
    FeatureInput
        What features are to be computed of.
    FeatureCache
        With the band of the covariances, for all that looks at it from here on.

    Raises
    ------
    InputError
        As `cut_epochs` and `without_artifacts`.
    """
    skip = settings.skip(spec)
    warmup = spec.warmup if settings.tokens_needed else 0
    epochs = cut_epochs(
        recordings, events, path, spec.unit, spec.window, cache.signals, warmup=warmup
    )
    banded = epochs.filtered(band_sections(BAND, spec.rate), cache.banded).segments
    rest = None if shared is None else shared.rest
    if rest is None and spec.readout is not None:  # as it was trained
        rest = all_beginnings(recordings, path.channels, epochs.segments, spec.rate)
    epochs = replace(epochs, in_time=settings.in_time, rest=epochs.rest if rest is None else rest)
    measured = None if shared is None else shared.measured
    if measured is None:
        measured = measure_runs(recordings, path, spec.unit, epochs.segments)
    epochs = without_artifacts(
        epochs, recordings, path, spec.unit, banded=banded, refused=measured.refused
    )
    regression = None
    if settings.regress_eyes:
        regression = regression_of(path.channels, epochs.segments, banded)
    return epochs, measured, FeatureInput(skip, regression), replace(cache, banded=banded)


def check_recordings(recordings: Sequence[Recording]) -> None:
    """Refuse copies of recordings, and amplitudes that cannot be those of EEG.

    Raises
    ------
    InputError
    """
    refuse_copies(recordings)
    for recording in recordings:
        if (implausible := implausible_amplitude(recording)) is not None:
            raise InputError(implausible)

"""EOG beside the signal of a fit, where the decoder itself does not use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.decoding.features import band_sections
from core.fitting.baselines import BAND
from core.fitting.origin import EogSignal
from core.fitting.trials.epochs import Epochs
from core.fitting.trials.signals import signals_of
from core.recordings import Recording
from core.signal.filtering import CausalFilter
from core.signal.pipeline import SignalSettings
from core.sites import eog_of


def eog_beside(
    epochs: Epochs, recordings: Sequence[Recording], settings: SignalSettings, unit: str
) -> EogSignal | None:
    """Return the EOG of recordings after the same filters as the signal of a fit.

    Parameters
    ----------
    epochs : Epochs
        Of the fit.
    recordings : sequence of Recording
    settings : SignalSettings
        Of the epochs.
    unit : str

    Returns
    -------
    EogSignal or None
        None if there is no EOG in all recordings, or it breaks off where the other channels do not.
    """
    shared = set.intersection(*(set(eog_of(recording.labels)) for recording in recordings))
    names = tuple(name for name in eog_of(recordings[0].labels) if name in shared)
    if not names or len(set(names)) < len(names):
        return None
    if any(
        recording.stretches(names) != recording.stretches(settings.channels)
        for recording in recordings
    ):
        return None
    path = replace(settings, channels=names, reference="recorded")
    band = band_sections(BAND, settings.rate)
    segments = [CausalFilter(band).push(segment) for segment in signals_of(recordings, path, unit)]
    if [len(segment) for segment in segments] != [len(segment) for segment in epochs.segments]:
        return None
    return EogSignal(names, segments)

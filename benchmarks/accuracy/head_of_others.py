"""What a person is tested with who must be unknown to it: the population's head, an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from core.encoders import Encoder, load_encoder
from core.fitting.feature_input import CovarianceSettings
from core.fitting.transfer.population import Prior
from core.fitting.transfer.prior_file import population
from core.fitting.transfer.prior_head import PriorHead
from core.fitting.transfer.prior_sources import head_of_prior
from core.hemispheres import HANDS
from core.montage import match
from core.recordings import Recording
from core.signal.pipeline import SignalSettings, default_reference

_heads: dict[tuple[tuple[str, ...], tuple[str, ...]], PriorHead] = {}


def head_of_others(recordings: Sequence[Recording]) -> PriorHead:
    """Return the head that the population teaches without who made these recordings."""
    settings = settings_of(recordings[0].labels)
    prior = _population().without_people_of(recording.sha256 for recording in recordings)
    key = settings.channels, tuple(prior.recordings)
    if key not in _heads:
        _heads[key] = head_of_prior(
            prior, CovarianceSettings(settings, load_encoder().spec.window), HANDS
        )
    return _heads[key]


def settings_of(labels: Sequence[str]) -> SignalSettings:
    """Return the signal path of a fit on channels of these labels."""
    spec = load_encoder().spec  # window and rate; no encoder takes part
    channels = match(labels, spec.ch_names).channels
    return SignalSettings(channels, default_reference(len(channels)), spec.rate)


def has_seen(encoder: Encoder, person: str) -> bool:
    """Return whether an encoder says that it has seen somebody of the PhysioNet data set."""
    return f'"{person}"' in encoder.spec.provenance.get("recordings", "")


@cache
def _population() -> Prior:
    return population()

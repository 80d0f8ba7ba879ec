from dataclasses import replace

import numpy as np
import pytest

from core.decoding.spatial import channel_covariance, power
from core.fitting.transfer.recentring import (
    all_beginnings,
    beginnings_of,
    recentre,
    recentre_cross_session,
    recentre_pairs,
    reference_whitener,
    whiteners,
)

CHANNELS = 5


@pytest.fixture
def recording():
    """Which of four recordings each trial is of."""
    return np.repeat([0, 1, 2, 3], 8)


@pytest.fixture
def covariances(recording):
    random = np.random.default_rng(0)
    roots = random.normal(size=(len(recording), CHANNELS, 40))
    return roots @ roots.transpose(0, 2, 1) * (1.0 + recording[:, None, None])


def at_home(covariances, recording):
    return recentre(covariances, recording, whiteners(covariances, recording))


def test_recordings_are_compared_where_they_are_alike(covariances, recording):
    mixed = covariances.copy()
    other = np.diag(np.linspace(0.5, 2.0, CHANNELS))
    mixed[recording == 1] = other @ mixed[recording == 1] @ other
    plain, moved = (at_home(c, recording) for c in (covariances, mixed))
    for one in range(4):
        assert np.abs(plain[recording == one].mean(axis=0)).max() < 1e-6
    # Up to a rotation, another amplifier changes nothing.
    norms = [np.linalg.norm(v, axis=1) for v in (plain, moved)]
    np.testing.assert_allclose(norms[0], norms[1], rtol=1e-6)


def test_trials_can_be_seen_from_another_recording_of_their_person(covariances, recording):
    whitened = whiteners(covariances, recording)
    # The first two recordings as one person's.
    person = np.maximum(recording - 1, 0)
    own = recentre(covariances, recording, whitened)
    seen_from = recentre_pairs(covariances, recording, person, whitened)
    assert set(seen_from) == {(0, 1), (1, 0)}
    found = recentre_cross_session(own, recording, seen_from)
    alone = recording >= 2
    np.testing.assert_array_equal(found[alone], own[alone])
    first = recording == 0
    wanted = recentre(covariances[first], recording[first], {0: whitened[1]})
    np.testing.assert_array_equal(found[first], wanted)
    assert np.abs(found[first].mean(axis=0)).max() > 0.01


def test_signal_of_fewer_sources_than_channels_is_whitened_all_the_same():
    signal = np.random.default_rng(0).normal(size=(CHANNELS, 1000))
    signal[-1] = signal[0]
    whitener = reference_whitener(np.cov(signal, bias=True))
    np.testing.assert_allclose(whitener, power(channel_covariance(signal), -0.5), rtol=1e-9)


@pytest.mark.slow
def test_first_minutes_are_those_of_each_recording_over_its_breaks(imagery_recording):
    plain = imagery_recording(trials=5)
    broken = replace(plain, breaks=(1_000,))
    random = np.random.default_rng(0)
    segments = [random.normal(size=(n, 3)) for n in (40, 10, 25)]
    found = all_beginnings([plain, broken], plain.labels, segments, rate=0.5)
    joined = np.concatenate(segments[1:])[:30]
    np.testing.assert_array_equal(found, np.concatenate([segments[0][:30], joined]))
    covariances = beginnings_of([plain, broken], plain.labels, segments, rate=0.5)
    np.testing.assert_allclose(covariances[1], np.cov(joined.T, bias=True))

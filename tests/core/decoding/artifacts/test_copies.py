"""Channels that carry what another one does, whatever was done to it on its way."""

import numpy as np
import pytest

from core.decoding.artifacts.copies import BRIDGED, CLOSE, UNKNOWN, Copies, differences, pairs

CHANNELS = 6
NAMES = ("FZ", "C5", "C4", "P3", "OZ", "T8")  # none of them neighbours


def head(seed=0, n=250):
    """Half a second of random walks that have half of their course in common."""
    random = np.random.default_rng(seed)
    own, common = random.normal(size=(n, CHANNELS)), random.normal(size=(n, 1))
    return 3.0 * np.cumsum(own + common, axis=0)


def pair(one, other):
    first, second = pairs(CHANNELS)
    return int(np.flatnonzero((first == one) & (second == other))[0])


@pytest.mark.parametrize("late", [0, 1, 2])
@pytest.mark.parametrize("by", [1.0, -1.0, 0.1, 5.0])
def test_a_copy_is_closest_at_any_gain_and_up_to_two_samples_late(by, late):
    samples = head(n=252)
    copied = by * samples[2 - late : 252 - late, 1]
    samples = samples[2:]
    samples[:, 4] = copied
    found = differences(samples)
    assert found.argmin() == pair(1, 4)
    assert found.min() < -6.5
    assert np.delete(found, pair(1, 4)).min() > -2.0


def test_offsets_and_channels_that_stand_still_are_no_copies():
    samples = head()
    samples[:, 0], samples[:, 1] = 0.0, 1e5
    samples[:, 2:] += 1e4
    found = differences(samples)
    assert found[pair(0, 1)] == 0.0
    np.testing.assert_allclose(found[pair(2, 3)], differences(head())[pair(2, 3)], atol=0.01)


def test_neighbours_that_were_as_close_at_calibration_are_no_copies():
    usual = np.full(len(pairs(CHANNELS)[0]), UNKNOWN)
    usual[pair(2, 3)] = -1.0
    copies = Copies(usual, NAMES)
    copies.see(np.full(len(usual), -1.0 - CLOSE - 0.1))
    assert np.flatnonzero(copies.channels).tolist() == [2, 3]
    usual[pair(2, 3)] = -2.0
    copies = Copies(usual, NAMES)
    copies.see(np.full(len(usual), -1.0 - CLOSE - 0.1))
    assert not copies.channels.any()


def test_a_copy_stands_until_it_is_clearly_none():
    copies = Copies(np.full(len(pairs(CHANNELS)[0]), -1.0), NAMES)
    lasts = []
    for below in (CLOSE - 0.1, CLOSE + 0.1, CLOSE - 0.4, CLOSE - 0.6, CLOSE - 0.1):
        copies.see(np.full(len(pairs(CHANNELS)[0]), -1.0 - below))
        lasts.append(bool(copies.channels.any()))
    assert lasts == [False, True, True, False, False]


def test_neighbours_that_gel_joins_are_no_copies_yet():
    copies = Copies(np.full(3, -1.0), ("C3", "C1", "C4"))
    copies.see(np.array([-1.0 - CLOSE - 0.5, 0.0, 0.0]))
    assert not copies.channels.any()
    copies.see(np.array([-1.0 - BRIDGED - 0.1, 0.0, 0.0]))
    assert copies.channels.tolist() == [True, True, False]
    copies.see(np.array([0.0, -1.0 - CLOSE - 0.1, 0.0]))
    assert copies.channels.tolist() == [True, False, True]


def test_an_exact_copy_is_one_however_close_neighbours_were_but_where_it_always_was():
    for usual, expected in ((-4.5, True), (UNKNOWN, True), (-7.0, False)):
        copies = Copies(np.array([usual]), ("C3", "C1"))
        copies.see(np.array([-7.0]))
        assert copies.channels.all() == expected


def test_two_samples_and_one_channel_are_measured_too():
    assert differences(np.zeros((2, 3))).shape == (3,)
    assert differences(np.zeros((100, 1))).shape == (0,)
    assert not Copies(np.empty(0), NAMES[:1]).channels.any()

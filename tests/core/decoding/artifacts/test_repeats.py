"""Samples that came before, on made-up rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.decoding.artifacts.repeats import Repeats, again_limit, held_limit, twins

RATE = 250.0


def noise(n, channels=8, seed=0):
    return np.random.default_rng(seed).normal(0, 20, (n, channels))


def pushed(rows, cuts=()):
    repeats = Repeats(RATE)
    parts = [repeats.push(part) for part in np.split(rows, sorted(cuts)) if len(part)]
    return tuple(np.max(parts, axis=0).tolist())


def test_noise_never_comes_again():
    assert pushed(noise(5000)) == (0, 0)


@pytest.mark.parametrize("filled", [1, 2, 40])
def test_rows_that_are_filled_in_are_counted(filled):
    rows = noise(1000)
    rows[500 : 500 + filled] = rows[499]
    assert pushed(rows) == (filled, 0)


@pytest.mark.parametrize("lag", [2, 25, 1200])
def test_a_block_that_comes_again_is_counted_from_its_second_time_on(lag):
    rows = noise(3000)
    rows[1500:1530] = (
        rows[1500 - lag : 1530 - lag] if lag >= 30 else np.resize(rows[1500 - lag : 1500], (30, 8))
    )
    assert pushed(rows) == (0, 30)


def test_a_block_that_was_sent_before_a_break_is_known_after_it():
    rows, repeats = noise(1000), Repeats(RATE)
    repeats.push(rows[:700])
    repeats.reset()
    assert repeats.push(rows[699:]) == (0, 0)  # one row that is sent again is no block
    repeats.reset()
    assert repeats.push(rows[900:930]) == (0, 30)


def test_what_came_long_ago_is_forgotten():
    rows = noise(5000)
    rows[4000:4030] = rows[1000:1030]
    assert pushed(rows) == (0, 0)


def test_rows_of_coarse_steps_come_again_by_chance_and_not_in_a_row():
    rows = np.round(noise(5000, channels=2) / 10.0)
    _, again = pushed(rows)
    assert 0 < again < again_limit(2)


@pytest.mark.slow
@given(cuts=st.lists(st.integers(0, 1500), max_size=10))
@settings(deadline=None, max_examples=30)
def test_chunking_never_matters(cuts):
    rows = noise(1500)
    rows[700:706] = rows[699]
    rows[1300:1400] = rows[1200:1300]
    assert pushed(rows, cuts) == (6, 100)


def test_the_fewer_channels_the_more_rows_it_takes():
    assert [held_limit(channels, 0) for channels in (32, 17, 8, 2)] == [1, 2, 2, 6]
    assert [again_limit(channels) for channels in (64, 17, 8, 2)] == [4, 4, 6, 24]
    assert held_limit(64, 1) == 3  # an amplifier that sends everything twice


def test_channels_that_are_equal_are_found_however_many():
    rows = noise(60, channels=10)
    assert not twins(rows).any()
    rows[:, 7] = rows[:, 2]
    assert np.flatnonzero(twins(rows)).tolist() == [2, 7]
    rows[:, 4] = rows[:, 2]
    assert np.flatnonzero(twins(rows)).tolist() == [2, 4, 7]
    rows[30, 4] += 1e-9
    assert np.flatnonzero(twins(rows)).tolist() == [2, 7]
    rows[:, [0, 1]] = 3.0
    assert np.flatnonzero(twins(rows)).tolist() == [2, 7]  # two that stand still are no twins
    assert not twins(rows[:1]).any()
    assert not twins(rows[:0]).any()

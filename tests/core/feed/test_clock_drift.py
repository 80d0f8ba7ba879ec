import numpy as np
import pytest

from core.feed.clock_drift import ClockDrift


def paced(ppm=0.0, seconds=60, jump_at=None, jump=0.0, delay=0.02, seed=0):
    """Blocks every 50 ms, each late by chance, of a sender whose clock is off by so much."""
    rng, pace = np.random.default_rng(seed), ClockDrift()
    for at in np.arange(0.0, seconds, 0.05):
        stamp = 500.0 + at * (1 + ppm * 1e-6)
        if jump_at is not None and at >= jump_at:
            stamp += jump
        pace.take(stamp, 9000.0 + at + delay + rng.exponential(0.005))
    return pace


def test_nothing_is_said_before_ten_seconds():
    assert paced(seconds=5).drift is None


@pytest.mark.parametrize("ppm", [0.0, 100.0, -300.0, 10_000.0])
def test_drift_is_measured_an_hour_whatever_the_delays(ppm):
    assert paced(ppm).drift == pytest.approx(ppm * 3600e-6, abs=0.05)


@pytest.mark.parametrize("seconds", [0.9, 60])
def test_usual_is_the_offset_of_the_clocks_and_the_least_delay(seconds):
    assert paced(seconds=seconds).usual == pytest.approx(8500.02, abs=0.002)


def test_lately_follows_a_clock_that_falls_behind():
    assert paced().lately == pytest.approx(8500.02, abs=0.002)
    pace = paced(jump_at=40.0, jump=-20.0)  # too little for a jump; its samples were held up, say
    assert pace.usual == pytest.approx(8500.02, abs=0.002)
    assert pace.lately == pytest.approx(8520.02, abs=0.002)


@pytest.mark.parametrize("jump", [7200.0, -7200.0])
def test_a_jump_begins_anew(jump):
    pace = paced(jump_at=30.0, jump=jump)
    assert pace.usual == pytest.approx(8500.02 - jump, abs=0.002)
    assert pace.drift == pytest.approx(0.0, abs=0.1)


def test_a_clock_that_is_set_forward_is_told_by_how_much_and_samples_held_up_are_not():
    pace = paced()
    assert pace.take(563.0, 9060.02) == pytest.approx(3.0, abs=0.002)
    assert pace.take(563.05, 9060.07) == 0.0
    assert pace.take(563.1, 9070.0) == 0.0


def test_stamps_that_are_no_numbers_are_passed_over():
    pace = paced()
    known = pace.drift
    assert pace.take(float("nan"), 10_000.0) == 0.0
    assert pace.drift == known

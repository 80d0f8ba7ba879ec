"""Events lie at the sample that was taken nearest to their time."""

import math

import numpy as np
import pytest

from calibration.recording.timeline import SampleTimeline

RATE = 250.0


@pytest.fixture
def timeline():
    found = SampleTimeline(RATE)
    found.add(10.0 + np.arange(1000) / RATE, follows=False)
    return found


@pytest.mark.parametrize(
    ("time", "sample"),
    [
        (10.0, 0),
        (10.0019, 0),
        (10.0021, 1),
        (12.0, 500),
        (13.996, 999),
        (99.0, 999),
        (-5.0, 0),
        (math.nan, 999),
    ],
)
def test_nearest_sample_is_taken(timeline, time, sample):
    assert timeline.sample_at(time) == sample


def test_time_in_a_gap_belongs_to_the_last_sample_before_it(timeline):
    timeline.add(20.0 + np.arange(100) / RATE, follows=False)
    assert timeline.sample_at(14.5) == 999
    assert timeline.sample_at(19.5) == 999  # else what came after the gap would be its trial
    assert timeline.sample_at(19.98) == 1000
    assert timeline.sample_at(20.004) == 1001


def test_other_clock_leaves_the_old_one_behind(timeline):
    assert timeline.steps_back(5.0)
    timeline.add(5.0 + np.arange(100) / RATE, follows=False)
    assert timeline.sample_at(5.04) == 1010
    assert timeline.newest == 5.0 + 99 / RATE


def test_stamps_out_of_order_or_no_numbers_keep_their_places():
    timeline = SampleTimeline(RATE)
    timeline.add(np.array([math.nan, 1.0, 1.1, 1.09, math.nan, 1.2]), follows=False)
    assert [timeline.sample_at(time) for time in (1.0, 1.2)] == [1, 5]
    assert timeline.newest == 1.2


def test_old_times_are_placed_by_the_rate_and_memory_is_bounded():
    timeline = SampleTimeline(RATE)
    for minute in range(5):
        stamps = 60.0 * minute + np.arange(15000) / RATE
        timeline.add(stamps, follows=minute > 0)
    assert len(timeline._stamps) == 15000
    assert [timeline.sample_at(time) for time in (0.0, 100.0, 299.0)] == [0, 25000, 74750]

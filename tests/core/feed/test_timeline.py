"""Events lie at the sample that was taken at their time, however it was stamped."""

import math

import numpy as np
import pytest

from core.feed.timeline import GrowingTimeline, Timeline

RATE = 250.0


def taken(seconds=30.0, drift=0.0):
    """Return when samples were taken."""
    return 100.0 + np.arange(round(RATE * seconds)) / RATE * (1.0 + drift)


def on_arrival(times, burst):
    """Return the stamps if each burst is stamped when its last sample came."""
    last = (np.arange(len(times)) // burst + 1) * burst - 1
    return times[np.minimum(last, len(times) - 1)]


def grown(stamps, chunk=1000):
    """Return the timeline of a stream whose samples were taken up in chunks."""
    timeline = GrowingTimeline(RATE)
    for start in range(0, len(stamps), chunk):
        timeline.add(stamps[start : start + chunk], follows=start > 0)
    return timeline


@pytest.fixture
def timeline():
    return grown(10.0 + np.arange(1000) / RATE)


@pytest.mark.parametrize("burst", [1, 9, 32, 125])
@pytest.mark.parametrize("drift", [0.0, 1e-4, 0.004])
def test_an_event_lies_at_the_sample_that_was_taken_then(burst, drift):
    times = taken(drift=drift)
    stamps = on_arrival(times, burst)
    places = [10, 1240, 3333, 7000]
    whole = Timeline(stamps, RATE, ())
    assert [whole.position(times[place] + 1e-4) for place in places] == places
    assert [round(whole.time(place), 2) for place in places] == [
        round(times[place], 2) for place in places
    ]
    assert [grown(stamps).sample_at(times[place] + 1e-4) for place in places] == places


@pytest.mark.parametrize("chunk", [1, 7, 4000])
def test_places_depend_neither_on_chunks_nor_on_when_they_are_asked_for(chunk):
    rng = np.random.default_rng(0)
    times = taken(90.0)  # a minute at once, as memory is then full while the rest comes
    delays = rng.exponential(0.03, len(times) // 20 + 1)[np.arange(len(times)) // 20]
    stamps = np.maximum.accumulate(on_arrival(times, 20) + delays)
    stamps[rng.integers(0, len(stamps), 150)] = math.nan
    events = rng.uniform(160.0, 189.0, 40)
    expected = [grown(stamps).sample_at(event) for event in events]

    timeline, places = grown(stamps[:15000]), {}
    for start in range(15000, len(stamps), chunk):
        timeline.add(stamps[start : start + chunk], follows=True)
        due = [event for event in events if event not in places and timeline.has(event)]
        places |= {event: timeline.sample_at(event) for event in due}
        assert all(place < start + chunk for place in places.values())

    assert [places[event] for event in events] == expected
    assert np.abs(times[expected] - events).max() < 0.03  # late by one delay at most


def test_the_rest_of_a_burst_is_waited_for():
    stamps = on_arrival(taken(), 50)
    timeline = GrowingTimeline(RATE)
    timeline.add(stamps[:510], follows=False)  # ten samples of a burst that began at 102 s
    assert not timeline.has(102.01)
    timeline.add(stamps[510:560], follows=True)
    assert timeline.has(102.01)
    assert timeline.sample_at(102.1) == 525


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


def test_an_event_among_lost_samples_belongs_to_the_last_before_them():
    stamps = np.concatenate([taken(10.0), taken(10.0) + 15.0])
    whole = Timeline(stamps, RATE, (2500,))
    growing = GrowingTimeline(RATE)
    growing.add(stamps[:2500], follows=False)
    growing.add(stamps[2500:], follows=False)
    times = [99.999, 108.0005, 110.9, 114.1, 114.96, 117.0, 124.997]
    places = [0, 2000, 2499, 2499, 2500, 3000, 4999]
    assert [whole.position(time) for time in times] == places
    assert [growing.sample_at(time) for time in times] == places
    outside = [whole.position(time) for time in (50.0, 99.997, 124.999, 400.0)]
    assert outside == [-1, -1, 5000, 5000]


def test_samples_without_a_stamp_leave_all_others_their_places():
    times = taken(10.0)
    stamps = times.copy()
    stamps[[0, 500, 501]] = math.nan
    whole = Timeline(stamps, RATE, (1, 500, 501, 502))
    assert [whole.position(times[place]) for place in (2, 498, 503, 2499)] == [2, 498, 503, 2499]
    assert [whole.position(whole.time(place)) for place in (0, 500, 501)] == [0, 499, 499]
    assert [whole.position(50.0), whole.position(400.0)] == [-1, 2500]


def test_an_event_while_samples_were_held_up_lies_among_those_that_were_stamped_later():
    times = taken(10.0)
    stamps = times.copy()
    stamps[1000:1250] += np.linspace(0.5, 0.0, 250)  # the first of them waited longest
    event = times[1075] + 1e-4
    assert Timeline(stamps, RATE, ()).position(event) == 1075
    timeline = grown(stamps[:1060])
    assert not timeline.has(event)
    timeline.add(stamps[1060:], follows=True)
    assert timeline.has(event)
    assert timeline.sample_at(event) == 1075


def test_samples_lost_from_the_end_of_a_burst_are_not_waited_for():
    timeline = GrowingTimeline(RATE)
    stamps = on_arrival(taken(), 50)
    timeline.add(stamps[:510], follows=False)  # the rest of this burst is lost
    timeline.add(stamps[750:800], follows=False)
    assert timeline.has(102.1)
    assert timeline.sample_at(102.1) == 509


def test_other_clock_leaves_the_old_one_behind(timeline):
    assert timeline.steps_back(5.0)
    timeline.add(5.0 + np.arange(100) / RATE, follows=False)
    assert timeline.sample_at(5.04) == 1010
    assert timeline.sample_at(4.97) == 1000
    assert timeline.has(4.0)
    assert timeline.sample_at(4.0) == 999  # before the clock was set: not with what came after
    assert not timeline.steps_back(5.0 + 99 / RATE)


def test_stamps_out_of_order_or_not_finite_keep_their_places():
    stamps = 1.0 + np.arange(-1, 5) / RATE
    stamps[[0, 4]] = math.nan
    stamps[2] += 0.006
    timeline = GrowingTimeline(RATE)
    timeline.add(stamps, follows=False)
    assert [timeline.sample_at(time) for time in (1.0, 1.016)] == [1, 5]
    assert timeline.has(math.nan)


def test_old_times_are_placed_by_the_rate_and_memory_is_bounded():
    timeline = GrowingTimeline(RATE)
    for minute in range(5):
        stamps = 60.0 * minute + np.arange(15000) / RATE
        timeline.add(stamps, follows=minute > 0)
    assert len(timeline._stamps) == 15000
    assert [timeline.sample_at(time) for time in (0.0, 100.0, 299.0)] == [0, 25000, 74750]
    assert timeline.sample_at(-math.inf) == 60000  # the earliest that is remembered


def test_while_a_stream_pauses_the_rest_of_a_burst_is_not_waited_for(timeline):
    assert not timeline.has(13.9)  # 0.096 s before the newest sample
    assert timeline.has(13.9, paused=True)
    assert not timeline.has(14.1, paused=True)

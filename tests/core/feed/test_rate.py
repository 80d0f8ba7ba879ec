"""Whether a wrong rate is refused in time, and a right one never doubted."""

import numpy as np
import pytest

from core.feed.continuity import Continuity
from core.feed.rate import RateWatch

RATE = 250.0


def watched(stamp=None, true=RATE, seconds=6.0, chunk=8, late=0.002, change=None, seed=0, speed=1):
    """Return [(second, verdict)] at each change of level, of a stream sampled at `true` Hz."""
    random = np.random.default_rng(seed)
    times = np.arange(int(seconds * true)) / true
    if change is not None:
        at, rate = change
        times = np.concatenate([times[times < at], np.arange(at, seconds, 1 / rate)])
    watch, continuity, seen = RateWatch(RATE, speed), Continuity(RATE), []
    for start in range(0, len(times), chunk):
        taken = times[start : start + chunk]
        delay = random.exponential(late)
        if stamp is None:  # one stamp a chunk, the others worked out from it
            stamps = 7.0 + taken[-1] + delay - np.arange(len(taken))[::-1] / RATE
        else:
            stamps = stamp(start + np.arange(len(taken)), taken)
        arrival = taken[-1] / speed + delay + random.exponential(late)
        verdict = watch.take(stamps, arrival, continuity.lost_samples, continuity.resets)
        continuity.split(stamps)
        if not seen or verdict.level != seen[-1][1].level:
            seen.append((arrival, verdict))
    return seen


def first(seen, level):
    return next((second, verdict) for second, verdict in seen if verdict.level == level)


@pytest.mark.slow
@pytest.mark.parametrize("true", [125.0, 240.0, 260.0, 500.0])
@pytest.mark.parametrize("stamp", [None, lambda i, t: t, lambda i, t: i / RATE])
def test_a_rate_off_by_four_hundredths_is_refused_before_the_first_window(true, stamp):
    second, verdict = first(watched(stamp, true), "refused")
    assert second < 4.0
    assert "says 250 Hz and sends " in verdict.words
    assert verdict.measured == pytest.approx(true, rel=0.01)


@pytest.mark.parametrize("true", [247.5, 252.0, 252.5])
def test_a_rate_off_by_a_hundredth_is_doubted_within_three_seconds(true):
    seen = watched(None, true)
    second, verdict = first(seen, "doubted")
    assert second < 3.0
    assert "% off" in verdict.words
    assert "refused" not in [verdict.level for _, verdict in seen]


@pytest.mark.slow
@pytest.mark.parametrize("true", [230.0, 270.0])
def test_a_rate_that_changes_is_refused_within_two_seconds(true):
    second, _ = first(watched(lambda i, t: t, seconds=20.0, change=(10.0, true)), "refused")
    assert 10.0 < second < 12.0


@pytest.mark.slow
@pytest.mark.parametrize("step", [1.0, 4.0])
def test_stamps_that_are_no_seconds_are_said_to_be_none(step):
    _, verdict = first(watched(lambda i, t: i * step), "refused")
    assert f"advance by {step:g} a sample where 0.004 s was expected" in verdict.words


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        {"chunk": 1},
        {"chunk": 32, "late": 0.01},
        {"chunk": 250},
        {"chunk": 1250, "seconds": 60.0},
        {"true": 250.05},
        {"stamp": lambda i, t: t - 3.0 * (t > 6)},
        {"stamp": lambda i, t: t + 3.0 * (t > 6)},
        {"stamp": lambda i, t: t + 3600.0 * (t > 6)},
        {"stamp": lambda i, t: t * np.nan},
        {"stamp": lambda i, t: t, "speed": 4.0},
        {"stamp": lambda i, t: i // 9 * 9 / RATE, "chunk": 9, "late": 0.01},
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_right_rate_is_never_doubted(given, seed):
    levels = {verdict.level for _, verdict in watched(**{"seconds": 14.0, "seed": seed} | given)}
    assert levels <= {"unknown", "ok"}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 1.5, 5.0])
def test_a_gap_is_no_other_rate(seconds):
    watch, continuity, random = RateWatch(RATE), Continuity(RATE), np.random.default_rng(0)
    for start in range(0, 5000, 8):
        taken = np.arange(start, start + 8) / RATE
        taken += seconds * (taken > 6)
        arrival = taken[-1] + random.exponential(0.002)
        verdict = watch.take(taken, arrival, continuity.lost_samples, continuity.resets)
        continuity.split(taken)
        assert verdict.level in ("unknown", "ok")
    assert continuity.lost_samples == round(seconds * RATE)


@pytest.mark.slow
@pytest.mark.parametrize("between", [0.7, 1.0, 2.0])
def test_stamps_of_a_stream_with_many_gaps_are_seconds(between):
    watch, continuity, random = RateWatch(RATE), Continuity(RATE), np.random.default_rng(0)
    times = np.arange(7500) / RATE
    times = times[times % (between + 1.0) < between]  # a second is lost, over and over
    for start in range(0, len(times) - 8, 8):
        taken = times[start : start + 8]
        arrival = taken[-1] + random.exponential(0.003)
        verdict = watch.take(taken, arrival, continuity.lost_samples, continuity.resets)
        continuity.split(taken)
        assert "are no seconds" not in verdict.words


def test_gaps_of_seconds_are_no_other_rate_however_many():
    watch, continuity, random = RateWatch(RATE), Continuity(RATE), np.random.default_rng(0)
    times = np.arange(15000) / RATE
    times = times[times % 7.0 < 2.0]  # five seconds are lost after every two
    for start in range(0, len(times) - 8, 8):
        taken = times[start : start + 8]
        arrival = taken[-1] + random.exponential(0.003)
        verdict = watch.take(taken, arrival, continuity.lost_samples, continuity.resets)
        continuity.split(taken)
        assert verdict.level in ("unknown", "ok")


@pytest.mark.slow
def test_samples_that_are_held_up_and_catch_up_are_no_other_rate():
    watch, random = RateWatch(RATE), np.random.default_rng(0)
    for start in range(0, 8000, 8):
        taken = np.arange(start, start + 8) / RATE
        due = taken[-1]
        if 10.0 <= due < 12.25:  # nothing for 1.5 s, then three times as fast
            due = 11.5 + (due - 10.0) / 3
        verdict = watch.take(taken, due + random.exponential(0.002))
        assert verdict.level in ("unknown", "ok")


@pytest.mark.parametrize("fault", ["dropped", "repeated"])
def test_samples_that_nobody_read_or_that_came_twice_are_no_other_rate(fault):
    watch, random, count = RateWatch(RATE), np.random.default_rng(0), 0
    for chunk in range(500):
        taken = np.arange(8 * chunk, 8 * chunk + 8) / RATE
        arrival = taken[-1] + random.exponential(0.002)
        lost = count if fault == "dropped" else 0
        if chunk % 12 < 11 or fault == "repeated":
            verdict = watch.take(taken, arrival, lost, **{fault: count})
            assert verdict.level in ("unknown", "ok")
        if chunk % 12 == 11:
            count += 8
            if fault == "repeated":
                watch.take(taken, arrival, repeated=count)
    assert verdict.level == "ok"


@pytest.mark.parametrize("true", [375.0, 500.0, 1000.0])
def test_nothing_is_decided_before_a_rate_can_be_known(true):
    watch, chunk, barred = RateWatch(RATE, since=1000.0), 8, []
    for start in range(0, round(8 * true), chunk):
        count = np.arange(start, start + chunk)
        # Stamps as the announced rate makes them up.
        watch.take(count / RATE, 1000.0 + count[-1] / true)
        if count[-1] / RATE > 3.75:  # a window of signal has come
            barred.append(watch.barred)
    assert set(barred) <= {"warming", "rate"}
    assert barred[-1] == "rate"


def test_a_right_rate_bars_no_first_window():
    watch = RateWatch(RATE, since=1000.0)
    for start in range(0, 1000, 8):
        count = np.arange(start, start + 8)
        watch.take(count / RATE, 1000.0 + count[-1] / RATE)
    assert watch.barred == ""


def test_signal_that_came_before_the_feed_was_opened_is_not_waited_for_again():
    watch = RateWatch(RATE, since=5.0)
    for arrival in (2.0, 4.0, 6.0):  # chunks of seconds, whose rate is not known yet
        watch.take(arrival - np.arange(500)[::-1] / RATE, arrival)
    assert watch.verdict.level == "unknown"
    assert watch.barred == ""


def test_counts_that_fall_when_samples_were_only_late_leave_a_verdict():
    watch, lost = RateWatch(RATE), 0
    for number in range(64):  # packets of half a bin; every other one gives back what was lost
        lost += 31 if number % 2 else -31 if number else 0
        stamp = number * 31 / RATE
        verdict = watch.take(np.full(31, stamp), stamp, lost)
    assert verdict.level == "ok"


@pytest.mark.parametrize("first", [200, 600, 1000, 1249])
@pytest.mark.parametrize("begin", [100.0, 100.13])
def test_a_chunk_of_seconds_that_is_read_in_two_goes_is_no_other_rate(first, begin):
    watch = RateWatch(RATE)
    for number in range(1, 9):
        arrival = begin + number * 4.999  # a quarter of a second begins between the two, once
        stamps = arrival - np.arange(1250)[::-1] / RATE
        assert watch.take(stamps[:first], arrival).level in ("unknown", "ok")
        assert watch.take(stamps[first:], arrival + 0.004).level in ("unknown", "ok")


@pytest.mark.slow
@pytest.mark.parametrize("off", [0.05, -0.05])
def test_a_wrong_rate_in_chunks_of_five_seconds_is_refused_after_four_of_them(off):
    watch, continuity, levels = RateWatch(RATE), Continuity(RATE), []
    for number in range(1, 7):
        arrival = 100.0 + number * 5.0 / (1.0 + off)
        stamps = arrival - np.arange(1250)[::-1] / RATE
        continuity.split(stamps)
        verdict = watch.take(stamps, arrival, continuity.lost_samples, continuity.resets)
        levels.append(verdict.level)
    assert levels[3:] == ["refused"] * 3


def test_what_is_known_once_is_no_longer_waited_for():
    """Blocks come up to 0.2 s late, and now and then half a second: stamps and arrivals part."""
    forgotten = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        began = 100.0 - random.uniform(0, 6)  # of the sender
        watch, sent, arrival = RateWatch(160.0, since=100.0), 0, 100.0
        levels, barred = [], []
        while arrival < 104.0:
            arrival += random.uniform(0.01, 0.03)
            arrival += random.uniform(0.1, 0.5) if random.random() < 0.06 else 0.0
            there = int((arrival - random.uniform(0, 0.2) - began) * 160) // 5 * 5
            if there > sent:
                watch.take(5000.0 + began + np.arange(sent, there) / 160, arrival)
                sent = there
                levels.append(watch.verdict.level)
                barred.append(watch.barred)
        free = barred.index("")
        assert "warming" not in barred[free:]
        forgotten += "unknown" in levels[free:]
    assert forgotten  # else nothing was tried

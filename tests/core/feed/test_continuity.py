"""Whether loss is told from lateness, however the stamps are cut."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.feed.continuity import Continuity

START = 81234.567  # s: LSL clocks count from the machine's start


def breaks_of(continuity, stamps, sizes=(32,)):
    """Feed stamps in chunks of these sizes, over and over; return position -> lost."""
    found, at, turn = {}, 0, 0
    while at < len(stamps):
        size = sizes[turn % len(sizes)]
        turn += 1
        piece = stamps[at : at + size]
        runs = continuity.split(piece)
        assert [run.start for run in runs] == [0, *(run.stop for run in runs[:-1])]
        assert runs[-1].stop == len(piece)
        assert all(not run.continues for run in runs[1:])
        assert all(run.lost == 0 for run in runs if run.continues)
        found |= {at + run.start: run.lost for run in runs if not run.continues}
        at += len(piece)
    return found


def exact(seconds, rate, off=0.0):
    """Return stamps without jitter, from a clock that is off by a share of the rate."""
    return START + np.arange(round(seconds * rate)) / (rate * (1 + off))


def without(stamps, at, count):
    return np.delete(stamps, np.s_[at : at + count])


def on_arrival(seconds, rate, jitter, off=0.0, seed=0):
    """Return stamps that are late by chance, most of them hardly."""
    stamps = exact(seconds, rate, off)
    return stamps + np.abs(np.random.default_rng(seed).normal(0, jitter, len(stamps)))


def in_bursts(seconds, rate, size):
    """Return stamps of samples that arrive `size` at a time, microseconds apart."""
    stamps = exact(seconds, rate)
    n = np.arange(len(stamps))
    return START + (n // size * size + size - 1) / rate + n % size * 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("rate", [100, 250, 256, 500, 2048])
@pytest.mark.parametrize("at", [1, 2, 40, 127, 1000])
def test_one_lost_sample_of_an_exact_stream_is_seen_at_once(rate, at):
    continuity = Continuity(rate)
    stamps = without(exact(12, rate), at, 1)
    assert breaks_of(continuity, stamps[: at + 1]) == {0: 0, at: 1}
    assert breaks_of(continuity, stamps[at + 1 :]) == {}
    assert (continuity.samples, continuity.lost_samples) == (len(stamps), 1)


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(1, 2000)), max_size=6),
    st.sampled_from([128.0, 250.0, 1000.0]),
    st.sampled_from([0.0, 1e-4, -1e-4]),
)
def test_every_loss_of_an_exact_stream_is_found_and_counted(losses, rate, off):
    kept, position, expected = [], 0, {0: 0}
    for samples, lost in losses:
        kept.extend(range(position, position + samples))
        expected[len(kept)] = lost
        position += samples + lost
    kept.extend(range(position, position + 50))
    stamps = START + np.array(kept) / (rate * (1 + off))
    continuity = Continuity(rate)
    assert breaks_of(continuity, stamps) == expected
    assert continuity.lost_samples == sum(expected.values())


@pytest.mark.slow
def test_nothing_is_lost_where_nothing_is_missing():
    continuity = Continuity(250)
    assert breaks_of(continuity, exact(60, 250)) == {0: 0}
    assert continuity.lost_samples == 0


@pytest.mark.slow
@pytest.mark.parametrize("off", [0.0, 2e-4, -3e-3, 5e-3])
@pytest.mark.parametrize("rate", [250, 1000])
@pytest.mark.parametrize("kind", ["jitter", "bursts", "chunks"])
def test_lateness_is_no_loss(kind, rate, off):
    if kind == "jitter":
        stamps = on_arrival(120, rate, 0.003, off)
    elif kind == "bursts":
        stamps = START + (in_bursts(120, rate, round(0.035 * rate)) - START) / (1 + off)
    else:  # the last sample is stamped on arrival, the others from it
        late = np.abs(np.random.default_rng(1).normal(0, 0.003, 120 * rate))
        stamps = exact(120, rate, off) + np.repeat(late, 16)[: 120 * rate]
    continuity = Continuity(rate)
    found = breaks_of(continuity, stamps)
    # Its first late sample can look like a loss, until the next ones catch up.
    assert [at for at in found if at > rate] == []
    assert continuity.lost_samples == 0


@pytest.mark.slow
def test_packets_later_than_any_before_break_few_streams_in_their_first_seconds():
    broken = 0
    for seed in range(40):
        late = np.random.default_rng(seed).exponential(0.01, 80)  # s, a packet
        stamps = exact(10, 250) + np.repeat(late, 32)[:2500]
        broken += any(at > 250 for at in breaks_of(Continuity(250), stamps))
    assert broken <= 4  # with a bound of 1.5 times what was seen, 16 of them


@pytest.mark.slow
@pytest.mark.parametrize("lost", [1, 2, 5, 10])
@pytest.mark.parametrize("kind", ["jitter", "bursts"])
def test_small_loss_of_a_jittery_stream_is_confirmed_by_what_follows(kind, lost):
    rate, at = 250, 5000
    stamps = on_arrival(60, rate, 0.002) if kind == "jitter" else in_bursts(60, rate, 9)
    continuity = Continuity(rate)
    found = breaks_of(continuity, without(stamps, at, lost))
    (confirmed,) = [position for position in found if position > rate]
    assert at <= confirmed <= at + 1.5 * rate
    assert continuity.lost_samples == lost


@pytest.mark.slow
@pytest.mark.parametrize("lost", [60, 250, 5000])
def test_large_loss_of_a_jittery_stream_is_seen_at_once(lost):
    rate, at = 250, 5000
    stamps = on_arrival(60, rate, 0.002)
    continuity = Continuity(rate)
    found = breaks_of(continuity, without(stamps, at, lost))
    assert [position for position in found if position > rate] == [at]
    assert found[at] == pytest.approx(lost, abs=2)
    assert continuity.lost_samples == pytest.approx(lost, abs=2)


@pytest.mark.slow
@pytest.mark.parametrize("late", [0.04, 0.0813, 0.2, 3.0])
def test_samples_that_catch_up_were_late_and_not_lost(late):
    rate, at = 250, 1000
    stamps = exact(30, rate)
    held = (stamps >= stamps[at]) & (stamps < stamps[at] + late)
    stamps[held] = stamps[at] + late + np.arange(held.sum()) * 1e-5
    continuity = Continuity(rate)
    assert at in breaks_of(continuity, stamps[: at + 1])
    assert continuity.lost_samples == round(late * rate)
    breaks_of(continuity, stamps[at + 1 :])
    assert continuity.lost_samples == 0


@pytest.mark.parametrize(
    ("second", "late", "broken"),
    [(2, 0.03, False), (2, 0.06, True), (20, 0.14, False), (20, 0.2, True)],
)
def test_a_stream_may_be_later_when_it_has_been_seen_for_some_seconds(second, late, broken):
    stamps = on_arrival(30, 250, 0.002)
    at = second * 250
    held = (stamps >= stamps[at]) & (stamps < stamps[at] + late)
    stamps[held] = stamps[at] + late + np.arange(held.sum()) * 1e-5
    continuity = Continuity(250)
    assert (at in breaks_of(continuity, stamps)) == broken
    assert continuity.lost_samples == 0


@pytest.mark.slow
def test_stream_known_to_be_late_at_times_is_not_broken_by_it():
    rate = 250
    stamps = on_arrival(40, rate, 0.001)
    for second in range(5, 40, 5):
        held = np.flatnonzero((stamps > START + second) & (stamps < START + second + 0.045))
        stamps[held] = stamps[held[-1]] + np.arange(len(held)) * 1e-5
    continuity = Continuity(rate)
    assert [at for at in breaks_of(continuity, stamps) if at > rate] == []
    assert continuity.lost_samples == 0


@pytest.mark.slow
@pytest.mark.parametrize("jump", [-200_000.0, -1.0, 5 * 3600.0])
@pytest.mark.parametrize("jitter", [0.0, 0.002])
def test_clock_that_jumps_is_a_break_of_no_known_length(jump, jitter):
    rate, at = 250, 3000
    stamps = on_arrival(40, rate, jitter)
    stamps[at:] += jump
    continuity = Continuity(rate)
    found = breaks_of(continuity, stamps)
    assert {position: lost for position, lost in found.items() if position > rate} == {at: 0}
    assert continuity.lost_samples == 0
    assert continuity.samples == len(stamps)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_stamp_that_is_no_number_breaks_the_run_on_both_sides(bad):
    stamps = exact(4, 250)
    stamps[[300, 301]] = bad
    continuity = Continuity(250)
    assert breaks_of(continuity, stamps) == {0: 0, 300: 0, 301: 0, 302: 0}
    assert continuity.lost_samples == 0


@pytest.mark.slow
@pytest.mark.parametrize("off", [0.0, 3e-3, -3e-3])
@pytest.mark.parametrize("jitter", [0.0, 0.002])
def test_measured_rate_is_that_of_the_sender(off, jitter):
    continuity = Continuity(250)
    stamps = on_arrival(30, 250, jitter, off)
    continuity.split(stamps[:200])
    assert continuity.measured_rate is None
    continuity.split(stamps[200:])
    assert continuity.measured_rate == pytest.approx(250 * (1 + off), rel=2e-5)


def test_measured_rate_is_not_lowered_by_loss():
    stamps = without(without(exact(30, 250), 5000, 100), 6000, 7)
    continuity = Continuity(250)
    continuity.split(stamps)
    assert continuity.measured_rate == pytest.approx(250, rel=1e-6)


@st.composite
def rough_streams(draw):
    """Streams of every kind, with losses, late samples and jumps of the clock in them."""
    rate = draw(st.sampled_from([100.0, 250.0, 512.0]))
    seed = draw(st.integers(0, 2**32 - 1))
    jitter = draw(st.sampled_from([0.0, 0.0, 0.0005, 0.004, 0.02]))
    off = draw(st.sampled_from([0.0, 1e-3, -5e-3]))
    stamps = on_arrival(draw(st.integers(1, 15)), rate, jitter, off, seed)
    for kind, where, size in draw(
        st.lists(
            st.tuples(
                st.sampled_from(["lose", "delay", "jump", "nan"]),
                st.floats(0, 1),
                st.integers(1, 200),
            ),
            max_size=5,
        )
    ):
        if not len(stamps):
            break
        at = int(where * (len(stamps) - 1))
        if kind == "lose":
            stamps = without(stamps, at, size)
        elif kind == "delay":
            stamps[at : at + size] = np.maximum(stamps[at : at + size], stamps[at] + size / rate)
        elif kind == "jump":
            stamps[at:] += draw(st.sampled_from([-size, -1e-3 * size, 1e5]))
        else:
            stamps[at] = math.nan
    return rate, stamps


@pytest.mark.slow
@given(rough_streams(), st.lists(st.integers(1, 700), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_cutting_into_chunks_changes_nothing(stream, sizes):
    rate, stamps = stream
    whole, cut = Continuity(rate), Continuity(rate)
    if len(stamps):
        assert breaks_of(whole, stamps, [len(stamps)]) == breaks_of(cut, stamps, sizes)
    assert (whole.samples, whole.lost_samples) == (cut.samples, cut.lost_samples)
    assert whole.measured_rate == cut.measured_rate
    assert whole.lost_samples >= 0


def test_first_sample_follows_on_nothing_and_no_stamps_make_no_run():
    continuity = Continuity(250)
    assert continuity.split(np.empty(0)) == []
    assert not continuity.split(np.array([START]))[0].continues
    assert continuity.split(np.array([START + 1 / 250]))[0].continues


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_stream_without_a_rate_cannot_be_counted(rate):
    with pytest.raises(ValueError, match="regular"):
        Continuity(rate)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_bursts_that_fall_behind_and_catch_up_lose_nothing(seed):
    random, rate, late, waits = np.random.default_rng(seed), 125.0, [], 0.1
    for _ in range(round(90 * rate / 5)):  # packets of five, as a Cyton with Daisy sends them
        late.append(waits)
        waits -= 0.015
        if (waits < -0.08 and random.random() < 0.5) or waits < -0.25:
            waits = random.uniform(0.07, 0.1)
    stamps = exact(90, rate)[: 5 * len(late)] + np.repeat(late, 5)
    assert list(breaks_of(Continuity(rate), stamps)) == [0]

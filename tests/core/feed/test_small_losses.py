"""Small losses of streams that are not exact, samples sent twice, and stamps that are late once."""

import numpy as np
import pytest

from core.feed.continuity import Continuity

RATE = 250.0
START = 81_234.567  # s


def breaks_of(continuity, stamps):
    """Return position -> lost of every break but the first sample, a chunk at a time."""
    found = {}
    for start in range(0, len(stamps), 32):
        runs = continuity.split(stamps[start : start + 32])
        found |= {start + run.start: run.lost for run in runs if not run.continues}
    return {place: lost for place, lost in found.items() if place}


def exact(seconds, rate=RATE):
    return START + np.arange(round(seconds * rate)) / rate


def one_stamp_a_chunk(positions, chunk, jitter, seed=0, rate=RATE):
    """Stamps of a sender that stamps chunks when it sends them; others are worked out by LSL."""
    groups = np.arange(len(positions)) // chunk
    last = np.minimum((groups + 1) * chunk - 1, len(positions) - 1)
    late = np.random.default_rng(seed).exponential(jitter, groups[-1] + 1)[groups]
    return START + positions[last] / rate + late - (last - np.arange(len(positions))) / rate


@pytest.mark.slow
@pytest.mark.parametrize(("lost", "within"), [(1, 1.0), (2, 1.0), (5, 0.25), (10, 0.25)])
@pytest.mark.parametrize("seed", range(3))
def test_small_loss_between_chunks_with_one_stamp_is_noticed_in_time(lost, within, seed):
    at = 5000
    positions = np.delete(np.arange(7000), np.s_[at : at + lost])
    continuity = Continuity(RATE)
    found = breaks_of(continuity, one_stamp_a_chunk(positions, 8, 0.001, seed))
    (place,) = [place for place in found if place > RATE]
    assert at - 8 <= place <= at + within * RATE
    assert continuity.lost_samples == lost


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 8, 250, 1250])
def test_chunks_of_any_length_with_one_late_stamp_each_are_not_broken(chunk):
    stamps = one_stamp_a_chunk(np.arange(30_000), chunk, 0.002, seed=4)
    continuity = Continuity(RATE)
    assert [place for place in breaks_of(continuity, stamps) if place > RATE] == []
    assert continuity.lost_samples == 0


def test_one_late_stamp_leaves_a_stream_exact():
    stamps = exact(12)
    stamps[1000] += 0.3 / RATE
    stamps = np.delete(stamps, 2000)
    continuity = Continuity(RATE)
    assert breaks_of(continuity, stamps) == {2000: 1}


def test_a_loss_is_seen_in_a_stream_that_left_its_grid_for_good():
    stamps = exact(12)
    stamps[1000:] += 0.3 / RATE
    found = breaks_of(Continuity(RATE), np.delete(stamps, np.s_[2000:2060]))
    assert list(found) == [2000]
    assert found[2000] == pytest.approx(60, abs=1)


@pytest.mark.slow
def test_a_stream_that_was_late_for_a_while_becomes_exact_again():
    stamps = exact(60)
    stamps[500:750] += np.random.default_rng(0).exponential(0.002, 250)
    stamps = np.delete(stamps, 14_000)
    found = breaks_of(Continuity(RATE), stamps)
    assert found[14_000] == 1
    assert [place for place in found if place > 800] == [14_000]


def test_a_sample_sent_twice_is_a_break_and_nothing_is_lost():
    stamps = np.insert(exact(8), 1000, exact(8)[999])
    continuity = Continuity(RATE)
    assert breaks_of(continuity, stamps) == {1000: 0}
    assert (continuity.lost_samples, continuity.repeated_samples) == (0, 1)


@pytest.mark.parametrize("chunk", [2, 8, 32, 100])
def test_a_chunk_sent_again_with_its_old_stamps_is_a_break(chunk):
    stamps = exact(8)
    again = np.insert(stamps, 1000, stamps[1000 - chunk : 1000])
    continuity = Continuity(RATE)
    found = breaks_of(continuity, again)
    assert found[1000] == 0
    assert [place for place in found if place > 1000 + chunk] == []
    assert continuity.lost_samples == 0


@pytest.mark.slow
def test_chunks_sent_again_by_a_sender_with_one_stamp_a_chunk_are_a_break():
    stamps = one_stamp_a_chunk(np.arange(8000), 8, 0.001)
    again = np.insert(stamps, 6000, stamps[5992:6000])
    continuity = Continuity(RATE)
    found = {place: lost for place, lost in breaks_of(continuity, again).items() if place > RATE}
    assert list(found.values()) == [0]
    assert 6000 <= next(iter(found)) <= 6000 + 0.25 * RATE
    assert continuity.lost_samples == 0


def test_a_clock_known_to_be_set_forward_loses_nothing():
    stamps = exact(8)
    stamps[1000:] += 3.0
    continuity = Continuity(RATE)
    assert [(run.start, run.lost) for run in continuity.split(stamps, set_by=3.0)] == [
        (0, 0),
        (1000, 0),
    ]
    assert continuity.lost_samples == 0
    assert continuity.resets == 2

"""What stamps say of rate and breaks."""

import numpy as np
import pytest

from core.recordings.stamps import breaks_of, measured_rate


def grid(rate, seconds=30.0):
    """Return stamps of a sender that is exact."""
    return 100.0 + np.arange(round(rate * seconds)) / rate


def stamped_on_arrival(stamps, burst=32):
    """Return the same with each burst stamped when its last sample came."""
    last = (np.arange(len(stamps)) // burst + 1) * burst - 1
    return stamps[np.minimum(last, len(stamps) - 1)]


def counted_on(stamps, nominal, chunk=8):
    """Return the same with one true stamp a chunk, the others counted from the nominal rate."""
    place = np.arange(len(stamps)) % chunk
    last = np.minimum(np.arange(len(stamps)) - place + chunk - 1, len(stamps) - 1)
    return stamps[last] - (last - np.arange(len(stamps))) / nominal


@pytest.mark.parametrize("nominal", [250.0, 256.0, 500.0, 200.0, 128.0])
@pytest.mark.parametrize("stamping", ["exact", "on arrival", "by chunk", "jitter"])
def test_the_rate_is_that_of_the_stamps_whatever_is_said(nominal, stamping):
    stamps = grid(250.0)
    if stamping == "on arrival":
        stamps = stamped_on_arrival(stamps)
    elif stamping == "by chunk":
        stamps = counted_on(stamps, nominal)
    elif stamping == "jitter":
        delays = np.random.default_rng(0).exponential(0.02, len(stamps) // 12 + 1)
        stamps = np.maximum.accumulate(stamped_on_arrival(stamps, 12))
        stamps = stamps + delays[np.arange(len(stamps)) // 12]
    assert (measured_rate(stamps, nominal) or nominal) == pytest.approx(250.0, rel=0.003)


@pytest.mark.parametrize("lost", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("nominal", [250.0, 500.0])
def test_samples_lost_between_exact_stamps_are_no_other_rate(lost, nominal):
    kept = np.random.default_rng(1).random(7500) > lost
    assert measured_rate(grid(250.0)[kept], nominal) == pytest.approx(250.0)


@pytest.mark.parametrize("stamping", [stamped_on_arrival, lambda s: counted_on(s, 250.0, 5)])
def test_a_stream_that_loses_packets_all_over_keeps_its_rate(stamping):
    stamps = stamping(grid(250.0, 120.0))
    kept = np.ones(len(stamps), bool)
    for start in np.random.default_rng(2).integers(0, len(stamps) - 200, 60):
        kept[start : start + 128] = False
    assert kept.mean() < 0.8
    assert measured_rate(stamps[kept], 250.0) in (None, pytest.approx(250.0))


def test_stamps_that_are_no_seconds_say_so():
    assert measured_rate(np.arange(5000.0), 250.0) == pytest.approx(1.0)
    assert measured_rate(1000.0 * grid(250.0), 250.0) == pytest.approx(0.25)
    assert measured_rate(np.full(1000, 7.0), 250.0) == np.inf


def test_little_signal_with_stamps_of_arrival_says_no_rate():
    assert measured_rate(stamped_on_arrival(grid(250.0, 2.0)), 250.0) is None
    assert measured_rate(np.array([1.0]), 250.0) is None


def test_losses_between_exact_stamps_are_breaks_with_their_size():
    kept = np.r_[0:2500, 2510:5000, 5024:7500]
    assert breaks_of(grid(250.0)[kept], 250.0) == ((2500, 4990), 34)


@pytest.mark.slow
@pytest.mark.parametrize("burst", [9, 32])
def test_stamps_of_arrival_are_no_breaks(burst):
    assert breaks_of(stamped_on_arrival(grid(250.0), burst), 250.0) == ((), 0)


def test_a_clock_that_is_set_back_is_a_break():
    stamps = grid(250.0)
    stamps[4000:] -= 3600.0
    assert breaks_of(stamps, 250.0) == ((4000,), 0)

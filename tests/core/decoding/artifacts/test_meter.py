"""What is measured of a quarter of a second."""

import numpy as np
import pytest

from core.decoding.artifacts.meter import Meter


@pytest.mark.slow
@pytest.mark.parametrize("rate", [104.0, 128.0])
def test_a_stretch_that_stands_still_is_seen_wherever_it_lies(rate):
    piece, width = round(rate / 4), round(rate / 8)  # samples, odd and even
    noise = np.random.default_rng(0).normal(0.0, 20.0, (2 * piece, 2))
    for begin in range(piece - width, 2 * piece - width + 1):
        for length in (width, width - 1):
            samples = noise.copy()
            samples[begin : begin + length, 1] = 500.0  # where no noise is
            meter = Meter(2, rate, rate, 1.0, piece)
            meter.take(samples)
            ends = (piece, 2 * piece)
            still = np.any([meter.measure(samples[e - piece : e], e).still for e in ends], axis=0)
            assert still.tolist() == [False, length == width]


RATE, PIECE = 256.0, 64
TIMES = np.arange(2 * PIECE) / RATE  # half a second


def sine(hertz, size=1.0, times=TIMES):
    return size * np.sin(2 * np.pi * hertz * times)


def noise(channels, samples=2 * PIECE, seed=0):
    return np.random.default_rng(seed).normal(0.0, 10.0, (samples, channels))


def measure(samples, rate_in=RATE, to_uv=1.0, path=None):
    """Measure a run, shape (samples, channels), piece by piece; by default the path changes none.

    Returns
    -------
    list of Measures
        One a piece.
    """
    path = samples if path is None else path
    meter = Meter(samples.shape[1], rate_in, RATE, to_uv, PIECE)
    meter.take(samples)
    ends = range(PIECE, len(path) + 1, PIECE)
    return [meter.measure(path[end - PIECE : end], end) for end in ends]


@pytest.mark.parametrize("hertz", [50.0, 60.0])
@pytest.mark.parametrize("rate", [256.0, 1000.0, 90.0])  # the last one carries neither
def test_hum_is_measured_as_it_was_recorded(hertz, rate):
    size = 30.0
    times = np.arange(round(rate / 2)) / rate
    samples = np.stack([sine(hertz, size, times) + 400.0, sine(10.0, size, times)], axis=1)
    _, last = measure(samples, rate, path=noise(2))
    expected = size / np.sqrt(2) if hertz < 0.49 * rate else 0.0
    assert last.mains[0] == pytest.approx(expected, rel=0.1)
    assert last.mains[1] < 0.1 * size


def test_what_is_measured_of_the_newest_quarter_and_half_of_a_second():
    recorded, path = noise(3, 3 * PIECE), noise(3, 3 * PIECE, seed=1)
    recorded[2 * PIECE :] *= 2.0
    first, _, last = measure(1e-3 * recorded, to_uv=1e3, path=1e-3 * path)
    recorded, path = recorded[PIECE:], path[PIECE:]
    np.testing.assert_allclose(last.span, np.ptp(path[PIECE:], axis=0))
    np.testing.assert_allclose(last.raw_span, np.ptp(recorded[PIECE:], axis=0))
    np.testing.assert_allclose(last.deviation, recorded[PIECE:].std(axis=0))
    steps = np.sqrt(np.mean(np.diff(recorded, axis=0) ** 2, axis=0))
    np.testing.assert_allclose(last.levels[:3], [recorded.std(axis=0), steps, path.std(axis=0)])
    correlation = np.abs(np.corrcoef(recorded.T)) - np.eye(3)
    np.testing.assert_allclose(last.shared, correlation.max(axis=0))
    assert last.differences.any()
    np.testing.assert_array_equal(first.shared, 1.0)  # of less than half a second
    assert not first.differences.any()


def test_muscles_are_measured_from_28_to_44_hz():
    times = np.arange(8 * PIECE) / RATE
    samples = np.stack([sine(hertz, 30.0, times) for hertz in (10.0, 35.0, 100.0)], axis=1)
    *_, last = measure(samples)
    assert last.muscle[1] == pytest.approx(30.0 / np.sqrt(2), rel=0.1)
    assert last.levels[3, 1] == pytest.approx(30.0 / np.sqrt(2), rel=0.1)
    assert max(last.muscle[0], last.muscle[2]) < 3.0
    samples[5 * PIECE :] = 0.0
    *_, last = measure(samples)
    assert last.levels[3, 1] < 0.01  # of half a second


@pytest.mark.parametrize(
    ("level", "still", "railed"), [(0.0, True, False), (500.0, True, True), (-500.0, True, True)]
)
def test_a_channel_that_stands_beyond_what_it_did_before_is_railed(level, still, railed):
    samples = noise(3, 4 * PIECE)
    samples[2 * PIECE :, 1] = level
    before, _, newest, last = measure(samples)
    for measures in (newest, last):
        assert measures.still.tolist() == [False, still, False]
        assert measures.railed.tolist() == [False, railed, False]
        assert not measures.dead
    assert not before.still.any()


def test_a_stream_is_dead_where_most_channels_do_not_change_at_all():
    samples = noise(4)
    samples[:, :2] = 7.0
    assert not measure(samples)[-1].dead
    samples[:, 2] = 7.0
    assert measure(samples)[-1].dead
    assert measure(samples)[-1].still.tolist() == [True, True, True, False]
    assert not measure(samples)[-1].railed.any()  # where nothing is known of before
    samples[:, 2] += 0.1 * noise(1)[:, 0] / 10.0
    assert not measure(samples)[-1].dead


@pytest.mark.parametrize("begin", [0, PIECE // 2])
def test_channels_that_are_equal_for_half_a_piece_are_twins(begin):
    samples = noise(3)
    samples[PIECE + begin : PIECE + begin + PIECE // 2, 2] = samples[
        PIECE + begin : PIECE + begin + PIECE // 2, 0
    ]
    first, last = measure(samples)
    assert not first.twin.any()
    assert last.twin.tolist() == [True, False, True]


@pytest.mark.parametrize(("channels", "sources"), [(3, 1), (5, 1), (6, 2), (8, 2)])
def test_what_differs_between_channels_is_left_without_what_they_share(channels, sources):
    own = noise(channels)
    gains = np.random.default_rng(2).normal(0.0, 20.0, (3, channels))
    common = noise(3, seed=1)
    assert 5.0 < measure(own + common[:, :sources] @ gains[:sources])[-1].rest < 10.0
    one_more = slice(sources + 1)
    assert measure(own + common[:, one_more] @ gains[one_more])[-1].rest > 11.0
    assert measure(0.0 * own)[-1].rest == 0.0


def test_a_stream_at_another_rate_is_measured_up_to_the_same_time():
    samples = np.zeros((500, 2))
    samples[:, 0] = noise(1, 500)[:, 0]
    samples[250:, 1] = np.arange(250)  # from half a second of a stream of 500 Hz on
    first, second, third, _ = measure(samples, 500.0, path=noise(2, 4 * PIECE))
    assert first.raw_span[1] == second.raw_span[1] == 0.0
    # The piece's last sample is the 192nd of 256 a second.
    assert third.raw_span[1] == int(191 * 500 / 256) - 250


def test_hops_that_are_shorter_than_a_piece_are_measured_with_what_was_before():
    samples = noise(6)
    samples[:8, 2] = samples[:8, 0]  # few, as by chance
    meter = Meter(6, RATE, RATE, 1.0, PIECE)
    for block in np.split(samples, [5, 70]):
        meter.take(block)
    by_hops = [meter.measure(samples[end - 16 : end], end) for end in range(16, 129, 16)]
    whole = measure(samples)
    assert by_hops[0].rest == np.inf
    assert np.isfinite(by_hops[3].rest)
    assert not any(measures.twin.any() for measures in by_hops)
    for name in ("span", "raw_span", "deviation", "levels", "shared", "rest", "muscle", "mains"):
        np.testing.assert_allclose(getattr(by_hops[-1], name), getattr(whole[-1], name))


def test_a_run_in_one_go_is_measured_as_it_is_piece_by_piece():
    recorded, path = noise(3, 3 * PIECE), noise(3, 3 * PIECE, seed=1)
    for length in (3 * PIECE, 3 * PIECE - 1):
        meter = Meter(3, RATE, RATE, 1e3, PIECE)
        meter.take(recorded)
        by_pieces = measure(recorded, to_uv=1e3, path=path[:length])
        for own, other in zip(by_pieces, meter.measure_run(path[:length]), strict=True):
            for name, values in vars(own).items():
                np.testing.assert_array_equal(getattr(other, name), values)


def test_a_new_run_is_measured_as_the_first_one_is():
    meter = Meter(3, RATE, RATE, 1.0, PIECE)
    for seed in (0, 1):
        samples = noise(3, seed=seed)
        meter.reset()
        meter.take(np.concatenate([samples, samples[:7]]))  # of which some are never measured
        measures = [
            meter.measure(samples[:PIECE], PIECE),
            meter.measure(samples[PIECE:], 2 * PIECE),
        ]
    for own, other in zip(measure(samples), measures, strict=True):
        for name, values in vars(own).items():
            np.testing.assert_array_equal(getattr(other, name), values)
    meter.reset()
    meter.take(np.concatenate([samples[-1:], noise(3, PIECE - 1, seed=3)]))
    assert meter.measure(samples[:PIECE], PIECE).held == 0  # a sample again, after a break
    meter.reset()
    unmeasured = noise(3, 7, seed=4)
    meter.take(unmeasured)
    for _ in range(2):
        meter.end_run()
    meter.reset()
    meter.take(np.concatenate([unmeasured, noise(3, PIECE, seed=2)]))
    assert meter.measure(samples[:PIECE], PIECE).again == 7

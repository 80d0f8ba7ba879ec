import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.signal.monitor import Traces
from ui.traces.envelope import envelope, newest_column

RATE = 256.0


def noise(seconds, channels=3, seed=0, start=5000.0):
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    return Traces(start + np.arange(count) / RATE, rng.standard_normal((count, channels)))


def draw(traces, width, per_second, channels=slice(None)):
    return envelope(traces, channels, width, per_second, newest_column(traces, per_second))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(20, 200),
    span=st.floats(1.0, 30.0),
    seed=st.integers(0, 99),
)
def test_no_peak_is_lost(width, span, seed):
    traces = noise(span, seed=seed)
    picture = draw(traces, width, width / span)
    column = np.floor(traces.times * width / span)
    whole = column > column[-1] - width  # the columns on screen
    visible = traces.samples_uv[whole]
    shown = picture.y_uv[:, picture.x >= 0]
    assert np.array_equal(shown.max(axis=1), visible.max(axis=0))
    assert np.array_equal(shown.min(axis=1), visible.min(axis=0))


def test_few_points_where_samples_are_dense_and_all_samples_where_not():
    traces = noise(10.0)
    assert len(draw(traces, 100, 10.0).x) <= 2 * 102
    assert len(draw(traces, 2000, 200.0).x) == 2560


def test_columns_keep_their_peaks_while_the_signal_scrolls():
    traces = noise(20.0)
    width, per_second = 100, 10.0

    def columns(count):
        picture = draw(Traces(traces.times[:count], traces.samples_uv[:count]), width, per_second)
        inside = (picture.x >= 1) & (picture.x < width - 1)
        return {
            newest_column(Traces(traces.times[:count], traces.samples_uv), per_second)
            - (width - 1 - int(x)): (y.min(), y.max())
            for x, y in zip(picture.x[inside][::2], pairs(picture.y_uv[0][inside]), strict=True)
        }

    earlier, later = columns(4000), columns(4777)
    shared = earlier.keys() & later.keys()
    assert len(shared) > 60
    assert all(earlier[column] == later[column] for column in shared)


def pairs(values):
    return values.reshape(-1, 2)


@pytest.mark.parametrize(("width", "per_second"), [(100, 10.0), (2000, 200.0)])
def test_missing_time_parts_the_line(width, per_second):
    traces = noise(10.0)
    times = traces.times.copy()
    times[1000:] += 0.5
    picture = draw(Traces(times, traces.samples_uv), width, per_second)
    assert len(picture.pieces) == 2
    before, after = picture.pieces
    assert (before.start, after.start, after.stop) == (0, before.stop, len(picture.x))
    missing = picture.x[after.start] - picture.x[before.stop - 1]
    assert missing == pytest.approx(0.5 * per_second, abs=2)


def test_bursts_of_stamps_part_nothing():
    # A sender that stamps nine samples at once and then waits 35 ms (peers, WearableSensing).
    times = 7.0 + np.repeat(np.arange(200) * 0.036, 9)
    traces = Traces(times, np.zeros((1800, 1)))
    assert len(draw(traces, 700, 100.0).pieces) == 1


def test_unknown_values_hide_no_known_ones():
    traces = noise(10.0)
    samples = traces.samples_uv.copy()
    samples[::2, 0] = np.nan
    samples[:, 1] = np.nan
    picture = draw(Traces(traces.times, samples), 100, 10.0)
    assert np.isfinite(picture.y_uv[0]).all()
    assert np.isnan(picture.y_uv[1]).all()


def test_stamps_that_are_unknown_or_run_back_draw_no_loops():
    traces = noise(10.0)
    times = traces.times.copy()
    times[5], times[1000] = np.nan, times[900]
    picture = draw(Traces(times, traces.samples_uv), 2000, 200.0)
    assert (np.diff(picture.x) >= 0).all()


@pytest.mark.parametrize("channels", [0, 3])
def test_nothing_gives_nothing(channels):
    traces = Traces(np.empty(0), np.empty((0, channels)))
    picture = draw(traces, 100, 10.0)
    assert len(picture.x) == 0
    assert picture.y_uv.shape == (channels, 0)
    assert picture.pieces == ()


def test_only_the_asked_channels():
    traces = noise(1.0, channels=5)
    assert len(draw(traces, 100, 100.0, slice(1, 4)).y_uv) == 3

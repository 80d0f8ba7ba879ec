import numpy as np
import pytest

from core.feed.segments import Segmenter
from core.signal.monitor import Monitor, monitor_of
from core.signal.pipeline import SignalSettings
from core.signal.quality import channel_quality

LABELS = ("C3", "C4", "EOG")


def push(monitor, samples, rate=256.0, start=0.0, lost=0, chunk=32):
    for at in range(0, len(samples), chunk):
        piece = samples[at : at + chunk]
        newest = start + (at + len(piece) - 1) / rate
        monitor.push(piece, newest, lost if at == 0 else 0)


@pytest.fixture
def monitor():
    return Monitor(LABELS, ("C3", "C4", None), [1.0, 1e6, 1.0], 256.0)


def noise(seconds, rate=256.0):
    samples = np.random.default_rng(0).normal(0, 10, (round(seconds * rate), 3))
    samples[:, 1] *= 1e-6  # volts
    return samples


def test_traces_are_microvolts_at_their_stamps(monitor):
    push(monitor, noise(4), start=100.0)
    traces = monitor.traces(3.0)
    assert traces.times[-1] == pytest.approx(100.0 + (4 * 256 - 1) / 256.0)
    np.testing.assert_allclose(np.diff(traces.times), 1 / 128.0)
    assert len(traces.times) == 3 * 128
    spread = traces.samples_uv.std(axis=0)
    assert spread.min() > 1.0
    assert spread.max() < 3 * spread.min()


def test_a_lost_stretch_is_a_step_in_time(monitor):
    push(monitor, noise(2), start=0.0)
    push(monitor, noise(2), start=3.0, lost=256)
    times = monitor.traces(4.0).times
    steps = np.diff(times)
    assert np.flatnonzero(steps > 0.5).tolist() == [2 * 128 - 1]
    assert steps.max() == pytest.approx(1.0 + 1 / 128.0)
    assert times[0] == pytest.approx(0.0, abs=2 / 128.0)


def test_after_a_loss_the_filter_starts_anew(monitor):
    calm = np.zeros((512, 3))
    push(monitor, calm + np.array([1e3, 1e-3, 1e3]))
    push(monitor, calm - np.array([1e3, 1e-3, 1e3]), start=3.0, lost=256)
    assert np.abs(monitor.traces(4.0).samples_uv).max() < 1e-2


def test_channels_are_judged_once_a_second(monitor):
    samples = noise(3)
    samples[256:, 2] = 7.0
    push(monitor, samples[:256])
    assert [channel.quality for channel in monitor.channels] == ["good", "good", "good"]
    push(monitor, samples[256:])
    assert [channel.quality for channel in monitor.channels] == ["good", "good", "flat"]
    assert [channel.electrode for channel in monitor.channels] == ["C3", "C4", None]


def test_channels_serve_as_electrodes_of_the_decoder_or_of_the_10_10_system():
    stream = Segmenter(("C3", "T3", "TRG"), ("uV", "uV", "uV"), 256.0)
    assert [c.electrode for c in monitor_of(stream).channels] == ["C3", "T7", None]
    settings = SignalSettings(("C3", "C4"), "recorded", 256.0)
    assert [c.electrode for c in monitor_of(stream, settings).channels] == ["C3", None, None]


def test_a_channel_of_nan_is_judged_as_in_a_report(monitor):
    samples = noise(6)
    samples[:700, 0], samples[100, 2] = np.nan, np.inf
    push(monitor, samples[:256])
    expected = channel_quality(samples[:256] * [1.0, 1e6, 1.0], 256.0)
    assert expected == ("railed", "good", "railed")
    assert tuple(channel.quality for channel in monitor.channels) == expected
    push(monitor, samples[256:768])
    assert [channel.quality for channel in monitor.channels] == ["railed", "good", "good"]
    push(monitor, samples[768:])
    assert [channel.quality for channel in monitor.channels] == ["good", "good", "good"]
    assert np.isfinite(monitor.raw()).all()


def test_raw_signal_is_in_microvolts(monitor):
    samples = noise(1)
    push(monitor, samples)
    np.testing.assert_allclose(monitor.raw(), samples * [1, 1e6, 1], rtol=1e-6)


def test_raw_traces_are_what_came_in_microvolts_at_their_stamps(monitor):
    samples = noise(40)
    push(monitor, samples, start=100.0)
    traces = monitor.raw_traces(3.0)
    np.testing.assert_allclose(traces.samples_uv, samples[-768:] * [1, 1e6, 1], rtol=1e-6)
    assert traces.times[-1] == pytest.approx(100.0 + (40 * 256 - 1) / 256.0)
    assert traces.rate == 256.0
    assert len(monitor.raw_traces(99.0).times) == 30 * 256
    assert len(monitor.raw()) == 2 * 256


def test_whole_traces_begin_after_the_newest_lost_stretch(monitor):
    push(monitor, noise(2), start=0.0)
    push(monitor, noise(1), start=3.0, lost=256)
    for traces, rate in ((monitor.traces(4.0), 128), (monitor.raw_traces(4.0), 256)):
        whole = traces.whole()
        assert len(whole.times) == rate
        assert whole.times[0] == pytest.approx(3.0, abs=2 / rate)
        assert len(whole.whole().times) == rate
        assert whole.rate == rate


@pytest.mark.slow
def test_very_many_channels_keep_less_raw_signal():
    monitor = Monitor(["A"] * 1000, [None] * 1000, [1.0] * 1000, 2000.0)
    monitor.push(np.zeros((10_000, 1000)), newest=5.0)
    assert len(monitor.raw_traces(30.0).times) == 4000

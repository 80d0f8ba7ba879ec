"""Spectra and band power are those of the cited methods on the same samples."""

import numpy as np
import pytest
from scipy import signal

from core.signal.monitor import Traces
from core.signal.spectrum import BANDS, BandHistory, band_powers, power_spectrum


def traces(seconds=8.0, rate=160.0, channels=3, start=100.0, seed=0):
    samples = np.random.default_rng(seed).normal(0, 10, (round(seconds * rate), channels))
    return Traces(start + np.arange(len(samples)) / rate, samples.astype(np.float32))


def tone(hertz, amplitude, seconds=2.0, rate=128.0, start=0.0):
    times = start + np.arange(round(seconds * rate)) / rate
    return Traces(times, amplitude * np.sin(2 * np.pi * hertz * times)[:, None])


@pytest.mark.parametrize("rate", [100.0, 128.0, 160.0, 250.0, 512.0, 1000.0])
def test_the_spectrum_is_scipys_welch_on_the_same_samples(rate):
    given = traces(rate=rate)
    frequencies, density = power_spectrum(given)
    expected = signal.welch(
        given.samples_uv.astype(float), rate, "hann", round(2 * rate), round(2 * rate) // 2, axis=0
    )
    np.testing.assert_allclose(frequencies, expected[0], rtol=1e-9)
    np.testing.assert_allclose(density, expected[1], rtol=1e-9)


def test_nothing_from_before_a_gap_is_in_the_spectrum():
    late = traces(seconds=3.0, start=108.0, seed=1)
    before = traces(seconds=4.0, start=100.0)
    both = Traces(
        np.concatenate([before.times, late.times]),
        np.concatenate([before.samples_uv, late.samples_uv]),
    )
    np.testing.assert_allclose(power_spectrum(both)[1], power_spectrum(late)[1])
    short = Traces(both.times[:-240], both.samples_uv[:-240])  # 1.5 s since the gap
    assert power_spectrum(short)[0].size == 0
    assert power_spectrum(Traces(np.empty(0), np.empty((0, 3))))[0].size == 0


@pytest.mark.parametrize(("hertz", "band"), [(10.0, 0), (20.0, 1)])
def test_the_power_of_a_tone_is_in_its_band(hertz, band):
    power = band_powers(tone(hertz, 10.0))
    assert power[band, 0] == pytest.approx(50.0, rel=1e-3)  # half its amplitude squared, µV²
    assert power[1 - band, 0] < 0.1


def test_there_is_no_power_with_less_than_most_of_a_second_or_of_too_slow_a_stream():
    assert band_powers(tone(10.0, 1.0, seconds=0.7)) is None
    assert band_powers(tone(10.0, 1.0, rate=50.0)) is None


def test_change_is_in_percent_of_the_baseline():
    history = BandHistory()
    assert not history.set_baseline()
    for k in range(20):
        history.take(tone(10.0, 8.0, start=0.25 * k))
    assert history.set_baseline()
    assert history.take(tone(10.0, 4.0, start=5.0))
    mu = list(BANDS).index("mu")
    assert history.change[-1, mu, 0] == pytest.approx(-75.0, abs=0.5)
    assert np.abs(history.change[:-1, mu, 0]).max() < 0.5


def test_only_the_last_five_seconds_are_the_baseline():
    history = BandHistory()
    for k in range(40):
        history.take(tone(10.0, 2.0 if k < 20 else 8.0, start=0.25 * k))
    history.set_baseline()
    assert history.change[0, 0, 0] == pytest.approx(100 * (2**2 / 8**2 - 1), abs=0.5)


@pytest.mark.slow
def test_without_a_baseline_the_last_minute_is_compared_with_itself():
    history = BandHistory(10.0)
    for k in range(200):
        history.take(tone(10.0, 3.0, start=0.25 * k))
    assert len(history.times) == 41
    assert np.abs(history.change).max() < 1.0


def test_the_same_signal_is_taken_once_and_another_sender_begins_anew():
    history = BandHistory()
    assert history.take(tone(10.0, 1.0, start=50.0))
    assert not history.take(tone(10.0, 1.0, start=50.0))
    history.set_baseline()
    assert history.take(tone(10.0, 1.0, start=3.0))
    assert len(history.times) == 1
    assert history.baseline is None


def test_a_dead_channel_has_a_power_that_can_be_drawn():
    history = BandHistory()
    history.take(tone(10.0, 0.0))
    assert np.isfinite(history.logs).all()

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.signal.resampling import Resampler

RATES = [250.0, 256.0, 500.0, 512.0, 1000.0, 1024.0, 2048.0]
BAND = 45.6
SLOW = pytest.param(249.7, marks=pytest.mark.slow)  # 2560 phases of the interpolation


def resampled(rate, frequency, seconds=8.0):
    times = np.arange(int(seconds * rate)) / rate
    wave = np.exp(2j * np.pi * frequency * times)
    both = np.stack([wave.real, wave.imag], axis=1)
    found = Resampler(rate, 256.0, 2, BAND).push(both)
    return (found[:, 0] + 1j * found[:, 1])[256:]


@pytest.mark.parametrize("rate", [128.0, 160.0, 200.0, *RATES])
@pytest.mark.parametrize("frequency", [4.0, 10.0, 23.0, 38.0])
def test_amplitude_is_kept_and_images_are_far_below(rate, frequency):
    found = resampled(rate, frequency)
    times = (np.arange(len(found)) + 256) / 256.0
    # Out of a pure tone comes gain x the same tone, and everything else is an image.
    tone = np.exp(2j * np.pi * frequency * times)
    gain = np.mean(found * tone.conj())
    images = found - gain * tone
    assert abs(abs(gain) - 1.0) < 0.01
    assert abs(np.angle(gain)) < 0.01  # no shift in time either
    assert np.abs(images).max() < 10 ** (-40 / 20)


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_an_output_sample_waits_at_most_two_output_samples(rate):
    path = Resampler(rate, 256.0, 1, BAND)
    waits = []
    made = 0
    for index in range(int(2 * rate)):
        now = index / rate
        new = len(path.push(np.zeros((1, 1))))
        waits += [now - (made + k) / 256.0 for k in range(new)]
        made += new
    assert min(waits) >= -1e-9  # causal
    assert max(waits) <= 2 / 256.0
    ahead = 0 if rate % 256.0 == 0 else 1  # input samples after an output's own
    assert made == math.ceil((int(2 * rate) - ahead) * 256.0 / rate)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [160.0, 250.0, 1000.0, SLOW])
@given(cuts=st.lists(st.integers(0, 300), max_size=30))
@settings(deadline=None, max_examples=40)
def test_any_split_gives_the_same_output_to_the_last_bit(rate, cuts):
    samples = np.random.default_rng(0).normal(size=(300, 3))
    whole = Resampler(rate, 256.0, 3, BAND).push(samples)
    pieces = Resampler(rate, 256.0, 3, BAND)
    split = np.concatenate([pieces.push(part) for part in np.split(samples, sorted(cuts))])
    np.testing.assert_array_equal(split, whole)


def test_the_same_rate_passes_through_untouched():
    samples = np.random.default_rng(0).normal(size=(64, 2))
    np.testing.assert_array_equal(Resampler(256.0, 256.0, 2, BAND).push(samples), samples)


def test_a_rate_too_low_for_the_band_is_refused():
    with pytest.raises(InputError, match="100 Hz"):
        Resampler(100.0, 256.0, 1, BAND)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [256.0164, 255.99, 512.0328, 999.75, SLOW])
def test_rates_that_are_no_simple_ratio_keep_step_with_the_clock(rate):
    seconds = 400
    times = np.arange(int(seconds * rate)) / rate
    found = Resampler(rate, 256.0, 1, BAND).push(np.sin(2 * np.pi * 1.0 * times)[:, None])[:, 0]
    assert len(found) == pytest.approx(256 * seconds, abs=4)
    last = np.arange(len(found))[-256:] / 256.0
    np.testing.assert_allclose(found[-256:], np.sin(2 * np.pi * last), atol=0.01)

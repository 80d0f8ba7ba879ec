from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from core.errors import InputError
from core.signal.filtering import Band, CausalFilter, band_of_table

RATES = [250.0, 256.0, 500.0, 512.0, 1000.0, 1024.0, 2048.0]


@pytest.mark.slow
@given(cuts=st.lists(st.integers(0, 400), max_size=30))
@settings(deadline=None)
def test_any_split_gives_the_same_output_to_the_last_bit(cuts):
    samples = np.random.default_rng(0).normal(50.0, 20.0, (400, 5))
    whole = CausalFilter(Band().sections(250.0)).push(samples)
    pieces = CausalFilter(Band().sections(250.0))
    split = np.concatenate([pieces.push(part) for part in np.split(samples, sorted(cuts))])
    np.testing.assert_array_equal(split, whole)


def test_starts_at_steady_state_so_that_an_offset_leaves_no_step():
    filtered = CausalFilter(Band().sections(250.0)).push(np.full((500, 2), 80_000.0))
    assert np.abs(filtered).max() < 1e-5


def test_reset_forgets_the_past():
    samples = np.random.default_rng(0).normal(size=(300, 2))
    causal = CausalFilter(Band().sections(250.0))
    first = causal.push(samples)
    causal.reset()
    np.testing.assert_array_equal(causal.push(samples), first)


@pytest.mark.parametrize("rate", RATES)
def test_group_delay_is_what_the_documentation_says(rate):
    frequencies = np.array([10.0, 20.0])
    ahead, behind = (
        np.angle(signal.freqz_sos(Band().sections(rate), frequencies + step, fs=rate)[1])
        for step in (0.01, -0.01)  # Hz
    )
    at_10, at_20 = (behind - ahead) % (2 * np.pi) / (2 * np.pi * 0.02)  # s
    assert 0.011 < at_10 < 0.0130
    assert 0.012 < at_20 < 0.0136


@pytest.mark.parametrize("rate", RATES)
def test_gain_is_flat_inside_the_band_and_small_where_it_would_fold_back(rate):
    def gain(frequency):
        times = np.arange(int(8 * rate)) / rate
        wave = np.sin(2 * np.pi * frequency * times)[:, None]
        return np.abs(CausalFilter(Band().sections(rate)).push(wave)[int(4 * rate) :]).max()

    assert gain(10.0) == pytest.approx(1.0, abs=0.01)
    assert gain(38.0) == pytest.approx(10 ** (-3 / 20), abs=0.01)
    if rate >= 500:
        # 256 Hz - 38 Hz is the lowest frequency that resampling to 256 Hz folds into the band.
        assert gain(218.0) < 10 ** (-55 / 20)


def test_notch_takes_out_the_mains_alone():
    rate = 500.0
    times = np.arange(int(20 * rate)) / rate
    band = Band(high=90.0, notch=50.0)
    for frequency, low, high in [(50.0, 0.0, 0.01), (30.0, 0.98, 1.01)]:
        wave = np.sin(2 * np.pi * frequency * times)[:, None]
        left = np.abs(CausalFilter(band.sections(rate)).push(wave)[-2000:]).max()
        assert low <= left <= high


def test_a_band_that_the_rate_cannot_carry_is_refused():
    with pytest.raises(InputError, match="80 Hz"):
        Band().sections(80.0)
    with pytest.raises(InputError, match="low < high"):
        Band(low=40.0, high=8.0)
    with pytest.raises(InputError, match="notch frequency must be above 0 Hz"):
        Band(notch=0.0)


def test_a_notch_that_the_rate_cannot_carry_is_left_out():
    np.testing.assert_array_equal(Band(notch=60.0).sections(100.0), Band().sections(100.0))


@pytest.mark.parametrize("band", [Band(), Band(8.0, 30.0, notch=60.0)])
def test_the_band_of_a_header_is_the_one_that_was_written(band):
    assert band_of_table(asdict(band)) == band


@pytest.mark.parametrize(
    "table",
    [{"high": 2e6}, {"notch": 2e6}, {"low_order": 0}, {"low_order": 17}, {"high_order": 2.5}],
)
def test_the_band_of_a_header_that_no_filter_has_is_refused(table):
    with pytest.raises(ValueError, match="where a"):
        band_of_table(table)

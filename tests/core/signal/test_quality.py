import numpy as np
import pytest

from core.signal.quality import channel_quality, suspected_factor

RATE = 250.0


def test_every_kind_of_channel_is_told_apart():
    random = np.random.default_rng(0)
    times = np.arange(int(2 * RATE)) / RATE
    good = random.normal(0.0, 12.0, len(times))
    columns = {
        "good": good + 30_000.0,  # an electrode offset is no fault
        "flat": np.zeros(len(times)),
        "noisy": random.normal(0.0, 300.0, len(times)),
        "line": good * 0.3 + 40.0 * np.sin(2 * np.pi * 50.0 * times),
        "railed": np.clip(random.normal(0.0, 4e5, len(times)), -187_500.0, 187_500.0),
    }
    assert channel_quality(np.stack(list(columns.values()), axis=1), RATE) == tuple(columns)


def test_blinks_do_not_make_a_channel_bad():
    random = np.random.default_rng(0)
    times = np.arange(int(2 * RATE)) / RATE
    blink = 120.0 * np.exp(-(((times - 1.0) / 0.08) ** 2))
    samples = (random.normal(0.0, 10.0, len(times)) + blink)[:, None]
    assert channel_quality(samples, RATE) == ("good",)


def test_a_channel_that_sends_no_numbers_is_not_good():
    samples = np.random.default_rng(0).normal(0.0, 12.0, (500, 3))
    samples[100:120, 1] = np.nan
    samples[7, 2] = np.inf
    assert channel_quality(samples, RATE) == ("good", "railed", "railed")


@pytest.mark.parametrize(("deviation", "quality"), [(95.0, "good"), (105.0, "noisy")])
def test_a_channel_is_noisy_from_a_standard_deviation_of_100_microvolts(deviation, quality):
    times = np.arange(int(2 * RATE)) / RATE
    wave = deviation * np.sqrt(2) * np.sin(2 * np.pi * 10.0 * times)[:, None]
    assert channel_quality(wave, RATE) == (quality,)


@pytest.mark.parametrize(
    ("times", "factor"),
    [
        (0.0, None),
        (0.011, None),
        (99.0, None),
        (101.0, 1e3),
        (3e4, 1e3),
        (4e4, 1e6),
        (1e-3, 1e-3),
        (1e-6, 1e-6),
    ],
)
def test_an_amplitude_that_is_off_a_hundredfold_is_off_by_a_power_of_a_thousand(times, factor):
    assert suspected_factor(20.0 * times, 20.0) == (factor and pytest.approx(factor))

import json

import numpy as np
import pytest

from calibration.timing.analysis import (
    TimingLimits,
    against_frames,
    against_photodiode,
    light_edges,
)
from core.errors import InputError
from core.settings import load_settings

RATE = 1000.0


def flashes(stamps, latency, rate=RATE, length=0.2, noise=0.01, sign=1.0, ripple=0.0, seed=0):
    """A photodiode that sees each flash `latency` after its stamp; return samples and times."""
    chance = np.random.default_rng(seed)
    times = 100.0 + np.arange(round((stamps[-1] - 99.0) * rate)) / rate
    samples = chance.normal(0.0, noise, len(times)) + ripple * np.sin(2 * np.pi * 240.0 * times)
    for onset in np.asarray(stamps) + latency:
        samples[(times >= onset) & (times < onset + length)] += 1.0
    return 512.0 + 80.0 * sign * samples, times


@pytest.fixture
def stamps():
    return 100.5 + np.cumsum(np.random.default_rng(1).uniform(0.5, 0.7, 60))


def checks(report):
    return {check.name: check for check in report.checks}


@pytest.mark.slow
@pytest.mark.parametrize("rate", [250.0, 1000.0, 2048.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_latency_and_spread_are_what_they_were(stamps, rate, sign):
    true = np.random.default_rng(2).uniform(0.005, 0.021, len(stamps))
    report = against_photodiode(stamps, *flashes(stamps, true, rate, sign=sign))
    assert report.count == len(stamps)
    found = np.array(report.values_ms) / 1000.0
    assert np.abs(found - true).max() <= 1.0 / rate + 1e-6
    assert report.distribution["median"] == pytest.approx(1000 * np.median(true), abs=700 / rate)
    assert report.passed
    assert report.facts["flashes_seen"] == len(stamps)


def test_a_slow_screen_fails_and_the_limits_can_be_moved(stamps, tmp_path):
    seen = flashes(stamps, 0.060)
    report = against_photodiode(stamps, *seen)
    assert not report.passed
    assert not checks(report)["median latency"].passed
    path = tmp_path / "limits.yaml"
    path.write_text("latency: 80\n")
    assert against_photodiode(stamps, *seen, load_settings(TimingLimits, path)).passed


def test_an_unsteady_screen_fails(stamps):
    late = np.where(np.arange(len(stamps)) % 4 == 0, 0.040, 0.005)
    report = against_photodiode(stamps, *flashes(stamps, late))
    assert [check.passed for check in report.checks] == [True, False, True]


def test_flashes_that_were_never_seen_are_counted(stamps):
    report = against_photodiode(stamps, *flashes(np.delete(stamps, [3, 20, 40]), 0.01))
    assert checks(report)["stamps without light"].value == pytest.approx(3 / 60)
    assert not report.passed


def test_a_rippling_backlight_makes_no_edges(stamps):
    samples, times = flashes(stamps, 0.010, rate=2048.0, ripple=0.15)
    edges, contrast = light_edges(samples, times)
    assert len(edges) == len(stamps)
    assert contrast > 4
    assert np.abs(edges - stamps - 0.010).max() < 0.003


def test_light_may_come_before_a_stamp(stamps):
    report = against_photodiode(stamps, *flashes(stamps, -0.008))
    assert report.distribution["median"] == pytest.approx(-8.0, abs=1.0)


@pytest.mark.parametrize(
    "samples", [np.zeros(5000), np.random.default_rng(0).normal(size=5000), np.full(5000, np.nan)]
)
def test_a_channel_without_light_is_refused(stamps, samples):
    with pytest.raises(InputError, match="photodiode"):
        against_photodiode(stamps, samples, 100.0 + np.arange(5000) / RATE)


def test_light_that_follows_other_stamps_is_refused(stamps):
    samples, times = flashes(stamps, 0.010)
    with pytest.raises(InputError, match="of 60 stamps only"):
        against_photodiode(stamps + 1000.0, samples, times)


@pytest.mark.parametrize("some", [[], [1.0, 2.0], [1.0, 2.0, 3.0, 4.0, float("nan")]])
def test_too_few_stamps_are_refused(some):
    with pytest.raises(InputError, match="too few"):
        against_frames(some, np.arange(100) / 60)


# -- without a photodiode


def test_even_frames_pass(stamps):
    frames = 100.0 + np.arange(3000) / 60.0
    report = against_frames(frames[5::30], frames)
    assert report.passed
    assert report.distribution["sd"] < 1e-3
    assert report.facts["frames_a_second"] == pytest.approx(60.0)


def test_jitter_is_measured_around_the_rhythm():
    jitter = np.random.default_rng(0).normal(0.0, 0.002, 3000)
    frames = 100.0 + np.arange(3000) / 60.0 + jitter
    report = against_frames(frames[5::30], frames)
    assert report.distribution["sd"] == pytest.approx(2.0, rel=0.2)
    spread = checks(report)["spread around the frames' rhythm"]
    assert spread.value == pytest.approx(2 * 1.645 * 2.0, rel=0.25)


def test_dropped_frames_are_counted_and_move_nothing_else():
    kept = np.ones(3000, dtype=bool)
    kept[50::25] = False
    frames = (100.0 + np.arange(3000) / 60.0)[kept]
    report = against_frames(frames[5::30], frames)
    late = checks(report)["frames that came late"]
    assert late.value == pytest.approx(118 / len(frames), abs=0.002)
    assert not late.passed
    assert report.distribution["most"] < 0.01


def test_few_frames_are_refused():
    with pytest.raises(InputError, match="Only 20 frames"):
        against_frames(np.arange(10) / 60, np.arange(20) / 60)


# -- what is said


def test_the_report_is_json_and_a_table(stamps):
    report = against_photodiode(stamps, *flashes(stamps, 0.060))
    told = json.loads(report.to_json())
    assert told["passed"] is False
    assert told["checks"][0] == {
        "name": "median latency",
        "value": pytest.approx(60.0, abs=1.0),
        "limit": 35.0,
        "unit": "ms",
        "passed": False,
    }
    assert len(told["values_ms"]) == 60
    text = report.as_text()
    assert "FAIL  median latency" in text
    assert "pass  stamps without light" in text


def test_without_a_diode_the_report_says_what_is_unseen():
    frames = np.arange(300) / 60
    assert "is unseen" in against_frames(frames[::30], frames).as_text()


def test_limits_out_of_range_are_refused():
    with pytest.raises(InputError, match=r"missed is 2\.0; a number from 0 to 1 was expected"):
        load_settings(TimingLimits, None, {"missed": 2.0})

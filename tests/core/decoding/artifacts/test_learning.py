"""What is learned of a calibration, on measures that are made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from artifact_measures import NAMES, USUAL, measured

from core.decoding.artifacts.learning import Measured, measure_runs
from core.decoding.artifacts.limits import ArtifactLimits
from core.decoding.artifacts.meter import Measures, Meter
from core.recordings import UNIT, Recording
from core.signal.pipeline import SignalSettings
from core.units import factor

COUNT = len(NAMES)
C3 = np.array([name == "C3" for name in NAMES])


def limits_of(*pieces, repeats=200) -> ArtifactLimits:
    """Limits from one recording, whose last pieces are these and whose others are the first."""
    first, *others = pieces
    return Measured([[[*[first] * (repeats - len(others)), *others]]], NAMES).limits


@pytest.mark.parametrize(
    ("name", "floor", "margin"), [("span", 500.0, 3.0), ("muscle", 10.0, 6.0), ("mains", 25.0, 6.0)]
)
def test_a_limit_is_some_times_what_is_usual_or_what_nobody_is_refused_for(name, floor, margin):
    usual = measured(**{name: np.where(C3, floor, 0.1 * floor)})
    expected = np.where(C3, margin * floor, floor)
    np.testing.assert_allclose(getattr(limits_of(usual), name), expected)
    rare = [replace(usual, **{name: np.full(COUNT, 100.0 * floor)})]
    np.testing.assert_allclose(getattr(limits_of(usual, *rare), name), expected)
    assert (getattr(limits_of(usual, *rare * 3), name) > 50.0 * floor).all()


@pytest.mark.parametrize("name", ["still", "twin"])
def test_a_channel_that_was_bad_for_half_of_the_time_is_not_judged_for_it(name):
    usual, bad = measured(), measured(**{name: C3})
    assert not getattr(limits_of(usual, *[bad] * 99), name).any()
    np.testing.assert_array_equal(getattr(limits_of(usual, *[bad] * 100), name), C3)


def test_channels_most_of_which_are_equal_are_no_calibration_to_go_by():
    most = np.arange(COUNT) < COUNT // 2
    assert not limits_of(measured(twin=most)).twin.any()
    assert limits_of(measured(twin=most & ~C3)).twin.sum() == 3


def test_levels_are_those_of_the_usual_piece():
    odd = measured({"C3": 2.0}, deviation=np.full(COUNT, 99.0), rest=99.0)
    limits = limits_of(measured({"C3": 2.0}), *[odd] * 60)
    np.testing.assert_allclose(limits.level, np.where(C3, 2.0 * USUAL, USUAL))
    assert (limits.typical, limits.rest) == (USUAL, 0.25 * USUAL)
    nothing = np.zeros(COUNT)
    still = measured(deviation=nothing, levels=np.zeros((4, COUNT)), rest=0.0)
    assert limits_of(still).level.tolist() == [1e-3] * COUNT
    assert (limits_of(still).typical, limits_of(still).rest) == (1e-3, 1e-3)


def test_what_is_seldom_so_alike_is_unusual():
    usual = measured(shared=np.full(COUNT, 0.9), held=1)
    pairs = len(usual.differences)
    odd = measured(shared=np.full(COUNT, 0.1), held=9, differences=np.full(pairs, -5.0, np.float16))
    limits = limits_of(usual, odd)
    assert (limits.shared, limits.held) == (pytest.approx(0.9), 1)
    assert limits.apart.tolist() == [0.0] * pairs
    limits = limits_of(usual, *[odd] * 3)
    assert (limits.shared, limits.held) == (pytest.approx(0.1), 9)
    assert limits.apart.tolist() == [-5.0] * pairs


def stepping(gain, seconds=100) -> list[Measures]:
    """A recording in which C3 has another gain for the last 2 s of every 25."""
    pieces = range(4 * seconds)
    return [measured({"C3": gain if place % 100 >= 92 else 1.0}) for place in pieces]


@pytest.mark.parametrize(
    ("gain", "grown", "shrunk"),
    [
        (1.3, 1.6 * np.log(1.3), 0.0),
        (1 / 1.3, 0.0, 1.6 * np.log(1.3)),
        (20.0, np.log(2.5), None),
        (0.05, None, np.log(4.0)),
    ],
)
def test_what_a_channel_does_by_itself_excuses_as_much_and_no_more(gain, grown, shrunk):
    limits = Measured([[stepping(gain)]], NAMES).limits
    for learned, expected in ((limits.grown, grown), (limits.shrunk, shrunk)):
        if expected is not None:
            assert learned[C3] == pytest.approx(expected, abs=0.1)
        np.testing.assert_allclose(learned[~C3], 0.0, atol=0.1)


def test_every_recording_is_judged_as_a_stream_of_its_own():
    quiet = [measured()] * 20
    louder = [measured(dict.fromkeys(NAMES, 3.0), rest=0.75 * USUAL)] * 20
    refused = Measured([[quiet], [louder]], NAMES).refused
    assert refused == [[None] * 20] * 2
    both = Measured([[quiet, louder]], NAMES).refused
    assert both[0] == [None] * 20
    assert all("times as large as before" in reason for reason in both[1])


def test_every_stretch_of_a_recording_is_measured_from_its_own_beginning():
    random = np.random.default_rng(0)
    samples = random.normal(0.0, 20.0, (1500, 4)).astype(np.float32)
    samples[700] = samples[699]  # a sample again, after the break
    first = Recording(samples, 250.0, ("C4", "C3", "X1", "CZ"), (), (700,), Path("a.edf"), "0")
    second = replace(first, samples_uv=2.0 * samples[:600], breaks=())
    settings = SignalSettings(("C3", "CZ", "C4"), "recorded", 256.0)
    lengths = (700, 800, 600)
    segments = [random.normal(0.0, 0.02, (int(n * 256 / 250), 3)) for n in lengths]  # mV
    stretches = [*np.split(samples, [700]), second.samples_uv]
    measured_by_hand = []
    for stretch, segment in zip(stretches, segments, strict=True):
        meter = Meter(3, 250.0, 256.0, factor("mV", UNIT), 64)
        meter.take(stretch[:, [1, 3, 0]].astype(np.float64) * factor(UNIT, "mV"))
        measured_by_hand.append(meter.measure_run(segment))
    expected = Measured([measured_by_hand[:2], measured_by_hand[2:]], settings.channels)
    runs = measure_runs([first, second], settings, "mV", segments)
    assert runs.limits.as_facts() == expected.limits.as_facts()
    assert runs.refused == expected.refused
    assert [len(segment) for segment in runs.refused] == [len(part) // 64 for part in segments]

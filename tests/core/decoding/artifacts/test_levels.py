"""What may not change in a step, on measures that are made up."""

from dataclasses import replace

import numpy as np
import pytest
from artifact_measures import NAMES, USUAL, measured

from core.decoding.artifacts.levels import Levels
from core.decoding.artifacts.limits import ArtifactLimits

HOP = 0.25  # s


def levels_after(seconds, measures=None, names=NAMES, hop=HOP, **limits):
    """Levels that have learned the same measures for so long."""
    known = replace(ArtifactLimits.default(len(names)), **limits)
    levels = Levels(known, names, hop)
    for _ in range(round(seconds / hop)):
        levels.learn(measures or measured(names=names))
    return levels


def swings(levels, measures, names=NAMES):
    """Return the names of the channels that are much larger, and much smaller."""
    levels.see(measures)
    larger, smaller = levels.swings(measures)
    return [
        [n for n, is_so in zip(names, mask, strict=True) if is_so] for mask in (larger, smaller)
    ]


@pytest.mark.parametrize("hop", [0.125, 0.25])
def test_what_is_usual_is_known_after_two_seconds(hop):
    assert not levels_after(2.0 - hop, hop=hop).known
    assert swings(levels_after(2.0 - hop, hop=hop), measured({"C3": 9.0})) == [[], []]
    assert levels_after(2.0, hop=hop).known
    assert swings(levels_after(2.0, hop=hop), measured({"C3": 9.0})) == [["C3"], []]


@pytest.mark.parametrize(
    ("gains", "larger", "smaller"),
    [
        ({"C3": 1.8}, [], []),
        ({"C3": 2.5}, ["C3"], []),
        ({"FP1": 3.5}, [], []),  # eyes and jaw
        ({"FP1": 5.0}, ["FP1"], []),
        ({"C3": 0.42}, [], []),
        ({"C3": 0.3}, [], ["C3"]),
        ({"F7": 0.3}, [], []),
        ({"F7": 0.15}, [], ["F7"]),
        (dict.fromkeys(NAMES[3:7], 3.0), list(NAMES[3:7]), []),
        (dict.fromkeys(NAMES[3:7], 0.2), [], list(NAMES[3:7])),
        (dict.fromkeys(NAMES, 3.0), [], []),  # `doubt` says so of all
    ],
)
def test_a_channel_that_changes_beyond_others_is_named(gains, larger, smaller):
    assert swings(levels_after(4.0), measured(gains)) == [larger, smaller]


def test_what_is_slow_and_fast_in_a_channel_must_change_alike():
    usual = measured()
    for row in range(4):
        louder = usual.levels.copy()
        louder[:, 3] *= 3.0
        louder[row, 3] /= 3.0
        assert swings(levels_after(4.0), replace(usual, levels=louder)) == [[], []]
    fainter = usual.levels.copy()
    fainter[:2, 3] *= 0.2  # a reference brings in the others behind the path
    assert swings(levels_after(4.0), replace(usual, levels=fainter)) == [[], ["C3"]]
    fainter[0] = usual.levels[0]
    assert swings(levels_after(4.0), replace(usual, levels=fainter)) == [[], []]


@pytest.mark.parametrize(("begun", "half", "over"), [(3.0, 1.6, 1.3), (0.3, 0.5, 0.7)])
def test_a_change_stands_until_it_is_clearly_over(begun, half, over):
    levels = levels_after(4.0)
    assert swings(levels, measured({"C3": half})) == [[], []]
    for gain in (begun, half):
        assert ["C3"] in swings(levels, measured({"C3": gain}))
    assert swings(levels, measured({"C3": over})) == [[], []]
    assert swings(levels, measured({"C3": half})) == [[], []]


@pytest.mark.parametrize("gain", [3.0, 0.3])
def test_what_a_channel_did_at_calibration_already_is_no_fault(gain):
    wide = np.full(len(NAMES), 1.3)
    levels = levels_after(4.0, grown=wide, shrunk=wide)
    assert swings(levels, measured({"C3": gain})) == [[], []]


@pytest.mark.parametrize("before", [0.3, 3.0])
def test_a_step_back_to_the_level_of_calibration_is_no_fault(before):
    assert swings(levels_after(4.0, measured({"C3": before})), measured()) == [[], []]


def test_hum_is_not_called_growth():
    hum = measured({"C3": 3.0}, mains=np.full(len(NAMES), 2.0 * USUAL))
    assert swings(levels_after(4.0), hum) == [[], []]


@pytest.mark.parametrize(
    ("name", "gain", "shared", "smaller"),
    [
        ("C3", 0.42, 0.3, ["C3"]),
        ("C3", 0.5, 0.3, []),
        ("C3", 0.42, 0.6, []),
        ("F7", 0.42, 0.3, []),
    ],
)
def test_a_channel_that_lost_what_it_had_in_common_may_lose_less(name, gain, shared, smaller):
    alone = np.full(len(NAMES), 0.9)
    alone[NAMES.index(name)] = shared
    loose = measured({name: gain}, shared=alone)
    assert swings(levels_after(4.0), loose) == [[], smaller]
    # Where the stream begins so, calibration knows better.
    assert swings(levels_after(0.0, shared=0.9), loose) == [[], smaller]
    assert swings(levels_after(1.0, shared=0.6), loose) == [[], []]
    apart = measured(shared=np.full(len(NAMES), 0.6))
    assert swings(levels_after(4.0, apart), loose) == [[], []]


@pytest.mark.parametrize(
    ("names", "rest", "refused"),
    [(NAMES, 0.5, False), (NAMES, 0.3, True), (NAMES[:5], 0.3, False), (NAMES[:5], 0.1, True)],
)
def test_channels_that_hardly_differ_are_refused_from_the_first_piece_on(names, rest, refused):
    levels = levels_after(0.0, names=names)
    doubt = levels.doubt(measured(names=names, rest=rest * 0.25 * USUAL))
    assert (doubt is not None) is refused
    if refused:
        assert f"{1 / rest:.0f} times less than at calibration differs between them" in doubt


@pytest.mark.parametrize(
    ("seconds", "before", "calibrated", "refused"),
    [
        (4.0, 0.9, 0.0, True),
        (1.0, 0.9, 0.0, False),  # not known yet
        (0.0, 0.9, 0.9, True),
        (4.0, 0.6, 0.6, False),
    ],
)
def test_channels_that_have_nothing_in_common_any_more_are_refused(
    seconds, before, calibrated, refused
):
    usual = measured(shared=np.full(len(NAMES), before))
    levels = levels_after(seconds, usual, shared=calibrated)
    assert levels.doubt(measured(shared=np.full(len(NAMES), 0.55))) is None
    doubt = levels.doubt(measured(shared=np.full(len(NAMES), 0.4)))
    assert (doubt is not None) is refused


def scaled(gain, rest):
    return measured(dict.fromkeys(NAMES, gain), rest=rest * 0.25 * USUAL)


def test_a_step_of_all_channels_stands_until_it_is_clearly_over():
    levels = levels_after(4.0)
    assert levels.doubt(scaled(1.6, 1.6)) is None
    assert "2.5 times as large as before" in levels.doubt(scaled(2.5, 2.5))
    assert "1.6 times as large as before" in levels.doubt(scaled(1.6, 1.6))
    assert levels.doubt(scaled(1.3, 1.3)) is None
    assert levels.doubt(scaled(1.6, 1.6)) is None
    assert levels.doubt(scaled(2.5, 1.0)) is None  # what is the same on all channels
    assert levels_after(1.0).doubt(scaled(9.0, 9.0)) is None  # not known yet


def test_inputs_that_are_open_as_recorded_are_a_step():
    usual = measured()
    for times, refused in ((4.0, False), (6.0, True)):
        levels = usual.levels * np.array([times, times, 1.0, 1.0])[:, None]
        doubt = levels_after(4.0).doubt(replace(usual, levels=levels))
        assert (doubt is not None) is refused


def test_the_usual_level_follows_slowly_what_nothing_is_wrong_with():
    levels = levels_after(20.0)
    for hop in range(800):  # five times as large and back in 200 s
        gain = 5.0 ** (1.0 - abs(hop - 400) / 400)
        drifted = scaled(gain, gain)
        assert swings(levels, drifted) == [[], []]
        assert levels.doubt(drifted) is None
        levels.learn(drifted)
    levels = levels_after(20.0)
    levels.learn(scaled(100.0, 100.0))  # a single hop moves it by less than a hundredth
    assert levels.doubt(scaled(2.1, 2.1)) is not None

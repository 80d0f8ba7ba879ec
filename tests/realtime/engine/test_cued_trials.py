"""What decisions after cues come to."""

import numpy as np
import pytest

from core.metrics import chance_bound, information_transfer_rate
from realtime.engine.cued_trials import Cue, CuedScore, CuedTrial, CuedTrials, class_of

CLASSES = ("left_hand", "right_hand")


def decisions(names, start=0.0, step=0.25):
    return [(start + step * (k + 1), name) for k, name in enumerate(names)]


def trials_of(decisions, cues):
    """Return the trials of decisions and cues that are all there already."""
    trials = CuedTrials()
    for cue in cues:
        trials.cue(*cue)
    for decision in decisions:
        trials.decide(*decision)
    return trials.trials


def test_the_last_decision_of_four_seconds_counts_and_since_when_it_held():
    names = ["right_hand"] * 6 + ["left_hand"] * 10 + ["right_hand"] * 8
    (trial,) = trials_of(decisions(names, start=100.0), [(100.0, "left_hand")])
    assert trial == CuedTrial(100.0, "left_hand", "left_hand", 1.75)


def test_a_window_that_ends_with_the_imagery_counts_and_one_that_ends_with_the_cue_does_not():
    log = [(10.0, "left_hand"), (14.0, "right_hand"), (14.25, "left_hand")]
    (trial,) = trials_of(log, [(10.0, "left_hand")])
    assert trial.decided == "right_hand"


def test_refusals_are_no_decision_and_a_cue_without_any_counts_as_wrong():
    names = [None] * 8 + ["left_hand"] * 2 + [None] * 7
    (trial,) = trials_of(decisions(names), [(0.0, "left_hand")])
    assert (trial.decided, trial.seconds) == ("left_hand", 2.25)
    (trial,) = trials_of(decisions([None] * 20), [(0.0, "left_hand")])
    assert (trial.decided, trial.seconds) == ("", None)
    assert CuedScore((trial,), CLASSES).accuracy == 0.0


def test_a_cue_in_whose_seconds_nothing_was_looked_at_is_no_trial():
    trials = trials_of(decisions(["left_hand"] * 40, start=10.0), [(1.0, "left_hand")])
    assert trials == ()


def test_decisions_by_the_clock_of_another_sender_count_for_no_cue_of_this_one():
    trials = CuedTrials()
    for time, name in decisions(["left_hand"] * 800):
        trials.decide(time, name)
    for time, name in decisions([None] * 800):  # its clock began anew
        if time == 150.0:
            trials.cue(time, "left_hand")
        trials.decide(time, name)
    assert trials.trials == (CuedTrial(150.0, "left_hand", "", None),)


def test_a_cue_that_a_task_takes_back_is_no_trial_however_late():
    trials = CuedTrials()
    trials.take(Cue(1.0, None, "left_hand", "left_hand", "cursor"))
    for time, name in decisions(["left_hand"] * 40):
        trials.decide(time, name)
    assert len(trials.trials) == 1
    trials.take(Cue(7.0, None, "task/cancel", "", "cursor"))
    assert trials.trials == ()


def test_a_cue_that_a_task_takes_back_leaves_the_trials_before_it():
    trials = CuedTrials()
    for time in (1.0, 6.0, 11.0):
        trials.take(Cue(time, None, "left_hand", "left_hand", "cursor"))
    for time, name in decisions(["left_hand"] * 48):  # 12 s: the third goes on
        trials.decide(time, name)
    trials.take(Cue(12.0, None, "task/cancel", "", "cursor"))
    for time, name in decisions(["left_hand"] * 48, start=12.0):
        trials.decide(time, name)
    assert [trial.time for trial in trials.trials] == [1.0, 6.0]
    trials.take(Cue(20.0, None, "left_hand", "left_hand", "cursor"))
    assert len(trials.trials) == 2
    trials.decide(24.5, "left_hand")
    assert [trial.time for trial in trials.trials] == [1.0, 6.0, 20.0]
    trials.take(Cue(25.0, None, "task/cancel", "", "cursor"))
    assert [trial.time for trial in trials.trials] == [1.0, 6.0]


@pytest.mark.parametrize(
    ("label", "task", "ends"),
    [("task/hit", "cursor", True), ("task/start", "cursor", False), ("task/hit", "", False)],
)
def test_only_the_end_of_a_task_ends_the_imagery_before_its_time(label, task, ends):
    trials = CuedTrials()
    trials.take(Cue(1.0, None, "left_hand", "left_hand", task))
    trials.take(Cue(3.0, None, label, "", task))
    for time, name in decisions(["left_hand"] * 12 + ["right_hand"] * 12):
        trials.decide(time, name)
    assert [trial.decided for trial in trials.trials] == ["left_hand" if ends else "right_hand"]


def test_a_trial_is_there_when_its_seconds_are_over():
    trials = CuedTrials()
    trials.cue(1.0, "left_hand")
    for time, name in decisions(["left_hand"] * 24):
        trials.decide(time, name)
        assert len(trials.trials) == (time > 5.0)
    assert trials.trials == (CuedTrial(1.0, "left_hand", "left_hand", 0.25),)


@pytest.mark.parametrize("late", [0.0, 0.3, 3.9, 10.0, 40.0])
def test_a_cue_that_comes_late_makes_the_same_trial(late):
    names = ["left_hand", "right_hand"] * 110
    trials = CuedTrials()
    come = False
    log = decisions(names, start=1000.0)  # s of a clock that has run for long
    for time, name in log:
        if not come and time >= 1002.0 + late:
            come = True
            trials.cue(1002.0, "right_hand")
            assert len(trials.trials) == (late > 5.0)
        trials.decide(time, name)
    assert trials.trials == trials_of(log, [(1002.0, "right_hand")])
    assert len(trials.trials) == 1


def test_a_cue_that_comes_more_than_a_minute_late_is_no_trial():
    trials = CuedTrials()
    for time, name in decisions(["left_hand"] * 280, start=1000.0):
        trials.decide(time, name)
    trials.cue(1002.0, "left_hand")
    assert trials.trials == ()


def test_a_cue_that_is_sent_twice_is_one():
    trials = trials_of(decisions(["left_hand"] * 40), [(1.0, "left_hand"), (1.05, "left_hand")])
    assert len(trials) == 1


def test_the_score_is_that_of_the_cited_formulas():
    decided = ["left_hand"] * 8 + ["right_hand"] * 2
    trials = tuple(CuedTrial(8.0 * k, "left_hand", name, 1.0 + k) for k, name in enumerate(decided))
    score = CuedScore((*trials, CuedTrial(80.0, "right_hand", "", None)), CLASSES)
    assert score.right == 8
    assert score.accuracy == pytest.approx(8 / 11)
    assert score.chance == chance_bound(11, 2)
    assert score.confusion.tolist() == [[8, 2, 0], [0, 0, 1]]
    assert score.bits_per_minute == information_transfer_rate(8 / 11, 2, 8.0)
    assert score.seconds == 5.5
    np.testing.assert_allclose(score.course[:3], 1.0)
    assert score.course[-1] == score.accuracy


def test_one_trial_has_no_pace_and_none_has_no_accuracy():
    assert CuedScore((CuedTrial(0.0, "left_hand", "", None),), CLASSES).bits_per_minute is None
    assert np.isnan(CuedScore((), CLASSES).accuracy)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("left_hand", "left_hand"),
        (" right_hand ", "right_hand"),
        ("769", "left_hand"),
        ("T2", "right_hand"),
        ("T0", ""),  # an event of the fit whose class the decoder does not have
        ("771", ""),  # feet, which it does not decode
        ("start", ""),
    ],
)
def test_markers_are_cues_by_name_code_or_what_the_decoder_was_fitted_with(label, name):
    assert class_of(label, CLASSES, {"T2": "right_hand", "T0": "rest"}) == name


def test_the_bound_of_guessing_is_the_binomial_quantile():
    from scipy.stats import binom

    for trials in (1, 2, 15, 40, 300):
        for classes in (2, 3, 4):
            for level in (0.9, 0.95, 0.99):
                expected = binom.ppf(level, trials, 1 / classes) / trials
                assert chance_bound(trials, classes, level) == expected

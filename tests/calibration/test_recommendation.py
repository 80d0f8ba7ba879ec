from dataclasses import replace

import pytest

from calibration.recommendation import CalibrationSummary, recommend
from core.fitting.origin import CENTRAL, EYES, REGRESSED, Origin, PartScore
from core.fitting.trials.by_recording import ByRecording

GOOD = CalibrationSummary(
    score=0.85,
    interval=(0.70, 0.93),
    chance=0.63,
    trials={"left_hand": 20, "right_hand": 20},
    recall={"left_hand": 0.85, "right_hand": 0.85},
    rejected=1,
    bad={},
    electrodes=32,
    curve=((10, 0.80), (20, 0.84), (30, 0.85)),
)


def test_a_clear_score_is_a_go():
    said = recommend(GOOD)
    assert said.go
    assert said.word == "Go"
    assert said.reasons == (
        "85 % of the left-out trials were decided rightly, and guessing reaches up to 63 %: "
        "the whole interval of the score is above it.",
    )
    assert said.advice == ()


def test_a_score_just_above_guessing_is_a_cautious_go():
    said = recommend(replace(GOOD, score=0.66, interval=(0.50, 0.78)))
    assert said.go
    assert "not by a wide margin" in said.reasons[0]


@pytest.mark.parametrize("score", [0.63, 0.50])
def test_what_guessing_reaches_is_a_redo(score):
    said = recommend(replace(GOOD, score=score))
    assert not said.go
    assert said.word == "Redo"
    assert "guessing alone reaches up to 63 %" in said.reasons[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"recall": {"left_hand": 0.2, "right_hand": 1.0}},
            "Left hand was hardly ever found: in 20 % of its trials.",
        ),
        ({"trials": {"left_hand": 7, "right_hand": 20}}, "Too few clean trials: 7 of left hand;"),
        ({"rejected": 21}, "21 of 61 trials had to be left out."),
        ({"bad": {f"E{n}": "flat" for n in range(9)}}, "9 of 32 electrodes were bad"),
    ],
)
def test_each_fault_alone_is_a_redo(change, reason):
    said = recommend(replace(GOOD, **change))
    assert not said.go
    assert len(said.reasons) == 1
    assert said.reasons[0].startswith(reason)


def test_faults_are_all_named_the_strongest_first():
    said = recommend(replace(GOOD, score=0.5, trials={"left_hand": 7, "right_hand": 6}))
    assert [reason.split()[0] for reason in said.reasons] == ["50", "Too"]
    assert "7 of left hand and 6 of right hand" in said.reasons[1]


def test_a_few_bad_electrodes_are_advice():
    said = recommend(replace(GOOD, bad={"FC3": "flat", "C4": "noisy"}))
    assert said.go
    assert said.advice == ("Check C4 (noisy) and FC3 (flat) before the next run.",)


def test_many_bad_electrodes_are_not_all_listed():
    said = recommend(replace(GOOD, bad={f"E{n}": "flat" for n in range(8)}))
    assert said.advice[0].endswith("E4 (flat) and 3 more before the next run.")


def test_a_rising_curve_asks_for_more_trials():
    said = recommend(replace(GOOD, curve=((10, 0.60), (20, 0.70), (25, 0.72), (30, 0.78))))
    assert said.go
    assert "from 70 % with 20 trials to 78 % with 30" in said.advice[0]


def test_a_high_score_asks_for_no_more():
    assert recommend(replace(GOOD, score=0.95, curve=((10, 0.8), (30, 0.95)))).advice == ()


def test_a_flat_curve_at_chance_says_so():
    said = recommend(replace(GOOD, score=0.52, curve=((10, 0.5), (20, 0.52), (30, 0.52))))
    assert said.advice[0].startswith("The learning curve is flat")


def test_four_classes_have_a_lower_bound_for_never_found():
    classes = ("left_hand", "right_hand", "feet", "tongue")
    four = replace(
        GOOD,
        chance=0.34,
        trials=dict.fromkeys(classes, 20),
        recall={**dict.fromkeys(classes, 0.6), "feet": 0.2},
    )
    assert recommend(four).go
    assert not recommend(replace(four, recall={**four.recall, "feet": 0.1})).go


def origin_with(central, eyes):
    checks = [
        PartScore("everything", 32, 0.0, 0.85, 0.002),
        PartScore(EYES, 8, 0.0, eyes, 0.002),
        *([] if central is None else [PartScore(CENTRAL, 16, 0.0, central, 0.002)]),
    ]
    return Origin(tuple(checks), checks[0], 0.63, "Nothing is known.")


def test_a_score_that_central_electrodes_do_not_reach_is_a_redo():
    said = recommend(replace(GOOD, origin=origin_with(central=0.60, eyes=0.80)))
    assert not said.go
    assert said.reasons == (
        "Central electrodes alone decide 60 % of the left-out trials rightly, within what guessing "
        "reaches (63 %): the decoder may follow the eyes, the jaw or the sight of the cue, not the "
        "motor cortex (frontal and temporal electrodes alone reach 80 %).",
    )


@pytest.mark.parametrize("central", [0.70, None])
def test_a_central_score_above_guessing_or_none_at_all_stops_nothing(central):
    said = recommend(replace(GOOD, origin=origin_with(central, eyes=0.80)))
    assert said.go
    assert said.advice == ("Nothing is known.",)


@pytest.mark.parametrize(("score", "said"), [(0.85, True), (0.84, False), (0.62, False)])
def test_eyes_that_add_nothing_are_advised_to_be_taken_out(score, said):
    whole = PartScore("everything", 32, 0.0, min(0.85, score + 0.01 * (not said)), 0.002)
    without = PartScore(REGRESSED, 20, 0.0, score, 0.002)
    late = PartScore(f"{REGRESSED}, from 1 s", 20, 1.0, 0.7, 0.002)
    origin = Origin((whole, without, late), late, 0.63)
    advice = recommend(replace(GOOD, origin=origin)).advice
    expected = (
        "With the frontal and temporal electrodes taken out the score is no lower (85 %, before "
        "85 %): fit with --regress-eyes, and the decoder cannot follow the eyes."
    )
    assert advice[1:] == ((expected,) if said else ())


def test_classes_in_recordings_of_their_own_are_a_redo():
    said = recommend(replace(GOOD, recordings=ByRecording(1.0, 0.7)))
    assert not said.go
    assert "The classes lie in different recordings" in said.reasons[0]
    assert recommend(replace(GOOD, recordings=ByRecording(0.65, 0.7))).go
    assert recommend(replace(GOOD, recordings=ByRecording(0.69, 0.68))).go  # the score is above

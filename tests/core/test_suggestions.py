"""core.suggestions: what a person may have meant by a name that is not there."""

import pytest

from core.suggestions import closest, counted, did_you_mean

CLASSES = ["left_hand", "right_hand", "feet", "tongue", "rest"]


def test_a_misspelt_name_is_answered_with_a_question():
    assert did_you_mean("left_hnad", CLASSES) == ' Did you mean "left_hand"?'


@pytest.mark.parametrize(
    ("word", "known", "name"),
    [
        ("left", CLASSES, "left_hand"),
        ("right hand", CLASSES, "right_hand"),
        ("1", ["01", "02", "10", "11"], "01"),
        ("001", ["01", "10"], "01"),
        ("sim1", ["Sim1", "Sim10"], "Sim1"),
        ("SIM1 ", ["Sim1"], "Sim1"),
        ("sub-01", ["02", "sub-001"], "sub-001"),
        ("EEGG", iter(["EEG", "Markers"]), "EEG"),
    ],
)
def test_case_leading_zeros_and_joints_do_not_hide_a_name(word, known, name):
    assert closest(word, known) == name


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("hand", []),
        ("", CLASSES),
        ("imagined_speech", CLASSES),
        ("3", ["01", "02", "13"]),  # another number is another thing, however close
        ("run12", ["run1", "run2"]),
        ("feet", ["feet"]),  # it is there: nothing to propose
    ],
)
def test_nothing_close_is_no_question(word, known):
    assert did_you_mean(word, known) == ""


def test_a_closer_look_lets_more_pass():
    assert closest("left", CLASSES) == "left_hand"
    assert closest("left", CLASSES, 0.8) is None
    assert closest("left_hnad", CLASSES, 0.8) == "left_hand"


def test_what_there_is_is_listed_with_counts():
    assert counted(["T2", "T1", "T2"]) == "T1 (1), T2 (2)"
    assert counted([]) == ""
    assert counted("abcd", most=2) == "a (1), b (1), and 2 more"

import pytest

from core.decoding.rest import RestCurve, curve_of, in_percent, rest_facts, without_rest
from core.errors import InputError

CURVE = RestCurve((0.5, 0.7, 0.9), (12.0, 4.0, 1.5), (0.8, 0.6, 0.3), minutes=2.0)


def test_the_lowest_threshold_that_keeps_to_a_rate_is_taken():
    assert CURVE.threshold_for(12.0) == 0.5
    assert CURVE.threshold_for(11.9) == 0.7
    assert CURVE.threshold_for(1.5) == 0.9


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        (0.2, "cannot be told from none in the 2.0 min of rest"),
        (0.5, "1.5 false alarms a minute even at its highest"),  # one in all of the rest
        (1.0, "1.5 false alarms a minute even at its highest"),
        (0.0, "must be more than 0"),
        (600.1, "at most 600"),
        (float("nan"), "must be more than 0"),
    ],
)
def test_a_rate_that_cannot_be_kept_is_refused(alarms, said):
    with pytest.raises(InputError, match=said):
        CURVE.threshold_for(alarms)


def test_what_is_expected_at_a_threshold_is_that_of_the_next_one_measured():
    assert CURVE.at(0.5) == (12.0, 0.8)
    assert CURVE.at(0.6) == (4.0, 0.6)
    assert CURVE.at(1.0) == (1.5, 0.3)
    assert "about 4.0 false alarms a minute" in CURVE.words(0.7)
    assert "60 % of the trials" in CURVE.words(0.7)


@pytest.mark.parametrize(
    ("threshold", "words"),
    [(0.5, "50 %"), (0.975, "98 %"), (0.996, "99.60 %"), (0.9996, "99.960 %"), (1.0, "100 %")],
)
def test_a_threshold_below_certainty_is_never_called_certain(threshold, words):
    assert in_percent(threshold) == words


def test_a_curve_comes_back_from_a_file_as_it_was():
    facts = rest_facts(CURVE, 4.0, "rest")
    assert curve_of(facts) == CURVE
    assert curve_of({}) is None
    # Of another head nobody knows it, but rest is still a class.
    assert without_rest({"seed": 1, **facts}) == {"seed": 1, "idle_class": "rest"}


@pytest.mark.parametrize(
    "change",
    [
        {"thresholds": [0.5, 0.7]},
        {"thresholds": [0.5, 0.7, 0.6]},
        {"thresholds": [0.5, 0.7, 0.7]},
        {"thresholds": [0.5, 0.7, 1.6]},
        {"alarms_a_minute": [1.0, 2.0, 3.0]},
        {"hits": "half"},
        {"hits": [1.1, 0.6, 0.3]},
        {"thresholds": [], "alarms_a_minute": [], "hits": []},
        {"minutes": 0},
    ],
)
def test_a_curve_that_contradicts_itself_is_refused(change):
    with pytest.raises((ValueError, InputError)):
        RestCurve.of_facts(CURVE.as_facts() | change)

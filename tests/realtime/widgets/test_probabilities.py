from dataclasses import replace

import pytest

from core.decoding.rest import RestCurve
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.snapshot import STATUSES
from realtime.widgets.probabilities import face, in_words, percent
from ui import theme


def test_a_bar_a_class_in_the_decoders_order(make_view):
    view = make_view(classes=("tongue", "left_hand", "feet"))
    latest = replace(
        view.state.latest,
        probabilities={"feet": 0.1, "tongue": 0.2, "left_hand": 0.7},
        decision="left_hand",
    )
    view.change(latest=latest)
    shown = face(view.state)
    assert [bar.look.name for bar in shown.bars] == ["tongue", "left_hand", "feet"]
    assert [bar.probability for bar in shown.bars] == [0.2, 0.7, 0.1]
    assert [bar.decided for bar in shown.bars] == [False, True, False]
    assert shown.chance == pytest.approx(1 / 3)
    assert shown.threshold == view.state.evidence.threshold
    assert "decided: left hand" in in_words(shown)


def test_without_enough_evidence_nothing_is_decided(make_view):
    view = make_view()
    view.change(latest=replace(view.state.latest, decision=None))
    shown = face(view.state)
    assert shown.decided is None
    assert "no decision yet" in in_words(shown)


@pytest.mark.parametrize("status", STATUSES[1:])
def test_a_refused_status_has_a_headline_a_colour_and_the_engines_words(make_view, status):
    view = make_view()
    view.change(status=status, message="2.3 s to go")
    shown = face(view.state)
    assert shown.bars == ()
    assert shown.message == "2.3 s to go"
    assert shown.headline == theme.STATUS_WORDS[status]
    assert shown.colour == theme.STATUS_COLOURS[status]


@pytest.mark.parametrize(
    "change",
    [
        {"paused": True},
        {"decoder": None},
        {"latest": None},
        {"status": "something new"},
    ],
)
def test_no_bars_where_there_is_nothing_to_trust(make_view, change):
    view = make_view()
    assert face(view.state).bars
    view.change(**change)
    assert face(view.state).bars == ()


@pytest.mark.parametrize("change", [{"status": "gap"}, {"probabilities": None}])
def test_no_bars_from_a_refused_decision_while_the_status_is_ok(make_view, change):
    view = make_view()
    view.change(latest=replace(view.state.latest, **change))
    assert face(view.state).bars == ()


def test_a_missing_or_impossible_probability_is_not_made_up(make_view):
    view = make_view()
    view.change(latest=replace(view.state.latest, probabilities={"left_hand": 1.2}))
    left, right = face(view.state).bars
    assert left.probability == 1.0
    assert percent(right.probability) == "–"


def test_rest_is_called_idle(make_view):
    view = make_view(classes=("left_hand", "right_hand", "rest"))
    latest = view.state.latest
    for decision in (None, "rest"):
        view.change(latest=replace(latest, decision=decision, idle=True))
        shown = face(view.state)
        assert shown.decided is None
        assert "; idle;" in in_words(shown).replace(". ", "; ").replace(", ", "; ").lower()


def test_the_threshold_says_how_many_false_alarms_to_expect(make_view):
    view = make_view()
    assert face(view.state).alarms is None
    rest = RestCurve((0.5, 0.6, 0.9), (20.0, 8.0, 1.5), (0.8, 0.7, 0.4), 3.0)
    view.change(
        decoder=replace(view.state.decoder, rest=rest), evidence=EvidenceSettings(threshold=0.7)
    )
    assert face(view.state).alarms == 1.5

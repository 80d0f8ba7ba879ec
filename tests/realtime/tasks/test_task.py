"""The rules of the tasks: what a trial comes to, by its cue and the decisions after it."""

import ast
from pathlib import Path

import pytest

import realtime.tasks
from realtime.engine.cued_trials import Cue
from realtime.scoring import ScoredLog
from realtime.tasks.cursor import CursorTask
from realtime.tasks.game import CatchGame
from realtime.tasks.graz_bar import GrazBar
from realtime.tasks.task import TrialState, next_state, pull, strength

HANDS = ("left_hand", "right_hand")
FOUR = ("left_hand", "right_hand", "feet", "tongue")


def played(task, target, decisions, cue=10.0):
    """Return the last state and the outcome of a trial."""
    state, outcome = TrialState(), ""
    for decision in decisions:
        if not outcome:
            state, outcome = next_state(task, target, cue, state, decision)
    return state, outcome


def test_rules_and_drawings_of_tasks_know_no_qt():
    folder = Path(realtime.tasks.__file__).parent
    for name in ("task", "registry", "run", "score", "graz_bar", "cursor", "game"):
        tree = ast.parse((folder / f"{name}.py").read_text("utf-8"))
        modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        modules |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        assert not any(module.startswith(("PySide6", "ui.theme", "ui.class")) for module in modules)


def test_feedback_grows_from_chance_to_certainty():
    assert strength(0.5, 0.5) == 0.0
    assert strength(0.2, 0.25) == 0.0
    assert strength(0.75, 0.5) == pytest.approx(0.5)
    assert strength(1.0, 0.25) == 1.0
    assert strength(float("nan"), 0.5) == 0.0
    assert strength(1.0, 1.0) == 0.0


def test_probabilities_pull_to_the_places_of_their_classes(decide):
    places = GrazBar(FOUR).places
    quarter = dict.fromkeys(FOUR, 0.25)
    assert pull(decide(0.0, quarter), places) == (0.0, 0.0)
    assert pull(decide(0.0, quarter | {"feet": 1.0}), places) == (0.0, 1.0)
    assert pull(decide(0.0, quarter | {"left_hand": 1.0}), places) == (-1.0, 0.0)
    assert pull(decide(0.0), places) == (0.0, 0.0)


@pytest.mark.parametrize("lefts", [[0.9] * 18, [0.1] * 8 + [0.8] * 8 + [0.1] * 2, [None] * 18])
def test_a_trial_of_the_graz_bar_comes_to_what_the_score_makes_of_it(lefts, decide, hands):
    decisions = [
        decide(10.0 + 0.25 * k, None if left is None else hands(left))
        for k, left in enumerate(lefts)
    ]
    cue = Cue(10.0, None, "left_hand", "left_hand")
    (trial,) = ScoredLog(decisions, [cue], HANDS).score().trials
    _, outcome = played(GrazBar(HANDS), "left_hand", decisions)
    expected = "none" if not trial.decided else "hit" if trial.decided == trial.asked else "miss"
    assert outcome == expected


def test_the_bar_is_gone_without_probabilities(decide, hands):
    task = GrazBar(HANDS)
    state, _ = played(task, "left_hand", [decide(10.5, hands(0.9))])
    assert state.x == pytest.approx(-0.8)
    state, _ = played(task, "left_hand", [decide(10.5, hands(0.9)), decide(10.75)])
    assert (state.x, state.decided) == (0.0, "left_hand")


def test_the_cursor_reaches_a_target_in_a_second_and_a_half_of_certainty(decide, hands):
    task = CursorTask(HANDS)
    sure = [decide(10.0 + 0.25 * k, hands(1.0)) for k in range(1, 9)]
    state, outcome = played(task, "left_hand", sure)
    assert (state.x, state.seconds, outcome) == (pytest.approx(-1.0), 1.5, "hit")
    assert played(task, "right_hand", sure)[1] == "miss"


def test_the_cursor_stands_still_without_probabilities_and_time_ends_its_trial(decide, hands):
    task = CursorTask(HANDS)
    state, outcome = played(task, "left_hand", [decide(11.0, hands(0.9)), decide(15.0)])
    assert (outcome, state.x) == ("", pytest.approx(-0.8 / 1.5))
    late = [decide(11.0, hands(0.9)), decide(15.0), decide(18.25, hands(1.0))]
    assert played(task, "left_hand", late)[1] == "none"


def test_rest_is_hit_by_keeping_the_cursor_off_the_edges(decide):
    task = CursorTask((*HANDS, "rest"))
    third = {"left_hand": 0.3, "right_hand": 0.3, "rest": 0.4}
    still = [decide(10.0 + k, third) for k in range(1, 10)]
    assert played(task, "rest", still)[1] == "hit"
    assert played(task, "left_hand", still)[1] == "none"
    moved = [decide(10.0 + k, third | {"left_hand": 1.0}) for k in range(1, 10)]
    assert played(task, "rest", moved)[1] == "miss"


def test_four_classes_move_the_cursor_in_two_dimensions(decide):
    task = CursorTask(FOUR)
    down = dict.fromkeys(FOUR, 0.0) | {"feet": 1.0}
    assert played(task, "feet", [decide(10.0 + k, down) for k in (1, 2)])[1] == "hit"
    assert played(task, "tongue", [decide(10.0 + k, down) for k in (1, 2)])[1] == "miss"


def test_the_basket_goes_to_the_lane_of_the_decision_and_stops_without_one(decide, hands):
    task = CatchGame(HANDS)
    assert task.lanes == {"left_hand": -1.0, "right_hand": 1.0}
    left = [decide(10.0 + 0.25 * k, hands(0.9)) for k in range(1, 6)]
    state, _ = played(task, "left_hand", left)
    assert state.x == -1.0
    end = [decide(15.5, hands(0.9))]
    assert played(task, "left_hand", left + end)[1] == "hit"
    assert played(task, "right_hand", left + end)[1] == "miss"
    assert played(task, "left_hand", [decide(12.0), *end])[1] == "none"
    undecided = [decide(10.0 + k, hands(0.55), threshold=0.7) for k in (1, 2)]
    assert played(task, "left_hand", undecided)[0].x == 0.0


def test_lanes_lie_as_their_classes_do():
    task = CatchGame(("right_hand", "rest", "left_hand"))
    assert task.lanes == {"left_hand": -1.0, "rest": 0.0, "right_hand": 1.0}


def test_catches_in_a_row_are_worth_more_up_to_five():
    task = CatchGame(HANDS)
    assert task.points(["hit"] * 7) == 1 + 2 + 3 + 4 + 5 + 5 + 5
    assert task.points(["hit", "hit", "miss", "hit", "none", "hit"]) == 1 + 2 + 1 + 1
    assert GrazBar(HANDS).points(["hit", "miss", "hit"]) == 2


@pytest.mark.parametrize("kind", [GrazBar, CursorTask, CatchGame])
def test_decisions_before_the_cue_change_nothing(kind, decide, hands):
    early = [decide(10.0, hands(1.0)), decide(9.0, hands(1.0))]
    assert played(kind(HANDS), "left_hand", early) == (TrialState(), "")

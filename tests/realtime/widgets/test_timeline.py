"""Decisions on an axis of time."""

from dataclasses import replace

import pytest

from realtime.engine.snapshot import Decision
from realtime.widgets.timeline import DecisionHistory

LEFT, NONE, GAP = ("ok", "left_hand"), ("ok", None), ("gap", None)


def decisions(*kinds, hop=0.25, start=100.0):
    return tuple(
        Decision(
            index=index,
            time=start + index * hop,
            sample=0,
            status=status,
            probabilities={"left_hand": 0.8, "right_hand": 0.2} if status == "ok" else None,
            decision=decision,
            age_ms=30.0,
            compute_ms=1.0,
        )
        for index, (status, decision) in enumerate(kinds)
    )


def timeline_of(recent):
    timeline = DecisionHistory(60.0)
    timeline.take(recent)
    return timeline


def facts(stretches):
    return [(stretch.kind, stretch.start, stretch.stop) for stretch in stretches]


def test_neighbours_of_one_status_are_joined():
    timeline = timeline_of(decisions(NONE, LEFT, LEFT, GAP, GAP, LEFT))
    assert facts(timeline.statuses) == [
        ("ok", 99.75, 100.5),
        ("gap", 100.5, 101.0),
        ("ok", 101.0, 101.25),
    ]
    assert timeline.seconds_by_status == {"ok": 1.0, "gap": 0.5}


def test_neighbours_of_one_decision_are_joined():
    timeline = timeline_of(decisions(NONE, LEFT, LEFT, NONE, LEFT))
    assert facts(timeline.decisions) == [
        ("left_hand", 100.0, 100.5),
        ("left_hand", 100.75, 101.0),
    ]


def test_taking_them_one_by_one_is_the_same():
    recent = decisions(NONE, LEFT, LEFT, GAP, GAP, LEFT, hop=1 / 16)
    timeline = DecisionHistory(60.0)
    for count in range(1, len(recent) + 1):
        assert timeline.continued_by(recent[:count])
        timeline.take(recent[max(0, count - 3) : count])
    whole = timeline_of(recent)
    assert timeline.steps == whole.steps
    assert timeline.statuses == whole.statuses
    assert timeline.decisions == whole.decisions


def test_other_decisions_do_not_continue_it():
    recent = decisions(LEFT, LEFT)
    timeline = timeline_of(recent)
    assert not timeline.continued_by(tuple(replace(d, decision=None) for d in recent))
    assert not timeline.continued_by(())


def test_a_pause_leaves_a_hole():
    recent = decisions(*[LEFT] * 8)
    recent = tuple(replace(d, time=d.time + 5.0 * (d.index >= 4)) for d in recent)
    first, second = timeline_of(recent).statuses
    assert second.start - first.stop == pytest.approx(5.0)


def test_refusals_while_nothing_comes_take_their_time():
    # The newest sample's time stands still, and so does the time of every refusal.
    recent = decisions(*[LEFT] * 4, *[("lost", None)] * 8)
    last = recent[3].time
    recent = (
        *recent[:4],
        *(replace(d, time=last, age_ms=(d.time - last) * 1e3) for d in recent[4:]),
    )
    ok, lost = facts(timeline_of(recent).statuses)
    assert ok == ("ok", 99.75, 100.75)
    assert lost == ("lost", 100.75, pytest.approx(102.75))


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_stamps_that_jump_by_hours_move_nothing(jump):
    recent = decisions(*[LEFT] * 8)
    recent = tuple(
        replace(d, time=d.time + jump, age_ms=30.0 - jump * 1e3) if d.index >= 4 else d
        for d in recent
    )
    (stretch,) = timeline_of(recent).statuses
    assert stretch.stop - stretch.start == pytest.approx(2.03)


def test_decisions_that_come_together_keep_their_places():
    # A sender of blocks of a second: four windows are decided at the same moment.
    recent = decisions(*[LEFT] * 8)
    recent = tuple(replace(d, age_ms=750.0 - 250.0 * (d.index % 4)) for d in recent)
    steps = timeline_of(recent).steps
    assert [step.stop - step.start for step in steps] == [0.25] * 8


def test_nothing_older_than_a_minute():
    timeline = timeline_of(decisions(*[LEFT] * 400))
    assert len(timeline.steps) == 240
    assert timeline.seconds_by_status == {"ok": 60.0}


def test_probabilities_are_not_made_up():
    recent = decisions(LEFT, LEFT)
    timeline = timeline_of(tuple(replace(d, probabilities=None) for d in recent))
    assert [step.kind for step in timeline.steps] == ["unknown"] * 2
    assert not timeline.decisions


def test_no_decision_no_step():
    timeline = timeline_of(())
    assert not timeline.steps
    assert timeline.continued_by(decisions(LEFT))


def test_a_sender_with_another_clock_begins_a_new_strip():
    before = decisions(*[LEFT] * 8, start=90_000.0)
    after = decisions(*[GAP] * 4, start=50.0)
    timeline = timeline_of(before)
    assert not timeline.continued_by((*before, *after))
    timeline = timeline_of((*before, *after[:2]))
    assert timeline.seconds_by_status == {"gap": 0.5}
    assert timeline.continued_by((*before, *after))
    timeline.take((*before, *after))
    assert timeline.seconds_by_status == {"gap": 1.0}
    assert timeline.newest == after[-1].time

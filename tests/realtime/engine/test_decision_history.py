from dataclasses import replace

import pytest

from realtime.engine.decision_history import RecentDecisions
from realtime.engine.snapshot import Decision

ONE = Decision(0, 0.0, 0, "ok", {"left_hand": 1.0}, "left_hand", 30.0, 2.0)


def test_a_short_hop_does_not_fill_the_strip():
    recent = RecentDecisions(1 / 32)
    for index in range(32 * 90):
        recent.add(replace(ONE, index=index, age_ms=float(index % 100)), index / 32)
    kept = recent.decisions
    assert 235 <= len(kept) <= 245
    assert kept[-1].index - kept[0].index == pytest.approx(60 * 32, abs=16)
    assert recent.ages_ms == pytest.approx((49.5, 94.0), abs=3.0)  # of all of them


def test_every_decision_of_a_usual_hop_is_kept():
    recent = RecentDecisions(0.25)
    for index in range(300):
        recent.add(replace(ONE, index=index), 0.25 * index + 0.05 * (index % 2))
    assert [decision.index for decision in recent.decisions][-1] == 299
    assert 239 <= len(recent.decisions) <= 242


def test_every_change_is_kept():
    recent = RecentDecisions(1 / 32)
    for index in range(64):
        status = "artifact" if index == 40 else "ok"
        decision = "right_hand" if index == 21 else "left_hand"
        recent.add(replace(ONE, index=index, status=status, decision=decision), index / 32)
    kept = [decision.index for decision in recent.decisions]
    assert {21, 22, 40, 41} <= set(kept)
    assert len(kept) < 16


def test_without_decisions_there_is_no_age():
    recent = RecentDecisions(0.25)
    assert recent.ages_ms == (None, None)
    recent.add(replace(ONE, status="lost", age_ms=9000.0), 1.0)
    assert recent.ages_ms == (None, None)
    assert len(recent.decisions) == 1


def test_every_decision_after_another_is_there_for_a_minute_whatever_the_strip_keeps():
    recent = RecentDecisions(1 / 32)
    for index in range(32 * 70):
        recent.add(replace(ONE, index=2 * index), index / 32)  # some were dropped
    assert [d.index for d in recent.after(2 * 2230)] == [2 * k for k in range(2231, 2240)]
    assert recent.after(2 * 2239) == ()
    assert len(recent.after(-1)) == 60 * 32

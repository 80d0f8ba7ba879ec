import json
import math
from collections import Counter
from dataclasses import asdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.paradigm.model import Paradigm
from calibration.paradigm.sequencer import (
    PlannedTrial,
    TrialSequencer,
    plan_trials,
    trials_from_json,
)
from core.errors import InputError

FIVE = ("left_hand", "right_hand", "feet", "tongue", "rest")


@st.composite
def paradigms(draw):
    return Paradigm(
        classes=FIVE[: draw(st.integers(2, 5))],
        trials_per_class=draw(st.integers(1, 12)),
        trials_per_block=draw(st.integers(1, 40)),
        practice_per_class=draw(st.integers(0, 2)),
        baseline=draw(st.sampled_from((0.0, 60.0))),
        beep_lead=draw(st.sampled_from((0.0, 1.0, 2.0))),
        cue=draw(st.sampled_from((1.25, 4.0))),
        feedback=draw(st.booleans()),
        sound=draw(st.booleans()),
    )


def drive(sequencer, start=0.0, tick=0.01, until=math.inf):
    """Tick through a sequencer; return (time, step) of everything that began."""
    seen, n = [], 0
    while not sequencer.finished and start + n * tick < until:
        now = start + n * tick
        seen += [(now, step) for step in sequencer.advance(now)]
        n += 1
    return seen


def until_phase(sequencer, phase, start=0.0, tick=0.01):
    """Tick until a phase is on; return the time."""
    n = 0
    while sequencer.current is None or sequencer.current.phase != phase:
        sequencer.advance(start + n * tick)
        n += 1
    return start + n * tick


def phases(seen):
    return [step.phase for _, step in seen]


def events(seen):
    return [event for _, step in seen for event in step.events]


# -- the plan


@pytest.mark.slow
@given(paradigms(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_every_block_is_balanced_and_nothing_is_left_out(paradigm, seed):
    trials = plan_trials(paradigm, seed)
    assert [trial.number for trial in trials] == list(range(1, len(trials) + 1))
    counted = Counter(trial.label for trial in trials if not trial.practice)
    assert counted == dict.fromkeys(paradigm.classes, paradigm.trials_per_class)
    for block in {trial.block for trial in trials}:
        labels = [trial.label for trial in trials if trial.block == block]
        counts = [labels.count(label) for label in paradigm.classes]
        assert max(counts) - min(counts) <= 1
        assert block == 0 or len(labels) <= paradigm.trials_per_block
    for trial in trials:
        assert paradigm.break_shortest <= trial.break_after <= paradigm.break_longest


def test_the_seed_makes_the_order():
    paradigm = Paradigm()
    assert plan_trials(paradigm, 5) == plan_trials(paradigm, 5)
    orders = {tuple(t.label for t in plan_trials(paradigm, seed)) for seed in range(20)}
    assert len(orders) == 20
    assert len({t.break_after for t in plan_trials(paradigm, 5)}) > 30


def test_a_plan_is_read_as_it_was_written():
    trials = plan_trials(Paradigm(classes=FIVE, practice_per_class=1), 1)
    assert trials_from_json(json.dumps([asdict(trial) for trial in trials])) == trials


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '[{"number": 1}]',
        json.dumps([vars(PlannedTrial(1, "nose", 1, 2.0))]),
        json.dumps([vars(PlannedTrial(0, "feet", 1, 2.0))]),
        json.dumps([vars(PlannedTrial(1, "feet", 1, 1e9))]),
        '[{"number": 1, "label": "feet", "block": 1, "break_after": NaN}]',
    ],
)
def test_what_is_no_plan_is_refused(text):
    with pytest.raises(InputError, match="plan of the trials"):
        trials_from_json(text)


# -- the sequencer


@pytest.mark.slow
@given(paradigms(), st.floats(0.001, 0.05))
@settings(max_examples=30, deadline=None)
def test_every_trial_is_timed_as_the_paradigm_says(paradigm, tick):
    trials = plan_trials(paradigm, 0)
    sequencer = TrialSequencer(paradigm, trials)
    seen = drive(sequencer, 1000.0, tick)
    assert sequencer.completed == trials
    onset = {}  # of each event, by name and trial
    for now, step in seen:
        onset |= {(event.name, event.trial): now for event in step.events}
    late = 1.001 * tick
    for trial in trials:
        cue = onset["practice_" * trial.practice + trial.label, trial.number]
        assert cue - onset["cross", trial.number] == pytest.approx(paradigm.cross, abs=late)
        assert onset["trial_end", trial.number] - cue == pytest.approx(paradigm.imagery, abs=late)
        if paradigm.sound:
            lead = cue - onset["beep", trial.number]
            assert lead == pytest.approx(paradigm.beep_lead, abs=late)
    for (now, step), (then, _) in pairwise(seen):
        assert then - now == pytest.approx(step.seconds, abs=late)


def test_events_come_in_order_with_codes_durations_and_trials():
    paradigm = Paradigm(trials_per_class=1, baseline=60.0, feedback=True)
    trials = (PlannedTrial(7, "right_hand", 1, 2.0), PlannedTrial(8, "left_hand", 1, 2.0))
    seen = drive(TrialSequencer(paradigm, trials))
    assert [(e.name, e.code, e.duration, e.trial) for e in events(seen)][:10] == [
        ("experiment_start", 32769, 0.0, None),
        ("baseline_start", 32775, 60.0, None),
        ("baseline_end", 32776, 0.0, None),
        ("trial_start", 768, 6.0, 7),
        ("cross", 786, 2.0, 7),
        ("beep", 785, 0.0, 7),
        ("right_hand", 770, 4.0, 7),
        ("feedback", 781, 2.75, 7),
        ("trial_end", 800, 0.0, 7),
        ("trial_start", 768, 6.0, 8),
    ]
    assert [e.name for e in events(seen)[-2:]] == ["trial_end", "experiment_stop"]


def test_practice_and_blocks_are_parted_by_pauses():
    paradigm = Paradigm(trials_per_class=2, trials_per_block=2, practice_per_class=1)
    seen = drive(TrialSequencer(paradigm, plan_trials(paradigm, 0)))
    after = [step for _, step in seen if step.phase == "block_pause"]
    assert [step.trial.block for step in after] == [0, 1]
    assert {e.name for e in events(seen) if e.name.startswith("practice_")} == {
        "practice_left_hand",
        "practice_right_hand",
    }


def test_the_default_run_takes_under_six_minutes():
    paradigm = Paradigm()
    sequencer = TrialSequencer(paradigm, plan_trials(paradigm, 0))
    assert drive(sequencer, tick=0.05)[-1][0] < 360.0


@pytest.mark.slow
def test_lateness_does_not_add_up():
    paradigm = Paradigm(trials_per_class=20)
    trials = plan_trials(paradigm, 0)
    tick = 0.04
    end = drive(TrialSequencer(paradigm, trials), tick=tick)[-1][0]
    exact = drive(TrialSequencer(paradigm, trials), tick=0.001)[-1][0]
    assert end - exact <= tick


@pytest.mark.slow
def test_what_follows_a_cue_is_counted_from_when_it_was_seen():
    paradigm = Paradigm()
    sequencer = TrialSequencer(paradigm, plan_trials(paradigm, 0))
    now = until_phase(sequencer, "cue")
    sequencer.shown(sequencer.current, now + 0.03)
    assert sequencer.phase_left(now + 0.03) == pytest.approx(1.25)
    seen = drive(sequencer, now, 0.001)
    end = next(time for time, step in seen if step.phase == "break")
    assert end == pytest.approx(now + 0.03 + 4.0, abs=0.002)


def test_seeing_a_step_that_is_over_changes_nothing():
    sequencer = TrialSequencer(Paradigm(), plan_trials(Paradigm(), 0))
    now = until_phase(sequencer, "cue")
    cue = sequencer.current
    now = until_phase(sequencer, "imagery", now)
    left = sequencer.phase_left(now)
    sequencer.shown(cue, now)
    sequencer.shown(sequencer.current, now + 5.0)
    assert sequencer.phase_left(now) == pytest.approx(left)


def test_after_a_stall_nothing_is_shortened():
    paradigm = Paradigm()
    sequencer = TrialSequencer(paradigm, plan_trials(paradigm, 0))
    now = until_phase(sequencer, "imagery") + 100.0
    begun = sequencer.advance(now)
    assert [step.phase for step in begun] == ["break"]
    assert sequencer.phase_left(now) == pytest.approx(begun[0].seconds)


def test_time_left_counts_down_to_the_end():
    paradigm = Paradigm(trials_per_class=3)
    sequencer = TrialSequencer(paradigm, plan_trials(paradigm, 0))
    sequencer.advance(0.0)
    whole = sequencer.time_left(0.0)
    end = drive(sequencer, 0.0)[-1][0]
    assert whole == pytest.approx(end, abs=0.02)
    assert sequencer.time_left(end) == 0.0


# -- pause, stop


@pytest.mark.parametrize("phase", ["cross", "ready", "cue", "imagery"])
def test_a_pause_asked_for_in_a_trial_waits_for_its_end(phase):
    sequencer = TrialSequencer(Paradigm(), plan_trials(Paradigm(), 0))
    now = until_phase(sequencer, phase)
    assert sequencer.pause(now) == ()
    assert sequencer.pausing
    seen = drive(sequencer, now, until=now + 60.0)
    assert phases(seen)[-2:] == ["break", "paused"]
    assert [e.name for e in seen[-2][1].events] == ["trial_end"]
    assert sequencer.paused
    assert len(sequencer.completed) == 1
    assert not sequencer.pausing


@pytest.mark.parametrize("phase", ["instructions", "break", "block_pause"])
def test_between_trials_a_pause_begins_at_once(phase):
    paradigm = Paradigm(trials_per_block=1)
    if phase == "break":
        paradigm = Paradigm()
    sequencer = TrialSequencer(paradigm, plan_trials(paradigm, 0))
    now = until_phase(sequencer, phase)
    assert phases([(now, step) for step in sequencer.pause(now)]) == ["paused"]
    assert sequencer.advance(now + 1000.0) == ()
    begun = sequencer.resume(now + 1000.0)
    assert [step.phase for step in begun] == ["break"]
    assert sequencer.phase_left(now + 1000.0) == pytest.approx(paradigm.break_longest)
    assert phases(drive(sequencer, now + 1000.0, until=now + 1004.0)) == ["cross"]


def test_a_pause_can_be_taken_back_before_it_begins():
    sequencer = TrialSequencer(Paradigm(), plan_trials(Paradigm(), 0))
    now = until_phase(sequencer, "cue")
    sequencer.pause(now)
    sequencer.resume(now)
    assert "paused" not in phases(drive(sequencer, now, until=now + 20.0))


def test_pausing_changes_no_trial():
    paradigm = Paradigm(trials_per_class=2)
    trials = plan_trials(paradigm, 0)
    sequencer = TrialSequencer(paradigm, trials)
    now, asked = 0.0, 0
    while not sequencer.finished:
        sequencer.advance(now)
        if sequencer.paused:
            sequencer.resume(now)
        elif sequencer.current.phase == "cue" and asked == len(sequencer.completed):
            sequencer.pause(now)
            asked += 1
        now += 0.02
    assert asked == 4
    assert sequencer.completed == trials


@pytest.mark.parametrize("phase", ["cross", "cue", "imagery"])
def test_an_end_asked_for_in_a_trial_waits_for_its_end(phase):
    sequencer = TrialSequencer(Paradigm(), plan_trials(Paradigm(), 0))
    now = until_phase(sequencer, phase)
    assert sequencer.stop(now) == ()
    assert sequencer.stopping
    seen = drive(sequencer, now, until=now + 60.0)
    assert [e.name for e in events(seen)[-2:]] == ["trial_end", "experiment_stop"]
    assert len(sequencer.completed) == 1
    assert not sequencer.stopping


def test_an_end_at_once_leaves_the_trial_undone():
    sequencer = TrialSequencer(Paradigm(), plan_trials(Paradigm(), 0))
    now = until_phase(sequencer, "imagery")
    (end,) = sequencer.stop(now, at_once=True)
    assert [event.name for event in end.events] == ["experiment_stop"]
    assert sequencer.finished
    assert sequencer.completed == ()
    assert sequencer.advance(now + 100.0) == sequencer.stop(now + 100.0) == ()


def test_a_paused_run_can_be_ended():
    sequencer = TrialSequencer(Paradigm(), plan_trials(Paradigm(), 0))
    now = until_phase(sequencer, "break")
    sequencer.pause(now)
    assert phases([(now, step) for step in sequencer.stop(now)]) == ["done"]


def test_an_interrupted_run_goes_on_with_what_is_left():
    paradigm = Paradigm(trials_per_class=3)
    trials = plan_trials(paradigm, 0)
    first = TrialSequencer(paradigm, trials)
    drive(first, until=40.0)
    first.stop(40.0, at_once=True)
    left = [trial for trial in trials if trial not in first.completed]
    second = TrialSequencer(paradigm, left)
    drive(second)
    assert 0 < len(first.completed) < len(trials)
    assert first.completed + second.completed == trials

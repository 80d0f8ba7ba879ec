"""The course of a task: phases, targets, pauses, markers."""

from collections import Counter

import pytest

from realtime.tasks.graz_bar import GrazBar
from realtime.tasks.run import TaskRun, TaskTimes

TIMES = TaskTimes(ready=2.0, result=1.0, break_shortest=1.0, break_longest=1.0)
OFFSET = 1000.0  # s, of the stream's clock


class Player:
    """Plays a task by the clock, with a subject whose decisions are the targets or their others."""

    def __init__(self, decide, hands, per_target=2, seed=3):
        self.now, self.marks, self.offset = 50.0, [], OFFSET
        self.decide, self.hands = decide, hands
        self.run = TaskRun(GrazBar(("left_hand", "right_hand")), self.mark, per_target, seed, TIMES)
        self.left = None  # probability of the left hand; None: what is asked for

    def mark(self, label, time):
        self.marks.append(label)
        return time - self.offset

    def pass_time(self, seconds, able=True):
        """Go on in quarters of a second, with a decision in each."""
        for _ in range(round(4 * seconds)):
            self.now += 0.25
            left = float(self.run.target == "left_hand") if self.left is None else self.left
            self.run.decide([self.decide(self.now - self.offset - 0.01, self.hands(left))])
            if self.run.tick(self.now, able) and self.run.phase == "trial":
                self.run.cue_shown(self.now)


@pytest.fixture
def player(decide, hands):
    return Player(decide, hands)


def test_nothing_begins_before_the_subject_is_ready(player):
    player.pass_time(20)
    assert (player.run.phase, player.marks) == ("instructions", [])
    player.run.press(player.now)
    assert player.run.phase == "ready"


def test_every_target_is_asked_for_as_often_and_the_score_goes_out(player):
    player.run.press(player.now)
    player.pass_time(60)
    assert player.run.phase == "done"
    assert player.run.outcomes == ("hit",) * 4
    asked = [label for label in player.marks if not label.startswith("task/")]
    assert Counter(asked) == {"left_hand": 2, "right_hand": 2}
    assert player.marks[0] == "task/start"
    assert player.marks[2:4] == ["task/hit", "task/score/1"]
    assert player.marks[-1] == "task/stop"
    assert player.marks[-2] == "task/score/4"


def test_misses_are_said_and_counted(player):
    player.left = 0.9
    player.run.press(player.now)
    player.pass_time(60)
    assert Counter(player.run.outcomes) == {"hit": 2, "miss": 2}
    moment = player.run.moment(player.now)
    assert (moment.hits, moment.points, moment.trials) == (2, 2, 4)


def test_the_same_seed_asks_for_the_same_targets(decide, hands):
    def asked(seed):
        player = Player(decide, hands, per_target=5, seed=seed)
        player.run.press(player.now)
        player.pass_time(120)
        return [label for label in player.marks if not label.startswith("task/")]

    assert asked(1) == asked(1) != asked(2)
    assert Counter(asked(1)) == {"left_hand": 5, "right_hand": 5}


def test_no_cue_is_given_while_there_are_no_probabilities(player):
    player.run.press(player.now)
    player.pass_time(10, able=False)
    assert (player.run.phase, player.marks) == ("ready", ["task/start"])
    player.pass_time(0.25)
    assert player.run.phase == "trial"


def test_a_pause_between_trials_begins_at_once(player):
    player.run.press(player.now)
    player.pass_time(1)
    player.run.press(player.now)
    assert player.run.phase == "paused"
    player.pass_time(20)
    assert player.run.phase == "paused"
    player.run.press(player.now)
    assert player.marks == ["task/start", "task/pause", "task/resume"]
    player.pass_time(60)
    assert player.run.phase == "done"


def test_a_pause_in_a_trial_waits_for_its_end_and_can_be_taken_back(player):
    player.run.press(player.now)
    player.pass_time(3)
    assert player.run.phase == "trial"
    player.run.press(player.now)
    player.run.press(player.now)
    player.pass_time(4)
    assert player.run.phase == "result"
    player.run.press(player.now)
    player.pass_time(2)
    assert player.run.phase == "paused"
    assert player.run.outcomes == ("hit",)


def test_a_pause_that_is_asked_for_in_the_last_trial_ends_it_all_the_same(player):
    player.run.press(player.now)
    while len(player.run.outcomes) < 4:
        player.pass_time(0.25)
    assert player.run.phase == "result"
    player.run.press(player.now)
    player.pass_time(5)
    assert player.run.phase == "done"
    assert player.marks[-1] == "task/stop"


def test_a_trial_that_is_left_is_taken_back(player):
    player.run.press(player.now)
    player.pass_time(3)
    player.run.stop(player.now)
    assert player.marks[-2:] == ["task/cancel", "task/stop"]
    player.run.stop(player.now)
    assert player.marks.count("task/stop") == 1
    assert player.run.outcomes == ()


def test_what_was_not_begun_needs_no_end(player):
    player.run.stop(player.now)
    assert player.marks == []


def test_a_trial_waits_for_decisions_not_for_the_clock(player):
    player.run.press(player.now)
    player.pass_time(3)
    assert player.run.phase == "trial"
    assert not player.run.tick(player.now + 100.0)
    assert player.run.moment(player.now + 100.0).share == 1.0
    player.pass_time(4)
    assert player.run.outcomes == ("hit",)


@pytest.mark.parametrize("seconds", [1.0, 3.0])
def test_a_clock_that_is_set_back_ends_the_trial_that_is_on_and_no_other(player, seconds):
    player.run.press(player.now)
    player.pass_time(seconds)
    player.offset += 7200.0
    player.pass_time(60)
    assert player.run.phase == "done"
    assert player.run.outcomes == ("hit",) * 4


def test_decisions_that_came_before_the_cue_was_marked_still_count(player, decide, hands):
    run = player.run
    run.press(player.now)
    run.tick(player.now + 3.0)
    run.decide([decide(player.now + 3.02 - OFFSET, hands(0.9))])  # of a clock that runs ahead
    run.cue_shown(player.now + 3.01)
    assert run.state.decided == "left_hand"

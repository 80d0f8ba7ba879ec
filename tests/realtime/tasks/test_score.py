"""What was shown, and what the log of a run comes to afterwards: the same trials."""

from dataclasses import replace

import numpy as np
import pytest

from realtime.cli import main
from realtime.engine.cued_trials import Cue, CuedScore, CuedTrials
from realtime.engine.cues import CueWatch
from realtime.engine.sinks import CueLog, Log
from realtime.scoring import read_log
from realtime.tasks.registry import load_task
from realtime.tasks.run import TaskRun
from realtime.tasks.score import in_words, score_tasks

CLASSES = ("left_hand", "right_hand")
HOP, AGE, OFFSET = 0.125, 0.07, 300.0  # s


class Sitting:
    """A run of a task on an engine's outputs, with a subject who is right in most trials."""

    def __init__(self, name, log, decide, hands, seed=5, foreign=False):
        self.name, self.seed, self.foreign = name, seed, foreign
        self.decide, self.hands = decide, hands
        self.log, self.cue_log = Log(log), CueLog(log, expected=False)
        self.watch = CueWatch(None, CLASSES, {}, 128.0)
        self.run = TaskRun(load_task(name, CLASSES), self.mark, 6, seed)

    def mark(self, label, time):
        self.watch.mark(label, time - OFFSET, self.name)
        return time - OFFSET

    def play(self, leave_in_trial=None):
        random = np.random.default_rng(self.seed)
        now, index, wrong = 400.0, 0, False
        self.run.press(now)
        while self.run.phase != "done":
            now += HOP
            for cue in self.watch.read(None, 0.0):
                self.cue_log.mark(cue)
            sure = random.choice([0.95, 0.7, 0.3, None], p=[0.5, 0.2, 0.2, 0.1])
            asked = (self.run.target == "left_hand") != wrong
            left = sure if sure is None or asked else 1.0 - sure
            probabilities = None if left is None else self.hands(float(left))
            decision = self.decide(now - AGE - OFFSET, probabilities, 0.6, index)
            index += 1
            self.watch.decide(decision)
            self.log.publish(decision)
            self.run.decide([decision])
            if self.run.tick(now) and self.run.phase == "trial":
                self.run.cue_shown(now + 0.003)
                wrong = len(self.run.outcomes) % 3 == 2
                if self.foreign:  # a replay's own marker, in the middle of everything
                    self.cue_log.mark(Cue(now - OFFSET + 1.0, None, "T1", "left_hand"))
            leaving = len(self.run.outcomes) == leave_in_trial and self.run.phase == "trial"
            if leaving and self.run.state.seconds > 1.0:
                self.run.stop(now)
        for _ in range(60):
            now += HOP
            decision = self.decide(now - AGE - OFFSET, self.hands(0.9), 0.6, index)
            index += 1
            for cue in self.watch.read(None, 0.0):
                self.cue_log.mark(cue)
            self.watch.decide(decision)
            self.log.publish(decision)
        self.log.close()
        self.cue_log.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["graz-bar", "cursor", "game"])
@pytest.mark.parametrize("seed", [5, 6])
def test_the_log_comes_to_the_hits_and_the_score_that_were_shown(
    name, seed, tmp_path, decide, hands, capsys
):
    log = tmp_path / "live.jsonl"
    sitting = Sitting(name, log, decide, hands, seed)
    sitting.play()
    (score,) = read_log(log).task_scores()
    assert score.outcomes == score.recorded == sitting.run.outcomes
    assert len(set(score.outcomes)) > 1
    assert score.points == sitting.run.points
    # The panel Score sees the same cues, live and in the log.
    live = CuedScore(sitting.watch.trials, CLASSES)
    assert read_log(log).score() == live
    assert len(live.trials) == 12
    if name == "graz-bar":
        assert live.right == score.hits
    assert main(["score", str(log)]) == 0
    said = capsys.readouterr().out
    assert f"Task {name}: {score.hits} of 12 targets hit, score {score.points}." in said


def test_a_trial_that_was_left_counts_nowhere(tmp_path, decide, hands):
    log = tmp_path / "live.jsonl"
    sitting = Sitting("graz-bar", log, decide, hands)
    sitting.play(leave_in_trial=3)
    (score,) = read_log(log).task_scores()
    assert score.outcomes == sitting.run.outcomes
    assert (
        len(score.outcomes) == len(sitting.watch.trials) == len(read_log(log).score().trials) == 3
    )


@pytest.mark.slow
def test_markers_of_other_programs_are_no_trials_of_the_task(tmp_path, decide, hands):
    log = tmp_path / "live.jsonl"
    sitting = Sitting("cursor", log, decide, hands, foreign=True)
    sitting.play()
    (score,) = read_log(log).task_scores()
    assert score.outcomes == sitting.run.outcomes


@pytest.mark.slow
def test_what_was_shown_differently_is_said(tmp_path, decide, hands):
    log = tmp_path / "live.jsonl"
    Sitting("game", log, decide, hands).play()
    (score,) = read_log(log).task_scores()
    other = replace(score, recorded=("none", *score.recorded[1:]))
    assert "1 of them were shown differently" in in_words(other)


def test_a_task_that_is_not_installed_any_more_has_the_score_that_was_shown(decide, hands):
    cues = [
        Cue(1.0, None, "task/start", "", "gone"),
        Cue(2.0, None, "left_hand", "left_hand", "gone"),
        Cue(7.0, None, "task/hit", "", "gone"),
    ]
    (score,) = score_tasks([decide(3.0, hands(0.1))], cues, CLASSES)
    assert (score.task, score.outcomes, score.points) == ("gone", ("hit",), 1)


def test_a_hit_before_the_four_seconds_ends_the_trial_of_the_score():
    trials = CuedTrials()
    trials.take(Cue(10.0, None, "left_hand", "left_hand", "cursor"))
    for k in range(40):
        if k == 10:
            trials.take(Cue(12.4, None, "task/hit", "", "cursor"))
        trials.decide(10.0 + 0.25 * k, "left_hand" if k < 10 else "right_hand")
    (trial,) = trials.trials
    assert trial.decided == "left_hand"
    # The same words of another program mean nothing.
    trials.take(Cue(30.0, None, "left_hand", "left_hand"))
    trials.take(Cue(31.0, None, "task/cancel", ""))
    trials.decide(32.0, "left_hand")
    trials.decide(35.0, "left_hand")
    assert len(trials.trials) == 2

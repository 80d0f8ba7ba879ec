import numpy as np
import pytest

from training.evaluation.report.scoring import ECE, METRICS, WORDS, Asked, score, score_online


def probabilities(decided, classes):
    return np.eye(classes)[np.array(decided)] * 0.7 + 0.3 / classes


def test_every_metric_is_there():
    found = score(np.array([0, 1, 0, 1]), probabilities([0, 1, 0, 0], 2))
    assert list(found) == list(METRICS)
    assert found["accuracy"] == 0.75
    assert found["kappa"] == pytest.approx(0.5)


def test_false_alarms_are_stretches_that_touch_no_cue_of_any_class():
    #                idle idle idle  cue  cue  cue  idle idle idle idle
    truth = np.array([2, 2, 2, 0, 0, 0, 2, 2, 2, 2])
    decided = [1, 1, 2, 0, 2, 0, 0, 2, 1, 2]
    cue = Asked(0, np.arange(3, 6), np.array([1.0, 1.5, 2.0]))
    found = score_online(truth, probabilities(decided, 3), [cue], idle=2, hop=6.0, pace=8.0)
    assert found["false_alarms"] == pytest.approx(2 / 0.7)  # of 7 idle windows, 6 s each
    assert found["first_correct"] == 1.0
    assert found["reached"] == 1.0
    assert found["itr"] == pytest.approx(60 / 8)  # the first decision after the one cue is right
    assert set(found) == set(WORDS) - set(ECE)


def test_a_cue_that_nothing_answers_is_not_reached():
    truth = np.array([2, 0, 0, 2])
    cue = Asked(0, np.arange(1, 3), np.array([1.0, 2.0]))
    found = score_online(truth, probabilities([2, 2, 2, 2], 3), [cue], idle=2, hop=1.0, pace=8.0)
    assert found["reached"] == 0.0
    assert np.isnan(found["first_correct"])
    assert found["itr"] == 0.0
    assert found["false_alarms"] == 0.0

import numpy as np

from core.fitting.trials.by_recording import by_recording


def test_classes_in_recordings_of_their_own_are_told_by_these():
    found = by_recording(np.repeat([0, 1, 1], 8), np.repeat([0, 1, 2], 8))
    assert found.score == 1.0
    assert found.tied


def test_cues_in_any_order_are_not():
    random = np.random.default_rng(0)
    tied = [
        by_recording(random.permutation(np.repeat([0, 1], 22)), np.arange(44) // 15).tied
        for _ in range(50)
    ]
    assert sum(tied) <= 3


def test_a_file_a_trial_tells_nothing():
    found = by_recording(np.array([0, 1] * 10), np.arange(20))
    assert found.score == 1.0
    assert not found.tied


def test_most_of_a_class_in_one_recording_counts():
    labels = np.array([0] * 18 + [1] * 4 + [0] * 4 + [1] * 18)
    assert by_recording(labels, np.repeat([0, 1], 22)).tied

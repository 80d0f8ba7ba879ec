import numpy as np

from core.fitting.transfer.recentring import recentre_pairs, whiteners
from core.fitting.transfer.wccn import apply_wccn, drift_of, moves


def covariances(shift, seed=0, trials=8):
    random = np.random.default_rng(seed)
    roots = random.normal(size=(trials, 3, 200)) * np.array([shift, 1.0, 1.0])[:, None]
    return roots @ roots.transpose(0, 2, 1) / 200


def test_a_move_between_recordings_of_one_person_is_found_and_one_between_people_is_not():
    both = np.concatenate([covariances(1.0, 0), covariances(2.0, 1)])
    recording = np.repeat([0, 1], 8)
    whitened = whiteners(both, recording)
    assert moves(recentre_pairs(both, recording, np.repeat([0, 1], 8), whitened), 6).shape == (0, 6)
    one = np.zeros(16, dtype=int)
    there, back = moves(recentre_pairs(both, recording, one, whitened), 6)
    # Four times the power in the first channel.
    assert abs(there[0] - np.log(4.0)) < 0.15
    assert abs(back[0] + np.log(4.0)) < 0.15
    assert np.abs(there[1:]).max() < 0.15


def test_directions_are_orthogonal_and_keep_all_moves():
    random = np.random.default_rng(0)
    moved = random.normal(size=(7, 20))
    drift = drift_of(moved)
    np.testing.assert_allclose(drift.T @ drift, moved.T @ moved / 7, atol=1e-12)
    overlap = drift @ drift.T
    np.testing.assert_allclose(overlap, np.diag(np.diag(overlap)), atol=1e-12)
    assert len(drift_of(np.empty((0, 20)))) == 0


def test_what_drifts_is_held_back_and_the_rest_is_left():
    drift = np.array([[2.0, 0.0, 0.0]])
    vectors = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 3.0]])
    held = apply_wccn(vectors, drift)
    np.testing.assert_allclose(held, [[1 / np.sqrt(13), 1.0, 0.0], [0.0, 0.0, 3.0]])
    np.testing.assert_allclose(apply_wccn(held, drift, undo=True), vectors)
    np.testing.assert_array_equal(apply_wccn(vectors, drift[:0]), vectors)

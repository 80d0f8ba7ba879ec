"""core.fitting.folds: no sample on both sides of a split."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from core.errors import InputError
from core.fitting.folds import folds, groups, independent, overlapping

LENGTH = 100


def places_at(*starts, run=0):
    return np.array([(run, start) for start in starts])


def shares_a_sample(places, train, test):
    return any(
        places[i][0] == places[j][0] and abs(places[i][1] - places[j][1]) < LENGTH
        for i in train
        for j in test
    )


def test_trials_that_stand_apart_have_scikit_learns_folds():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1], [21, 24]))
    places = places_at(*range(0, 45 * LENGTH, LENGTH))  # they touch, and share nothing
    expected = StratifiedKFold(5, shuffle=True, random_state=3).split(labels, labels)
    for (train, test), (its_train, its_test) in zip(
        folds(labels, places, LENGTH, seed=3), expected, strict=True
    ):
        np.testing.assert_array_equal(train, its_train)
        np.testing.assert_array_equal(test, its_test)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "starts",
    [
        [at + lag for at in range(0, 24 * 400, 400) for lag in (0, 60)],  # in pairs
        [at + lag for at in range(0, 24 * 400, 400) for lag in (0, 0)],  # one and the same
        range(0, 48 * 70, 70),  # one chain of all trials
        range(0, 48 * 20, 20),  # each overlaps with many
    ],
)
def test_no_sample_is_on_both_sides(starts, seed):
    labels = np.tile([0, 1], 24)
    places = places_at(*starts)
    tested = []
    for train, test in folds(labels, places, LENGTH, seed):
        assert not shares_a_sample(places, train, test)
        assert set(labels[train]) == {0, 1}
        tested += list(test)
    assert sorted(tested) == list(range(48))  # each once


def test_pairs_cost_no_trial_of_the_training_part():
    labels = np.repeat(np.tile([0, 1], 12), 2)
    places = places_at(*[at + lag for at in range(0, 24 * 400, 400) for lag in (0, 60)])
    for train, test in folds(labels, places, LENGTH):
        assert len(train) + len(test) == 48


def test_windows_of_two_runs_never_overlap():
    places = np.concatenate([places_at(0, 50), places_at(20, run=1)])
    np.testing.assert_array_equal(groups(places, LENGTH), [0, 0, 1])
    assert not overlapping(places[2:], places[:2], LENGTH).any()


def test_what_overlaps_is_no_further_evidence():
    # 0 and 60 overlap, 60 and 120 too: two of the three share nothing
    np.testing.assert_array_equal(independent(places_at(120, 60, 0, 500), LENGTH), [0, 2, 3])


def test_a_class_in_few_groups_makes_few_folds():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    places = places_at(0, 10, 500, 510, 1000, 2000, 3000, 4000, 5000, 6000)
    assert len(list(folds(labels, places, LENGTH))) == 2


def test_trials_that_all_share_samples_are_refused():
    with pytest.raises(InputError, match="no score can be made"):
        list(folds(np.tile([0, 1], 5), places_at(*range(0, 50, 5)), LENGTH))

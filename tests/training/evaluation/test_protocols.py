from dataclasses import replace

import numpy as np
import pytest

from core.decoding.artifacts.learning import measure_runs
from core.errors import InputError
from training.evaluation import people
from training.evaluation.people import Subject
from training.evaluation.protocols import cross_session, few_shot, leave_one_out, within

pytestmark = pytest.mark.slow


def numbers(trials):
    return [
        (share.signal.person.name, share.epochs.trials[index].number)
        for share in trials.shares
        for index in share.index
    ]


def test_within_tests_every_trial_once_and_never_learns_from_it(signals):
    folds = list(within(signals, seed=0))
    for fold in folds:
        assert not set(numbers(fold.train)) & set(numbers(fold.test))
        assert fold.train.people == fold.test.people
    tested = [number for fold in folds for number in numbers(fold.test)]
    assert len(folds) == 5 * len(signals)
    assert len(tested) == len(set(tested)) == sum(len(signal.epochs) for signal in signals)


def test_a_person_is_looked_through_for_artefacts_once(persons, make_signals, monkeypatch):
    looked = []

    def measure(*given):
        looked.append(given)
        return measure_runs(*given)

    monkeypatch.setattr(people, "measure_runs", measure)
    (signal,) = make_signals(persons[:1])
    kept = [numbers(fold.train) for fold in within([signal], 0)]
    assert len(kept) == 5
    assert len(looked) == 1


def test_seeds_draw_folds_anew(signals):
    first, again, other = (
        [numbers(fold.test) for fold in within(signals[:1], seed)] for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_cross_session_settles_nothing_on_the_tested_run(signals):
    folds = list(cross_session(signals[:1], seed=0))
    assert [fold.name for fold in folds] == ["run 1", "run 2", "run 3"]
    for index, fold in enumerate(folds):
        assert fold.recordings == (index,)
        assert fold.test.shares[0].fitted == tuple(i for i in range(3) if i != index)
        assert len(fold.test) == 12
        assert not set(numbers(fold.train)) & set(numbers(fold.test))


def test_sessions_are_kept_together(persons, make_signals):
    person = persons[0]
    sessions = [replace(i, session=s) for i, s in zip(person.identities, "aab", strict=True)]
    signal = make_signals([replace(person, identities=tuple(sessions))])[0]
    folds = list(cross_session([signal], 0))
    assert [fold.recordings for fold in folds] == [(0, 1), (2,)]
    assert [fold.name for fold in folds] == ["session a", "session b"]


def test_loso_learns_from_the_others_alone(signals):
    for fold in leave_one_out(signals, seed=0):
        assert not set(fold.train.people) & set(fold.test.people)
        assert len(fold.train.people) == len(signals) - 1
        assert len(fold.test) == len(fold.signal.epochs)


def test_people_are_aligned_by_their_own_rest(signals):
    fold = next(leave_one_out(signals, seed=0))
    for share in (*fold.train.shares, *fold.test.shares):
        band = (8.0, 30.0)
        rest = share._whitener(band) @ share.signal.rest(share.fitted, 60.0, band).T
        _, *powers = np.linalg.eigvalsh(np.cov(rest))  # the average reference takes one away
        assert np.allclose(powers, 1.0, atol=0.05)


def test_shots_are_nested_and_tested_on_the_same(signals):
    three, five = few_shot(signals[:1], seed=0, shots=(3, 5))
    assert np.bincount(three.train.labels).tolist() == [3, 3]
    assert set(numbers(three.train)) < set(numbers(five.train))
    assert numbers(three.test) == numbers(five.test)
    assert not set(numbers(five.train)) & set(numbers(five.test))


def test_an_artefact_costs_a_trial_to_learn_from_and_none_to_be_tested_on(persons, make_signals):
    person = persons[0]
    samples = person.recordings[0].samples_uv.copy()
    onset = round(person.recordings[0].events[0].onset * 250)
    samples[onset + 100 : onset + 700, 3] = samples[onset + 100, 3]
    broken = replace(person.recordings[0], samples_uv=samples)
    person = replace(person, recordings=(broken, *person.recordings[1:]))
    (signal,) = make_signals([person])
    folds = list(within([signal], seed=0))
    name = (person.name, 1)
    assert sum(name in numbers(fold.test) for fold in folds) == 1
    assert not any(name in numbers(fold.train) for fold in folds)


def test_too_little_is_said(persons, make_signals, signals):
    lone = Subject(persons[0].identities[:1], persons[0].recordings[:1])
    (signal,) = make_signals([lone])
    with pytest.raises(InputError, match="made S1 has one recording"):
        list(cross_session([signal], 0))
    with pytest.raises(InputError, match="at least two people"):
        list(leave_one_out(signals[:1], 0))
    with pytest.raises(InputError, match="--shots 18 leaves none"):
        list(few_shot(signals[:1], 0, (18,)))


def test_a_part_is_not_tested_where_the_others_lack_a_class(persons, make_signals):
    first, second = persons[0].recordings[:2]
    left = tuple(event for event in first.events if event.label == "left_hand")
    person = Subject(persons[0].identities[:2], (replace(first, events=left), second))
    (signal,) = make_signals([person])
    with pytest.raises(InputError, match=r"0 trials of right_hand outside of run 2; cross-session"):
        list(cross_session([signal], 0))

from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.fitting.transfer.uncalibrated import CALLED
from core.metrics import balanced_accuracy
from training.evaluation.protocols import few_shot, leave_one_out
from training.evaluation.running import Bench
from training.evaluation.systems.catalogue import make_systems
from training.evaluation.systems.transfer import PopulationSystem, others_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def others(signals):
    return others_of(signals, last=True)


def test_nobody_starts_from_their_own_recordings(signals, others):
    for signal in signals:
        fold = next(few_shot([signal], 0, (3,)))
        learned = set(others.head_for(fold.train).recordings.values())
        own = {recording.sha256 for recording in signal.person.recordings}
        everybody = {r.sha256 for s in signals for r in s.person.recordings}
        assert learned == everybody - own


def test_what_a_person_did_is_in_no_part_of_what_others_teach(
    persons, with_noise, make_signals, encoder
):
    heads = []
    for person in (persons[0], with_noise(persons[0], 1)):
        signals = make_signals([person, *persons[1:]])
        fold = next(few_shot(signals, 0, (3,)))
        heads.append(others_of(signals, last=True).head_for(fold.train))
    assert np.array_equal(heads[0].weights, heads[1].weights)


def test_the_last_run_of_others_is_left_out_where_it_is_tested(signals):
    found = {one for _, prior in others_of(signals, last=False).pieces for one in prior.recordings}
    assert {name.rpartition("R")[2] for name in found} == {"1.edf", "2.edf"}


def test_what_others_teach_is_computed_once_with_the_eyes_and_without(signals):
    both = [others_of(s, last=True) for s in (signals, [one.without_eyes() for one in signals])]
    pairs = zip(*(one.pieces for one in both), strict=True)
    assert all(mine[1] is its[1] for mine, its in pairs)
    assert [one.windows.regress_eyes for one in both] == [False, True]


def test_only_who_is_tested_has_rows_and_the_others_teach(signals, encoder):
    everybody = Bench(signals, ["CSP+LDA"], [("a", encoder)], {})
    named = [signal.person.name for signal in signals[1::-1]]
    some = replace(everybody, tested=named)
    for protocol in ("calibrate-then-run", "loso"):
        rows = {(row.person, row.fold): row for row in everybody.rows(protocol, 0, ())}
        found = list(some.rows(protocol, 0, ()))
        assert {row.person for row in found} == set(named)
        assert all(rows[row.person, row.fold].scores == row.scores for row in found)
    assert [row.person for row in some.rows("calibrate-then-run", 0, ())] == named


def test_others_help_with_few_trials_and_are_named(signals, encoder, others):
    alone, helped = make_systems(["riemann"], encoder, "", others)
    assert (alone.name, helped.name) == ("riemann", "riemann + others")
    fold = next(few_shot(signals[:1], 0, (3,)))
    found = helped.fit(fold.train, 0).probabilities(fold.test)
    assert balanced_accuracy(fold.test.labels, found.argmax(axis=1)) > 0.8


def test_a_new_person_is_decoded_without_calibration(signals, encoder, others):
    fold = next(leave_one_out(signals, 0))
    found = PopulationSystem(others, encoder, "").fit(fold.train, 0).probabilities(fold.test)
    assert balanced_accuracy(fold.test.labels, found.argmax(axis=1)) > 0.7


def test_rows_say_who_was_looked_at_through_which_encoder(signals, encoder):
    bench = Bench(signals, ["riemann"], [("a", encoder)], {}, others=True)
    names = [row.system for row in bench.rows("loso", 0, ())]
    assert names == ["riemann", CALLED] * len(signals)
    rows = list(bench.rows("calibrate-then-run", 0, ()))
    systems = ["riemann", "riemann + others", CALLED]
    assert [row.system for row in rows] == systems * len(signals)
    assert all(row.encoder == row.seen == "" for row in rows)


def test_nobody_else_is_said(signals):
    fold = next(few_shot(signals[:1], 0, (3,)))
    with pytest.raises(InputError, match="No other subject has a recording"):
        others_of(signals[:1], last=True).head_for(fold.train)


def test_people_of_a_group_start_from_everybody_outside_it(signals):
    grouped = others_of(signals, last=True, groups=2)  # the first and the third are together
    fold = next(few_shot(signals[:1], 0, (3,)))
    head = grouped.head_for(fold.train)
    names = {name.partition("/")[0] for name in head.recordings}
    assert names == {signals[1].person.name}
    fold = next(few_shot(signals[2:], 0, (3,)))
    assert grouped.head_for(fold.train) is head


@pytest.mark.timeout(400)  # each process imports torch
def test_people_in_processes_of_their_own_get_the_same_rows(signals, encoder):
    bench = Bench(signals[:2], ["CSP+LDA"], [("untrained-tiny1", encoder)], {})
    alone = list(bench.rows("calibrate-then-run", 0, ()))
    assert list(replace(bench, jobs=2).rows("calibrate-then-run", 0, ())) == alone
    without = list(bench.without_eyes().rows("calibrate-then-run", 0, ()))
    assert [row.protocol for row in without] == ["calibrate-then-run, eyes taken out"] * 2

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from core.decoding.graph_head import GraphHead
from core.encoders import load_encoder
from core.fitting.baselines import BASELINES
from core.fitting.choice import choose, fit_on
from core.fitting.selection import fit_chosen, select
from core.fitting.trials.cutting import cut_epochs
from core.fitting.views import HEADS, FeatureViews
from core.metrics import balanced_accuracy
from core.signal.pipeline import SignalSettings

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


def views_of(recording, shuffled=None, encoder="untrained-tiny1", unit="mV"):
    settings = SignalSettings(recording.labels, "average", 256.0)
    epochs = cut_epochs([recording], EVENTS, settings, unit, 1024)
    if shuffled is not None:
        epochs.labels[:] = np.random.default_rng(shuffled).permutation(epochs.labels)
    return FeatureViews(epochs, settings.channels, 256.0, load_encoder(encoder))


@pytest.mark.slow
def test_every_candidate_is_scored_and_a_good_one_chosen(imagery_recording):
    views = views_of(imagery_recording(trials=10))
    found = select(views, tuple(HEADS))
    assert set(found.scores) == {*HEADS, "auto", "CSP+LDA", "TS+LR"}
    assert found.chosen == "riemann"
    assert found.scores["riemann"].balanced_accuracy > 0.85
    assert 0.6 < found.chance < 0.8
    fitted, head = fit_chosen(views, found)
    assert set(fitted) == {"motor", "scalp"}
    assert np.isfinite(head.weights).all()


@pytest.mark.slow
def test_every_trial_is_decided_by_what_was_learned_and_chosen_without_its_fold(imagery_recording):
    views, heads = views_of(imagery_recording(trials=6)), ("encoder", "riemann")
    selection, labels = select(views, heads, seed=3), views.labels
    assert selection.logits.shape == (2 * len(labels), 2)
    for repeat in range(2):
        logits = selection.logits.reshape(2, len(labels), 2)[repeat]
        decided = {name: score.decided[repeat] for name, score in selection.scores.items()}
        for train, test in views.epochs.folds(3 + repeat):
            inner, inside = list(views.epochs.folds(3, train)), {}
            expected = {}
            for head in heads:
                fitted = views.fit(views.of(head), train).values()
                blocks = [vectors for _, vectors in fitted]
                learned, inside[head], _ = fit_on(
                    partial(views.fit_head, head),
                    [block[train] for block in blocks],
                    labels[train],
                    2,
                    inner,
                )
                expected[head] = learned.logits(np.concatenate([b[test] for b in blocks], axis=1))
            expected["auto"] = expected[choose(inside, 1.0 / (len(inner) - 1))]
            for name, rows in expected.items():
                np.testing.assert_array_equal(decided[name][test], rows.argmax(axis=1))
            specialist = BASELINES["CSP+LDA"]().fit(views.covariances[train], labels[train])
            own = specialist.predict(views.covariances[test])
            np.testing.assert_array_equal(decided["CSP+LDA"][test], own)
            np.testing.assert_allclose(logits[test], expected[selection.chosen])
    for score in selection.scores.values():
        rows = [balanced_accuracy(labels, row) for row in score.decided]
        assert score.balanced_accuracy == pytest.approx(np.mean(rows))
        assert len(score.folds) == len(list(views.epochs.folds(3))) * 2
        assert np.mean(score.folds) == pytest.approx(np.mean(score.decided == labels), abs=0.05)


@pytest.mark.slow
def test_folds_that_are_stretches_of_time_count_once(imagery_recording):
    recording = imagery_recording(trials=6)
    epochs = replace(views_of(recording).epochs, in_time=True)
    selection = select(FeatureViews(epochs, recording.labels, 256.0, None), ("riemann",))
    assert selection.logits.shape == (len(epochs), 2)
    assert len(selection.score.folds) == len(list(epochs.folds(0)))


@pytest.mark.slow
def test_what_is_said_of_a_decoder_is_the_score_of_the_choice(imagery_recording):
    views = views_of(imagery_recording(trials=6))
    chosen = select(views, ("riemann", "encoder"), repeats=1)
    assert chosen.quoted == "auto"
    assert chosen.score is chosen.scores["auto"]
    alone = select(views, ("riemann",), repeats=1)
    assert alone.quoted == "riemann"
    assert alone.score is alone.scores["riemann"]


@pytest.mark.slow
def test_labels_without_meaning_score_at_chance(imagery_recording):
    # What leaks from test to training folds would lift these above chance.
    scores = [
        select(views_of(imagery_recording(trials=12), seed), ("riemann",), repeats=1)
        .scores["riemann"]
        .balanced_accuracy
        for seed in range(6)
    ]
    assert 0.3 < np.mean(scores) < 0.65


@pytest.mark.slow
def test_few_motor_electrodes_leave_the_view_of_the_whole_scalp(imagery_recording):
    recording = imagery_recording(trials=6, labels=("FZ", "C3", "CZ", "C4", "PZ"))
    views = views_of(recording)
    assert views.of("riemann") == ("scalp",)
    fitted, _ = fit_chosen(views, select(views, ("riemann",), repeats=1))
    assert set(fitted) == {"scalp"}


@pytest.mark.slow
def test_the_choice_repeats_itself(imagery_recording):
    recording = imagery_recording(trials=6)
    first, second = (select(views_of(recording), ("riemann",), seed=3) for _ in range(2))
    assert first.scores["riemann"].folds == second.scores["riemann"].folds
    np.testing.assert_array_equal(first.logits, second.logits)


@pytest.mark.slow
def test_the_tangent_space_that_is_known_gives_the_specialist_its_decisions(imagery_recording):
    views = views_of(imagery_recording(seed=2))
    known = select(views, ("riemann",), repeats=1).scores["TS+LR"]
    computed = select(views, ("encoder",), repeats=1).scores["TS+LR"]
    np.testing.assert_array_equal(known.decided, computed.decided)


@pytest.mark.slow
def test_the_graph_is_scored_beside_the_linear_head_and_stays_what_was_asked_for(imagery_recording):
    recording = imagery_recording(trials=6, labels=("C3", "CZ", "C4"))
    views = views_of(recording, encoder="untrained-braingpt-base", unit="uV")
    found = select(views, ("graph",), repeats=1)
    assert set(found.scores) == {"graph", "encoder", "CSP+LDA", "TS+LR"}
    assert (found.chosen, found.quoted) == ("graph", "graph")
    fitted, head = fit_chosen(views, found)
    assert set(fitted) == {"tokens"}
    assert isinstance(head, GraphHead)
    assert head.temperature != 1.0
    alone = select(views, ("encoder",), repeats=1).scores["encoder"]
    np.testing.assert_array_equal(found.scores["encoder"].decided, alone.decided)

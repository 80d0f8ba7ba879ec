import numpy as np

from core.decoding.epochs import cut_epochs
from core.decoding.selection import HEADS, Views, fit_chosen, select
from core.model import load_encoder
from core.signal.pipeline import SignalSettings

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


def views_of(recording, shuffled=None):
    settings = SignalSettings(recording.labels, "average", 256.0)
    epochs = cut_epochs([recording], EVENTS, settings, "mV", 1024)
    if shuffled is not None:
        epochs.labels[:] = np.random.default_rng(shuffled).permutation(epochs.labels)
    return Views(epochs, settings.channels, 256.0, load_encoder("untrained-tiny1"))


def test_every_candidate_is_scored_and_a_good_one_chosen(imagery_recording):
    views = views_of(imagery_recording(trials=10))
    found = select(views, tuple(HEADS))
    assert set(found.scores) == {*HEADS, "auto", "CSP+LDA", "TS+LR"}
    assert found.chosen == "riemann"
    assert found.scores["riemann"].balanced_accuracy > 0.85
    assert 0.6 < found.chance < 0.8
    settled, head = fit_chosen(views, found)
    assert set(settled) == {"motor", "scalp"}
    assert np.isfinite(head.weights).all()


def test_labels_without_meaning_score_at_chance(imagery_recording):
    # What leaks from test to training folds would lift these above chance.
    scores = [
        select(views_of(imagery_recording(trials=12), seed), ("riemann",), repeats=1)
        .scores["riemann"]
        .balanced_accuracy
        for seed in range(6)
    ]
    assert 0.3 < np.mean(scores) < 0.65


def test_few_motor_electrodes_leave_the_view_of_the_whole_scalp(imagery_recording):
    recording = imagery_recording(trials=6, labels=("FZ", "C3", "CZ", "C4", "PZ"))
    views = views_of(recording)
    assert views.of("riemann") == ("scalp",)
    settled, _ = fit_chosen(views, select(views, ("riemann",), repeats=1))
    assert set(settled) == {"scalp"}


def test_the_choice_repeats_itself(imagery_recording):
    recording = imagery_recording(trials=6)
    first, second = (select(views_of(recording), ("riemann",), seed=3) for _ in range(2))
    assert first.scores["riemann"].folds == second.scores["riemann"].folds
    np.testing.assert_array_equal(first.logits, second.logits)

"""Heads of several tasks trained on features: what they find, and that they find no more."""

import numpy as np
import pytest
import torch
from embedded_rhythms import EmbeddedRhythms

from core.decoding.embedding_heads import Gallery
from core.decoding.features import TangentFeatures, shrunk_covariances
from core.decoding.spatial import power
from core.errors import InputError
from core.fitting.joint_heads import (
    ClassTarget,
    HeadSettings,
    RetrievalTarget,
    ScaleTarget,
    train_heads,
    with_margin,
)
from core.metrics import chance_bound

KNOWN, NEW, DIMENSIONS, CHANNELS, RATE = 60, 12, 6, 8, 128.0


def trials(subject, embeddings, labels):
    """Tangent-space features of windows of a simulated subject."""
    windows = EmbeddedRhythms(CHANNELS, DIMENSIONS, subject).windows(embeddings[labels], RATE, 256)
    covariances = shrunk_covariances(windows)
    whitener = power(covariances.mean(axis=0), -0.5)
    view = TangentFeatures((8.0, 30.0), RATE, 256, np.arange(CHANNELS), whitener)
    return view.of_covariances(covariances)


@pytest.fixture(scope="module")
def embedded():
    """Windows of two subjects for known texts, and of a third for texts that are new."""
    embeddings = np.random.default_rng(0).normal(size=(KNOWN + NEW, DIMENSIONS))
    known = np.tile(np.arange(KNOWN), 2)
    new = np.tile(np.arange(KNOWN, KNOWN + NEW), 4)
    learned = np.concatenate([trials(subject, embeddings, known) for subject in (0, 1)])
    return embeddings, learned, np.tile(known, 2), trials(2, embeddings, new), new - KNOWN


def first_of_new(embedded, labels, loss="clip"):
    """Share of a third person's windows whose text, one of twelve new ones, is found first."""
    embeddings, learned, _, seen, right = embedded
    gallery = Gallery(tuple(map(str, range(KNOWN))), embeddings[:KNOWN], "made up")
    target = {"text": RetrievalTarget(labels, gallery)}
    head = train_heads([learned], target, HeadSettings(loss=loss))["text"]
    asked = head.compared_with(tuple(map(str, range(NEW))), embeddings[KNOWN:])
    return float(np.mean(asked.similarities(seen).argmax(axis=1) == right))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["clip", "siglip"])
def test_new_texts_are_found_in_a_new_person_whose_rhythms_follow_them(embedded, loss):
    share = first_of_new(embedded, embedded[2], loss)
    assert share > 2 * chance_bound(len(embedded[4]), NEW)


@pytest.mark.slow
def test_nothing_is_found_where_texts_and_windows_are_shuffled(embedded):
    shuffled = np.random.default_rng(1).permutation(embedded[2])
    assert first_of_new(embedded, shuffled) <= chance_bound(len(embedded[4]), NEW)


@pytest.mark.slow
def test_heads_that_are_trained_together_are_those_that_are_trained_alone(embedded):
    """The encoder is frozen, and no head shares a weight with another."""
    embeddings, learned, labels, _, _ = embedded
    gallery = Gallery(tuple(map(str, range(KNOWN))), embeddings[:KNOWN], "made up")
    targets = {
        "side": ClassTarget((embeddings[labels, 0] > 0).astype(np.intp), 2),
        "text": RetrievalTarget(labels, gallery),
        "load": ScaleTarget(embeddings[labels, 1]),
    }
    settings = HeadSettings(steps=20, dropout=0.0)
    together = train_heads([learned], targets, settings)
    alone = {name: train_heads([learned], {name: t}, settings)[name] for name, t in targets.items()}
    for name in ("side", "load"):
        np.testing.assert_allclose(together[name].weights, alone[name].weights, atol=1e-5)


@pytest.mark.slow
def test_a_scale_follows_its_numbers_and_says_how_far_off_it_is(embedded):
    embeddings, learned, labels, seen, right = embedded
    values = embeddings[labels, 0]
    spoilt = np.where(np.arange(len(values)) % 20 == 0, 50.0, values)
    truth = embeddings[KNOWN + right, 0]
    heads = [train_heads([learned], {"load": ScaleTarget(v)})["load"] for v in (values, spoilt)]
    clean, robust = (np.corrcoef(head.values(seen), truth)[0, 1] for head in heads)
    assert clean > 0.5
    assert robust > clean - 0.05  # one number in twenty is nonsense
    head, said = heads[0], heads[0].values(seen)
    head = with_margin(head, said, truth)
    inside = np.abs(said - truth) <= head.margin
    assert 0.9 <= inside.mean() < 1.0


def test_a_trial_that_a_task_does_not_have_teaches_it_nothing(embedded):
    _, learned, labels, _, _ = embedded
    classes = (labels % 2).astype(np.intp)
    some = np.where(np.arange(len(classes)) % 3 == 0, -1, classes)
    kept = some >= 0
    settings = HeadSettings(steps=10)
    masked = train_heads([learned], {"side": ClassTarget(some, 2)}, settings)["side"]
    changed = learned.copy()
    # The same mean and spread of all trials, in another order: only rows that are known count.
    changed[~kept] = changed[~kept][::-1]
    again = train_heads([changed], {"side": ClassTarget(some, 2)}, settings)["side"]
    np.testing.assert_allclose(masked.weights, again.weights, atol=1e-6)


def test_training_leaves_the_state_of_random_numbers_alone(embedded):
    _, learned, labels, _, _ = embedded
    before = torch.random.get_rng_state()
    train_heads(
        [learned], {"s": ClassTarget((labels % 2).astype(np.intp), 2)}, HeadSettings(steps=1)
    )
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_weight_of_a_task_that_is_not_there_is_refused(embedded):
    _, learned, labels, _, _ = embedded
    with pytest.raises(InputError, match="no task speech"):
        train_heads(
            [learned],
            {"side": ClassTarget((labels % 2).astype(np.intp), 2)},
            HeadSettings(weights={"speech": 2.0}),
        )

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.decoding.heads import fit_head, softmax, temperature_of, with_temperature


def blobs(classes, features=40, n=20, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), n)
    centres = random.normal(size=(classes, features))
    return centres[labels] + 2.0 * random.normal(size=(len(labels), features)), labels


def test_the_fit_in_the_span_of_the_trials_is_the_full_fit():
    features, labels = blobs(2, features=90, n=12)
    head = fit_head([features], labels, 2, 1.0)
    scaled = (features - head.centre) / head.scale
    full = LogisticRegression(C=1.0, class_weight="balanced", tol=1e-10, max_iter=10_000)
    full.fit(scaled, labels)
    fresh, _ = blobs(2, features=90, n=12, seed=3)
    found = head.probabilities(fresh)
    expected = full.predict_proba((fresh - head.centre) / head.scale)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_probabilities_are_such_for_any_number_of_classes():
    for classes in (2, 3, 5):
        features, labels = blobs(classes)
        head = fit_head([features], labels, classes, 10.0)
        found = head.probabilities(features)
        assert found.shape == (len(labels), classes)
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
        assert (found.argmax(axis=1) == labels).mean() > 0.8


def test_the_scale_of_a_block_does_not_matter():
    features, labels = blobs(2)
    other, _ = blobs(2, seed=1)
    plain = fit_head([features, other], labels, 2, 10.0)
    loud = fit_head([features, 1e4 * other], labels, 2, 10.0)
    first = plain.probabilities(np.hstack([features, other]))
    second = loud.probabilities(np.hstack([features, 1e4 * other]))
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_rare_classes_count_as_much_as_frequent_ones():
    random = np.random.default_rng(0)
    labels = np.array([0] * 90 + [1] * 10)
    head = fit_head([random.normal(size=(100, 2)) + labels[:, None]], labels, 2, 0.1)
    middle = head.probabilities(np.array([[0.5, 0.5]]))[0]
    assert abs(middle[1] - 0.5) < 0.1


def test_temperature_undoes_overconfidence():
    random = np.random.default_rng(0)
    honest = random.normal(0.0, 1.5, (4000, 2))
    labels = (random.random(4000) < softmax(honest)[:, 1]).astype(int)
    head = fit_head([honest], labels, 2, 1.0)
    assert abs(with_temperature(head, honest, labels).temperature - 1.0) < 0.15
    assert abs(with_temperature(head, 5.0 * honest, labels).temperature - 5.0) < 0.75


def test_a_few_trials_that_are_all_right_do_not_make_later_decisions_certain():
    labels = np.array([0, 1] * 8)
    logits = np.where(labels[:, None] == [0, 1], 2.0, -2.0)
    assert 0.8 < temperature_of(logits, labels) < 1.0
    assert temperature_of(np.tile(logits, (1000, 1)), np.tile(labels, 1000)) < 0.5
    # Trials that were left out ten times over are not ten times as many.
    again = temperature_of(np.tile(logits, (10, 1)), np.tile(labels, 10), 10)
    assert again == pytest.approx(temperature_of(logits, labels), rel=1e-4)

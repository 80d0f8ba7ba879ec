import numpy as np
import pytest

from core.metrics import (
    auroc,
    balanced_accuracy,
    chance_bound,
    cohen_kappa,
    information_transfer_rate,
    normalised_matthews,
    weighted_f1,
)


def test_balanced_accuracy_weighs_classes_equally():
    truth = np.array([0, 0, 0, 0, 1])
    assert balanced_accuracy(truth, np.array([0, 0, 0, 0, 0])) == 0.5
    assert balanced_accuracy(truth, np.array([0, 0, 1, 1, 1])) == 0.75


@pytest.mark.parametrize(
    ("trials", "classes", "bound"),
    [(40, 2, 0.625), (45, 2, 0.622), (40, 4, 0.375), (80, 2, 0.5875)],
)
def test_chance_bound_is_the_binomial_quantile(trials, classes, bound):
    assert chance_bound(trials, classes) == pytest.approx(bound, abs=5e-4)
    # Guessing stays at or below the bound with 95 %, and not with one trial less.
    from scipy.stats import binom

    right = round(bound * trials)
    assert binom.cdf(right, trials, 1 / classes) >= 0.95 > binom.cdf(right - 1, trials, 1 / classes)


@pytest.mark.parametrize(
    ("accuracy", "classes", "seconds", "bits"),
    [(0.8, 2, 8.0, 2.1), (0.72, 4, 8.0, 5.3), (0.5, 2, 8.0, 0.0), (1.0, 2, 60.0, 1.0)],
)
def test_information_transfer_rate(accuracy, classes, seconds, bits):
    found = information_transfer_rate(accuracy, classes, seconds)
    assert found == pytest.approx(bits, abs=0.05)


@pytest.mark.parametrize("classes", [2, 4])
def test_metrics_follow_their_definitions(classes):
    random = np.random.default_rng(classes)
    truth = np.concatenate([np.arange(classes), random.integers(0, classes, 60)])
    scores = random.random((len(truth), classes)) + 0.4 * np.eye(classes)[truth]
    decided = scores.argmax(axis=1)
    table = np.zeros((classes, classes))
    np.add.at(table, (truth, decided), 1 / len(truth))
    asked, answered, right = table.sum(axis=1), table.sum(axis=0), np.diag(table)
    blind = asked @ answered
    matthews = (right.sum() - blind) / np.sqrt((1 - answered @ answered) * (1 - asked @ asked))
    assert balanced_accuracy(truth, decided) == pytest.approx(np.mean(right / asked))
    assert cohen_kappa(truth, decided, classes) == pytest.approx(
        (right.sum() - blind) / (1 - blind)
    )
    assert weighted_f1(truth, decided, classes) == pytest.approx(
        2 * right / (asked + answered) @ asked
    )
    assert normalised_matthews(truth, decided) == pytest.approx((1 + matthews) / 2)
    areas = [
        np.mean(scores[truth == first, first][:, None] > scores[truth == second, first])
        for first in range(classes)
        for second in range(classes)
        if first != second
    ]
    assert auroc(truth, scores) == pytest.approx(np.mean(areas))


def test_a_class_that_is_decided_and_never_asked_has_no_recall():
    assert balanced_accuracy(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])) == 0.75
    assert balanced_accuracy(["a", "a", "b"], ["a", "", "b"]) == 0.75


def test_decisions_for_one_class_only_are_worth_nothing():
    truth, decided = np.array([0, 0, 1, 1]), np.zeros(4, dtype=int)
    assert cohen_kappa(truth, decided, 2) == 0.0
    assert cohen_kappa(decided, decided, 2) == 0.0
    assert weighted_f1(truth, decided, 3) == pytest.approx(1 / 3)
    assert normalised_matthews(truth, decided) == 0.5
    assert auroc(truth, np.full((4, 2), 0.5)) == 0.5
    assert np.isnan(auroc(decided, np.full((4, 2), 0.5)))

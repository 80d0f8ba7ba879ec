import numpy as np
import pytest

from core.metrics import (
    auroc,
    balanced_accuracy,
    chance_bound,
    cohen_kappa,
    information_transfer_rate,
    matthews,
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
def test_metrics_agree_with_scikit_learn(classes):
    from sklearn import metrics

    random = np.random.default_rng(classes)
    truth = np.concatenate([np.arange(classes), random.integers(0, classes, 60)])
    scores = random.random((len(truth), classes)) + 0.4 * np.eye(classes)[truth]
    scores /= scores.sum(axis=1, keepdims=True)
    decided = scores.argmax(axis=1)
    area = metrics.roc_auc_score(truth, scores if classes > 2 else scores[:, 1], multi_class="ovo")
    assert cohen_kappa(truth, decided, classes) == pytest.approx(
        metrics.cohen_kappa_score(truth, decided)
    )
    assert weighted_f1(truth, decided, classes) == pytest.approx(
        metrics.f1_score(truth, decided, average="weighted")
    )
    assert matthews(truth, decided, classes) == pytest.approx(
        metrics.matthews_corrcoef(truth, decided)
    )
    assert auroc(truth, scores) == pytest.approx(area)


def test_decisions_for_one_class_only_are_worth_nothing():
    truth, decided = np.array([0, 0, 1, 1]), np.zeros(4, dtype=int)
    assert cohen_kappa(truth, decided, 2) == 0.0
    assert matthews(truth, decided, 2) == 0.0
    assert normalised_matthews(truth, decided, 2) == 0.5
    assert auroc(truth, np.full((4, 2), 0.5)) == 0.5
    assert np.isnan(auroc(decided, np.full((4, 2), 0.5)))

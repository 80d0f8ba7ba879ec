import numpy as np
import pytest

from core.metrics import balanced_accuracy, chance_bound, information_transfer_rate


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

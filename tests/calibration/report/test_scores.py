import numpy as np
import pytest

from calibration.report.scores import confusion, estimate, learning_curve, wilson_interval
from core.fitting.selection import Score
from core.fitting.views import FeatureViews

pytestmark = pytest.mark.slow


def test_wilson_gives_the_published_interval():
    # Newcombe (1998), Stat. Med. 17: 81 of 263 is 0.2553 to 0.3662.
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(1.0, 10)[1] == pytest.approx(1.0)
    assert wilson_interval(0.0, 10)[0] == pytest.approx(0.0)


def test_unequal_classes_widen_the_interval():
    equal = estimate(0.8, np.repeat([0, 1], 20))
    assert (equal.low, equal.high) == wilson_interval(0.8, 40)
    unequal = estimate(0.8, np.repeat([0, 1], [35, 5]))
    assert unequal.high - unequal.low > 1.3 * (equal.high - equal.low)


def test_confusion_has_a_row_for_each_class_asked_for():
    labels = np.array([0, 0, 0, 0, 1, 1])
    decided = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 0]])
    table = confusion(Score(0.0, (), decided), labels, 2)
    np.testing.assert_allclose(table, [[7 / 8, 1 / 8], [1 / 4, 3 / 4]])


def test_a_learning_curve_uses_the_first_trials_alone(fit):
    views = FeatureViews(fit.epochs, fit.decoder.settings.channels, 256.0, None)
    fitted = []
    fit_views = views.fit
    views.fit = lambda names, train: fitted.append(train) or fit_views(names, train)
    curve = learning_curve(views, "riemann", repeats=1, points=3)
    trials = [point.trials for point in curve]
    assert len(trials) == 3
    assert trials == sorted(set(trials))
    assert trials[-1] == 15  # of 19, in five folds: the smallest training part
    assert [len(train) for train in fitted] == [n for n in trials for _ in range(5)]
    smallest = fitted[0]
    assert (np.diff(smallest) > 0).all()
    assert smallest[-1] < len(fit.epochs) * 0.8  # the last trials are none of the first
    assert all(0 <= p.estimate.low <= p.estimate.score <= p.estimate.high <= 1 for p in curve)
    assert curve[-1].estimate.score > 0.8


def test_few_trials_have_no_curve(fit):
    few = fit.epochs.only(np.flatnonzero(np.arange(len(fit.epochs)) < 10))
    views = FeatureViews(few, fit.decoder.settings.channels, 256.0, None)
    assert learning_curve(views, "riemann") == ()

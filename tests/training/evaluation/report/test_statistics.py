import numpy as np
import pytest
from scipy.stats import wilcoxon

from training.evaluation.report.statistics import compare, holm, paired_p


def test_permutations_are_exact_for_few_people():
    assert paired_p(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == 1 / 32
    assert paired_p(-np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == 1.0
    assert paired_p(np.array([3.0, -1.0])) == 0.5  # 3 - 1 and 3 + 1 of the four
    assert paired_p(np.zeros(4)) == 1.0
    assert (paired_p(np.array([2.0])), paired_p(np.array([-2.0]))) == (0.5, 1.0)


def test_wilcoxon_takes_over_with_many_people():
    gains = np.random.default_rng(0).normal(0.3, 1.0, 20)
    assert paired_p(gains) == wilcoxon(gains, alternative="greater").pvalue
    assert paired_p(gains[:19]) == pytest.approx(
        wilcoxon(gains[:19], alternative="greater").pvalue, abs=0.05
    )


def test_holm_corrects_in_order():
    assert holm(np.array([0.04, 0.01, 0.03])) == pytest.approx([0.06, 0.03, 0.06])


def test_both_directions_are_tested_with_their_effects():
    scores = {"a": np.array([0.7, 0.8, 0.9]), "b": np.array([0.6, 0.6, 0.6])}
    first, second = compare(scores)
    assert (first.better, first.worse, second.better, second.worse) == ("a", "b", "b", "a")
    assert first.effect == pytest.approx(0.2 / 0.1)
    assert second.effect == -first.effect
    assert (first.p, first.p_holm, second.p, first.people) == (0.125, 0.25, 1.0, 3)


def test_a_person_without_a_score_is_no_proof():
    scores = {"a": np.array([0.7, 0.8, 0.9, np.nan]), "b": np.array([0.6, 0.6, 0.6, 0.6])}
    first, second = compare(scores)
    assert (first.p, second.p, first.people) == (0.125, 1.0, 3)
    assert np.isfinite([first.effect, second.effect]).all()
    alone = {"a": np.array([0.7, np.nan]), "b": np.array([np.nan, 0.6])}
    assert [(one.p, one.people) for one in compare(alone)] == [(1.0, 0)] * 2

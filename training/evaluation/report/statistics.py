"""Comparing two systems over people, as MOABB does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np

WILCOXON_FROM = 20
"""From so many people on, Wilcoxon's test takes over from the permutations."""

_DRAWS = 10_000


@dataclass(frozen=True)
class Comparison:
    """Whether one system is better than another.

    Attributes
    ----------
    better, worse : str
        The systems, as the one-sided test has them.
    effect : float
        Mean of the differences over their standard deviation; NaN if all are alike.
    p : float
        Of so large an advantage by chance.
    p_holm : float
        The same, corrected for all comparisons made together.
    people : int
    """

    better: str
    worse: str
    effect: float
    p: float
    p_holm: float
    people: int


def compare(scores: Mapping[str, np.ndarray]) -> list[Comparison]:
    """Test every system against every other, both ways.

    Parameters
    ----------
    scores : mapping
        System -> a score for each person, shape (people,), in the same order for all. Who has no
        score of one of two systems, NaN, does not count where those two are compared.

    Notes
    -----
    One-sided paired permutation test, or Wilcoxon's from 20 people on, and the standardised mean
    difference, as `moabb.analysis.meta_analysis` (Jayaram and Barachant, 2018, MOABB: trustworthy
    algorithm benchmarking for BCIs, J. Neural Eng. 15(6)). Holm (1979), Scand. J. Stat. 6(2).
    With n people no p is below 2 to the -n.
    """
    pairs = []
    for better, worse in permutations(scores, 2):
        gains = scores[better] - scores[worse]
        gains = gains[np.isfinite(gains)]  # of people who have both scores
        spread = gains.std(ddof=1) if len(gains) > 1 else 0.0
        effect = float(gains.mean() / spread) if spread > 0 else float("nan")
        pairs.append((better, worse, effect, paired_p(gains), len(gains)))
    corrected = holm(np.array([p for _, _, _, p, _ in pairs]))
    return [
        Comparison(better, worse, effect, p, float(p_holm), people)
        for (better, worse, effect, p, people), p_holm in zip(pairs, corrected, strict=True)
    ]


def paired_p(gains: np.ndarray) -> float:
    """Return how probable such a mean of differences, or a larger one, is by chance.

    By scipy's permutation test of paired samples, which goes through all sign flips up to 13
    people and draws 10 000 beyond, and by Wilcoxon's test from `WILCOXON_FROM` people on.
    """
    from scipy.stats import permutation_test, wilcoxon

    if not np.any(gains):
        return 1.0
    if len(gains) == 1:  # which scipy refuses: either sign is as probable
        return 0.5 if gains[0] > 0 else 1.0
    if len(gains) >= WILCOXON_FROM:
        return float(wilcoxon(gains, alternative="greater").pvalue)
    test = permutation_test(
        (gains,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=_DRAWS,
        alternative="greater",
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def holm(p: np.ndarray) -> np.ndarray:
    """Return p-values corrected by Holm's method."""
    order = np.argsort(p)
    scaled = p[order] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return corrected

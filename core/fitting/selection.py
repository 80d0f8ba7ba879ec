"""Which head carries the decoding: nested cross-validation over whole trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from core.decoding.card import CHOICE
from core.decoding.heads import with_temperature
from core.fitting.baselines import BASELINES, TANGENT_SPACE, regression
from core.fitting.choice import Head, choose, fit_on
from core.fitting.transfer.prior_weight import (
    choose_weight,
    fit_weighted,
    logits_at_weights,
    nll,
    start_from,
    weigh,
)
from core.fitting.views import BESIDE, PRIOR, FeatureViews
from core.metrics import balanced_accuracy, chance_bound
from core.progress import progress

_Name = TypeVar("_Name")


@dataclass(frozen=True)
class Score:
    """What one candidate reached on trials that it was not fitted on.

    Attributes
    ----------
    balanced_accuracy : float
        Mean over repeats.
    folds : tuple of float
        Accuracy of every test fold, in an order shared by all candidates.
    decided : ndarray of int, shape (repeats, trials)
        Class decided for every trial.
    """

    balanced_accuracy: float
    folds: tuple[float, ...]
    decided: np.ndarray


@dataclass(frozen=True)
class Selection:
    """The outcome of nested cross-validation.

    Attributes
    ----------
    scores : dict of str to Score
        By candidate: "prior" if there is one (its weight chosen again inside every fold), the
        heads, "auto" (the choice made again inside every fold), and the baselines.
    chosen : str
        Head that the decoder gets.
    chance : float
        95 % bound of guessing on as many trials as share no samples.
    logits : ndarray, shape (repeats x trials, classes)
        Out-of-fold logits of the chosen head.
    weight : float or None
        The prior's, one of `core.fitting.transfer.prior_weight.WEIGHTS`; None without a prior.
    """

    scores: dict[str, Score]
    chosen: str
    chance: float
    logits: np.ndarray
    weight: float | None = None

    @property
    def quoted(self) -> str:
        """Name of the score that is said of the decoder: of the choice, where there was one.

        The best of several scores is too good, as it was chosen by the same trials.
        """
        return CHOICE if CHOICE in self.scores else self.chosen

    @property
    def score(self) -> Score:
        """What is said of the decoder."""
        return self.scores[self.quoted]


def select(views: FeatureViews, heads: Sequence[str], seed: int = 0, repeats: int = 2) -> Selection:
    """Score every head and the baselines on trials left out, and choose a head.

    Everything that learns from trials, reference covariances too, learns from the training part
    of a fold alone. `choose` then names the head.

    Parameters
    ----------
    views : FeatureViews
    heads : sequence of str
        Candidates among `VIEWS`, in order of preference.
    seed : int
        Of the folds.
    repeats : int
        How often all trials are split anew; once where folds are stretches of time, which are the
        same each time.
    """
    labels, classes = views.labels, views.classes
    repeats = 1 if views.epochs.in_time else repeats
    candidates = [*([PRIOR] if views.prior is not None else []), *heads]
    beside = [other for head in heads for other in BESIDE.get(head, ()) if other not in heads]
    names = [*candidates, *([CHOICE] if len(candidates) > 1 else []), *beside, *BASELINES]
    outer = [list(views.epochs.folds(seed + repeat)) for repeat in range(repeats)]
    splits = [(repeat, *split) for repeat, parts in enumerate(outer) for split in parts]
    results: list[tuple[int, np.ndarray, _Fold]] = []
    for repeat, train, test in progress(splits, "Cross-validation"):
        # What is not compared with anything need not be foreseen.
        inner = list(views.epochs.folds(seed, train)) if CHOICE in names else []
        results.append((repeat, test, _of_fold(views, heads, beside, train, test, inner)))
    shape = repeats, len(labels)
    decided = _gathered(shape, [(repeat, test, fold.decided) for repeat, test, fold in results])
    logits = _gathered(shape, [(repeat, test, fold.logits) for repeat, test, fold in results])
    folds = {
        name: tuple(float(np.mean(fold.decided[name] == labels[test])) for _, test, fold in results)
        for name in names
    }
    scores = {
        name: Score(
            float(np.mean([balanced_accuracy(labels, row) for row in decided[name]])),
            folds[name],
            decided[name],
        )
        for name in names
    }
    weight: float | None = None
    if views.prior is not None:
        weighed = _gathered(shape, [(repeat, test, fold.weighed) for repeat, test, fold in results])
        missed = {
            weight: np.mean([nll(row, labels) for row in rows], axis=0)
            for weight, rows in weighed.items()
        }
        weight = choose_weight(missed)
    kept_heads = heads if weight == 0 else candidates
    chosen = choose({head: folds[head] for head in kept_heads}, _share(outer[0]))
    return Selection(
        scores=scores,
        chosen=chosen,
        chance=chance_bound(len(views.epochs.independent), classes),
        logits=logits[chosen].reshape(-1, classes),
        weight=weight,
    )


@dataclass(frozen=True)
class _Fold:
    """What was learned from the training part of a fold says of its test part.

    Attributes
    ----------
    logits : dict of str to ndarray, shape (test trials, classes)
        By head.
    weighed : dict of float to ndarray, shape (test trials, classes)
        Logits by weight of the prior; empty without one.
    decided : dict of str to ndarray of int, shape (test trials,)
        By head, choice and baseline.
    """

    logits: dict[str, np.ndarray]
    weighed: dict[float, np.ndarray]
    decided: dict[str, np.ndarray]


def _of_fold(
    views: FeatureViews,
    heads: Sequence[str],
    beside: Sequence[str],
    train: np.ndarray,
    test: np.ndarray,
    inner: Sequence[tuple[np.ndarray, np.ndarray]],
) -> _Fold:
    """Learn from the training part of a fold; without folds inside of it, no choice is foreseen."""
    labels = views.labels
    priors = [PRIOR] if views.prior is not None else []
    needed = [view for head in [*heads[::-1], *priors] for view in views.of(head)]
    features = views.fit(tuple(dict.fromkeys(needed)), train)
    logits: dict[str, np.ndarray] = {}
    inside: dict[str, tuple[float, ...]] = {}  # accuracies inside the training part
    left_out: dict[str, np.ndarray] = {}  # logits inside the training part
    for head in [*heads, *beside]:
        blocks = [features[view][1] for view in views.of(head)]
        fitted, inside[head], left_out[head] = fit_on(
            partial(views.fit_head, head),
            [block[train] for block in blocks],
            labels[train],
            views.classes,
            inner if head in heads else [],
        )
        logits[head] = fitted.logits(np.concatenate([block[test] for block in blocks], axis=1))
    weighed: dict[float, np.ndarray] = {}
    if views.prior is not None:
        # Without the prior's weight it is the first head, which is fitted already.
        first = heads[0]
        blocks = [features[view][1] for view in views.of(PRIOR)]
        weight, inside[PRIOR] = weigh(
            views.prior, [block[train] for block in blocks], labels[train], inner, left_out[first]
        )
        weighed = logits_at_weights(views.prior, blocks, labels, train, test, logits[first])
        logits[PRIOR] = weighed[weight]
    decided = {head: rows.argmax(axis=1) for head, rows in logits.items()}
    if inner:
        candidates = [*priors, *heads]
        best = choose({head: inside[head] for head in candidates}, _share(inner))
        decided[CHOICE] = decided[best]
    for name, make in BASELINES.items():
        # The tangent space of all channels may be known: half of the time goes into it.
        known = features.get("scalp") if name == TANGENT_SPACE else None
        model, seen = (make(), views.covariances) if known is None else (regression(), known[1])
        model.fit(seen[train], labels[train])
        decided[name] = model.predict(seen[test])
    return _Fold(logits, weighed, decided)


def _gathered(
    shape: tuple[int, int], parts: Sequence[tuple[int, np.ndarray, Mapping[_Name, np.ndarray]]]
) -> dict[_Name, np.ndarray]:
    """Put values of test parts in their places, by repeat and trial."""
    gathered: dict[_Name, np.ndarray] = {}
    for repeat, test, values in parts:
        for name, rows in values.items():
            if name not in gathered:
                gathered[name] = np.empty((*shape, *rows.shape[1:]), rows.dtype)
            gathered[name][repeat, test] = rows
    return gathered


def fit_chosen(views: FeatureViews, selection: Selection) -> tuple[dict[str, Any], Head]:
    """Fit the chosen head on all trials, with probabilities calibrated on the left-out ones.

    Returns
    -------
    dict
        View name -> its fitted features.
    LinearHead or GraphHead
    """
    everything = np.arange(len(views.labels))
    features = views.fit(views.of(selection.chosen), everything)
    blocks = [vectors for _, vectors in features.values()]
    head = refit(views, selection, blocks, views.labels)
    repeats = len(selection.logits) // len(views.labels)
    head = with_temperature(head, selection.logits, np.tile(views.labels, repeats), repeats)
    return {view: fitted for view, (fitted, _) in features.items()}, head


def refit(
    views: FeatureViews, selection: Selection, blocks: Sequence[np.ndarray], labels: np.ndarray
) -> Head:
    """Fit the chosen head, starting from the prior where that was chosen.

    Parameters
    ----------
    views : FeatureViews
    selection : Selection
    blocks : sequence of ndarray, each (trials, features)
        Of the views of the chosen head.
    labels : ndarray of int, shape (trials,)
    """
    if selection.chosen != PRIOR:
        return views.fit_head(selection.chosen, blocks, labels)
    assert views.prior is not None
    assert selection.weight
    return fit_weighted(views.prior, start_from(views.prior, blocks, labels), selection.weight)


def _share(folds: Sequence[Any]) -> float:
    """Return how many test trials there are for one training trial."""
    return 1.0 / (len(folds) - 1)

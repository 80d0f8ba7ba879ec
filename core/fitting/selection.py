"""Which head carries the decoding: nested cross-validation over whole trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from core.decoding.card import CHOICE
from core.decoding.heads import with_temperature
from core.fitting.baselines import BASELINES, TANGENT_SPACE, regression
from core.fitting.choice import Head, choose, fit_on
from core.fitting.transfer.prior_weight import (
    WEIGHTS,
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
    needed = tuple(dict.fromkeys(view for head in candidates[::-1] for view in views.of(head)))
    beside = [other for head in heads for other in BESIDE.get(head, ()) if other not in heads]
    names = [*candidates, *([CHOICE] if len(candidates) > 1 else []), *beside, *BASELINES]
    decided = {name: np.empty((repeats, len(labels)), dtype=np.intp) for name in names}
    logits = {head: np.empty((repeats, len(labels), classes)) for head in [*candidates, *beside]}
    weighed = {weight: np.empty((repeats, len(labels), classes)) for weight in WEIGHTS}
    folds: dict[str, list[float]] = {name: [] for name in names}

    outer = [list(views.epochs.folds(seed + repeat)) for repeat in range(repeats)]
    splits = [(repeat, *split) for repeat, parts in enumerate(outer) for split in parts]
    for repeat, train, test in progress(splits, "Cross-validation"):
        features = views.fit(needed, train)
        # What is not compared with anything need not be foreseen.
        inner = list(views.epochs.folds(seed, train)) if CHOICE in decided else []
        inside: dict[str, tuple[float, ...]] = {}
        left_out: dict[str, np.ndarray] = {}  # logits inside the training part
        for head in [*heads, *beside]:
            blocks = [features[view][1] for view in views.of(head)]
            fitted, inside[head], left_out[head] = fit_on(
                partial(views.fit_head, head),
                [b[train] for b in blocks],
                labels[train],
                classes,
                inner if head in heads else [],
            )
            logits[head][repeat, test] = fitted.logits(
                np.concatenate([b[test] for b in blocks], axis=1)
            )
        if views.prior is not None:
            # Without the prior's weight it is the first head, which is fitted already.
            first = heads[0]
            blocks = [features[view][1] for view in views.of(PRIOR)]
            weight, inside[PRIOR] = weigh(
                views.prior, [b[train] for b in blocks], labels[train], inner, left_out[first]
            )
            at = logits_at_weights(
                views.prior, blocks, labels, train, test, logits[first][repeat, test]
            )
            for each, found in at.items():
                weighed[each][repeat, test] = found
            logits[PRIOR][repeat, test] = at[weight]
        for head in logits:
            decided[head][repeat, test] = logits[head][repeat, test].argmax(axis=1)
        if CHOICE in decided:
            best = choose({head: inside[head] for head in candidates}, _share(inner))
            decided[CHOICE][repeat, test] = decided[best][repeat, test]
        for name, make in BASELINES.items():
            if name == TANGENT_SPACE and "scalp" in features:
                # The tangent space of all channels is known: half of the time goes into it.
                model, seen = regression(), features["scalp"][1]
            else:
                model, seen = make(), views.covariances
            model.fit(seen[train], labels[train])
            decided[name][repeat, test] = model.predict(seen[test])
        for name in names:
            folds[name].append(float(np.mean(decided[name][repeat, test] == labels[test])))

    scores = {
        name: Score(
            float(np.mean([balanced_accuracy(labels, row) for row in decided[name]])),
            tuple(folds[name]),
            decided[name],
        )
        for name in names
    }
    found_weight: float | None = None
    if views.prior is not None:
        found_weight = choose_weight(
            {
                each: np.mean([nll(row, labels) for row in found], axis=0)
                for each, found in weighed.items()
            }
        )
    kept = heads if found_weight == 0 else candidates
    chosen = choose({head: folds[head] for head in kept}, _share(outer[0]))
    return Selection(
        scores=scores,
        chosen=chosen,
        chance=chance_bound(len(views.epochs.independent), classes),
        logits=logits[chosen].reshape(-1, classes),
        weight=found_weight,
    )


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
    head: Head
    if selection.chosen == PRIOR:
        assert views.prior is not None
        assert selection.weight
        start = start_from(views.prior, blocks, views.labels)
        head = fit_weighted(views.prior, start, selection.weight)
    else:
        head = views.fit_head(selection.chosen, blocks, views.labels)
    repeats = len(selection.logits) // len(views.labels)
    head = with_temperature(head, selection.logits, np.tile(views.labels, repeats), repeats)
    return {view: fitted for view, (fitted, _) in features.items()}, head


def _share(folds: Sequence[Any]) -> float:
    """Return how many test trials there are for one training trial."""
    return 1.0 / (len(folds) - 1)

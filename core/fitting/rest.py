"""How often a decoder decides at rest: counted in a calibration's pauses, by threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.decoding.features import TangentFeatures, TokenFeatures, band_sections
from core.decoding.heads import softmax
from core.decoding.rest import RestCurve
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.choice import Head
from core.fitting.folds import FOLDS, overlapping
from core.fitting.selection import Selection, refit
from core.fitting.trials.pauses import REST, Pauses
from core.fitting.views import FeatureViews
from core.progress import progress

LEAST_WINDOWS, LEAST_PAIRS = 20, 10
"""Of rest: with fewer, nothing is said of it."""

# Log-odds: heads that separate a calibration without a mistake are sure of themselves at rest too.
_ODDS = np.concatenate([np.arange(0.0, 7.0, 0.05), np.arange(7.0, 14.1, 0.25)])
_THRESHOLDS = np.ceil(1e7 / (1.0 + np.exp(-_ODDS))) / 1e7  # 0.5 to 0.9999992
_AT_ONCE = 64  # windows whose covariances are computed in one go


def measure_rest(
    views: FeatureViews,
    selection: Selection,
    pauses: Pauses,
    head: Head,
    rate: float,
    banded: Sequence[np.ndarray] | None = None,
) -> RestCurve | None:
    """Count false alarms and hits by threshold, on signal that the head was not fitted on.

    The calibration is parted into blocks of time. For each block the chosen head is fitted anew,
    references too, on the trials of the others that share no sample with the block's pauses, and
    decides its pauses and its trials.

    Parameters
    ----------
    views : FeatureViews
        Of the trials.
    selection : Selection
        Of these views.
    pauses : Pauses
    head : Head
        The decoder's, for its temperature.
    rate : float
        Of the signal in Hz.
    banded : sequence of ndarray, optional
        The epochs' segments in the band of the covariances, if they are known.

    Returns
    -------
    RestCurve or None
        None if there is too little rest, or its blocks leave no trials of some class.

    Notes
    -----
    A decision begins where the log-odds of a class rise through the threshold from one hop to the
    next. Pauses of a few seconds have too few such pairs of windows to count the rare ones, so
    that the second of each pair is predicted from the first by a first-order autoregression, with
    each of the residuals in turn, for every window of the pauses.
    """
    if len(pauses) < LEAST_WINDOWS or len(pauses.pairs) < LEAST_PAIRS:
        return None
    filtered = views.epochs.filtered(band_sections(BAND, rate), banded).segments
    resting = np.full((len(pauses), views.classes), np.nan)
    asked = np.full((len(views.labels), views.classes), np.nan)
    names = views.of(selection.chosen)
    parts = list(_blocks(views, pauses))
    for held, train, test in progress(parts, "Rest"):
        if len(np.unique(views.labels[train])) < views.classes:
            return None
        fitted = views.fit(names, train)
        blocks = [vectors for _, vectors in fitted.values()]
        part = refit(views, selection, [block[train] for block in blocks], views.labels[train])
        for logits, wanted, places in (
            (asked, test, views.epochs.places),
            (resting, held, pauses.places),
        ):
            vectors = [
                # Covariances of both at the features' own reference, whatever the trials had.
                _vectors(view, places[wanted], pauses.length, views.epochs.segments, filtered)
                if places is pauses.places or isinstance(view, TangentFeatures)
                else known[wanted]
                for view, known in fitted.values()
            ]
            logits[wanted] = part.logits(np.concatenate(vectors, axis=1))
    active = [index for index, name in enumerate(views.epochs.classes) if name != REST]
    trials = np.isin(views.labels, active)
    return _curve(
        softmax(resting / head.temperature)[:, active],
        softmax(asked / head.temperature)[trials],
        views.labels[trials],
        pauses,
        rate,
    )


def unkept_words(rest: RestCurve | None, alarms: float | None) -> str:
    """Say why no threshold keeps to so many false alarms a minute; empty if one does."""
    if alarms is None:
        return ""
    if rest is None:
        return (
            "False alarms cannot be counted in these recordings: there are too few pauses between "
            "the cues that last as long as a window. Leave out --false-alarms, or record with "
            "longer breaks."
        )
    try:
        rest.threshold_for(alarms)
    except InputError as error:
        return str(error)
    return ""


def _blocks(
    views: FeatureViews, pauses: Pauses
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Give pauses and trials of each block of time, and the trials that may be learned from.

    Yields
    ------
    held, train, test : ndarray of int
        Windows of rest, and trials.
    """
    places = views.epochs.places
    order = np.lexsort((places[:, 1], places[:, 0]))
    everything = np.arange(len(places))
    edges = [tuple(places[part[0]]) for part in np.array_split(order, FOLDS)]
    block = _block_of(places, edges)
    resting = _block_of(pauses.places, edges)
    for number in range(FOLDS):
        held, test = np.flatnonzero(resting == number), np.flatnonzero(block == number)
        shared = overlapping(places, pauses.places[held], pauses.length)
        shared |= overlapping(places, places[test], pauses.length)
        yield held, everything[~shared & (block != number)], test


def _block_of(places: np.ndarray, edges: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return the last block that begins at or before each window; the first before them all."""
    return np.array(
        [max(0, sum(edge <= tuple(place) for edge in edges) - 1) for place in places], dtype=np.intp
    )


def _vectors(
    features: TangentFeatures | TokenFeatures,
    places: np.ndarray,
    length: int,
    signals: Sequence[np.ndarray],
    banded: Sequence[np.ndarray],
) -> np.ndarray:
    """Return a view's vectors of windows, shape (windows, features)."""
    vectors = np.empty((len(places), features.size))
    if isinstance(features, TokenFeatures):
        for segment in np.unique(places[:, 0]):
            here = np.flatnonzero(places[:, 0] == segment)
            vectors[here] = features.of_run(signals[segment], places[here, 1].tolist())
        return vectors
    for first in range(0, len(places), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        windows = [banded[segment][start : start + length].T for segment, start in places[part]]
        vectors[part] = features.of_windows(np.stack(windows))
    return vectors


def _curve(
    resting: np.ndarray,
    asked: np.ndarray,
    labels: np.ndarray,
    pauses: Pauses,
    rate: float,
) -> RestCurve:
    """Return the curve of probabilities.

    Parameters
    ----------
    resting : ndarray, shape (windows, active classes)
        At rest.
    asked : ndarray, shape (trials, classes)
    labels : ndarray of int, shape (trials,)
        Class asked for.
    pauses : Pauses
        The windows of `resting`.
    rate : float
    """
    first = pauses.pairs
    hop, window = pauses.hop / rate, pauses.length / rate  # s
    right = asked.argmax(axis=1) == labels
    leading = asked.max(axis=1)
    begun = np.zeros(len(_THRESHOLDS))
    odds = np.log(_THRESHOLDS / (1.0 - _THRESHOLDS))
    for column in resting.T:
        logit = np.log(np.maximum(column, 1e-12)) - np.log(np.maximum(1.0 - column, 1e-12))
        slope, offset, residuals = _autoregression(logit[first], logit[first + 1])
        following, residuals = offset + slope * logit, np.sort(residuals)
        # Of each window below a threshold, the share of residuals that take it there or beyond.
        begun += [
            np.sum(len(residuals) - np.searchsorted(residuals, level - following[logit < level]))
            / (len(logit) * len(residuals))
            for level in odds
        ]
    share = np.array([(resting >= threshold).any(axis=1).mean() for threshold in _THRESHOLDS])
    alarms = 60.0 * (begun / hop + share / window)  # a minute
    return RestCurve(
        thresholds=tuple(_THRESHOLDS.tolist()),
        alarms=tuple(np.maximum.accumulate(alarms[::-1])[::-1].tolist()),
        hits=tuple(float(np.mean(right & (leading >= threshold))) for threshold in _THRESHOLDS),
        minutes=pauses.samples / rate / 60.0,
    )


def _autoregression(before: np.ndarray, after: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Return slope, offset and residuals of a regression on the value one hop before."""
    spread = max(float(before.var()), 1e-12)
    slope = float(np.mean((before - before.mean()) * (after - after.mean())) / spread)
    slope = min(max(slope, 0.0), 1.0)
    offset = float(after.mean() - slope * before.mean())
    return slope, offset, after - offset - slope * before

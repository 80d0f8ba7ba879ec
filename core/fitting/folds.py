"""How trials are parted for cross-validation, so that no sample stands on both sides.

Every score of a calibration or an evaluation comes from these folds. Trials whose windows share
samples go into one fold together, and where a chain of overlapping windows is too long for that,
what shares samples with the test part is left out of the training part.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.errors import InputError

FOLDS = 5
"""At most; fewer where a class has fewer trials apart."""

_PIECES = 2  # of a fold: the longest that a group of overlapping trials may be
_TOGETHER = 4  # trials that stay in one group however few there are


def folds(
    labels: np.ndarray, places: np.ndarray, length: int, seed: int = 0, most: int = FOLDS
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Part trials into folds that are stratified by class and share no sample.

    Where no windows overlap, these are the folds of scikit-learn's ``StratifiedKFold``, else
    those of ``StratifiedGroupKFold`` over `groups`.

    Parameters
    ----------
    labels : ndarray of int, shape (trials,)
    places : ndarray of int, shape (trials, 2)
        Segment and first sample of every trial's window.
    length : int
        Samples in a window.
    seed : int
    most : int
        Number of folds, at most.

    Yields
    ------
    train, test : ndarray of int
        Positions of trials.

    Raises
    ------
    InputError
        If windows overlap so much that no two parts of all classes are apart.
    """
    nothing = np.zeros(len(labels))
    splits = _most_splits(labels, places, length, most)
    group = groups(places, length, splits)
    if len(np.unique(group)) == len(labels):
        from sklearn.model_selection import StratifiedKFold

        apart = StratifiedKFold(splits, shuffle=True, random_state=seed)
        yield from apart.split(nothing, labels)
        return
    from sklearn.model_selection import StratifiedGroupKFold

    for count in range(splits, 1, -1):
        together = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        parts = [
            (train[~overlapping(places[train], places[test], length)], test)
            for train, test in together.split(nothing, labels, groups(places, length, count))
        ]
        if all(_usable(labels, train, test) for train, test in parts):
            yield from parts
            return
    raise InputError(
        "The windows of the cues overlap so much that no score can be made: trials of every class "
        "are needed whose windows share no samples with the others."
    )


def folds_in_time(
    labels: np.ndarray, places: np.ndarray, length: int, most: int = FOLDS
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Part trials into folds that are stretches of time: neighbours are on one side, mostly.

    For what is asked of a person over minutes: a window is so much like the next one that a fold
    drawn at random would be recognised by its neighbours. Each class's trials are parted in their
    order. Windows of one class that follow on each other without a gap are a block, and no block
    is parted where a class has enough of them.

    Parameters
    ----------
    labels, places, length, most
        As `folds`.

    Yields
    ------
    train, test : ndarray of int
        Positions of trials.

    Raises
    ------
    InputError
        If a class has fewer than two trials apart.
    """
    units = [
        _units(np.flatnonzero(labels == label), places, length, most) for label in np.unique(labels)
    ]
    splits = min(most, *(len(of_class) for of_class in units))
    if splits < 2:
        raise InputError("At least two windows of every class are needed for a score.")
    for part in range(splits):
        test = np.sort(
            np.concatenate(
                [
                    trials
                    for of_class in units
                    for trials in of_class[
                        part * len(of_class) // splits : (part + 1) * len(of_class) // splits
                    ]
                ]
            )
        )
        train = np.setdiff1d(np.arange(len(labels)), test)
        yield train[~overlapping(places[train], places[test], length)], test


def _units(trials: np.ndarray, places: np.ndarray, length: int, most: int) -> list[np.ndarray]:
    """Return trials of a class in time, in blocks, or one by one where the blocks are too few."""
    order = trials[np.lexsort((places[trials, 1], places[trials, 0]))]
    follows = (np.diff(places[order, 0]) == 0) & (np.diff(places[order, 1]) <= length)
    blocks = np.split(order, 1 + np.flatnonzero(~follows))
    return blocks if len(blocks) >= most else np.split(order, len(order))


def _most_splits(labels: np.ndarray, places: np.ndarray, length: int, most: int) -> int:
    group = groups(places, length, most)
    apart = [len(np.unique(group[labels == label])) for label in np.unique(labels)]
    return min(most, *apart)


def _usable(labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> bool:
    return len(test) > 0 and len(np.unique(labels[train])) == len(np.unique(labels))


def groups(places: np.ndarray, length: int, splits: int = FOLDS) -> np.ndarray:
    """Return which trials belong together because their windows share samples.

    Parameters
    ----------
    places : ndarray of int, shape (trials, 2)
        Segment and first sample of every trial's window.
    length : int
        Samples in a window.
    splits : int
        Folds that the groups are to be spread over. A chain of overlapping windows that is longer
        than half a fold is cut into several groups.

    Returns
    -------
    ndarray of int, shape (trials,)
    """
    longest = max(_TOGETHER, len(places) // (_PIECES * splits))
    group = np.empty(len(places), dtype=np.intp)
    number, held, before = -1, 0, None
    for index in np.lexsort((places[:, 1], places[:, 0])):
        segment, start = places[index]
        chained = before is not None and before[0] == segment and start - before[1] < length
        if not chained or held == longest:
            number, held = number + 1, 0
        group[index], held, before = number, held + 1, (segment, start)
    return group


def overlapping(places: np.ndarray, others: np.ndarray, length: int) -> np.ndarray:
    """Return which windows share a sample with any of the others, bool of shape (trials,).

    Parameters
    ----------
    places, others : ndarray of int, shape (trials, 2)
        Segment and first sample.
    length : int
        Samples in a window.
    """
    shared = np.zeros(len(places), dtype=bool)
    for segment in np.unique(places[:, 0]):
        here = np.flatnonzero(places[:, 0] == segment)
        starts = np.sort(others[others[:, 0] == segment, 1])
        first = np.searchsorted(starts, places[here, 1] - length, "right")
        behind = np.searchsorted(starts, places[here, 1] + length, "left")
        shared[here] = behind > first
    return shared


def independent(places: np.ndarray, length: int) -> np.ndarray:
    """Return the most trials whose windows share no sample, positions in rising order.

    How surely a score is above chance depends on these: a trial that is there again, a little
    later, is no further evidence.
    """
    kept: list[int] = []
    for index in np.lexsort((places[:, 1], places[:, 0])):
        last = places[kept[-1]] if kept else None
        if last is None or last[0] != places[index, 0] or places[index, 1] - last[1] >= length:
            kept.append(int(index))
    return np.sort(np.array(kept, dtype=np.intp))

"""What the time stamps of a recorded stream say: its rate and its breaks."""

from __future__ import annotations

import numpy as np

from core.feed.segments import segment_bounds

_WHOLE = 0.25  # periods by which steps of exact stamps may miss whole numbers of them
_PIECES = (8.0, 30.0)  # s, in which a rate is measured where stamps are those of arrival
_APART = 1.0  # s: no piece goes over a longer step
_LEAST = 4.0  # s of signal, with less of which no rate is measured in pieces
_STEADY = 0.02  # share by which the rates of pieces differ where nothing is lost
_WRONG = 0.03  # share by which a rate misses another so far that chance does not explain it
_RIGHT = 0.005  # and by which it may always miss it


def measured_rate(stamps: np.ndarray, nominal: float) -> float | None:
    """Return the rate at which samples were taken, whatever was lost among them.

    Exact stamps lie a whole number of periods apart, and the period is their usual step. Where
    stamps are those of arrival, or counted on inside of chunks from the nominal rate, the rate is
    the median slope of pieces of 8 to 30 s. No device changes its rate: where pieces differ and
    miss the nominal rate, samples were lost.

    Parameters
    ----------
    stamps : ndarray of float64, shape (samples,)
        Raw ones, in seconds.
    nominal : float
        In Hz.

    Returns
    -------
    float or None
        In Hz; None where the stamps say no other rate than the nominal one. Infinity for stamps
        that do not advance.
    """
    known = np.asarray(stamps, dtype=np.float64)
    steps = np.diff(known[np.isfinite(known)])
    within = steps[np.abs(steps) <= _APART]
    if len(within) < len(steps) / 2 and np.median(steps) > 0:
        return float(1.0 / np.median(steps))
    if len(within) > nominal and within.sum() <= 0:
        return float("inf")
    exact = _exact_rate(within)
    if exact is not None:
        return exact
    rates = _rates(steps)
    if len(rates) < 2:
        return None
    low, middle, high = np.quantile(rates, (0.1, 0.5, 0.9))
    if middle < (1.0 - _WRONG) * nominal:
        lossy = high - low > _STEADY * middle
    else:
        lossy = middle < nominal and high >= (1.0 - _RIGHT) * nominal
    uncertain = 3.0 * float(high - low) / np.sqrt(len(rates))
    return None if lossy or abs(middle - nominal) <= uncertain else float(middle)


def _rates(steps: np.ndarray) -> np.ndarray:
    """Return the rate in each of the overlapping pieces that have no long step in them."""
    within = steps[np.abs(steps) <= _APART]
    duration = float(within.sum())
    if duration < _LEAST:
        return np.empty(0)
    seconds = min(float(np.clip(duration / 6, *_PIECES)), duration / 2)
    size = int(seconds * len(within) / duration)
    stamps = np.concatenate(([0.0], np.cumsum(steps)))
    apart = np.concatenate(([0], np.cumsum(np.abs(steps) > _APART)))
    count = np.arange(size) - (size - 1) / 2
    rates = []
    for start in range(0, len(stamps) - size + 1, max(1, size // 4)):
        if apart[start] == apart[start + size - 1]:
            piece = stamps[start : start + size]
            slope = float(count @ (piece - piece[0])) / float(count @ count)
            if slope > 0:
                rates.append(1.0 / slope)
    return np.array(rates)


def _exact_rate(steps: np.ndarray) -> float | None:
    """Return the rate of stamps that lie whole numbers of periods apart, None for all others."""
    forward = steps[steps > 0]
    if not len(forward):
        return None
    period = float(np.median(forward))
    periods = np.rint(steps / period)
    whole = (np.abs(steps / period - periods) <= _WHOLE + 0.002 * periods) & (periods >= 1)
    single = whole & (periods == 1)
    if whole.mean() < 0.98 or whole[~single].sum() < 0.9 * (~single).sum():
        return None
    # Losses come at random. A gap before or after each chunk that is as long as the chunk asks
    # for is none: stamps inside of it were counted on from a wrong rate.
    gaps = np.flatnonzero(whole & (periods > 1))
    if len(gaps) > 4:
        missing, chunks = periods[gaps] - 1, np.diff(gaps)
        due = chunks * float(missing[1:].sum() / chunks.sum())
        miss = min(np.abs(missing[1:] - due).mean(), np.abs(missing[:-1] - due).mean())
        if miss < 0.5 * missing.mean():
            return None
    return float(1.0 / steps[single].mean())


def breaks_of(stamps: np.ndarray, rate: float) -> tuple[tuple[int, ...], int]:
    """Return where samples do not follow on the one before, and how many were lost.

    Parameters
    ----------
    stamps : ndarray of float64, shape (samples,)
        Raw ones: the correction of a clock can hide a break or make one.
    rate : float
        In Hz.
    """
    runs, lost = segment_bounds(stamps, rate)
    return tuple(run.start for run in runs if run.start > 0 and not run.continues), lost

"""What each channel of a stream has been like so far, and what may not change in a step.

A gain that changes scales all of a channel: slow and fast, before and behind the signal path.
Muscles, blinks, drowsiness and alpha scale a part of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.decoding.artifacts.limits import ArtifactLimits
from core.decoding.artifacts.meter import Measures, median
from core.electrodes import direction

_READY = 2.0  # s of a stream after which it has a usual level
_FOLLOWS = 10.0  # s: time constant with which that level follows
_FOLLOWED = 0.3  # as much of a change at most: a logarithm, as below
_LEAST_UV = 1e-3

# Natural logarithms of ratios.
_REST = np.log(0.35)  # what differs between channels, of what differed at calibration
_FEW, _REST_OF_FEW = 6, np.log(0.2)  # the same of fewer channels, which differ less steadily
_LOUD = np.log(2.0)  # growth of all channels
_OPEN = np.log(4.5)  # the same as recorded only
_LOUDER = np.log(2.1), np.log(4.0)  # growth of a channel, beyond what others have grown
_FAINT = -np.log(0.37), -np.log(0.22)  # loss of a channel, beyond what others have lost
_OTHERS = 0.25  # share of the channels that changes least: what others have grown or lost
_EXCUSED = 0.1  # by how much others may have changed the other way
_STAYS = 0.5  # share of a limit under which what was beyond it must fall
_RIM = 0.58  # height on a unit sphere under which the second number holds: eyes, jaw, temples
_LOOSE = -np.log(0.45)  # the same of a channel that has little in common with any other
_ABOVE, _BELOW = np.log(1.3), np.log(0.5)  # of calibration: a step back to it is no fault

_HUMS = 0.5  # share of a channel's standard deviation from which it is hum
_APART = 0.5  # correlation with every other channel under which one has nothing in common
_TOGETHER = 0.7  # what it must have been before
_HEAD = (
    "The channels carry the same signal, or hardly any (a test signal, shorted inputs or another "
    "gain): {times:.0f} times less than at calibration differs between them"
)
_NOISE = "The channels have nothing in common, unlike those of a head"
_STEP = "All channels are {times:.1f} times as large as before: another gain, or movement"


class Levels:
    """The usual level of a stream, learned while nothing is wrong with it.

    Parameters
    ----------
    limits : ArtifactLimits
    names : sequence of str
        Of the channels.
    hop : float
        Seconds between two measurements.
    """

    def __init__(self, limits: ArtifactLimits, names: Sequence[str], hop: float) -> None:
        self._limits = limits
        places = [direction(name) for name in names]
        self._rim = rim = np.array([place is not None and place[2] < _RIM for place in places])
        self._louder = np.maximum(np.where(rim, *_LOUDER[::-1]), limits.grown)
        self._faint = np.maximum(np.where(rim, *_FAINT[::-1]), limits.shrunk)
        self._level = np.log(limits.level)
        self._ready, self._share = _READY / hop, hop / _FOLLOWS
        self._count = 0
        self._usual = np.zeros((4, len(limits.level)))  # logarithms
        self._rest = 0.0
        self._shared = 0.0
        self._larger = np.zeros(len(limits.level), dtype=bool)
        self._smaller = np.zeros(len(limits.level), dtype=bool)
        self._loud = False  # whether all channels have grown

    @property
    def known(self) -> bool:
        """Whether enough has come to know what is usual."""
        return self._count >= self._ready

    def doubt(self, measures: Measures) -> str | None:
        """Return what is wrong with all channels together, in words."""
        limits, rest = self._limits, _log(measures.rest)
        few = len(self._level) < _FEW
        if rest - np.log(limits.rest) < (_REST_OF_FEW if few else _REST):
            return _HEAD.format(times=limits.rest / max(measures.rest, _LEAST_UV))
        before = max(self._shared if self.known else 0.0, limits.shared)
        if median(measures.shared) < _APART and before > _TOGETHER:
            return _NOISE
        if self.known:
            change = _log(measures.levels) - self._usual  # (4, channels)
            medians = median(change)
            grown = min(float(medians.min()), float(rest - self._rest))
            self._loud = grown > (_STAYS if self._loud else 1.0) * _LOUD
            if self._loud or medians[:2].min() > _OPEN:  # as recorded: hum on open inputs
                return _STEP.format(times=np.exp(max(grown, medians[:2].min())))
        return None

    def see(self, measures: Measures) -> None:
        """Take a measurement, whatever is wrong with it: a change stands until it is over."""
        grown, shrunk = self.changes(measures)
        self._larger = grown > np.where(self._larger, _STAYS, 1.0) * self._louder
        self._smaller = shrunk > np.where(self._smaller, _STAYS, 1.0) * self._faint

    def changes(self, measures: Measures) -> tuple[np.ndarray, np.ndarray]:
        """Return by how much each channel has grown and shrunk, beyond what others have.

        Others are the quarter of the channels that changed least, so that a gain is seen that
        half of an amplifier has changed.

        Returns
        -------
        grown, shrunk : ndarray, shape (channels,)
            Natural logarithms, of what is slow and fast in it alike; 0 while it is not known.
        """
        if not self.known:
            return np.zeros(len(self._level)), np.zeros(len(self._level))
        change = _log(measures.levels) - self._usual
        # What one channel lacks is seen as recorded: a reference brings in all the others.
        return _beyond(change.min(axis=0)), _beyond(-change[:2].max(axis=0))

    def swings(self, measures: Measures) -> tuple[np.ndarray, np.ndarray]:
        """Return which channels are much larger and much smaller than before.

        Returns
        -------
        larger, smaller : ndarray of bool, shape (channels,)
        """
        hums = measures.mains > _HUMS * measures.deviation  # they have a limit of their own
        slow = _log(measures.levels[0])
        above = slow - self._level  # calibration
        larger = self._larger & ~hums & (above > _ABOVE)
        smaller = (self._smaller | self._loose(slow, measures)) & ~(above > _BELOW)
        return larger, smaller

    def _loose(self, slow: np.ndarray, measures: Measures) -> np.ndarray:
        """Return which channels have lost most of what they had in common with others."""
        alone: np.ndarray = (measures.shared < _APART) & ~self._rim
        # A stream may begin with an electrode that is off: then calibration knows better.
        known = [(self._level, self._limits.shared)]
        known += [(self._usual[0], self._shared)] if self.known else []
        loose = np.zeros(len(self._level), dtype=bool)
        if alone.any():
            for usual, shared in known:
                lost = usual - slow
                loose |= alone & (lost - median(lost) > _LOOSE) & (shared > _TOGETHER)
        return loose

    def learn(self, measures: Measures) -> None:
        """Take a measurement that nothing was wrong with."""
        share = max(self._share, 1.0 / (self._count + 1))
        follow = np.inf if self._count < self._ready else _FOLLOWED
        change = _log(measures.levels) - self._usual
        self._usual += share * np.clip(change, -follow, follow)
        rest = float(_log(measures.rest)) - self._rest
        self._rest += share * min(max(rest, -follow), follow)
        self._shared += share * (float(median(measures.shared)) - self._shared)
        self._count += 1


def _log(values: np.ndarray | float) -> np.ndarray:
    return np.log(np.maximum(values, _LEAST_UV))


def _beyond(change: np.ndarray) -> np.ndarray:
    """Return what changed by more than a quarter of the channels did, (channels,)."""
    others = np.sort(change)[int(_OTHERS * (len(change) - 1))]
    beyond: np.ndarray = change - np.maximum(others, -_EXCUSED)
    return beyond

"""A schedule of faults, and what it makes of the pieces of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from simulation.faults.fault import Fault, Sent, Source


@dataclass(frozen=True)
class Parcel:
    """Samples as they are sent, in order.

    Attributes
    ----------
    samples : ndarray of float32, shape (n, channels)
        In µV, all channels of the source in its order.
    positions : ndarray of int64, shape (n,)
        Where they come from in the signal.
    stamps : ndarray of float64, shape (n,)
        Seconds after the time of the first sample of the signal.
    due : ndarray of float64, shape (n,)
        When each is sent, on the same clock.
    """

    samples: np.ndarray
    positions: np.ndarray
    stamps: np.ndarray
    due: np.ndarray


class Schedule:
    """Faults, in the order in which they are done to a stream.

    Parameters
    ----------
    faults : sequence of Fault
    source : Source
        The stream they are done to.

    Raises
    ------
    InputError
        If one of them cannot be done to it.
    """

    def __init__(self, faults: Sequence[Fault], source: Source) -> None:
        for fault in faults:
            fault.check(source)
        self.faults, self.source = tuple(faults), source
        spans = [edge for fault in faults for edge in fault.span(source.rate)]
        self.edges = sorted({int(edge) for edge in spans if edge < np.inf})
        """Positions at which a fault begins or ends."""
        self._before: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # positions and samples

    def apply(self, samples: np.ndarray, positions: np.ndarray) -> Parcel:
        """Do all faults to some samples; any split of the same samples, in order, gives the same.

        Parameters
        ----------
        samples : ndarray, shape (n, channels)
            In µV. Left as they are.
        positions : ndarray of int, shape (n,)
            On the sample grid of the signal.
        """
        spoilt = np.array(samples, dtype=np.float64)
        kept = np.ones(len(positions), dtype=bool)
        times = positions / self.source.rate
        for index, fault in enumerate(self.faults):
            spoilt = self._altered(index, spoilt, positions)
            kept &= fault.keep(positions, self.source)
            times = fault.taken(times, positions, self.source)
        due = self._paced(times, positions)
        stamps = times
        for fault in self.faults:
            stamps = fault.stamp(stamps, due, positions, self.source)
        sent = np.flatnonzero(kept)
        for fault in self.faults:
            sent = sent[fault.order(positions[sent], self.source)]
        return Parcel(spoilt[sent].astype(np.float32), positions[sent], stamps[sent], due[sent])

    def due(self, position: float) -> float:
        """Return when the sample at a position is sent, or would be, were it not lost."""
        positions = np.array([position])
        times = positions / self.source.rate
        for fault in self.faults:
            times = fault.taken(times, positions, self.source)
        return float(self._paced(times, positions)[0])

    def outlets(self, first: Sent, position: float) -> list[Sent]:
        """Return the outlets that are open at a position; without faults only the first."""
        open_ = [first]
        for fault in self.faults:
            open_ = fault.outlets(open_, position, self.source)
        return open_

    def cut(self, positions: np.ndarray) -> Iterator[slice]:
        """Cut increasing positions where a fault begins or ends."""
        bounds = [0, *np.searchsorted(positions, self.edges).tolist(), len(positions)]
        for start, stop in pairwise(bounds):
            if stop > start:
                yield slice(start, stop)

    def _altered(self, index: int, samples: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return what a fault makes of samples, and of those before them that it reaches for."""
        fault = self.faults[index]
        reach = fault.reach(self.source.rate)
        if not reach or not len(positions):
            return fault.alter(samples, positions, self.source)
        before = self._before.get(index)
        if before is not None and before[0][-1] + 1 == positions[0]:
            positions = np.concatenate([before[0], positions])
            joined = np.concatenate([before[1], samples])
        else:
            joined = samples
        altered = fault.alter(joined, positions, self.source)
        self._before[index] = positions[-reach:], altered[-reach:].copy()
        return altered[len(altered) - len(samples) :]

    def _paced(self, times: np.ndarray, positions: np.ndarray) -> np.ndarray:
        for fault in self.faults:
            times = fault.pace(times, positions, self.source)
        return times

"""Sending samples when their time has come, through outlets that a schedule opens and closes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from core.stream.outlets import SignalOutlet
from simulation.faults.fault import Sent
from simulation.faults.schedule import Schedule
from simulation.faults.truth import Teller

_LINGER = 2.0  # s that a finished stream stays for receivers to read its last samples


class Sender:
    """One signal being sent, with everything that its schedule does to it.

    Parameters
    ----------
    name, type, unit, source_id : str
        Of the stream, as in `SignalOutlet`.
    schedule : Schedule
        Knows the rate and the labels too. Without faults every sample is sent at its time.
    speed : float
        Times real time.
    stop : Event
        Ends every wait, from another thread.
    truth : callable
        Gets what is done, fact by fact.

    Attributes
    ----------
    sent : int
        Samples given to the outlet.
    """

    def __init__(
        self,
        name: str,
        type: str,
        unit: str,
        source_id: str,
        schedule: Schedule,
        speed: float,
        stop: threading.Event,
        truth: Callable[[dict[str, Any]], None],
    ) -> None:
        import pylsl

        self.sent = 0
        self._name, self._type = name, type
        self._schedule, self._speed, self._stop = schedule, speed, stop
        labels, self._rate = schedule.source.labels, schedule.source.rate
        self._first = Sent(0, source_id, labels, tuple(range(len(labels))), unit)
        self._open: dict[Sent, SignalOutlet] = {}
        self._teller = Teller(schedule.faults, self._rate, truth, pylsl.local_clock)
        self._began = self._stamp = 0.0  # s, LSL clock and stamp at the first sample
        self._arrange(0)

    @property
    def outlet(self) -> SignalOutlet | None:
        """The outlet that is open now; the first, if there are several."""
        return next(iter(self._open.values()), None)

    def begin(self, stamp_speed: float = 1.0) -> float:
        """Let the first sample's time be now; return its stamp.

        Parameters
        ----------
        stamp_speed : float
            Stamps are those of a clock that runs so much faster than LSL's.
        """
        import pylsl

        self._began = pylsl.local_clock()
        self._stamp = self._began * stamp_speed
        self._teller.start(self._name, self._rate, self._schedule.source.labels, self._stamp)
        return self._stamp

    def late(self, position: int) -> float:
        """Return by how many seconds the sample at a position should have been sent already."""
        import pylsl

        lateness: float = pylsl.local_clock() - self._due(position)
        return lateness

    def ready(self, positions: np.ndarray) -> Iterator[slice]:
        """Give the parts of some samples, each when it is time to send it; less if stopped.

        Parameters
        ----------
        positions : ndarray of int, shape (n,)
            On the stream's sample grid; its first sample is 0.
        """
        for part in self._schedule.cut(positions):
            first, last = int(positions[part][0]), int(positions[part][-1])
            self._teller.reach(first)
            self._arrange(first)
            while (late := self.late(last)) < 0:
                if self._stop.wait(-late):
                    return
            if self._stop.is_set():
                return
            yield part

    def send(self, samples: np.ndarray, positions: np.ndarray) -> None:
        """Send what the schedule leaves of a part that is ready.

        Parameters
        ----------
        samples : ndarray, shape (n, channels)
            In µV.
        positions : ndarray of int, shape (n,)
        """
        parcel = self._schedule.apply(samples, positions)
        stamps = self._stamp + parcel.stamps
        for description, outlet in self._open.items():
            taken = np.take(parcel.samples, description.columns, axis=1)
            outlet.push(taken * np.float32(description.factor), stamps)
        self._teller.sent(parcel, stamps)
        self.sent += len(stamps)

    def end(self) -> None:
        """Say that it is over, and stay while receivers read what is on its way.

        It is gone as soon as the outlet is.
        """
        import pylsl

        self._teller.stop()
        end = pylsl.local_clock() + _LINGER
        while any(o.has_consumers() for o in self._open.values()) and pylsl.local_clock() < end:
            if self._stop.wait(0.05):
                return

    def _due(self, position: int) -> float:
        return self._began + self._schedule.due(position) / self._speed

    def _arrange(self, position: int) -> None:
        """Close and open outlets, so that those are there that should be."""
        wanted = self._schedule.outlets(self._first, position)
        for description in [key for key in self._open if key not in wanted]:
            self._open.pop(description).close()
        for description in wanted:
            if description not in self._open:
                self._open[description] = SignalOutlet(
                    self._name,
                    self._type,
                    description.labels,
                    description.unit,
                    self._rate,
                    description.source_id,
                    self._speed,
                )

"""The truth file: what a source did to its stream, and when."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from simulation.faults.fault import Fault
from simulation.faults.schedule import Parcel
from simulation.faults.spec import text

_EVEN = 1e-7  # s by which stamps may lie off a line that is written for them


class Teller:
    """Says what a source does while it does it: one fact, one line of the truth file.

    Parameters
    ----------
    faults : sequence of Fault
    rate : float
        Of the stream in Hz.
    note : callable
        Gets the facts.
    clock : callable
        The LSL clock, in seconds.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        rate: float,
        note: Callable[[dict[str, Any]], None],
        clock: Callable[[], float],
    ) -> None:
        spans = [fault.span(rate) for fault in faults]
        self._ahead = sorted(
            (edge, event, number)
            for number, span in enumerate(spans)
            for event, edge in zip(("begin", "end"), span, strict=True)
            if edge < np.inf
        )
        self._faults, self._note, self._clock = faults, note, clock
        self._sent = 0

    def start(self, name: str, rate: float, labels: Sequence[str], stamp: float) -> None:
        """Say who sends, and the stamp of the first sample, were there no faults."""
        fact = {"name": name, "rate": rate, "labels": list(labels), "stamp": stamp}
        self._say("start", fact)

    def reach(self, position: int) -> None:
        """Say which faults begin or end before the sample at a position is sent."""
        while self._ahead and self._ahead[0][0] <= position:
            edge, event, number = self._ahead.pop(0)
            fault = self._faults[number]
            fact = {"number": number, "fault": fault.word, "spec": text(fault)}
            fact |= {"touches": fault.touches, "sample": int(edge), "sent": self._sent}
            self._say(event, fact)

    def sent(self, parcel: Parcel, stamps: np.ndarray) -> None:
        """Say which samples are sent, and their stamps."""
        edges = np.flatnonzero(np.diff(parcel.positions) != 1) + 1
        for run in np.split(np.arange(len(stamps)), edges):
            if len(run):
                fact = {"sample": int(parcel.positions[run[0]]), "count": len(run)}
                self._say("sent", fact | {"stamps": _line(stamps[run])})
                self._sent += len(run)

    def stop(self) -> None:
        """Say how many samples were sent."""
        self._say("stop", {"sent": self._sent})

    def _say(self, event: str, fact: dict[str, Any]) -> None:
        self._note({"event": event, **fact, "clock": self._clock()})


@dataclass(frozen=True)
class Happened:
    """A fault that was done.

    Attributes
    ----------
    fault, spec : str
        Its kind, and the whole of it.
    touches : str
        What it does to a window: "lost", "altered", "break" or "nothing".
    samples : tuple of float
        Positions in the signal at which it began and ended; infinite if it went on.
    sent : tuple of float
        Samples that had been sent by then.
    clock : tuple of float
        The LSL clock then, in seconds.
    """

    fault: str
    spec: str
    touches: str
    samples: tuple[float, float]
    sent: tuple[float, float]
    clock: tuple[float, float]


@dataclass(frozen=True)
class Truth:
    """What a truth file says.

    Attributes
    ----------
    rate : float
        Of the stream in Hz.
    stamp : float
        Of the first sample, were there no faults, in seconds.
    positions : ndarray of int64, shape (n,)
        Of every sample that was sent, in the order of sending.
    stamps : ndarray of float64, shape (n,)
        As they were sent, in seconds.
    happened : tuple of Happened
        In the order in which the faults began.
    """

    rate: float
    stamp: float
    positions: np.ndarray
    stamps: np.ndarray
    happened: tuple[Happened, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a truth file; the sender may still be writing it."""
        text = path.read_text(encoding="utf-8")
        lines = text[: text.rfind("\n") + 1].splitlines()  # the last one may be half written
        return cls.of([json.loads(line) for line in lines])

    @classmethod
    def of(cls, facts: Sequence[dict[str, Any]]) -> Self:
        """Put together the facts that a `Teller` gave."""
        begun: dict[int, dict[str, Any]] = {}
        ended: dict[int, dict[str, Any]] = {}
        runs = []
        for fact in facts:
            if fact["event"] == "sent":
                runs.append((fact["sample"], fact["count"], fact["stamps"]))
            elif fact["event"] in ("begin", "end"):
                (begun if fact["event"] == "begin" else ended)[fact["number"]] = fact
        never = {"sample": np.inf, "sent": np.inf, "clock": np.inf}
        happened = []
        for number, first in begun.items():
            last = ended.get(number, never)
            both = {key: (first[key], last[key]) for key in never}
            happened.append(
                Happened(
                    first["fault"],
                    first["spec"],
                    first["touches"],
                    both["sample"],
                    both["sent"],
                    both["clock"],
                )
            )
        return cls(
            facts[0]["rate"],
            facts[0]["stamp"],
            np.concatenate([np.arange(i, i + n) for i, n, *_ in runs] or [np.empty(0, int)]),
            np.concatenate([_points(stamps, n) for _, n, stamps in runs] or [np.empty(0)]),
            tuple(happened),
        )

    def position(self, stamp: float, after: int = 0) -> float:
        """Return the place in the signal of a stamp, between two samples too.

        Parameters
        ----------
        stamp : float
            As sent, in seconds.
        after : int
            Only places from here on count: stamps may come twice where they jumped back.

        Raises
        ------
        ValueError
            If nothing was sent from there on.
        """
        late = self.positions >= after
        if not late.any():
            raise ValueError(f"Nothing was sent from sample {after} on.")
        stamps, positions = self.stamps[late], self.positions[late]
        nearest = int(np.argmin(np.abs(stamps - stamp)))
        return float(positions[nearest] + (stamp - stamps[nearest]) * self.rate)

    def touched(self, first: float, last: float) -> tuple[str, ...]:
        """Return why a window from one position to another must be refused; empty if it need not.

        It must if one of its samples was lost or altered, or if it lies across a break.
        """
        begin, end = int(np.ceil(first)), int(np.floor(last))
        inside = (self.positions >= begin) & (self.positions <= end)
        why = ["lost"] if np.count_nonzero(inside) < end - begin + 1 else []
        for happened in self.happened:
            start, stop = happened.samples
            if happened.touches == "altered" and start <= end and stop > begin:
                why.append(happened.spec)
            if happened.touches == "break" and any(begin < edge <= end for edge in (start, stop)):
                why.append(happened.spec)
        return tuple(why)


def _line(stamps: np.ndarray) -> list[float]:
    """Return the first and the last stamp if the others lie evenly between them, else all."""
    even = np.linspace(stamps[0], stamps[-1], len(stamps))
    uneven = np.abs(even - stamps).max() > _EVEN
    return [float(stamp) for stamp in (stamps if uneven else stamps[[0, -1]])]


def _points(stamps: Sequence[float], count: int) -> np.ndarray:
    """Return all stamps of what `_line` gave."""
    if len(stamps) == count:
        return np.array(stamps)
    first, last = stamps
    return np.linspace(first, last, count)

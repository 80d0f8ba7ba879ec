"""Decisions on an axis of time: what each of them stands for, and where they are alike."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from realtime.engine.snapshot import Decision

_PAUSE = 0.7  # s without a decision that are a hole; two hops of the longest kind are half a second
_USUAL = 0.25  # s that a decision stands for where none came shortly before
_ODD = 5.0  # s: stamps that are further from the clock say nothing about when


@dataclass(frozen=True)
class HistoryStep:
    """One decision, and the time it stands for: from the one before it to itself.

    Attributes
    ----------
    start, stop : float
        LSL clock, in seconds.
    decision : Decision
    """

    start: float
    stop: float
    decision: Decision

    @property
    def kind(self) -> str:
        """Its status; "ok" only if it carries probabilities."""
        known = self.decision.status != "ok" or self.decision.probabilities
        return self.decision.status if known else "unknown"


@dataclass
class HistorySpan:
    """Neighbouring steps that are alike.

    Attributes
    ----------
    start, stop : float
        LSL clock, in seconds.
    kind : str
        What they share.
    """

    start: float
    stop: float
    kind: str


class DecisionHistory:
    """The last decisions, of which every one is looked at once.

    Parameters
    ----------
    seconds : float
        How far back it reaches.

    Attributes
    ----------
    steps : deque of Step
        Oldest first; none overlaps another.
    statuses : deque of Stretch
        Steps joined by status.
    decisions : deque of Stretch
        Steps joined by the class decided for; those without one are left out.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.steps: deque[HistoryStep] = deque()
        self.statuses: deque[HistorySpan] = deque()
        self.decisions: deque[HistorySpan] = deque()

    @property
    def newest(self) -> float:
        """When the newest decision was made."""
        return self.steps[-1].stop

    def continued_by(self, recent: Sequence[Decision]) -> bool:
        """Whether these decisions are the same ones, or some of the same with newer ones.

        Not if they are timed by another clock, as after another sender was taken.
        """
        if not self.steps:
            return True
        last = self.steps[-1].decision
        if recent and _when(recent[-1], last) < self.newest - _ODD:
            return False
        return any(decision is last for decision in reversed(recent))

    def take(self, recent: Sequence[Decision]) -> None:
        """Take decisions, of which those that are not known yet are the newest."""
        last = self.steps[-1].decision if self.steps else None
        new: list[Decision] = []
        for decision in reversed(recent):
            if decision is last:
                break
            new.append(decision)
        for decision in reversed(new):
            self._add(decision)
        if self.steps:
            oldest = self.newest - self.seconds
            for known in (self.steps, self.statuses, self.decisions):
                while known and known[0].stop <= oldest:
                    known.popleft()

    def since(self, time: float) -> list[HistoryStep]:
        """Return the steps that reach beyond a time, and the one before them."""
        steps: list[HistoryStep] = []
        for step in reversed(self.steps):
            steps.append(step)
            if step.stop < time:
                break
        return steps[::-1]

    @property
    def seconds_by_status(self) -> dict[str, float]:
        """How many of its seconds have each status."""
        by_status: dict[str, float] = {}
        for stretch in self.statuses:
            length = stretch.stop - max(stretch.start, self.newest - self.seconds)
            by_status[stretch.kind] = by_status.get(stretch.kind, 0.0) + length
        return by_status

    def _add(self, decision: Decision) -> None:
        before = self.steps[-1] if self.steps else None
        stop = _when(decision, None if before is None else before.decision)
        if before is not None and stop < before.stop - _ODD:
            for known in (self.steps, self.statuses, self.decisions):
                known.clear()  # when that was cannot be said by the new clock
            before, stop = None, _when(decision, None)
        start = stop - _USUAL
        if before is not None:
            stop = max(stop, before.stop)  # time that goes back stands still here
            start = before.stop if stop - before.stop <= _PAUSE else start
        step = HistoryStep(start, stop, decision)
        self.steps.append(step)
        _join(self.statuses, start, stop, step.kind)
        if step.kind == "ok" and decision.decision is not None:
            _join(self.decisions, start, stop, decision.decision)


def _when(decision: Decision, before: Decision | None) -> float:
    """Return the end of a decision's window, or of the wait for samples that did not come."""
    waited = before is not None and decision.time <= before.time
    return decision.made if waited or abs(decision.made - decision.time) > _ODD else decision.time


def _join(known: deque[HistorySpan], start: float, stop: float, kind: str) -> None:
    """Make the newest stretch longer, or begin another."""
    if known and known[-1].kind == kind and known[-1].stop == start:
        known[-1].stop = stop
    else:
        known.append(HistorySpan(start, stop, kind))

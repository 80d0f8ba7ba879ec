"""The last minute of decisions, as many of them as a screen can show."""

from __future__ import annotations

from collections import deque
from itertools import takewhile

import numpy as np

from realtime.engine.snapshot import Decision

_SECONDS = 60.0
_STEP = 0.25  # s between two that are kept, unless something changed


class RecentDecisions:
    """Remembers decisions for a strip of a minute, whose pixels are a twentieth of a second.

    With a short hop a minute has thousands of decisions, more than it has pixels. One is kept every
    quarter of a second, and every one whose status or decision is another than before. Ages are
    those of all.

    Parameters
    ----------
    hop : float
        Seconds between two decisions.
    """

    def __init__(self, hop: float) -> None:
        self._kept: deque[tuple[float, Decision]] = deque()  # when it was made, and it
        self._newest: deque[Decision] = deque(maxlen=max(round(_SECONDS / hop), 1))
        self._ages: deque[float] = deque(maxlen=max(round(_SECONDS / hop), 1))  # ms
        self._percentiles: tuple[float, float] | None = None  # of them, until there is another
        self._step = max(_STEP, hop) - 0.5 * hop

    def add(self, decision: Decision, now: float) -> None:
        """Remember a decision that was made now, in seconds of any clock that goes on."""
        self._newest.append(decision)
        if decision.status == "ok" and decision.age_ms is not None:
            self._ages.append(decision.age_ms)
            self._percentiles = None
        if self._kept:
            time, last = self._kept[-1]
            same = (decision.status, decision.decision) == (last.status, last.decision)
            if same and now - time < self._step:
                return
        self._kept.append((now, decision))
        while now - self._kept[0][0] > _SECONDS:
            self._kept.popleft()

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Those that were kept, oldest first."""
        return tuple(decision for _, decision in self._kept)

    def after(self, index: int) -> tuple[Decision, ...]:
        """Return every decision of the last minute with a greater index, oldest first."""
        newer = takewhile(lambda decision: decision.index > index, reversed(self._newest))
        return tuple(newer)[::-1]

    @property
    def ages_ms(self) -> tuple[float, float] | tuple[None, None]:
        """Median and 95th percentile of the ages of a minute, in ms; None where there is none."""
        if not self._ages:
            return None, None
        if self._percentiles is None:
            half, most = np.percentile(self._ages, [50, 95])
            self._percentiles = float(half), float(most)
        return self._percentiles

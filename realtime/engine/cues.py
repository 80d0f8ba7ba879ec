"""The cues of a live stream, and the trials that they make with what is decided."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.errors import one_line
from core.stream.description import StreamIdentity
from core.stream.marker_feed import MarkerFeed
from realtime.engine.cued_trials import Cue, CuedTrial, CuedTrials, class_of
from realtime.engine.snapshot import Decision

_SECONDS = 60.0  # of cues that a screen shows
_MOST = 200  # cues that it shows
_LABELS = 8  # of markers that are named
_ABSENT = 5.0  # s after which a marker stream that was asked for is missed
_STRANGE = 3  # times that a marker comes before it is said that none was a cue


class CueWatch:
    """Reads markers for the engine, and makes trials of cues and decisions.

    Parameters
    ----------
    feed : MarkerFeed or None
        Closed with this; None where no other program sends markers.
    classes : sequence of str
        Of the decoder.
    events : mapping
        Label of a marker -> class, as `class_of` takes it.
    rate : float
        Of `Decision.sample`, in Hz.
    asked : bool
        Whether a person asked for this stream, and is to hear if it is not there.
    """

    def __init__(
        self,
        feed: MarkerFeed | None,
        classes: Sequence[str],
        events: Mapping[str, str],
        rate: float,
        asked: bool = False,
    ) -> None:
        self._feed, self._classes, self._events = feed, tuple(classes), dict(events)
        self._rate, self._asked = rate, asked
        self._begun: float | None = None  # s, by the clock of `problem`
        self._latest: Decision | None = None
        self._trials = CuedTrials()
        self._marked: deque[tuple[str, float, str]] = deque()  # by a feedback task, not read yet
        self._recent: deque[Cue] = deque(maxlen=_MOST)
        self._any_cue = False
        self._strange = Counter[str]()  # labels of markers of the stream before its first cue
        self.cues: tuple[Cue, ...] | None = None if feed is None else ()

    @property
    def trials(self) -> tuple[CuedTrial, ...]:
        """Those that are over, oldest first."""
        return self._trials.trials

    def read(self, signal: StreamIdentity, correction: float) -> list[Cue]:
        """Return the markers that came, as `MarkerFeed.read` times them."""
        received = () if self._feed is None else self._feed.read(signal, correction)
        cues = [self._cue(m.time, m.text) for m in received]
        while self._marked:
            label, time, task = self._marked.popleft()
            cues.append(replace(self._cue(time, label), task=task))
        for cue in cues:
            self._recent.append(cue)
            self._trials.take(cue)
            if not cue.task:
                self._any_cue |= bool(cue.name)
                if cue.label in self._strange or len(self._strange) < _LABELS:
                    self._strange[cue.label] += not self._any_cue
        if cues:
            newest = self._recent[-1].time
            self.cues = tuple(cue for cue in self._recent if newest - cue.time <= _SECONDS)
        return cues

    def listen(self, feed: MarkerFeed) -> None:
        """Read these markers from now on, in any thread, as somebody asked for them."""
        before, self._feed, self._asked = self._feed, feed, True
        self._any_cue, self._strange = False, Counter()
        if self.cues is None:
            self.cues = ()
        if before is not None:  # closing waits for a search that is under way
            threading.Thread(target=before.close, name="close markers", daemon=True).start()

    def renew(self) -> None:
        """Open the stream of markers anew, as `MarkerFeed.renew`."""
        if self._feed is not None:
            self._feed.renew()

    def mark(self, label: str, time: float, task: str) -> None:
        """Take a marker of a feedback task, in any thread, at a time of the signal's clock."""
        self._marked.append((label, time, task))

    def decide(self, decision: Decision) -> None:
        """Take a decision as it is given away."""
        self._latest = decision
        self._trials.decide(decision.time, decision.decision)

    @property
    def dropped(self) -> int:
        """Markers that were dropped before they were read."""
        return 0 if self._feed is None else self._feed.dropped_markers

    def problem(self, now: float) -> str:
        """Return what keeps cues away: no markers, for some seconds, or none that is a cue."""
        problem = "" if self._feed is None else self._feed.problem
        if self._begun is None or not problem:
            self._begun = now
        if self._asked and now - self._begun > _ABSENT:
            return problem.split("\n")[0]
        often = max(self._strange.values(), default=0) >= _STRANGE
        if not often or self._any_cue or not self._classes:
            return ""
        labels = ", ".join(one_line(label, 40) for label in self._strange)
        return (
            f"Markers came ({labels}), and none is a cue of {' or '.join(self._classes)}: trials "
            "are neither scored nor learned from. Name the cues with --event LABEL=CLASS."
        )

    def close(self) -> None:
        """Stop reading."""
        if self._feed is not None:
            self._feed.close()

    def _cue(self, time: float, label: str) -> Cue:
        latest, sample = self._latest, None
        if latest is not None:
            sample = latest.sample + round((time - latest.time) * self._rate)
        return Cue(time, sample, label, class_of(label, self._classes, self._events))

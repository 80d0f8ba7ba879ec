"""The cues of a live stream, and the trials that they make with what is decided."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from core.stream.description import StreamIdentity
from core.stream.marker_feed import MarkerFeed
from realtime.engine.cued_trials import Cue, CuedTrial, CuedTrials, class_of
from realtime.engine.snapshot import Decision

_SECONDS = 60.0  # of cues that a screen shows
_MOST = 200  # cues that it shows
_ABSENT = 5.0  # s after which a marker stream that was asked for is missed


class CueWatch:
    """Reads markers for the engine, and makes trials of cues and decisions.

    Parameters
    ----------
    feed : MarkerFeed
        Closed with this.
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
        feed: MarkerFeed,
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
        self._recent: deque[Cue] = deque(maxlen=_MOST)
        self.cues: tuple[Cue, ...] = ()

    @property
    def trials(self) -> tuple[CuedTrial, ...]:
        """Those that are over, oldest first."""
        return self._trials.trials

    def read(self, signal: StreamIdentity, correction: float) -> list[Cue]:
        """Return the markers that came, as `MarkerFeed.read` times them."""
        cues = [self._cue(m.time, m.text) for m in self._feed.read(signal, correction)]
        for cue in cues:
            self._recent.append(cue)
            if cue.name:
                self._trials.cue(cue.time, cue.name)
        if cues:
            newest = self._recent[-1].time
            self.cues = tuple(cue for cue in self._recent if newest - cue.time <= _SECONDS)
        return cues

    def decide(self, decision: Decision) -> None:
        """Take a decision as it is given away."""
        self._latest = decision
        self._trials.decide(decision.time, decision.decision)

    def problem(self, now: float) -> str:
        """Return what keeps the asked markers away, if it does so for some seconds already."""
        if self._begun is None or not self._feed.problem:
            self._begun = now
        late = self._asked and now - self._begun > _ABSENT
        return self._feed.problem.split("\n")[0] if late else ""

    def close(self) -> None:
        """Stop reading."""
        self._feed.close()

    def _cue(self, time: float, label: str) -> Cue:
        latest, sample = self._latest, None
        if latest is not None:
            sample = latest.sample + round((time - latest.time) * self._rate)
        return Cue(time, sample, label, class_of(label, self._classes, self._events))

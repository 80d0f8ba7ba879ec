"""Cues and what was decided after them: the score of live decoding, and of its log afterwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from core.decoding.decoder import Decoder
from core.errors import InputError
from core.fitting.trials.cues import AT_ONCE
from core.metrics import chance_bound, information_transfer_rate
from simulation.cues import GDF

IMAGERY = 4.0
"""Seconds of imagery after a cue, in which decisions count."""
EDGE = 1e-6
"""Seconds by which a decision at the very end of a trial, rounded, may be late and still counts."""

HIT, MISS, NONE = "hit", "miss", "none"
"""What a trial of a feedback task comes to."""
TASK_ENDS = tuple(f"task/{outcome}" for outcome in (HIT, MISS, NONE))
"""Markers of a feedback task that end the imagery of its newest cue."""
TASK_CANCEL = "task/cancel"
"""Marker of a feedback task after which its newest cue counts no more."""

_KEPT = 60.0  # s of decisions that wait for a cue which comes late


@dataclass(frozen=True)
class Cue:
    """A marker on the clock of the signal.

    Attributes
    ----------
    time : float
        In seconds, as `Decision.time`.
    sample : int or None
        As `Decision.sample`; None before the first decision.
    label : str
        The marker's text.
    name : str
        The class that it asks for; empty for other markers.
    task : str
        The feedback task that set it; empty for markers of other programs.
    """

    time: float
    sample: int | None
    label: str
    name: str
    task: str = ""

    @property
    def ends(self) -> bool:
        """Whether a feedback task says with it that its newest cue is over, or counts no more."""
        return bool(self.task) and self.label in (*TASK_ENDS, TASK_CANCEL)


@dataclass(frozen=True)
class CuedTrial:
    """A cue, and what was decided in the seconds after it.

    Attributes
    ----------
    time : float
        Of the cue, in seconds.
    asked : str
        The class of the cue.
    decided : str
        Of the last decision in these seconds; empty where there was none.
    seconds : float or None
        From the cue until that decision was reached and held to the end.
    """

    time: float
    asked: str
    decided: str
    seconds: float | None


class CuedTrials:
    """Makes trials of cues and decisions, whichever of them come first.

    The last decision within `IMAGERY` seconds of a cue is what a trial comes to; one without any
    counts as wrong, but where no window was looked at, as before decoding began or while it was
    paused, there is no trial. A trial is there once a decision was made on signal after these
    seconds. A cue within 0.1 s of the one before is the same, sent twice. A feedback task may end
    them earlier.

    Attributes
    ----------
    trials : tuple of CuedTrial
        Those that are over, by the order of their ends.
    """

    def __init__(self) -> None:
        self.trials: tuple[CuedTrial, ...] = ()
        self._decisions: deque[tuple[float, str | None]] = deque()
        self._open: list[tuple[float, float, str]] = []  # start and end in s, class
        self._last = -np.inf  # s, of the newest cue

    def take(self, cue: Cue) -> None:
        """Take a marker: the cue of a class, or what a feedback task says of its newest cue."""
        if cue.name:
            self.cue(cue.time, cue.name)
        elif cue.ends:
            self._end(cue.time, cue.label == TASK_CANCEL)

    def cue(self, time: float, asked: str) -> None:
        """Take a cue of a class."""
        if abs(time - self._last) > AT_ONCE:
            self._last = time
            self._open.append((time, time + IMAGERY + EDGE, asked))
            self._close()

    def decide(self, time: float, decision: str | None) -> None:
        """Take a decision; None where there was not enough evidence, or the window was refused."""
        self._decisions.append((time, decision))
        while abs(time - self._decisions[0][0]) > _KEPT:  # also of a clock that ran ahead
            self._decisions.popleft()
        self._close()

    def _end(self, time: float, cancelled: bool) -> None:
        """End the imagery that goes on at a time, or let its cue count no more."""
        going = [cue for cue in self._open if cue[0] <= time < cue[1]]
        self._open = [cue for cue in self._open if cue not in going]
        if not cancelled:
            self._open += [(start, time, asked) for start, _, asked in going]
        elif self.trials and self.trials[-1].time == self._last:
            self.trials = self.trials[:-1]

    def _close(self) -> None:
        if not self._open or not self._decisions:
            return
        newest = self._decisions[-1][0]
        over = [cue for cue in self._open if newest > cue[1]]
        if over:
            self._open = [cue for cue in self._open if cue not in over]
            self.trials += tuple(trial for cue in over if (trial := self._trial(*cue)) is not None)

    def _trial(self, time: float, end: float, asked: str) -> CuedTrial | None:
        during = [
            (moment - time, decision)
            for moment, decision in self._decisions
            if time < moment <= end
        ]
        if not during:
            return None  # nothing was decoded then: no trial of this decoder
        given = [k for k, (_, decision) in enumerate(during) if decision is not None]
        if not given:
            return CuedTrial(time, asked, "", None)
        decided = during[given[-1]][1]
        first = given[-1]
        while first > 0 and during[first - 1][1] == decided:
            first -= 1
        return CuedTrial(time, asked, decided or "", during[first][0])


@dataclass(frozen=True)
class CuedScore:
    """What trials come to.

    Attributes
    ----------
    trials : tuple of CuedTrial
    classes : tuple of str
        Of the decoder.
    """

    trials: tuple[CuedTrial, ...]
    classes: tuple[str, ...]

    @property
    def right(self) -> int:
        """Trials that were decided as asked."""
        return sum(trial.decided == trial.asked for trial in self.trials)

    @property
    def accuracy(self) -> float:
        """Share of right trials; NaN without any."""
        return self.right / len(self.trials) if self.trials else float("nan")

    @property
    def course(self) -> np.ndarray:
        """Accuracy after each trial, shape (trials,)."""
        right = [trial.decided == trial.asked for trial in self.trials]
        return np.asarray(np.cumsum(right) / np.arange(1, len(right) + 1))

    @property
    def chance(self) -> float:
        """Accuracy below which guessing stays in 19 of 20 cases, `core.metrics.chance_bound`."""
        return chance_bound(len(self.trials), len(self.classes))

    @cached_property
    def confusion(self) -> np.ndarray:
        """Trials by class asked and class decided, shape (classes, classes + 1); last: none."""
        columns = (*self.classes, "")
        counts = np.zeros((len(self.classes), len(columns)), dtype=int)
        for trial in self.trials:
            counts[self.classes.index(trial.asked), columns.index(trial.decided)] += 1
        return counts

    @property
    def bits_per_minute(self) -> float | None:
        """Information transfer rate at the pace of the cues; None before the second.

        Notes
        -----
        Wolpaw et al. (2000), as `core.metrics.information_transfer_rate`.
        """
        steps = [after.time - before.time for before, after in pairwise(self.trials)]
        pace = float(np.median(steps)) if steps else 0.0
        if pace <= 0.0:
            return None
        return information_transfer_rate(self.accuracy, len(self.classes), pace)

    @property
    def seconds(self) -> float | None:
        """Median of the time from cue to decision, of trials with one; None without any."""
        seconds = [trial.seconds for trial in self.trials if trial.seconds is not None]
        return float(np.median(seconds)) if seconds else None


def class_of(label: str, classes: Sequence[str], events: Mapping[str, str]) -> str:
    """Return the class that a marker asks for, empty if none.

    Parameters
    ----------
    label : str
        The marker's text.
    classes : sequence of str
        Of the decoder.
    events : mapping
        Label -> class, as the person or the decoder's fit has it; else a label is the name of a
        class, or its code in the General Data Format.
    """
    label = label.strip()
    name = events.get(label) or (label if label in classes else GDF.get(label, ""))
    return name if name in classes else ""


def known_events(decoder: Decoder) -> dict[str, str]:
    """Return label -> class of the events that a decoder was fitted with."""
    events = decoder.facts.fit.get("events", {})
    return {str(k): str(v) for k, v in events.items()} if isinstance(events, dict) else {}


def check_cues(decoder: Decoder, events: Mapping[str, str]) -> None:
    """Raise `InputError` if a label is said to ask for a class that a decoder does not have."""
    for label, name in events.items():
        if name not in decoder.classes:
            raise InputError(
                f"--event {label}={name} asks for a class that the decoder does not have; it has "
                f"{', '.join(decoder.classes)}."
            )

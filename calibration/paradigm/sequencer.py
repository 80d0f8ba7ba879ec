"""The course of a run: which trial comes when, and what begins at every moment. No clock, no Qt."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from calibration.paradigm.model import Label, Paradigm, cue_name, event_code
from core.errors import InputError

_STALL = 0.1  # s late: more than a slow frame, so what follows is moved instead of shortened
_RESTFUL = ("instructions", "break", "block_pause")  # phases in which a pause begins at once


@dataclass(frozen=True)
class PlannedTrial:
    """One cue and the break after it.

    Attributes
    ----------
    number : int
        From 1 over the whole session; practice counts too.
    label : str
        Name of the class.
    block : int
        From 1; practice is block 0.
    break_after : float
        Seconds.
    """

    number: int
    label: str
    block: int
    break_after: float

    @property
    def practice(self) -> bool:
        """Whether it does not count."""
        return self.block == 0


@dataclass(frozen=True)
class PlannedEvent:
    """Something to be marked.

    Attributes
    ----------
    name : str
        One of `calibration.paradigm.model.EVENTS`, or ``practice_`` and a class.
    code : int
        Of the General Data Format.
    duration : float
        Seconds; 0 for a moment.
    trial : int or None
        Number of the trial it belongs to.
    """

    name: str
    code: int
    duration: float = 0.0
    trial: int | None = None


@dataclass(frozen=True)
class Onset:
    """An event that has happened.

    Attributes
    ----------
    name, code, duration, trial
        As in `PlannedEvent`.
    time : float
        When it could be seen or heard, in seconds of this machine's LSL clock.
    """

    name: str
    code: int
    time: float
    duration: float = 0.0
    trial: int | None = None


@dataclass(frozen=True)
class TrialPhase:
    """A phase that begins.

    Attributes
    ----------
    phase : str
        "instructions", "baseline", "cross", "ready" (the cross after the tone), "cue",
        "imagery" (without the arrow), "break", "block_pause", "paused" or "done".
    seconds : float
        How long it lasts; infinite where only somebody ends it.
    trial : PlannedTrial or None
        The trial it belongs to; for breaks and pauses, the one before.
    events : tuple of PlannedEvent
        What begins with it.
    """

    phase: str
    seconds: float
    trial: PlannedTrial | None = None
    events: tuple[PlannedEvent, ...] = ()


def plan_trials(paradigm: Paradigm, seed: int) -> tuple[PlannedTrial, ...]:
    """Draw the order of a run.

    Every block holds as many trials of each class as of any other, or one more; the order
    within a block and the lengths of the breaks are random.

    Parameters
    ----------
    paradigm : Paradigm
        How many of what.
    seed : int
        The same seed draws the same trials.
    """
    chance = random.Random(seed)
    classes = list(paradigm.classes)
    chance.shuffle(classes)  # which class has one more where a block cannot be even
    turns = classes * paradigm.trials_per_class
    size = paradigm.trials_per_block
    blocks = [classes * paradigm.practice_per_class]
    blocks += [turns[start : start + size] for start in range(0, len(turns), size)]
    trials: list[PlannedTrial] = []
    for number, block in enumerate(blocks):
        chance.shuffle(block)
        for label in block:
            pause = chance.uniform(paradigm.break_shortest, paradigm.break_longest)
            trials.append(PlannedTrial(len(trials) + 1, label, number, round(pause, 3)))
    return tuple(trials)


def trials_from_json(text: str) -> tuple[PlannedTrial, ...]:
    """Return planned trials from a JSON list of their fields.

    Raises
    ------
    InputError
        If the text holds none.
    """
    try:
        trials = tuple(_trial(entry) for entry in json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"The plan of the trials cannot be read ({error}); start a new session instead."
        ) from error
    if not trials:
        raise InputError("The plan of the trials is empty; start a new session instead.")
    return trials


def _trial(entry: dict[str, Any]) -> PlannedTrial:
    trial = PlannedTrial(
        int(entry["number"]), entry["label"], int(entry["block"]), float(entry["break_after"])
    )
    if trial.label not in get_args(Label):
        raise ValueError(f"unknown class {trial.label!r}")
    if not 0.0 <= trial.break_after <= 60.0 or trial.number < 1 or trial.block < 0:
        raise ValueError(f"trial {trial.number} has an invalid number, block or break")
    return trial


class TrialSequencer:
    """Goes through a run as it is told the time.

    Parameters
    ----------
    paradigm : Paradigm
        What a trial is made of.
    trials : sequence of PlannedTrial
        The trials to do: all, or those that an interrupted run left.

    Attributes
    ----------
    current : TrialPhase or None
        The phase that is on; None before the first `advance`.
    completed : tuple of PlannedTrial
        Trials whose imagery ended in time.
    pausing : bool
        Whether a pause was asked for and waits for the end of a trial.

    Notes
    -----
    What follows a cue is counted from the cue's actual onset (`shown`), what follows anything
    else from when that was due, however late the tick was that began it. After a stall, though,
    the rest moves: no phase is shortened by more than a tenth of a second.
    """

    def __init__(self, paradigm: Paradigm, trials: Sequence[PlannedTrial]) -> None:
        self.current: TrialPhase | None = None
        self.completed: tuple[PlannedTrial, ...] = ()
        self.pausing = False
        self._paradigm = paradigm
        self._trials = tuple(trials)
        self._plan = _plan(paradigm, self._trials)
        self._next = 0  # step of the plan
        self._due = -math.inf  # when the current phase ends
        self._stopping = False

    @property
    def finished(self) -> bool:
        """Whether the run is over."""
        return self.current is not None and self.current.phase == "done"

    @property
    def paused(self) -> bool:
        """Whether everything waits for `resume`."""
        return self.current is not None and self.current.phase == "paused"

    @property
    def stopping(self) -> bool:
        """Whether an end was asked for and waits for the end of a trial."""
        return self._stopping and not self.finished

    def advance(self, now: float) -> tuple[TrialPhase, ...]:
        """Return the phases that have begun by now, in order.

        Parameters
        ----------
        now : float
            Seconds of any clock that does not go back.
        """
        begun: list[TrialPhase] = []
        while not self.finished:
            if self._resting and self._stopping:
                begun.append(self._end(now))
            elif self._resting and self.pausing:
                self.pausing = False
                begun.append(self._begin(TrialPhase("paused", math.inf, self._trial), now))
            elif now >= self._due:
                late = self.current is None or now - self._due > _STALL
                if self.current is not None and self.current.phase == "imagery":
                    self._complete()
                begun.append(self._begin(self._plan[self._next], now if late else self._due))
                self._next += 1
            else:
                break
        return tuple(begun)

    def shown(self, step: TrialPhase, onset: float) -> None:
        """Tell when a phase was really seen; what follows a cue is counted from there."""
        if step is self.current and step.phase == "cue":
            self._due = onset + step.seconds

    def pause(self, now: float) -> tuple[TrialPhase, ...]:
        """Hold before the next trial: at once between trials, else at the end of this one."""
        if not self.paused:
            self.pausing = True
        return self.advance(now)

    def resume(self, now: float) -> tuple[TrialPhase, ...]:
        """Go on after a pause, with a break to settle in; or take back a pause asked for."""
        self.pausing = False
        if not self.paused:
            return self.advance(now)
        settle = TrialPhase("break", self._paradigm.break_longest, self._trial)
        return (self._begin(settle, now), *self.advance(now))

    def stop(self, now: float, at_once: bool = False) -> tuple[TrialPhase, ...]:
        """End the run: between trials at once, else at the end of this one.

        Parameters
        ----------
        now : float
            As in `advance`.
        at_once : bool
            Do not wait for the end of a trial, which then does not count.
        """
        if self.finished:
            return ()
        if at_once:
            return (self._end(now),)
        self._stopping = True
        return self.advance(now)

    def phase_left(self, now: float) -> float:
        """Return the seconds until the current phase ends; infinite in a pause."""
        return max(0.0, self._due - now) if self.current is not None else 0.0

    def time_left(self, now: float) -> float:
        """Return the seconds that the rest of the run takes, not counting pauses asked for."""
        if self.finished:
            return 0.0
        left = self.phase_left(now)
        rest = sum(step.seconds for step in self._plan[self._next : -1])
        return rest + (left if math.isfinite(left) else 0.0)

    @property
    def _trial(self) -> PlannedTrial | None:
        return self.current.trial if self.current is not None else None

    @property
    def _resting(self) -> bool:
        return self.current is None or self.current.phase in (*_RESTFUL, "paused")

    def _complete(self) -> None:
        if (trial := self._trial) is not None:
            self.completed = (*self.completed, trial)

    def _end(self, now: float) -> TrialPhase:
        return self._begin(
            TrialPhase("done", math.inf, self._trial, (_event("experiment_stop"),)), now
        )

    def _begin(self, step: TrialPhase, start: float) -> TrialPhase:
        self.current, self._due = step, start + step.seconds
        return step


def _event(name: str, duration: float = 0.0, trial: PlannedTrial | None = None) -> PlannedEvent:
    return PlannedEvent(name, event_code(name).value, duration, trial.number if trial else None)


def _plan(paradigm: Paradigm, trials: Sequence[PlannedTrial]) -> tuple[TrialPhase, ...]:
    """Return every step of a run in which nobody pauses."""
    steps = [TrialPhase("instructions", paradigm.instructions, None, (_event("experiment_start"),))]
    if paradigm.baseline:
        start = _event("baseline_start", paradigm.baseline)
        steps.append(TrialPhase("baseline", paradigm.baseline, None, (start,)))
        steps.append(TrialPhase("break", paradigm.break_longest, None, (_event("baseline_end"),)))
    for index, trial in enumerate(trials):
        steps += _trial_steps(paradigm, trial)
        end = (_event("trial_end", 0.0, trial),)
        if index + 1 == len(trials):
            steps.append(TrialPhase("done", math.inf, trial, (*end, _event("experiment_stop"))))
        elif trials[index + 1].block != trial.block:
            steps.append(TrialPhase("block_pause", paradigm.block_pause, trial, end))
        else:
            steps.append(TrialPhase("break", trial.break_after, trial, end))
    return tuple(steps)


def _trial_steps(paradigm: Paradigm, trial: PlannedTrial) -> list[TrialPhase]:
    length = paradigm.cross + paradigm.imagery
    first = paradigm.cross - (paradigm.beep_lead if paradigm.sound else 0.0)
    steps = [
        TrialPhase(
            "cross",
            first,
            trial,
            (_event("trial_start", length, trial), _event("cross", paradigm.cross, trial)),
        )
    ]
    if paradigm.sound:
        steps.append(TrialPhase("ready", paradigm.beep_lead, trial, (_event("beep", 0.0, trial),)))
    cue = _event(cue_name(trial.label, trial.practice), paradigm.imagery, trial)
    steps.append(TrialPhase("cue", paradigm.cue, trial, (cue,)))
    left = paradigm.imagery - paradigm.cue
    feedback = (_event("feedback", left, trial),) if paradigm.feedback else ()
    steps.append(TrialPhase("imagery", left, trial, feedback))
    return steps

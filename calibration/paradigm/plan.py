"""What a run is about to do, as it is saved beside the recording, so that it can be resumed."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass

from calibration.paradigm.model import Paradigm
from calibration.paradigm.sequencer import PlannedTrial, plan_trials, trials_from_json
from calibration.recording.bids import BidsRun, recorded_runs
from calibration.recording.events import read_events
from calibration.recording.sidecars import LARGEST
from core.errors import InputError, one_line
from core.machine.files import read_regular
from core.strict_json import load_object
from core.suggestions import counted, did_you_mean

ENDING = "plan.json"
_VERSION = 1


@dataclass(frozen=True)
class Plan:
    """The paradigm of a run and its trials in order.

    Attributes
    ----------
    paradigm : Paradigm
    seed : int
        That the order was drawn from.
    trials : tuple of PlannedTrial
        Those of this run; a resumed one has what was left.
    """

    paradigm: Paradigm
    seed: int
    trials: tuple[PlannedTrial, ...]

    def to_json(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(
            {
                "version": _VERSION,
                "paradigm": self.paradigm.model_dump(mode="json"),
                "seed": self.seed,
                "trials": [asdict(trial) for trial in self.trials],
            },
            indent=1,
        )


def new_plan(paradigm: Paradigm, seed: int | None = None) -> Plan:
    """Draw the trials of a run; without a seed, from a new one."""
    drawn = secrets.randbelow(2**31) if seed is None else seed
    return Plan(paradigm, drawn, plan_trials(paradigm, drawn))


def plan_from_json(text: bytes | str, source: str) -> Plan:
    """Return the plan that `Plan.to_json` wrote.

    Raises
    ------
    InputError
        If it is none, or of another version.
    """
    try:
        fields = load_object(text)
        version = fields["version"]
        if version == _VERSION:
            return Plan(
                Paradigm.model_validate(fields["paradigm"]),
                int(fields["seed"]),
                trials_from_json(json.dumps(fields["trials"])),
            )
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise InputError(
            f"{source} is no plan of a run ({one_line(error)}); start a new run instead."
        ) from error
    raise InputError(
        f"{source} has version {one_line(version, 40)}; this program knows version {_VERSION}."
    )


def unfinished(after: BidsRun) -> tuple[Plan, BidsRun]:
    """Return what the newest run of a session left to do, and that run.

    A trial is done when its end was marked.

    Parameters
    ----------
    after : BidsRun
        The next run of that session.

    Raises
    ------
    InputError
        If there is no run with a plan, or nothing is left to do.
    """
    planned = [run for run in runs_of_session(after) if run.source(ENDING).is_file()]
    if not planned:
        owners = [run.subject for run in recorded_runs(after.root)]
        there = f"It has runs of {counted(owners)}. " if owners else ""
        raise InputError(
            f"There is no run of subject {after.subject} to resume in {after.root}."
            f"{did_you_mean(after.subject, owners)} {there}"
            "Start one with eegpt-calibrate run."
        )
    run = planned[-1]
    path = run.source(ENDING)
    try:
        content = read_regular(path, LARGEST)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    plan = plan_from_json(content, str(path))
    done = _done(run)
    left = tuple(trial for trial in plan.trials if trial.number not in done and not trial.practice)
    if not left:
        raise InputError(
            f"Run {run.number} is complete: all of its {len(plan.trials)} trials were done. "
            "Start another one with eegpt-calibrate run."
        )
    return Plan(plan.paradigm, plan.seed, left), run


def runs_of_session(run: BidsRun) -> list[BidsRun]:
    """Return the runs of the same session that were recorded, by number."""
    runs = [
        other
        for other in recorded_runs(run.root)
        if (other.subject, other.session, other.task) == (run.subject, run.session, run.task)
    ]
    return sorted(runs, key=lambda other: other.number)


def _done(run: BidsRun) -> set[int]:
    path = run.file("events.tsv")
    rows = read_events(read_regular(path, LARGEST)) if path.is_file() else []
    return {row.trial for row in rows if row.name == "trial_end" and row.trial is not None}

"""What a fit of several tasks found, as text for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict

from calibration.report.text import as_json, as_text
from calibration.tasks import TaskFit, TasksFit

_IN_BLOCKS = (
    "Its trials lie in blocks: folds are stretches of time, so that no trial is recognised by "
    "its neighbours. Where a class has one block only, whatever else differed between the "
    "blocks may carry the score too. Live, the reference of all tasks stays that of the fit: one "
    "of the run's own would take away what stays the same for a run."
)


def tasks_as_text(fits: TasksFit) -> str:
    """Return the report as plain text: the first task's, then a paragraph for each other."""
    first = as_text(fits.first)
    return "\n".join([f"Task {fits.first.decoder.task}", first, *map(_paragraph, fits.others)])


def tasks_as_json(fits: TasksFit) -> str:
    """Return the report's numbers as JSON: the first task's, and those of all others by name."""
    numbers = json.loads(as_json(fits.first))
    numbers["task"] = fits.first.decoder.task
    numbers["tasks"] = {
        other.task.name: {
            "kind": other.task.kind,
            "classes": other.readout.classes,
            "card": asdict(other.readout.card),
            "in_blocks": other.in_blocks,
            "scores": {}
            if other.fit is None
            else {
                name: score.balanced_accuracy for name, score in other.fit.selection.scores.items()
            },
            "rejected": {}
            if other.fit is None
            else {rejection.trial.number: rejection.reason for rejection in other.fit.rejected},
        }
        for other in fits.others
    }
    return json.dumps(numbers, indent=2)


def _paragraph(other: TaskFit) -> str:
    readout, card = other.readout, other.readout.card
    lines = ["", f"Task {other.task.name} ({readout.kind}): {card.trials} trials"]
    if readout.classes:
        lines[-1] += f" of {', '.join(readout.classes)}"
    if other.fit is not None:
        lines += [
            f"  trial {rejection.trial.number} left out: {rejection.reason}"
            for rejection in other.fit.rejected
        ]
        lines += [
            f"{'*' if name == card.head else ' '} {name:<20} {score.balanced_accuracy:.3f}"
            for name, score in other.fit.selection.scores.items()
        ]
    above = "above" if card.score > card.chance else "within"
    lines.append(
        f"The head {card.head} has a {card.measure} of {card.score:.3f} on left-out trials, "
        f"{above} what guessing reaches ({card.chance:.3f})."
    )
    if shares := card.fit.get("shares"):
        weighed = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        lines.append(f"On the trials, the gate weighs {weighed}.")
    if other.in_blocks:
        lines.append(_IN_BLOCKS)
    return "\n".join(lines)

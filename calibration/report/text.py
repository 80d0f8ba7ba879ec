"""What a fit found, as text for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict

from calibration.doubts import ELECTRODES, UNIT_OF_FILES
from calibration.fitting import Fit
from calibration.recommendation import about_recordings
from core.decoding.card import CHOICE, DecoderCard
from core.decoding.rest import THRESHOLD, in_percent, threshold_at_rest
from core.errors import InputError, printable
from core.fitting.origin import PERMUTATIONS, Origin
from core.fitting.views import GRAPH, PRIOR, VIEWS

SOME_RATES = (5.0, 2.0)
"""False alarms a minute whose thresholds are told where nobody asked for any."""

DOUBTS = (ELECTRODES, UNIT_OF_FILES)
"""What nobody can know from the files."""


def as_text(fit: Fit) -> str:
    """Return the report as plain text."""
    facts, selection = fit.decoder.facts, fit.selection
    settings = fit.decoder.settings
    encoder = facts.fit["encoder"]
    lines = [
        f"Subject {facts.subject}: {facts.trials} trials of {', '.join(fit.decoder.classes)} "
        f"from {printable(', '.join(facts.recordings))}",
        f"{len(fit.electrodes)} electrodes, {settings.reference} reference, "
        f"{settings.band.label} (causal), encoder {encoder}",
    ]
    if fit.decoder.input_words:
        lines.append(f"The decoder uses: {fit.decoder.input_words}")
    if fit.ignored:
        lines.append(f"Channels not used: {printable(' '.join(fit.ignored))}")
    if fit.rejected:
        lines.append("Trials left out:")
        lines += [
            f"  trial {rejection.trial.number}: {rejection.reason}" for rejection in fit.rejected
        ]
    lines += notes(fit)
    lines += [
        "",
        "Balanced accuracy on left-out trials (nested cross-validation):",
        *(_row(name, score.balanced_accuracy, facts) for name, score in selection.scores.items()),
        f"  {'chance, 95 % bound':<20} {selection.chance:.3f}",
        "",
        *([sentence] if (sentence := worth(fit)) else []),
        _verdict(fit),
        *([fit.trust.sentence] if fit.trust is not None else []),
        *(["", *_origin(fit.origin)] if fit.origin is not None else []),
        *(["", *rest] if (rest := at_rest(fit)) else []),
        "",
        *DOUBTS,
    ]
    return "\n".join(lines)


def as_json(fit: Fit) -> str:
    """Return the report's numbers as JSON."""
    return json.dumps(
        {
            "facts": asdict(fit.decoder.facts),
            "classes": fit.decoder.classes,
            "channels": fit.decoder.settings.channels,
            "ignored": fit.ignored,
            "notes": [*notes(fit), *DOUBTS],
            "rejected": {rejection.trial.number: rejection.reason for rejection in fit.rejected},
            "chosen": fit.selection.chosen,
            "folds": {name: score.folds for name, score in fit.selection.scores.items()},
        },
        indent=2,  # in ASCII, as names of files may hold what is no Unicode
    )


def _origin(origin: Origin) -> list[str]:
    """Return where the score comes from, as lines."""
    return [
        f"The head riemann fitted again on parts (p: {PERMUTATIONS} permutations of the labels):",
        *(
            f"  {check.name:<32} {check.score:.3f}   p {check.p:.3f}   "
            f"{check.electrodes} electrodes"
            for check in origin.checks
        ),
        f"  {'chance, 95 % bound':<32} {origin.chance:.3f}",
        origin.sentence,
    ]


def at_rest(fit: Fit) -> list[str]:
    """Return what to expect at rest, as sentences; none where that is unknown."""
    if fit.rest is None:
        return []
    threshold = threshold_at_rest(fit.decoder)
    sentences = [fit.rest.words(THRESHOLD if threshold is None else threshold)]
    if threshold is None:
        for alarms in SOME_RATES:
            try:
                kept = fit.rest.threshold_for(alarms)
            except InputError:
                continue
            sentences.append(
                f"At most {alarms:g} a minute (--false-alarms {alarms:g}): threshold "
                f"{in_percent(kept)}, {100 * fit.rest.at(kept)[1]:.0f} % of the trials."
            )
    return sentences


def _row(name: str, score: float, facts: DecoderCard) -> str:
    mark = "*" if name == facts.head else " "
    return f"{mark} {name:<20} {score:.3f}   {about(name, facts)}"


def about(name: str, facts: DecoderCard) -> str:
    """Return what a candidate uses."""
    readout = facts.fit.get("prior", {}).get("readout")
    return {
        "riemann": "covariances only",
        "encoder": f"tokens of {facts.fit['encoder']} only",
        "hybrid": "covariances and tokens",
        GRAPH: f"tokens of {facts.fit['encoder']}, electrodes attending to one another"
        + (", started from others' graph" if "graph_tasks" in facts.fit else ""),
        PRIOR: "covariances, started from the prior"
        + (f", and the readout of {facts.fit['encoder']}" if readout else ""),
        "refined": f"filter and probe trained through {facts.fit['encoder']}",
        CHOICE: "the choice made again inside every fold",
    }.get(name, "baseline, for comparison")


def notes(fit: Fit) -> list[str]:
    """Return what a person should know of the trials, as sentences."""
    apart, trials = len(fit.epochs.independent), len(fit.epochs)
    sentences = [*fit.epochs.notes, *([fit.unkept] if fit.unkept else [])]
    facts = fit.decoder.facts.fit
    if seen := facts.get("labels_seen"):
        sentences.append(
            f"The encoder {facts['encoder']} was trained with the labels of "
            f"{printable(', '.join(seen))}: on these recordings, scores with its tokens (prior, "
            "encoder, hybrid, auto) are too good. Judge it on others."
        )
    if eyes := facts.get("eyes_learned"):
        sentences.append(
            f"The encoder {facts['encoder']} was trained with labels on frontal and temporal "
            f"electrodes too ({printable(', '.join(eyes))}), of people whose eyes could follow the "
            "cue: what it says may follow the eyes. Where the score comes from is said of the "
            "covariances alone."
        )
    if fit.recordings is not None and fit.recordings.tied:
        sentences.append(about_recordings(fit.recordings))
    if apart < trials:
        sentences.append(
            f"Windows of trials overlap: what shares samples is kept on one side of every split, "
            f"and the bound of guessing counts {apart} of the {trials} trials."
        )
    return sentences


def worth(fit: Fit) -> str:
    """Return in words what the prior was worth; empty without one."""
    prior = fit.decoder.facts.fit.get("prior")
    if prior is None:
        return ""
    scores = fit.selection.scores
    plain = next(name for name in scores if name in VIEWS)
    with_it, without = scores[PRIOR].balanced_accuracy, scores[plain].balanced_accuracy
    sentence = (
        f"The prior ({prior['trials']} trials of {len(prior['recordings'])} recordings) gave "
        f"{with_it:.3f} on left-out trials, and {without:.3f} was reached without it"
    )
    if fit.selection.chosen != PRIOR:
        return f"{sentence}: it is not used."
    alone = "own trials do not move it." if prior["weight"] == "infinite" else "own trials move it."
    return f"{sentence}: the decoder starts from it with weight {prior['weight']}, and {alone}"


def _higher(fit: Fit) -> list[str]:
    """Return the heads that scored higher than the one that was chosen."""
    scores, chosen = fit.selection.scores, fit.selection.chosen
    reached = scores[chosen].balanced_accuracy
    return [
        name
        for name in (*VIEWS, PRIOR)
        if name in scores and scores[name].balanced_accuracy > reached
    ]


def _verdict(fit: Fit) -> str:
    facts, head = fit.decoder.facts, fit.selection.chosen
    # A refined decoder uses tokens alone.
    beside = ("tokens",) if fit.decoder.encoder is not None else ()
    views = ("aligned", *beside) if head == PRIOR else VIEWS.get(head, ("tokens",))
    carried = "covariances" if "tokens" not in views else "encoder tokens"
    if "tokens" in views and len(views) > 1:
        carried = "covariances and encoder tokens together"
    text = f'The decoder uses the head "{head}": {carried} carry it.'
    if facts.fit["head"] == "auto" and head == "riemann":
        text += f" Tokens of the encoder {facts.fit['encoder']} did not do significantly better."
    elif facts.fit["head"] == "auto" and (better := _higher(fit)):
        text += (
            f" The higher score of {' and '.join(better)} is not beyond chance with so few trials."
        )
    choice = ", the head chosen again inside every fold," if CHOICE in facts.scores else ""
    score = f"{text}\nIts score of {facts.score:.3f}{choice}"
    if facts.score <= facts.chance:
        return (
            f"{score} is within what guessing reaches, {facts.chance:.3f}: do not rely on it. "
            "Record more trials, check the electrodes, and fit again."
        )
    return f"{score} is above what guessing reaches, {facts.chance:.3f}."

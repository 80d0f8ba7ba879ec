"""Going through the job: every person is tested by what was learned from all the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.decoding.heads import softmax
from core.encoders import Encoder
from core.encoders.labram.model import LaBraM
from core.errors import InputError
from core.metrics import balanced_accuracy
from core.reliability import reliability
from training.evaluation.labram_job.probes import (
    frozen_tokens,
    train_as_published,
    train_on_frozen,
)
from training.evaluation.labram_job.trials import (
    SECONDS,
    as_it_should_be,
    as_published,
    session_trials,
    shared_electrodes,
)
from training.evaluation.people import Subject
from training.evaluation.pretraining_overlap import seen_of
from training.evaluation.report.scoring import ScoreRow, score

PROTOCOL = "loso, sessions aligned as a whole"
"""What tables call it: unlike loso, the tested person's trials take part in the alignment."""

BEST_EPOCH = "as published, best epoch on who is tested"
LAST_EPOCH = "as published, last epoch"
FROZEN = "as it should be"

EXPLAINED = f"""## The published probe

- "{BEST_EPOCH}": 0 to 38 Hz, moving standardisation and Euclidean alignment of each session, with
  its tested trials but without their labels; samples not divided by 100 µV; electrodes get rows 1,
  2, 3 ... of the table of positions instead of their own; only the blocks are frozen. The epoch is
  chosen by the labels that are tested, so that the score is too good.
- "{LAST_EPOCH}": the same after the last epoch, without a choice.
- "{FROZEN}": 0 to 38 Hz and the same alignment in µV, divided by 100; electrodes by name; nothing
  of the encoder trains, and its last norm is the pretraining's; the last epoch counts.
"""
"""What the rows are, as Markdown."""

LEARNED_SHARE = 0.9
"""Of each session's trials; the published job sets the others apart and never uses them."""


@dataclass(frozen=True)
class _Prepared:
    """A person's trials, session after session, in both forms."""

    person: Subject
    published: np.ndarray
    tokens: np.ndarray
    labels: np.ndarray
    sessions: np.ndarray
    pace: float


def job_rows(
    people: Sequence[Subject], classes: Sequence[str], encoder: Encoder, seed: int
) -> Iterator[ScoreRow]:
    """Run the job as it was published and as it should be, and score both.

    Three rows a person: as published by the epoch that is best on the person tested (the published
    code scores every epoch on that person and does not say which one counts), as published by the
    last epoch, and as it should be. A GPU is used if there is one.

    Parameters
    ----------
    people : sequence of Subject
    classes : sequence of str
    encoder : Encoder
        LaBraM, of any size.
    seed : int
        Of the heads, the order of trials, and those that are set apart.

    Raises
    ------
    InputError
        If the encoder is none of LaBraM or its windows are not 4 s, or there are fewer than two
        people or electrodes, or too few trials of somebody.
    """
    check_encoder(encoder)
    assert isinstance(encoder, LaBraM)
    if len(people) < 2:
        raise InputError("The published probe tests each person after the others; one was found.")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ch_names = shared_electrodes(people, encoder.spec.ch_names)
    everybody = [_prepared(person, classes, ch_names, encoder, device) for person in people]
    for tested in everybody:
        others = [other for other in everybody if other is not tested]
        kept = [_learned(other, seed) for other in others]
        windows = np.concatenate(
            [other.published[k] for other, k in zip(others, kept, strict=True)]
        )
        labels = np.concatenate([other.labels[k] for other, k in zip(others, kept, strict=True)])
        epochs = train_as_published(
            encoder, (windows, labels), tested.published, len(classes), seed, device
        )
        best = max(epochs, key=lambda logits: balanced_accuracy(tested.labels, logits.argmax(1)))
        yield _row(BEST_EPOCH, encoder, tested, len(labels), best, seed)
        yield _row(LAST_EPOCH, encoder, tested, len(labels), epochs[-1], seed)
        tokens = np.concatenate([other.tokens for other in others])
        labels = np.concatenate([other.labels for other in others])
        logits = train_on_frozen((tokens, labels), tested.tokens, len(classes), seed, device)
        yield _row(FROZEN, encoder, tested, len(labels), logits, seed)


def check_encoder(encoder: Encoder) -> None:
    """Refuse an encoder that the job is not for.

    Raises
    ------
    InputError
        If it is none of LaBraM, or its windows are not 4 s.
    """
    spec = encoder.spec
    if spec.family != "labram":
        raise InputError(
            f"The published probe is a job for LaBraM; {spec.label} is an encoder of the family "
            f"{spec.family}. Name --encoder labram, or leave the system out."
        )
    if spec.window != SECONDS * spec.rate:
        raise InputError(
            f"The published probe takes windows of {SECONDS} s; those of {spec.label} have "
            f"{spec.window / spec.rate:g} s."
        )


def _prepared(
    person: Subject,
    classes: Sequence[str],
    ch_names: Sequence[str],
    encoder: LaBraM,
    device: str,
) -> _Prepared:
    sessions = session_trials(person, classes, ch_names)
    windows = np.concatenate([as_it_should_be(session) for session in sessions])
    return _Prepared(
        person,
        np.concatenate([as_published(session) for session in sessions]),
        frozen_tokens(encoder, windows, ch_names, device),
        np.concatenate([session.labels for session in sessions]),
        np.concatenate([np.full(len(session.labels), i) for i, session in enumerate(sessions)]),
        _pace(person, classes),
    )


def _learned(prepared: _Prepared, seed: int) -> np.ndarray:
    """Return nine tenths of each class of each session, drawn by the seed."""
    random = np.random.default_rng(seed)
    kept = []
    for session in np.unique(prepared.sessions):
        for label in np.unique(prepared.labels):
            trials = np.flatnonzero((prepared.sessions == session) & (prepared.labels == label))
            drawn = random.permutation(trials)
            kept.append(drawn[: max(1, round(LEARNED_SHARE * len(trials)))])
    return np.sort(np.concatenate(kept))


def _pace(person: Subject, classes: Sequence[str]) -> float:
    """Return the seconds from one cue to the next, on average, gaps included."""
    steps = [
        np.diff([event.onset for event in recording.events if event.label in classes])
        for recording in person.recordings
    ]
    return float(np.mean(np.concatenate(steps)))


def _row(
    system: str, encoder: LaBraM, tested: _Prepared, learned: int, logits: np.ndarray, seed: int
) -> ScoreRow:
    person, probabilities = tested.person, softmax(logits)
    return ScoreRow(
        PROTOCOL,
        system,
        encoder.spec.label,
        seen_of(encoder.spec, person, range(len(person.recordings))),
        person.name,
        seed,
        "all",
        learned,
        len(tested.labels),
        tested.pace,
        score(tested.labels, probabilities),
        reliability(tested.labels, probabilities),
    )

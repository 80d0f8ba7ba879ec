"""How trials are parted: what a system learns from, and what it is tested on, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import InputError
from core.fitting.folds import overlapping
from training.evaluation.people import Signal
from training.evaluation.trials import Share, Trials, share_of

LEAST_LEARNED = 3
"""Trials of each class that a system learns from: with fewer, "auto" cannot choose."""


@dataclass(frozen=True)
class Fold:
    """A training part and a test part, which share no trial.

    Attributes
    ----------
    protocol : str
        Name of the row's protocol, with the number of trials for "few-shot".
    signal : Signal
        Of the person who is tested.
    name : str
        Which fold of that person.
    train, test : Trials
        Trials with artifacts are left out of the training part only.
    """

    protocol: str
    signal: Signal
    name: str
    train: Trials
    test: Trials

    @property
    def recordings(self) -> tuple[int, ...]:
        """Recordings of the person that are tested."""
        share = self.test.shares[0]
        return tuple(sorted({share.epochs.trials[index].recording for index in share.index}))


def within(signals: Sequence[Signal], seed: int) -> Iterator[Fold]:
    """Test every fifth of a person's trials after learning from the others, as MOABB does."""
    for signal in signals:
        share = share_of(signal)
        for number, (train, test) in enumerate(signal.epochs.folds(seed), 1):
            yield _fold("within", f"fold {number}", [_part(share, train)], _part(share, test))


def cross_session(signals: Sequence[Signal], seed: int) -> Iterator[Fold]:
    """Test every session of a person after learning from the others; runs, if there is one.

    Filters before the encoder are fitted on the training part's signal.
    """
    for signal in signals:
        check_parts(signal, "cross-session")
        for part in signal.person.parts:
            others = [i for p in signal.person.parts if p != part for i in p]
            share = share_of(signal, fitted=others)
            tested = _of_recordings(share, part)
            if not len(tested):
                continue
            learned = _part(share, _of_recordings(share, others))
            check_learned(learned, part, "cross-session")
            yield _fold(
                "cross-session", signal.person.part_name(part), [learned], _part(share, tested)
            )


def leave_one_out(signals: Sequence[Signal], seed: int) -> Iterator[Fold]:
    """Test every person after learning from the others, everybody aligned on unlabelled signal."""
    if len(signals) < 2:
        raise InputError("loso needs at least two people; one was found.")
    shares = [share_of(signal, aligned=True) for signal in signals]
    for tested in shares:
        yield _fold("loso", "all", [share for share in shares if share is not tested], tested)


def few_shot(signals: Sequence[Signal], seed: int, shots: Sequence[int]) -> Iterator[Fold]:
    """Learn from few trials a class of the person, drawn at random, and test on the rest.

    The trials tested are the same for all numbers in `shots`, and those of a smaller number are
    among those of a larger one. What shares samples with any of these is not tested.
    """
    most = max(shots)
    for signal in signals:
        share, labels = share_of(signal), signal.epochs.labels
        counts = np.bincount(labels, minlength=len(signal.classes))
        if counts.min() <= most:
            raise InputError(
                f"{signal.person.name} has {counts.min()} trials of a class; --shots {most} "
                "leaves none to test."
            )
        random = np.random.default_rng([seed, len(labels)])
        drawn = [
            random.permutation(np.flatnonzero(labels == label))
            for label in range(len(signal.classes))
        ]
        rest = np.sort(np.concatenate([order[most:] for order in drawn]))
        places, length = signal.epochs.places, signal.epochs.length
        taken = np.concatenate([order[:most] for order in drawn])
        rest = rest[~overlapping(places[rest], places[taken], length)]
        if len(np.unique(labels[rest])) < len(signal.classes):
            raise InputError(
                f"The windows of {signal.person.name}'s cues overlap so much that --shots {most} "
                "leaves none of a class to test."
            )
        for number in shots:
            learned = np.sort(np.concatenate([order[:number] for order in drawn]))
            yield _fold(
                f"few-shot {number}", f"draw {seed}", [_part(share, learned)], _part(share, rest)
            )


def offline(
    protocol: str, shots: Sequence[int]
) -> Callable[[Sequence[Signal], int], Iterator[Fold]]:
    """Return the protocol of that name which tests windows after cues."""
    return {
        "within": within,
        "cross-session": cross_session,
        "loso": leave_one_out,
        "few-shot": lambda signals, seed: few_shot(signals, seed, shots),
    }[protocol]


def check_parts(signal: Signal, protocol: str) -> None:
    """Refuse a person with a single recording.

    Raises
    ------
    InputError
        If there is nothing to test after learning from another recording.
    """
    if len(signal.person.parts) < 2:
        raise InputError(
            f"{signal.person.name} has one recording with these classes; {protocol} needs at "
            "least two sessions or runs."
        )


def check_learned(learned: Share, tested: Sequence[int], protocol: str) -> None:
    """Refuse to test a part if too little is learned from the others.

    Parameters
    ----------
    learned : Share
        Of the person's other parts.
    tested : sequence of int
        Recordings of the part.
    protocol : str

    Raises
    ------
    InputError
        If a class has fewer than three trials there.
    """
    person, classes = learned.signal.person, learned.epochs.classes
    counts = np.bincount(learned.epochs.labels[learned.index], minlength=len(classes))
    least = int(counts.argmin())
    if counts[least] < LEAST_LEARNED:
        raise InputError(
            f"{person.name} has {counts[least]} trials of {classes[least]} outside of "
            f"{person.part_name(tested)}; {protocol} learns from at least {LEAST_LEARNED} of each "
            "class there. Leave this person or run out, or take another protocol."
        )


def _fold(protocol: str, name: str, learned: Sequence[Share], tested: Share) -> Fold:
    return Fold(protocol, tested.signal, name, Trials(tuple(learned)).clean(), Trials((tested,)))


def _part(share: Share, index: np.ndarray) -> Share:
    return replace(share, index=index)


def _of_recordings(share: Share, recordings: Sequence[int]) -> np.ndarray:
    owners = np.array([trial.recording for trial in share.epochs.trials])
    return np.flatnonzero(np.isin(owners, list(recordings)))

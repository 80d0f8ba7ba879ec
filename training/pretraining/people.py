"""Who is trained on, who is held out, and who is left out to be tested later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.errors import InputError
from training.names import people_named
from training.pretraining.settings import PretrainSettings


def with_people(settings: PretrainSettings, people: Sequence[str]) -> PretrainSettings:
    """Return settings that name people as the store does, those whom `shares` draws too.

    Where people to hold out or to leave out are named, the others are drawn from the rest.

    Parameters
    ----------
    settings : PretrainSettings
    people : sequence of str
        As `Store.subjects`.

    Raises
    ------
    InputError
        If a name is nobody's, somebody is named for both, or nobody would be left to train on.
    """
    validation, test = (
        tuple(sorted(people_named(names, people, "person")))
        for names in (settings.validation_subjects, settings.test_subjects)
    )
    if both := sorted({*validation} & {*test}):
        raise InputError(
            f"{', '.join(both)} is named both with --validation-subjects and with --test-subjects."
        )
    if settings.shares is not None:
        rest = [person for person in people if person not in (*validation, *test)]
        learn, hold, leave = settings.shares
        shares = learn, 0 if validation else hold, 0 if test else leave
        drawn = draw_people(rest, shares, settings.seed)
        validation, test = validation or drawn[0], test or drawn[1]
    return settings.model_copy(update={"validation_subjects": validation, "test_subjects": test})


def draw_people(
    people: Sequence[str], shares: tuple[int, int, int], seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Draw people to hold out and to leave out, in each source by itself.

    Parameters
    ----------
    people : sequence of str
        Source and subject, such as ``physionet-mi/S001``.
    shares : tuple of int
        Of training, validation and test. A share that is not 0 gets one person of a source at
        least.
    seed : int

    Returns
    -------
    validation, test : tuple of str
        Sorted; nobody is in both.

    Raises
    ------
    InputError
        If a source would have nobody to train on.
    """
    validation: list[str] = []
    test: list[str] = []
    for source in sorted({person.partition("/")[0] for person in people}):
        here = sorted(person for person in people if person.partition("/")[0] == source)
        counts = [
            max(1, round(len(here) * share / sum(shares))) if share else 0 for share in shares[1:]
        ]
        if not shares[0] or sum(counts) >= len(here):
            raise InputError(
                f"{source} has {len(here)} people to draw from: too few to hold out {counts[0]}, "
                f"leave out {counts[1]} and train on others. Name them instead, or others."
            )
        order = np.random.default_rng(seed).permutation(len(here)).tolist()
        validation += [here[place] for place in order[: counts[0]]]
        test += [here[place] for place in order[counts[0] : sum(counts)]]
    return tuple(sorted(validation)), tuple(sorted(test))

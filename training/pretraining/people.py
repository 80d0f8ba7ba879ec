"""Who is trained on, who is held out, and who is left out to be tested later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.errors import InputError
from training.pretraining.settings import PretrainSettings


def with_people_drawn(settings: PretrainSettings, people: Sequence[str]) -> PretrainSettings:
    """Return settings that name the people whom `shares` draws; those that are named stay.

    Where people to hold out or to leave out are named, the others are drawn from the rest.

    Parameters
    ----------
    settings : PretrainSettings
    people : sequence of str
        As `Store.subjects`.

    Raises
    ------
    InputError
        If somebody is named for both, or nobody would be left to train on.
    """
    validation, test = settings.validation_subjects, settings.test_subjects
    if both := [p for p in people if _is_named(p, validation) and _is_named(p, test)]:
        raise InputError(
            f"{', '.join(both)} is named both with --validation-subjects and with --test-subjects."
        )
    if settings.shares is None:
        return settings
    rest = [p for p in people if not _is_named(p, (*validation, *test))]
    learn, hold, leave = settings.shares
    drawn = draw_people(
        rest, (learn, 0 if validation else hold, 0 if test else leave), settings.seed
    )
    return settings.model_copy(
        update={"validation_subjects": validation or drawn[0], "test_subjects": test or drawn[1]}
    )


def _is_named(person: str, names: Sequence[str]) -> bool:
    """Whether a person of a store is among names with the source or without."""
    return person in names or person.partition("/")[2] in names


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
                f"Shares of {' '.join(map(str, shares))} leave none of the {len(here)} people of "
                f"{source} to train on."
            )
        order = np.random.default_rng(seed).permutation(len(here)).tolist()
        validation += [here[place] for place in order[: counts[0]]]
        test += [here[place] for place in order[counts[0] : sum(counts)]]
    return tuple(sorted(validation)), tuple(sorted(test))

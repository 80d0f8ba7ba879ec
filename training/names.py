"""People and labels of events of a store, as a person names them on a command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from core.errors import InputError
from core.suggestions import did_you_mean

if TYPE_CHECKING:
    from training.store import Store


def people_named(named: Iterable[str], people: Sequence[str], role: str) -> set[str]:
    """Return the people of a store whom names mean.

    Parameters
    ----------
    named : iterable of str
        With their source or without, the number padded in any way: ``physionet-mi/S001``, ``S001``
        and ``1`` are the same. Who is called exactly so comes first.
    people : sequence of str
        As `Store.subjects`.
    role : str
        What they are to be, for the message.

    Raises
    ------
    InputError
        If a name is nobody's.
    """
    matches = {name: _meant(name, people) for name in named}
    if unknown := [name for name, theirs in matches.items() if not theirs]:
        known = [name for person in people for name in (person, person.partition("/")[2])]
        raise InputError(
            f"The store has no {role} {', '.join(unknown)}; it has {', '.join(people)}."
            + did_you_mean(unknown[0], known)
        )
    return set().union(*matches.values())


def _meant(name: str, people: Sequence[str]) -> set[str]:
    from training.sources.catalogue import same

    if exact := {person for person in people if name in (person, person.partition("/")[2])}:
        return exact
    source, _, subject = name.rpartition("/")
    parted = [(person, *person.partition("/")[::2]) for person in people]
    return {who for who, prefix, label in parted if source in ("", prefix) and same(subject, label)}


def check_labels(labels: Collection[str], store: Store) -> None:
    """Refuse labels of events that no recording of a store has.

    Raises
    ------
    InputError
        As said.
    """
    present = {label for recording in store.recordings for _, label in recording.events}
    if missing := [label for label in labels if label not in present]:
        raise InputError(
            f"The store has no event {', '.join(missing)}; it has "
            f"{', '.join(sorted(present)[:12]) or 'none at all'}."
            + did_you_mean(missing[0], present)
        )

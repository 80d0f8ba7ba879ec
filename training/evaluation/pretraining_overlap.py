"""What an encoder has seen in pretraining of the people it is evaluated on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from core.encoders import EncoderSpec
from core.encoders.spec import LABELLED
from core.errors import InputError
from core.recordings.known_files import files_of
from training.evaluation.people import Subject
from training.shards import RecordingIdentity
from training.sources.catalogue import same

KEY = "recordings"
"""Entry of an encoder's provenance: JSON list of (source, subject, session, run), everything that
its weights or their choice depend on."""

Allowed = Literal["nothing", "person", "run"]

_ORDER = ("nothing", "person", "run", "unknown")


def recordings_seen(spec: EncoderSpec) -> tuple[RecordingIdentity, ...] | None:
    """Return what an encoder was pretrained on, None if it does not say.

    Raises
    ------
    InputError
        If what it says cannot be read.
    """
    if not spec.trained:
        return ()
    if KEY not in spec.provenance:
        return None
    try:
        rows = json.loads(spec.provenance[KEY])
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise TypeError
        return tuple(RecordingIdentity(*map(str, row)) for row in rows)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"The encoder {spec.label} does not say in a way that can be read which recordings it "
            f'was pretrained on: its "{KEY}" must be a list of source, subject, session and run.'
        ) from error


def seen_of(spec: EncoderSpec, person: Subject, tested: Sequence[int]) -> str:
    """Return what an encoder has seen of a person of whom these recordings are tested.

    Files whose labels it read are known by their hash too: a folder may have another name now.

    Returns
    -------
    str
        "nothing", "person" if other recordings were, "run" if one of those was, "unknown".

    Raises
    ------
    InputError
        As `recordings_seen`.
    """
    seen = recordings_seen(spec)
    labelled = [False] * len(person.recordings)
    if LABELLED in spec.provenance:
        labelled = [any(spec.labels_seen(files_of(recording))) for recording in person.recordings]
    if any(labelled[index] for index in tested):
        return "run"
    if seen is None:
        return "unknown"
    first = person.identities[0]
    theirs = [i for i in seen if i.source == first.source and same(i.subject, first.subject)]
    if not theirs:
        return "person" if any(labelled) else "nothing"
    for index in tested:
        mine = person.identities[index]
        for other in theirs:
            # What does not name its run may be any of them.
            if not other.run or (other.session == mine.session and same(other.run, mine.run)):
                return "run"
    return "person"


def encoder_for(
    specs: Sequence[EncoderSpec], person: Subject, tested: Sequence[int], allowed: Allowed
) -> int:
    """Return which of several encoders has seen the least of a person, the first of those.

    Parameters
    ----------
    specs : sequence of EncoderSpec
    person : Subject
    tested : sequence of int
        Recordings of the person that are tested.
    allowed : {"nothing", "person", "run"}
        What it may have seen; "run" allows all.

    Raises
    ------
    InputError
        If every one has seen more, or does not say what.
    """
    seen = [seen_of(spec, person, tested) for spec in specs]
    least = min(range(len(specs)), key=lambda index: _ORDER.index(seen[index]))
    if _ORDER.index(seen[least]) <= _ORDER.index(allowed) or allowed == "run":
        return least
    label = specs[least].label
    if seen[least] == "unknown":
        raise InputError(
            f"The encoder {label} does not say which recordings it was pretrained on; to "
            "evaluate it all the same, with that in every row, add --allow-seen run."
        )
    recordings = {"run": "tested recordings", "person": "other recordings"}[seen[least]]
    raise InputError(
        f"The encoder {label} was pretrained on {recordings} of {person.name}; leave this person "
        "out, add an encoder that has not seen them, or say that it may: "
        f"--allow-seen {seen[least]}."
    )

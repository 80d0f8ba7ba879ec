"""The command ``python -m training.prior``: what a store's people teach about new ones."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from core.command_line import ProgramOptions, parse
from core.errors import InputError, check_number
from core.program import run_command_line, write_line
from training.names import check_labels, people_named

if TYPE_CHECKING:
    from core.recordings import Recording
    from training.store import Store

PROGRAM = "training.prior"

HANDS = (
    "left_hand=left_hand",
    "right_hand=right_hand",
    "left_hand_movement=left_hand",
    "right_hand_movement=right_hand",
)
"""Movement teaches about imagery too: with it, priors did better."""


@dataclass(frozen=True)
class PriorOptions(ProgramOptions):
    """Make a prior of a window store: other people's trials, for decoders to start from.

    Example: python -m training.prior store --out others.safetensors, and then
    eegpt-calibrate fit ... --prior others.safetensors
    """

    store: tyro.conf.Positional[Path]
    """Folder of the store, from training.prepare."""
    out: Path
    """Where to write the prior."""
    event: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """LABEL=CLASS: which event of the store is the cue of which class; once for each label. By
    default left_hand and right_hand, which left_hand_movement and right_hand_movement count as."""
    subjects: tuple[str, ...] = ()
    """Only these people."""
    leave_out: tuple[str, ...] = ()
    """Names of files whose recordings are left out, such as S001R12.edf."""
    window: float = 4.0
    """Seconds after a cue."""
    from_cue: float = 0.0
    """Seconds after the cue that are left out, as --from-cue of the decoders that start from it."""

    def execute(self) -> int:
        """Make it, say how well it does on people left out of it, and write it."""
        return _make(self)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run_command_line(
        PROGRAM, argv, lambda given: parse(PriorOptions, f"python -m {PROGRAM}", given).execute()
    )


def _make(options: PriorOptions) -> int:
    from core.machine.files import check_new_file

    check_new_file(options.out, "--out", ".safetensors")
    check_number("--window", options.window, 0.25, 60.0, " s")
    check_number("--from-cue", options.from_cue, 0.0, options.window - 0.25, " s")

    from core.fitting.feature_input import CovarianceSettings
    from core.fitting.transfer.population import make_prior
    from core.fitting.transfer.prior_file import save_prior
    from core.fitting.transfer.prior_sources import head_of_prior
    from core.fitting.trials.labels import parse_events
    from core.signal.pipeline import SignalSettings, default_reference
    from training.store import Store

    events = parse_events(options.event or HANDS)
    classes = tuple(dict.fromkeys(events.values()))
    store = Store.open(options.store)
    if len(classes) < 2:
        raise InputError(f"--event names the class {classes[0]} alone; name two at least.")
    if options.event:
        check_labels(events, store)
    people = stored_people(store, events, options.subjects, options.leave_out)
    settings = SignalSettings(store.channels, "recorded", store.rate, store.form.band)
    window = round(options.window * store.rate)
    skip, passed_over = round(options.from_cue * store.rate), list[str]()
    prior = make_prior(
        people,
        {name: name for name in classes},
        store.channels,
        settings,
        window,
        processed=True,
        skip=skip,
        passed_over=passed_over,
    )
    reference = default_reference(len(prior.channels))
    own = SignalSettings(prior.channels, reference, store.rate, store.form.band)
    head = head_of_prior(prior, CovarianceSettings(own, window, skip), classes)
    for sentence in passed_over:
        write_line(sentence)
    path = save_prior(replace(prior, marks=_marks(store, prior.recordings.values())), options.out)
    taught = len(set(prior.person.tolist()))  # people whose recordings have enough trials
    left_out = "people" if taught > 1 else "trials of the one person there is,"
    counted = Counter(classes[label] for label in prior.labels)
    write_line(
        f"{len(prior)} trials ({', '.join(f'{n} of {name}' for name, n in counted.items())}) of "
        f"{taught} people in {len(prior.recordings)} recordings, {len(prior.channels)} "
        f"electrodes.\nBalanced accuracy on {left_out} left out, without calibration: "
        f"{head.accuracy:.2f} (each recording aligned by its first minute).\n"
        f"Prior: {path}"
    )
    return 0


def stored_people(
    store: Store, events: Mapping[str, str], subjects: Sequence[str], leave_out: Sequence[str]
) -> dict[str, list[Recording]]:
    """Return the store's recordings in which every class was asked for, by person.

    Parameters
    ----------
    store : Store
    events : mapping
        Label in the store -> class name, which the events returned are labelled with.
    subjects : sequence of str
        People to take; empty for all.
    leave_out : sequence of str
        Names of files not to take.

    Raises
    ------
    InputError
        If a person or a file is unknown, or nothing is left.
    """
    wanted = people_named(subjects, store.subjects, "subject")
    people: dict[str, list[Recording]] = {}
    unused = set(leave_out)
    for person, recording in _recordings(store, events):
        unused.discard(recording.path.name)
        enough = {event.label for event in recording.events} >= set(events.values())
        if enough and (person in wanted or not subjects) and recording.path.name not in leave_out:
            people.setdefault(person, []).append(recording)
    if unused:
        raise InputError(f"The store has no recording called {', '.join(sorted(unused))}.")
    if not people:
        raise InputError(
            f"The store has no recording with events for all of {', '.join(events.values())}."
        )
    return people


def _marks(store: Store, files: Collection[str]) -> dict[str, tuple[int, ...]]:
    """Return fingerprints of files that a store has recordings of, by their SHA-256."""
    from core.recordings.copies import from_text

    fingerprints: dict[str, set[int]] = {}
    for stored in store.recordings:
        if stored.marks and stored.origin_sha256 in files:
            fingerprints.setdefault(stored.origin_sha256, set()).update(from_text(stored.marks))
    return {sha256: tuple(sorted(marks)) for sha256, marks in fingerprints.items()}


def _recordings(store: Store, events: Mapping[str, str]) -> Iterator[tuple[str, Recording]]:
    """Give the stretches of every file as one recording again."""
    import numpy as np

    from core.recordings import UNIT, Event, Recording
    from core.units import factor

    files: dict[tuple[str, str, str], list[int]] = {}
    for index, stored in enumerate(store.recordings):
        key = (stored.person, stored.origin_sha256, f"{stored.session}/{stored.run}")
        files.setdefault(key, []).append(index)
    for (person, sha256, _), stretches in files.items():
        first = store.recordings[stretches[0]]
        pieces, cues, start = [], [], 0
        for index in stretches:
            stored = store.recordings[index]
            present = store.present(index)
            pieces.append(store.crop(index, 0, stored.length)[present].T)
            cues += [
                Event((start + onset) / store.rate, 0.0, events[label])
                for onset, label in stored.events
                if label in events
            ]
            start += stored.length
        edges = np.cumsum([len(piece) for piece in pieces])[:-1]
        yield (
            person,
            Recording(
                samples_uv=np.concatenate(pieces) * np.float32(factor(store.unit, UNIT)),
                rate=store.rate,
                labels=first.channels,
                events=tuple(cues),
                breaks=tuple(edges.tolist()),
                path=Path(first.origin),
                sha256=sha256,
            ),
        )


if __name__ == "__main__":
    sys.exit(main())

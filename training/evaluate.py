"""Say how good encoders and decoders are: ``python -m training.evaluate SOURCE --out DIR``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from core.errors import InputError, run
from core.threads import share_cores

if TYPE_CHECKING:
    from core.model import Encoder
    from training.evaluation.people import Person, Signal
    from training.evaluation.scoring import Row
    from training.evaluation.systems.base import System

PROGRAM = "training.evaluate"
OFFLINE = ("within", "cross-session", "loso", "few-shot")
ONLINE = ("calibrate-then-run", "pseudo-online")


@dataclass(frozen=True)
class Options:
    """Evaluate systems on people's recordings, under protocols that do not leak.

    Example: python -m training.evaluate DATA --out results --protocols within loso

    A source is a path, or NAME:PATH, or moabb:DATASET; python -m training.prepare --list explains
    the names.
    """

    sources: tyro.conf.Positional[tuple[str, ...]]
    """Where recordings come from."""
    out: Path
    """Folder to make, for rows.csv, results.json, table.md and scores.png."""
    protocols: tuple[
        Literal[
            "within", "cross-session", "loso", "few-shot", "calibrate-then-run", "pseudo-online"
        ],
        ...,
    ] = ("within",)
    """How trials are parted into those learned from and those tested."""
    systems: tuple[str, ...] = ()
    """What is evaluated, such as riemann encoder CSP+LDA; by default all that need no extra."""
    classes: tuple[str, ...] = ("left_hand", "right_hand")
    """Labels of the cues to tell apart."""
    subjects: tuple[str, ...] = ()
    """Only these people."""
    runs: tuple[str, ...] = ()
    """Only these runs."""
    encoder: str = "untrained"
    """What our heads look through: untrained, eegpt, or a file."""
    allow_seen: Literal["nothing", "person", "run"] = "nothing"
    """What the encoder may have seen of the people in pretraining: nothing, other recordings of
    the person, or the tested runs too (also for an encoder that does not say what it saw)."""
    shots: tuple[int, ...] = (5, 10)
    """Trials a class that few-shot learns from; at least 3."""
    seeds: tuple[int, ...] = (0,)
    """Each of them draws folds, shots and networks' weights anew."""
    metric: Literal["balanced_accuracy", "accuracy", "kappa", "auroc", "weighted_f1", "nmcc"] = (
        "balanced_accuracy"
    )
    """What systems are compared by."""
    unit: str | None = None
    """Unit of files that do not say it, such as uV."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    share_cores()
    options = tyro.cli(
        Options,
        prog=f"python -m {PROGRAM}",
        args=sys.argv[1:] if argv is None else list(argv),
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return run(PROGRAM, lambda: _main(options))


def _main(options: Options) -> int:
    _check(options)

    from core.model import load_encoder
    from training.evaluation.people import Signal, path_for_all, read_people
    from training.evaluation.results import (
        as_markdown,
        check_folder,
        comparisons,
        summarise,
        write_results,
    )
    from training.evaluation.systems.catalogue import USUAL, make_systems

    check_folder(options.out)
    encoder = load_encoder(options.encoder)
    systems = make_systems(options.systems or USUAL, encoder, options.encoder)
    people = read_people(
        options.sources, options.classes, options.subjects, options.runs, options.unit
    )
    _check_seen(options, encoder, people, systems)
    path = path_for_all(people, encoder.spec)
    signals = [Signal(person, path, encoder.spec, options.classes) for person in people]
    rows = list(_rows(options, signals, systems, encoder))
    facts = _facts(options, people, encoder, path.channels)
    written = write_results(options.out, rows, options.classes, options.metric, facts)
    tests = comparisons(rows, options.metric)
    print(as_markdown(summarise(rows, len(options.classes)), tests, options.metric))
    print("\n".join(f"Written: {file}" for file in written))
    return 0


def _check(options: Options) -> None:
    if not options.sources:
        raise InputError("Name at least one source of recordings.")
    if len(set(options.classes)) < 2:
        raise InputError(f"--classes {' '.join(options.classes)} are fewer than two classes.")
    if not options.protocols or not options.seeds or not options.shots:
        raise InputError("Name at least one protocol, one seed and one number of shots.")
    if min(options.shots) < 3:
        raise InputError(
            f"--shots {min(options.shots)} is too few; auto needs 3 of each class to choose by."
        )
    if min(options.seeds) < 0:
        raise InputError(f"--seeds {min(options.seeds)} is negative; seeds are from 0 on.")
    for what, given in (("protocols", options.protocols), ("seeds", options.seeds)):
        if len(set(given)) < len(given):
            raise InputError(f"--{what} names one of them twice.")


def _check_seen(
    options: Options, encoder: Encoder, people: Sequence[Person], systems: Sequence[System]
) -> None:
    from training.evaluation.seen import check_unseen

    if any(system.encoder for system in systems):
        tested = [
            (person, _tested(protocol, person))
            for protocol in options.protocols
            for person in people
        ]
        check_unseen(encoder.spec, tested, options.allow_seen)


def _tested(protocol: str, person: Person) -> tuple[int, ...]:
    """Return which recordings of a person a protocol tests."""
    return person.parts[-1] if protocol in ONLINE else tuple(range(len(person.recordings)))


def _rows(
    options: Options, signals: Sequence[Signal], systems: Sequence[System], encoder: Encoder
) -> Iterator[Row]:
    """Test every system under every protocol."""
    from tqdm import tqdm

    from training.evaluation.online import calibrate_then_run, pseudo_online
    from training.evaluation.protocols import offline
    from training.evaluation.scoring import Row, score
    from training.evaluation.seen import recordings_seen, seen_of

    seen = recordings_seen(encoder.spec)
    labels = {system.name: system.encoder or "" for system in systems}

    def row(
        protocol: str,
        signal: Signal,
        recordings: Sequence[int],
        outcome: tuple[str, str, int, int, dict[str, float]],
        seed: int,
    ) -> Row:
        fold, system, learned, tested, scores = outcome
        saw = seen_of(signal.person, recordings, seen) if labels[system] else ""
        name, pace = signal.person.name, signal.pace
        return Row(
            protocol, system, labels[system], saw, name, seed, fold, learned, tested, pace, scores
        )

    with tqdm(unit="fit", disable=None) as bar:
        for protocol in options.protocols:
            for seed in options.seeds:
                bar.set_description(f"{protocol}, seed {seed}")
                if protocol in ONLINE:
                    goes = calibrate_then_run if protocol == ONLINE[0] else pseudo_online
                    for signal, outcome in goes(signals, systems, seed):
                        yield row(protocol, signal, signal.person.parts[-1], outcome, seed)
                        bar.update()
                    continue
                for fold in offline(protocol, options.shots)(signals, seed):
                    for system in systems:
                        model = system.fit(fold.train, seed)
                        found = model.probabilities(fold.test)
                        scores = score(fold.test.labels, found)
                        counts = len(fold.train), len(fold.test)
                        outcome = (fold.name, system.name, *counts, scores)
                        yield row(fold.protocol, fold.signal, fold.recordings, outcome, seed)
                        bar.update()


def _facts(
    options: Options, people: Sequence[Person], encoder: Encoder, channels: Sequence[str]
) -> dict[str, Any]:
    """Say how the rows came about."""
    from importlib.metadata import version

    asked = asdict(options) | {"out": options.out.name, "sources": list(options.sources)}
    return {
        "software": f"eegpt-realtime {version('eegpt-realtime')}",
        "options": asked,
        "encoder": {
            "label": encoder.spec.label,
            "sha256": encoder.weights_sha256(),
            "provenance": encoder.spec.provenance,
        },
        "channels": list(channels),
        "recordings": {
            f"{identity}": recording.sha256
            for person in people
            for identity, recording in zip(person.identities, person.recordings, strict=True)
        },
    }


if __name__ == "__main__":
    sys.exit(main())

"""The command ``python -m training.heads``: heads of several tasks, trained on many people."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from core.command_line import ProgramOptions, parse
from core.errors import InputError, check_number
from core.program import run_command_line, write_line
from training.names import check_labels, people_named

if TYPE_CHECKING:
    from core.encoders import EncoderSpec
    from core.fitting.joint_heads import Target
    from training.joint.tasks import SharedTask
    from training.joint.trials import StoredTrials
    from training.store import Store

PROGRAM = "training.heads"

_ONLY_WITH = {
    **dict.fromkeys(("text_encoder", "loss"), "caption"),
    **dict.fromkeys(("encoder_rate", "align_epochs", "epochs", "batch", "device"), "unfreeze"),
}
"""Flags that do nothing without another one."""


@dataclass(frozen=True)
class HeadsOptions(ProgramOptions):
    """Train heads of several tasks together, on the people of a window store.

    Example: python -m training.heads store --out heads.safetensors
    --task hands=left_hand:left_hand,right_hand:right_hand --caption captions.tsv, and then
    eegpt-calibrate fit MINUTE.edf --subject 07 --heads heads.safetensors
    """

    store: tyro.conf.Positional[Path]
    """Folder of the store, from training.prepare."""
    out: Path
    """Where to write the heads, ending in .safetensors."""
    task: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=LABEL:CLASS,LABEL:CLASS: a task by the labels of events; with numbers in place of
    classes it is a scale. May be given several times; one at least has classes."""
    caption: Path | None = None
    """Table of two columns separated by a tab, label of an event and caption: a task of finding the
    text. A label may have several captions, each on a line."""
    text_encoder: str = "wordllama"
    """What makes vectors of captions: wordllama, a folder with a model of sentence-transformers,
    or a safetensors file with a vector for each caption."""
    encoder: str = "starter"
    """Encoder by name or path."""
    head: Literal["hybrid", "encoder", "riemann"] = "hybrid"
    """What heads read: tokens (encoder), covariances of motor electrodes (riemann), or both."""
    subjects: tuple[str, ...] = ()
    """Only these people."""
    test_subjects: tuple[str, ...] = ()
    """People whom nothing is learned from, and who say how good it is. By default one in five,
    drawn by the seed."""
    loss: Literal["clip", "siglip"] = "clip"
    """Of texts: a softmax over all pairs, or a sigmoid for each."""
    weight: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=NUMBER: weight of a task's loss; 1 by default."""
    steps: int = 200
    """Of the heads on the frozen encoder, each over all trials."""
    learning_rate: float = 3e-3
    """Of the heads."""
    seed: int = 0
    """Seed of what is random."""
    unfreeze: bool = False
    """Go on with the encoder's weights too, first by the losses of texts alone, then by all."""
    encoder_out: Path | None = None
    """Where to write the trained encoder, ending in .safetensors; with --unfreeze."""
    encoder_rate: float = 1e-4
    """Learning rate of the encoder's weights."""
    align_epochs: int = 2
    """Times that all trials are seen by the losses of texts alone."""
    epochs: int = 8
    """Times after that, by all losses."""
    batch: int = 64
    """Trials of a step."""
    device: str = "auto"
    """auto (a GPU if there is one), cpu, cuda or mps; with --unfreeze."""

    def execute(self) -> int:
        """Train them, say how well they do on the people left out, and write them."""
        return _train(self)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run_command_line(
        PROGRAM, argv, lambda given: parse(HeadsOptions, f"python -m {PROGRAM}", given).execute()
    )


def _train(options: HeadsOptions) -> int:
    _check(options)

    from core.decoding.outputs import RETRIEVAL
    from core.encoders import load_encoder, save_encoder
    from core.fitting.joint_heads import HeadSettings, train_heads
    from core.fitting.transfer.shared_heads_file import save_heads
    from core.fitting.trials.task import parse_task
    from core.text_encoder import load_text_encoder
    from training.joint.assembly import assembled, report, trained_spec
    from training.joint.tasks import shared_tasks
    from training.joint.trials import encoded_again, stored_trials
    from training.joint.unfreezing import UnfreezeSettings, train_through
    from training.pretraining.distributed import processes
    from training.store import Store

    texts = None if options.caption is None else load_text_encoder(options.text_encoder)
    tasks = shared_tasks([parse_task(given) for given in options.task], options.caption, texts)
    settings = HeadSettings(
        loss=options.loss,
        steps=options.steps,
        learning_rate=options.learning_rate,
        weights=_weights(options.weight, [task.name for task in tasks]),
        seed=options.seed,
    )
    store = Store.open(options.store)
    check_labels([x for task in tasks if task.gallery is None for x in task.meanings], store)
    encoder = load_encoder(options.encoder)
    trials = stored_trials(
        _only(store, options.subjects),
        {label for task in tasks for label in task.meanings},
        encoder.spec,
        None if options.head == "riemann" else encoder,
        options.head != "encoder",
    )
    tested = _left_out(trials.people, options.test_subjects, options.seed)
    if options.head != "riemann":
        _check_unseen(encoder.spec, trials.of(tested))
    training = trials.of(set(trials.people) - set(tested))
    targets = _targets(tasks, training, options.seed)
    source = options.encoder
    if options.unfreeze:
        with processes(options.device) as world:
            device = str(world.device)
        write_line(f"Training the encoder {encoder.spec.label} on {device}.")
        through = UnfreezeSettings(
            options.align_epochs,
            options.epochs,
            options.batch,
            options.encoder_rate,
            device,
            options.seed,
        )
        aligned = [task.name for task in tasks if task.kind == RETRIEVAL]
        heads = train_through(
            encoder, training, targets, aligned, settings, through, tell=write_line
        )
        assert options.encoder_out is not None
        trained_spec(encoder, options.encoder_out.stem[:60], training, store)
        source = str(options.encoder_out)
        test = encoded_again(trials.of(tested), encoder)
    else:
        heads = train_heads(training.blocks, targets, settings)
        test = trials.of(tested)
    shared, scores = assembled(tasks, heads, options.head, training, test, (source, encoder), store)
    if options.unfreeze and options.encoder_out is not None:
        save_encoder(encoder, options.encoder_out)
        write_line(f"Encoder: {options.encoder_out}")
    path = save_heads(shared, options.out)
    write_line(report(training, test, scores))
    if options.head != "riemann" and (seen := _pretrained_on(encoder.spec, test)):
        write_line(
            f"Note: the encoder's pretraining has seen recordings of {', '.join(seen)}, who are "
            "tested on; of others it may do worse."
        )
    write_line(f"Heads: {path}")
    return 0


def _check(options: HeadsOptions) -> None:
    from core.machine.files import check_new_file

    check_new_file(options.out, "--out", ".safetensors")
    if options.encoder_out is not None:
        check_new_file(options.encoder_out, "--encoder-out", ".safetensors")
    if options.unfreeze != (options.encoder_out is not None):
        raise InputError(
            "--unfreeze and --encoder-out belong together: the trained encoder is a file of its "
            "own, which the heads need."
        )
    if options.unfreeze and options.head == "riemann":
        raise InputError(
            "--head riemann reads covariances alone; leave out --unfreeze, or take another head."
        )
    for field in fields(options):
        needed = _ONLY_WITH.get(field.name)
        changed = getattr(options, field.name) != field.default
        if needed and not getattr(options, needed) and changed:
            raise InputError(
                f"--{field.name.replace('_', '-')} is for --{needed}; add that, or leave it out."
            )
    for name, value, low, high in (
        ("--steps", options.steps, 1, 10**6),
        ("--learning-rate", options.learning_rate, 1e-8, 1.0),
        ("--encoder-rate", options.encoder_rate, 1e-8, 1.0),
        ("--align-epochs", options.align_epochs, 0, 10**6),
        ("--epochs", options.epochs, 1, 10**6),
        ("--batch", options.batch, 1, 2**20),
    ):
        check_number(name, value, low, high)


def _weights(given: Sequence[str], names: Sequence[str]) -> dict[str, float]:
    weights = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            weights[name] = float(number)
        except ValueError as error:
            raise InputError(f'--weight "{text}" is not NAME=NUMBER, such as text=0.5.') from error
        check_number("--weight", weights[name], 0.0, 1e6)
        if name not in names:
            raise InputError(
                f"--weight {text}: there is no task {name}; they are {', '.join(names)}."
            )
    return weights


def _only(store: Store, subjects: Sequence[str]) -> Store:
    """Return a store of some of its people; of all, where nobody is named."""
    chosen = people_named(subjects or store.subjects, store.subjects, "subject")
    return replace(store, recordings=tuple(r for r in store.recordings if r.person in chosen))


def _left_out(people: Sequence[str], named: Sequence[str], seed: int) -> tuple[str, ...]:
    """Return whom nothing is learned from."""
    from training.pretraining.people import draw_people

    if len(people) < 2:
        raise InputError(
            f"The trials are of {people[0]} alone; heads are trained on some people and tested on "
            "others."
        )
    if not named:
        return draw_people(people, (4, 0, 1), seed)[1]
    held_out = people_named(named, people, "person with trials called")
    if held_out == set(people):
        raise InputError(
            "All people with trials are to be tested on; name fewer, so that others can teach."
        )
    return tuple(sorted(held_out))


def _check_unseen(spec: EncoderSpec, test: StoredTrials) -> None:
    """Refuse to test on recordings whose labels an encoder has learned from."""
    seen = spec.labels_seen(recording.sha256 for recording in test.recordings)
    known = {r.person for r, was in zip(test.recordings, seen, strict=True) if was}
    if known:
        raise InputError(
            f"The encoder {spec.label} has learned from labels of {', '.join(sorted(known))}, on "
            "whom the heads are to be tested; name other people with --test-subjects, or another "
            "encoder."
        )


def _pretrained_on(spec: EncoderSpec, test: StoredTrials) -> list[str]:
    """Return those of the people tested on whom pretraining has seen, with labels or without."""
    from training.evaluation.pretraining_overlap import recordings_seen
    from training.sources.catalogue import same

    known = {(identity.source, identity.subject) for identity in recordings_seen(spec) or ()}
    tested = {recording.person: recording.identity for recording in test.recordings}
    return [
        person
        for person, own in tested.items()
        if any(own.source == source and same(own.subject, subject) for source, subject in known)
    ]


def _targets(tasks: Sequence[SharedTask], trials: StoredTrials, seed: int) -> Mapping[str, Target]:
    import numpy as np

    random, labels = np.random.default_rng(seed), trials.labels
    for task in tasks:
        if len({task.meanings[label] for label in labels if label in task.meanings}) < 2:
            raise InputError(
                f"The people to learn from have trials of one class of the task {task.name} at the "
                f"most; it has {', '.join(task.meanings)}."
            )
    return {task.name: task.target(labels, random) for task in tasks}


if __name__ == "__main__":
    sys.exit(main())

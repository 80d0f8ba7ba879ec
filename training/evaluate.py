"""Say how good encoders and decoders are: ``python -m training.evaluate SOURCE --out DIR``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from core.command_line import ProgramOptions, parse
from core.errors import InputError, check_number
from core.program import run_command_line, write_line
from core.provenance import software
from core.sites import Sites

if TYPE_CHECKING:
    from core.encoders import Encoder, EncoderSpec
    from training.evaluation.people import Subject
    from training.evaluation.report.scoring import ScoreRow

PROGRAM = "training.evaluate"


@dataclass(frozen=True)
class EvaluateOptions(ProgramOptions):
    """Evaluate systems on people's recordings, under protocols that do not leak.

    Example: python -m training.evaluate DATA --out results --protocols within loso

    A source is a path, or NAME:PATH, or moabb:DATASET; python -m training.prepare --list explains
    the names.
    """

    sources: tyro.conf.Positional[tuple[str, ...]]
    """Where recordings come from; may be left out with a preset whose data MOABB has."""
    out: Path
    """Folder to make, for rows.csv, results.json, table.md and scores.png."""
    preset: Literal["bcic-2a", "bcic-2b", "sleep-edfx", "kaggle-ern", "physio-p300"] | None = None
    """An evaluation of the EEGPT paper: its classes, people and nearest protocol, and its numbers
    beside ours."""
    protocols: tuple[
        Literal[
            "within",
            "cross-session",
            "loso",
            "few-shot",
            "calibrate-then-run",
            "calibrate-then-run-each",
            "pseudo-online",
        ],
        ...,
    ] = ()
    """How trials are parted into those learned from and those tested; within by default."""
    systems: tuple[str, ...] = ()
    """What is evaluated, such as riemann encoder CSP+LDA; by default all that need no extra.
    "published probe" is the job that the preset bcic-2a has for LaBraM."""
    classes: tuple[str, ...] = ()
    """Labels of the cues to tell apart; left_hand and right_hand by default."""
    subjects: tuple[str, ...] = ()
    """Only these people."""
    runs: tuple[str, ...] = ()
    """Only these runs."""
    encoder: tuple[str, ...] = ()
    """What our heads look through: imagery-2, imagery, imagery-2-with-eyes, starter, untrained,
    eegpt, labram, untrained-braingpt-base, braindecode:NAME, or a file. By default imagery-2 where
    it has seen nobody who is tested, else untrained. Of several, each person is looked at through
    the first that has seen the least of them."""
    others: bool = False
    """Also let each of our heads start from the trials of everybody but the person tested."""
    others_groups: int = 0
    """Part people into so many groups, of which each starts from everybody outside it: fewer fits
    of what others teach. By default everybody starts from all the others."""
    sites: Sites = "all"
    """Electrodes that systems get: motor (rows FC to CP), central (FC to P; away from eyes, jaw and
    visual cortex) or all."""
    from_cue: float = 0.0
    """Seconds after the cue that systems do not get: their windows begin there, and end where they
    would otherwise."""
    regress_eyes: bool = False
    """Take out of all other electrodes what those nearest to the eyes and the jaw explain of them,
    with coefficients of the signal that is learned from; systems get no frontal or temporal one."""
    with_and_without_eyes: bool = False
    """Score everything twice, as --regress-eyes would and without it."""
    jobs: int = 1
    """People who are tested at once, each in a process; loso goes through them one by one."""
    recentre: Literal["start", "off"] | None = None
    """In the protocols that decide live: take the reference of our heads' covariances anew from the
    first minute of the tested recording, without labels (start), or not (off). By default where the
    file of a decoder with that head would say so."""
    recentre_seconds: float | None = None
    """Seconds of signal without artifacts for --recentre start; 60 if not said."""
    adapt: tuple[Literal["recentre", "labels"], ...] = ()
    """In the protocols that decide live: what of our heads adapts while a tested recording goes on,
    the reference without labels (recentre), the head by trials that are over (labels)."""
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
    """Unit of the values, such as uV: of recordings that do not say it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run_command_line(
        PROGRAM,
        argv,
        lambda given: _main(_with_preset(parse(EvaluateOptions, f"python -m {PROGRAM}", given))),
    )


def _with_preset(options: EvaluateOptions) -> EvaluateOptions:
    """Return options with what a preset says, or what holds where nobody says anything."""
    if options.preset is None:
        return replace(
            options,
            classes=options.classes or ("left_hand", "right_hand"),
            protocols=options.protocols or ("within",),
        )
    from training.evaluation.presets import PRESETS

    preset = PRESETS[options.preset]
    if not (options.sources or preset.source):
        raise InputError(
            f"The data of {options.preset} are not to be downloaded; name their folder, such as "
            f"{preset.kind}:DIR (python -m training.prepare --list says where to get them)."
        )
    if options.classes or options.protocols:
        raise InputError(
            f"--preset {options.preset} is of the classes {', '.join(preset.classes)} and the "
            f"protocol {preset.protocol}; leave out --classes and --protocols, or --preset."
        )
    return replace(
        options,
        sources=options.sources or (preset.source,),
        classes=preset.classes,
        protocols=(preset.protocol,),
        subjects=options.subjects or preset.subjects,
    )


def _main(options: EvaluateOptions) -> int:
    _check(options)

    from tqdm import tqdm

    from core.decoding.recentring import REFERENCE_SECONDS
    from core.encoders import load_encoder
    from training.evaluation.people import Signal, path_for_all, read_people
    from training.evaluation.presets import as_published
    from training.evaluation.report.results import (
        as_markdown,
        check_new_folder,
        comparisons,
        summarise,
        write_results,
    )
    from training.evaluation.running import Bench
    from training.evaluation.systems.catalogue import PUBLISHED_PROBE, USUAL, make_systems

    check_new_folder(options.out)
    people = read_people(
        options.sources, options.classes, options.subjects, options.runs, options.unit
    )
    options = replace(options, encoder=options.encoder or (_unseen_encoder(people),))
    encoders = [(source, load_encoder(source)) for source in options.encoder]
    options = _with_published_probe(options, [encoder for _, encoder in encoders])
    names = options.systems or USUAL
    job = PUBLISHED_PROBE in names
    looking = job or any(system.encoder for system in make_systems(names, *encoders[0][::-1]))
    looks = _looks(options, people, encoders) if looking else {}
    without_eyes = options.regress_eyes or options.with_and_without_eyes
    specs = [encoder.spec for _, encoder in encoders]
    path = path_for_all(people, specs, options.sites, without_eyes)
    spec = encoders[0][1].spec
    skip = _skip(options, specs if looking else [])
    signals = [
        Signal(person, path, spec, options.classes, skip, options.regress_eyes) for person in people
    ]
    recentre: float | Literal["fit"] | None = options.recentre_seconds
    if recentre is None and options.recentre != "off":
        recentre = REFERENCE_SECONDS if options.recentre == "start" else "fit"
    bench = Bench(
        signals,
        names,
        encoders,
        looks,
        options.others,
        options.others_groups,
        options.jobs,
        recentre,
        options.adapt,
    )
    benches = [bench, bench.without_eyes()] if options.with_and_without_eyes else [bench]
    rows: list[ScoreRow] = []
    with tqdm(unit="fit", disable=None) as bar:
        for protocol, seed, bench in product(options.protocols, options.seeds, benches):
            bar.set_description(f"{protocol}, seed {seed}")
            for row in bench.rows(protocol, seed, options.shots):
                rows.append(row)
                bar.update()
        for seed in options.seeds if job else ():
            from training.evaluation.labram_job.running import job_rows

            bar.set_description(f"{PUBLISHED_PROBE}, seed {seed}")
            for row in job_rows(people, options.classes, encoders[0][1], seed):
                rows.append(row)
                bar.update()
    facts = _facts(options, people, encoders, path.channels)
    note = _live_options(options)
    tests = comparisons(rows, options.metric)
    write_line(as_markdown(summarise(rows, len(options.classes)), tests, options.metric, note))
    if job:
        from training.evaluation.labram_job.running import EXPLAINED

        write_line(EXPLAINED)
    if options.preset is not None:
        write_line(as_published(options.preset))
    written = write_results(options.out, rows, options.classes, options.metric, facts, note)
    write_line("\n".join(f"Written: {file}" for file in written))
    return 0


def _with_published_probe(options: EvaluateOptions, encoders: Sequence[Encoder]) -> EvaluateOptions:
    """Return options with the published job where the preset is its, and refuse it elsewhere."""
    from training.evaluation.systems.catalogue import PUBLISHED_PROBE

    first, *others = encoders
    alone = not (options.systems or others)
    if options.preset == "bcic-2a" and alone and first.spec.family == "labram":
        # What the published weights have seen is not in their file; every row says so.
        systems = (PUBLISHED_PROBE, "encoder", "riemann", "ACM+TS+LR")
        return replace(options, systems=systems, allow_seen="run")
    if PUBLISHED_PROBE in options.systems:
        from training.evaluation.labram_job.running import check_encoder

        if others:
            raise InputError(
                f'The system "{PUBLISHED_PROBE}" learns from all people through one encoder; name '
                "only one with --encoder."
            )
        check_encoder(first)
    return options


def _check(options: EvaluateOptions) -> None:
    if not options.sources:
        raise InputError("Name at least one source of recordings.")
    if len(set(options.classes)) < 2:
        raise InputError(f"--classes {' '.join(options.classes)} are fewer than two classes.")
    if min(options.shots) < 3:
        raise InputError(
            f"--shots {min(options.shots)} is too few; auto needs 3 of each class to choose by."
        )
    if options.shots != EvaluateOptions.shots and "few-shot" not in options.protocols:
        raise InputError("--shots is for the protocol few-shot; name that, or leave it out.")
    if options.regress_eyes and options.with_and_without_eyes:
        raise InputError("--with-and-without-eyes does --regress-eyes too; leave that out.")
    if options.jobs < 1 or options.others_groups < 0 or options.others_groups == 1:
        raise InputError("--jobs is at least 1, and --others-groups at least 2.")
    if options.others_groups and not options.others:
        raise InputError("--others-groups parts the people of --others; add that, or leave it out.")
    check_number("--from-cue", options.from_cue, 0.0, 60.0, " s")
    if min(options.seeds) < 0:
        raise InputError(f"--seeds {min(options.seeds)} is negative; seeds are from 0 on.")
    from core.decoding.recentring import check_flags

    check_flags(options.recentre, options.recentre_seconds, options.adapt)
    names = (
        ("protocols", options.protocols),
        ("systems", options.systems),
        ("classes", options.classes),
        ("seeds", options.seeds),
    )
    for name, given in names:
        if len(set(given)) < len(given):
            raise InputError(f"--{name} names one of them twice.")
    from training.evaluation.online import IDLE
    from training.evaluation.running import ONLINE

    if "pseudo-online" in options.protocols and IDLE in options.classes:
        raise InputError(
            f"pseudo-online takes what lies between the cues for {IDLE}, a class of its own; leave "
            "it out of --classes."
        )
    live = [protocol for protocol in options.protocols if protocol in ONLINE]
    asked = [
        flag
        for flag, given in (
            ("--recentre", options.recentre is not None),
            ("--recentre-seconds", options.recentre_seconds is not None),
            ("--adapt", bool(options.adapt)),
        )
        if given
    ]
    if asked and not live:
        raise InputError(
            f"{asked[0]} is for protocols that decide live ({', '.join(ONLINE)}), and none is "
            "asked for; leave it out, or name one with --protocols."
        )
    from core.fitting.views import GRAPH
    from training.evaluation.systems.catalogue import OURS

    ours = (*OURS, GRAPH)
    if asked and options.systems and not set(ours) & set(options.systems):
        raise InputError(
            f"{asked[0]} is for systems that are our heads ({', '.join(ours)}), and --systems "
            "names none of them; leave it out, or name one."
        )


def _live_options(options: EvaluateOptions) -> str:
    """Say how our heads recentre and adapt, where that is not the default."""
    seconds = options.recentre_seconds
    asked = {
        "--recentre": options.recentre or "",
        "--recentre-seconds": "" if seconds is None else f"{seconds:g}",
        "--adapt": " ".join(options.adapt),
    }
    flags = [f"`{flag} {value}`" for flag, value in asked.items() if value]
    return f"Our heads, in protocols that decide live: {', '.join(flags)}." if flags else ""


def _unseen_encoder(people: Sequence[Subject]) -> str:
    """Return the encoder of people for whom none was named: one that has seen none of them."""
    from core.encoders import DEFAULT, load_encoder
    from training.evaluation.pretraining_overlap import seen_of

    spec = load_encoder(DEFAULT).spec
    seen = {seen_of(spec, person, range(len(person.recordings))) for person in people}
    return DEFAULT if seen == {"nothing"} else "untrained"


def _skip(options: EvaluateOptions, specs: Sequence[EncoderSpec]) -> int:
    """Return the samples after the cue that systems do not get, if all of them can do without."""
    from core.encoders import load_encoder
    from core.fitting.feature_input import skip_of
    from training.evaluation.systems.catalogue import PROBE

    if options.from_cue and PROBE in options.systems:
        raise InputError(f'The system "{PROBE}" takes whole windows; leave out --from-cue.')
    windows = specs or [load_encoder(options.encoder[0]).spec]
    instead = "name systems without tokens"
    first, *_ = [skip_of(options.from_cue, spec, bool(specs), instead) for spec in windows]
    return first


def _looks(
    options: EvaluateOptions, people: Sequence[Subject], encoders: Sequence[tuple[str, Encoder]]
) -> dict[str, int]:
    """Return through which encoder each person is looked at."""
    from training.evaluation.pretraining_overlap import encoder_for
    from training.evaluation.running import LAST

    specs = [encoder.spec for _, encoder in encoders]
    last = all(protocol in LAST for protocol in options.protocols)
    return {
        person.name: encoder_for(
            specs,
            person,
            person.parts[-1] if last else tuple(range(len(person.recordings))),
            options.allow_seen,
        )
        for person in people
    }


def _facts(
    options: EvaluateOptions,
    people: Sequence[Subject],
    encoders: Sequence[tuple[str, Encoder]],
    channels: Sequence[str],
) -> dict[str, Any]:
    """Say how the rows came about."""
    asked = asdict(options) | {"out": options.out.name}
    return {
        "software": software(),
        "options": asked,
        "encoders": [
            {
                "label": encoder.spec.label,
                "sha256": encoder.weights_sha256(),
                "provenance": encoder.spec.provenance,
            }
            for _, encoder in encoders
        ],
        "channels": list(channels),
        "recordings": {
            f"{identity}": recording.sha256
            for person in people
            for identity, recording in zip(person.identities, person.recordings, strict=True)
        },
    }


if __name__ == "__main__":
    sys.exit(main())

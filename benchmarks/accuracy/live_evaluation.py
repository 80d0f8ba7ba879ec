"""Every head with and without other people, beside standard pipelines: the third run decided live.

    python benchmarks/accuracy/live_evaluation.py FOLDER --encoders FILE ... --out rows.jsonl
    python benchmarks/accuracy/live_evaluation.py --out rows.jsonl --table

FOLDER has a folder a person with the runs 4, 8 and 12 of the PhysioNet motor imagery data set. What
is computed is `training.evaluate --protocols calibrate-then-run-each --others --others-groups 5
--with-and-without-eyes`: fitted on two runs of a person, the third decided hop by hop, all three
ways; here person by person, so that a run that was stopped goes on. Each person is looked at
through one of the encoders that has not seen them (`labelled_encoder.py` makes five), and starts
from people outside their group; people whom every encoder has seen are others, and are not tested.
Standard pipelines learn from nobody else: `--alone` computes them without waiting for others.
People are drawn in the order of --seed, so that those who came to be computed are a random sample.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from itertools import groupby

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from resumable_rows import ResumableRows, arguments, parsed  # noqa: E402
from scipy.stats import bootstrap, wilcoxon  # noqa: E402

from core.encoders import load_encoder  # noqa: E402
from core.errors import InputError  # noqa: E402
from core.reliability import ReliabilityCurve  # noqa: E402
from training.evaluation.people import Signal, path_for_all, read_people  # noqa: E402
from training.evaluation.pretraining_overlap import encoder_for  # noqa: E402
from training.evaluation.report.results import as_markdown, comparisons, summarise  # noqa: E402
from training.evaluation.report.scoring import ScoreRow  # noqa: E402
from training.evaluation.running import Bench  # noqa: E402

PROTOCOL = "calibrate-then-run-each"
CLASSES = ("left_hand", "right_hand")
SYSTEMS = ("riemann", "encoder", "hybrid", "auto", "CSP+LDA", "TS+LR", "ACM+TS+LR")
METRIC = "balanced_accuracy"


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--encoders", nargs="+", default=[])
    parser.add_argument("--systems", nargs="+", default=SYSTEMS)
    parser.add_argument("--alone", action="store_true", help="without what other people teach")
    parser.add_argument("--above", default="auto + others", help="system that gains are of")
    parser.add_argument("--seed", type=int, default=0)
    options = parsed(parser)
    rows = ResumableRows(options.out)
    if not options.table:
        bench = _bench(options, rows.known("person"))
        both = (bench, bench.without_eyes()) if bench.tested else ()
        by_person = (groupby(variant.rows(PROTOCOL, options.seed, ()), _person) for variant in both)
        for parts in zip(*by_person, strict=True):
            # Written together: whoever is there is there in full.
            for row in [row for _, part in parts for row in part]:
                rows.add(_as_fields(row))
    _print([_as_row(fields) for fields in rows.read()], options.above)


def _bench(options: argparse.Namespace, known: set[tuple]) -> Bench:
    """Return a bench that tests the people who are wanted, in the order of the seed."""
    encoders = [(source, load_encoder(source)) for source in options.encoders]
    specs = [encoder.spec for _, encoder in encoders]
    people = read_people([f"physionet-mi:{options.folder}"], CLASSES, runs=("4", "8", "12"))
    path = path_for_all(people, specs, "all", True)
    signals = [Signal(person, path, specs[0], CLASSES) for person in people]
    looks = {}
    for person in people:
        every = range(len(person.recordings))
        with suppress(InputError):  # every encoder has seen them
            looks[person.name] = encoder_for(specs, person, every, "nothing")
    order = np.random.default_rng(options.seed).permutation(len(people))
    wanted = [people[place].name for place in order]
    tested = [
        name
        for name in wanted
        if name in looks
        and (name,) not in known
        and (not options.people or name.split()[-1] in options.people)
    ]
    others = not options.alone
    return Bench(
        signals, options.systems, encoders, looks, others, 5, recentre="fit", tested=tested
    )


def _person(row: ScoreRow) -> str:
    return row.person


def _as_fields(row: ScoreRow) -> dict:
    curve = {name: values.tolist() for name, values in vars(row.curve).items()}
    return vars(row) | {"curve": curve}


def _as_row(fields: dict) -> ScoreRow:
    curve = {name: np.array(values) for name, values in fields["curve"].items()}
    return ScoreRow(**fields | {"curve": ReliabilityCurve(**curve)})


def _print(rows: list[ScoreRow], above: str) -> None:
    if rows:
        print(len({row.person for row in rows}), "people")
        print(as_markdown(summarise(rows, len(CLASSES)), comparisons(rows, METRIC), METRIC))
        _print_intervals(rows, above)


def _print_intervals(rows: list[ScoreRow], above: str) -> None:
    """Print means over people with 95 % intervals, and what one system is above each by.

    The intervals are those of the bootstrap over people, by percentiles; p is Wilcoxon's, of both
    sides, not corrected.
    """
    scores: dict[tuple[str, str], dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        pair = row.scores[METRIC], row.scores["auroc"]
        scores.setdefault((row.protocol, row.system), {}).setdefault(row.person, []).append(pair)
    means = {
        key: np.array([np.mean(pairs, axis=0) for _, pairs in sorted(people.items())])
        for key, people in scores.items()
    }
    print(f"| protocol | system | balanced accuracy | AUROC | `{above}` is above by |")
    print("|---|---|---|---|---|")
    for (protocol, system), table in means.items():
        gain, best = "", means.get((protocol, above))
        if best is not None and len(best) == len(table):
            gains = best[:, 0] - table[:, 0]
            gain = _with_interval(gains)
            gain += f", p {wilcoxon(gains).pvalue:.3g}" if gains.any() else ""
        cells = (protocol, system, _with_interval(table[:, 0]), f"{table[:, 1].mean():.3f}", gain)
        print(f"| {' | '.join(cells)} |")


def _with_interval(values: np.ndarray) -> str:
    if len(values) < 2 or not np.ptp(values):
        return f"{values.mean():.3f}"
    drawn = bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(0))
    low, high = drawn.confidence_interval
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()

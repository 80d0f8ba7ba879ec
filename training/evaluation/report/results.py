"""From rows to tables: means, spreads, comparisons, and the files that keep them."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from core.machine.files import check_folder, write_whole
from core.metrics import chance_bound, information_transfer_rate
from core.reliability import pooled
from training.evaluation.report.scoring import ONLINE, WORDS, ScoreRow, Summary
from training.evaluation.report.statistics import Comparison, compare

_SHOWN = ("balanced_accuracy", "kappa", "auroc", "weighted_f1", "nmcc", "brier", "ece", "itr")
_APART = ("scores", "curve")  # fields of a row that are no column
_PROBABLE = 0.05


def summarise(rows: Sequence[ScoreRow], classes: int) -> list[Summary]:
    """Return a summary of every protocol and system, in the order in which they come.

    Parameters
    ----------
    rows : sequence of ScoreRow
    classes : int
        That were guessed among; accuracy is compared with the bound.
    """
    groups = dict.fromkeys((row.protocol, row.system) for row in rows)
    return [
        _summary([row for row in rows if (row.protocol, row.system) == group], classes)
        for group in groups
    ]


def _summary(rows: Sequence[ScoreRow], classes: int) -> Summary:
    people = list(dict.fromkeys(row.person for row in rows))
    seeds = sorted({row.seed for row in rows})
    names = [name for name in WORDS if name in rows[0].scores]

    def mean(name: str, chosen: Sequence[ScoreRow]) -> float:
        values = np.array([row.scores[name] for row in chosen])
        return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")

    by_person = {
        name: np.array([mean(name, [r for r in rows if r.person == who]) for who in people])
        for name in names
    }
    by_seed = {
        name: np.array([mean(name, [r for r in rows if r.seed == seed]) for seed in seeds])
        for name in names
    }
    by_person["ece"] = np.array([_ece([r for r in rows if r.person == who]) for who in people])
    if "itr" not in by_person:
        paces = [next(row.pace for row in rows if row.person == who) for who in people]
        pairs = zip(by_person["accuracy"], paces, strict=True)
        rates = [information_transfer_rate(accuracy, classes, pace) for accuracy, pace in pairs]
        by_person["itr"] = np.array(rates)
    first = [row for row in rows if row.seed == seeds[0]]
    online = "false_alarms" in rows[0].scores
    tested = [sum(row.tested for row in first if row.person == who) for who in people]
    bounds = np.array([float("nan") if online else chance_bound(n, classes) for n in tested])
    ranks = ("unknown", "run", "person", "nothing")
    return Summary(
        protocol=rows[0].protocol,
        system=rows[0].system,
        encoder=", ".join(dict.fromkeys(row.encoder for row in rows)),
        seen=", ".join(kind for kind in ranks if any(row.seen == kind for row in rows)),
        people=len(people),
        means={name: _mean(values) for name, values in by_person.items()},
        over_people={name: _spread(values) for name, values in by_person.items()},
        over_seeds={name: _spread(values) for name, values in by_seed.items()},
        chance=float(bounds.mean()),
        above=int(np.sum(by_person["accuracy"] > bounds)),
    )


def _ece(rows: Sequence[ScoreRow]) -> float:
    """Return the expected calibration error of all decisions of some rows; NaN without any."""
    curves = [row.curve for row in rows if row.curve is not None]
    return pooled(curves).ece if curves else float("nan")


def comparisons(rows: Sequence[ScoreRow], metric: str) -> dict[str, list[Comparison]]:
    """Return paired tests between all systems, for every protocol with at least two of each."""
    tests = {}
    for protocol in dict.fromkeys(row.protocol for row in rows):
        of_protocol = [row for row in rows if row.protocol == protocol]
        people = list(dict.fromkeys(row.person for row in of_protocol))
        systems = list(dict.fromkeys(row.system for row in of_protocol))
        if len(people) < 2 or len(systems) < 2:
            continue
        values = defaultdict[tuple[str, str], list[float]](list)
        for row in of_protocol:
            values[row.system, row.person].append(row.scores[metric])
        scores = {
            system: np.array([_mean(np.array(values[system, who])) for who in people])
            for system in systems
        }
        tests[protocol] = compare(scores)
    return tests


def check_new_folder(folder: Path) -> None:
    """Refuse, before any work, a folder with something in it or that cannot be written.

    Raises
    ------
    InputError
        If there is a file, anything in the folder, or as `core.machine.files.check_folder`.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists already; choose another folder with --out.")
    check_folder(folder, "--out")


def write_results(
    folder: Path,
    rows: Sequence[ScoreRow],
    classes: Sequence[str],
    metric: str,
    facts: dict[str, Any],
    note: str = "",
) -> list[Path]:
    """Write rows.csv, results.json, table.md and scores.png.

    Parameters
    ----------
    folder : Path
        New or empty.
    rows : sequence of ScoreRow
    classes : sequence of str
    metric : str
        That systems are compared by.
    facts : dict
        How the rows came about.
    note : str
        Stands above the tables.

    Returns
    -------
    list of Path
        What was written.
    """
    from training.evaluation.report.plot import draw

    summaries, tests = summarise(rows, len(classes)), comparisons(rows, metric)
    content = {
        "facts": facts,
        "classes": list(classes),
        "metric": metric,
        "summaries": [asdict(summary) for summary in summaries],
        "comparisons": {name: [asdict(pair) for pair in pairs] for name, pairs in tests.items()},
        "rows": [_as_dict(row) for row in rows],
    }
    files = {
        "rows.csv": as_csv(rows).encode(),
        "results.json": json.dumps(_finite(content), indent=1).encode(),
        "table.md": as_markdown(summaries, tests, metric, note).encode(),
        "scores.png": draw(rows, summaries, metric),
    }
    return [write_whole(folder / name, data) for name, data in files.items()]


def _as_dict(row: ScoreRow) -> dict[str, Any]:
    """Return a row for JSON; of its curve count, confidence and accuracy in each bin."""
    values = {name: value for name, value in vars(row).items() if name != "curve"}
    if (curve := row.curve) is not None:
        values["reliability"] = {
            "counts": curve.counts.tolist(),
            "confidence": curve.confidence.tolist(),
            "accuracy": curve.accuracy.tolist(),
        }
    return values


def as_csv(rows: Sequence[ScoreRow]) -> str:
    """Return one line a row; a metric that a protocol does not have is left empty."""
    metrics = [name for name in WORDS if any(name in row.scores for row in rows)]
    text = io.StringIO()
    writer = csv.DictWriter(
        text,
        [*(name for name in ScoreRow.__dataclass_fields__ if name not in _APART), *metrics],
        lineterminator="\n",
    )
    writer.writeheader()
    for row in rows:
        known = {name: f"{value:.6g}" for name, value in row.scores.items()}
        writer.writerow({k: v for k, v in vars(row).items() if k not in _APART} | known)
    return text.getvalue()


def as_markdown(
    summaries: Sequence[Summary], tests: dict[str, list[Comparison]], metric: str, note: str = ""
) -> str:
    """Return a note, a table for every protocol, and the differences that are no accident."""
    parts = [note] if note else []
    for protocol in dict.fromkeys(summary.protocol for summary in summaries):
        group = [summary for summary in summaries if summary.protocol == protocol]
        names = [*_SHOWN, *(name for name in ONLINE if name in group[0].means)]
        lines = [
            ["system", "encoder", "it saw of them", *(WORDS[name] for name in names)],
            ["---", "---", "---", *("---:" for _ in names)],
        ]
        lines += [
            [s.system, s.encoder or "-", s.seen or "-", *(_with_spread(s, name) for name in names)]
            for s in group
        ]
        if np.isfinite(group[0].chance):
            lines[0].append("people above chance")
            lines[1].append("---:")
            for line, summary in zip(lines[2:], group, strict=True):
                line.append(f"{summary.above} of {summary.people}")
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        bound = (
            f" Guessing stays at or below an accuracy of {group[0].chance:.2f} in 95 % of cases."
            if np.isfinite(group[0].chance)
            else ""
        )
        parts.append(
            f"## {protocol}\n\n{group[0].people} people; mean ± standard deviation over people, "
            f"after / that over seeds.{bound}\n\n{table}\n\n"
            + _differences(tests.get(protocol), metric)
        )
    return "\n\n".join(parts) + "\n"


def _with_spread(summary: Summary, name: str) -> str:
    text = f"{summary.means[name]:.2f}"
    if np.isfinite(summary.over_people[name]):
        text += f" ± {summary.over_people[name]:.2f}"
    if np.isfinite(summary.over_seeds.get(name, np.nan)):
        text += f" / {summary.over_seeds[name]:.2f}"
    return text


def _differences(tests: Sequence[Comparison] | None, metric: str) -> str:
    if not tests:
        return "Nothing to compare."
    clear = [test for test in tests if test.p_holm < _PROBABLE]
    how = (
        f"Paired one-sided tests of {WORDS[metric]} over {tests[0].people} people, "
        f"{len(tests)} of them, Holm-corrected: "
    )
    if not clear:
        least = min(tests, key=lambda test: test.p)
        return how + (
            f"no difference is beyond chance (least: {least.better} over {least.worse}, "
            f"p = {least.p:.3f} uncorrected, effect {least.effect:.2f})."
        )
    return (
        how
        + "; ".join(
            f"{test.better} over {test.worse} (p = {test.p_holm:.3f}, effect {test.effect:.2f})"
            for test in sorted(clear, key=lambda test: test.p)
        )
        + "."
    )


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _spread(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")


def _finite(content: Any) -> Any:
    """Return content with None for numbers that JSON does not know."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not np.isfinite(content):
        return None
    return content

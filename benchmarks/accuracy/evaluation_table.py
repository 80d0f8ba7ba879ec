r"""How good every system is on the eleven PhysioNet people, with and without the other people.

    python benchmarks/accuracy/evaluation_table.py --work work --out table
    python benchmarks/accuracy/evaluation_table.py --work work --out table --encoders FILE FILE
    python benchmarks/accuracy/evaluation_table.py --work work --out table \
        --protocols calibrate-then-run

Imagined left against right fist, seeds and runs as below. The people are parted in two halves; an
encoder is pretrained on each with the recipe of the starter (a few minutes each), and everybody is
looked at through the one that has not seen them. Runs 4 and 8 are all that `within`, `loso` and
`few-shot` read; only `calibrate-then-run`, which is not done unless it is named, reads run 12.
What was done already lies in --work and is not done again; the table of all of it goes to --out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

from training.evaluation.report.results import write_results  # noqa: E402 - after the threads
from training.evaluation.report.scoring import ScoreRow  # noqa: E402
from training.evaluation.systems.catalogue import NETWORKS, OURS, PROBE, USUAL  # noqa: E402
from training.sources.catalogue import find_parts  # noqa: E402

CLASSES = ("left_hand", "right_hand")
PROTOCOLS = {  # runs, seeds
    "within": ("4 8", "0"),
    "loso": ("4 8", "0"),
    "few-shot": ("4 8", "0 1 2"),
    "calibrate-then-run": ("4 8 12", "0"),
}
JUDGE = 12  # the run that no encoder is pretrained on
GROUPS = {
    "heads": OURS,
    "pipelines": tuple(name for name in USUAL if name not in OURS),
    "probe": (PROBE,),
    "networks": NETWORKS,
}
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def main() -> None:
    options = _options()
    encoders = options.encoders or _pretrained(options.data, options.work)
    parts = []
    for protocol in options.protocols:
        runs, seeds = PROTOCOLS[protocol]
        for group in options.groups:
            folder = options.work / f"{protocol}-{group}"
            parts.append(folder / "results.json")
            if not parts[-1].is_file():
                words = [options.data, "--out", folder, "--protocols", protocol, "--encoder"]
                words += [*encoders, "--runs", *runs.split(), "--seeds", *seeds.split()]
                words += ["--systems", *GROUPS[group]]
                _run("evaluate", *words, *(["--others"] if group == "heads" else []))
    results = [json.loads(part.read_text(encoding="utf-8")) for part in parts]
    rows = [_row(row) for result in results for row in result["rows"]]
    rows.sort(key=lambda row: options.protocols.index(row.protocol.split()[0]))
    facts = {part.parent.name: result["facts"] for part, result in zip(parts, results, strict=True)}
    for file in write_results(options.out, rows, CLASSES, "balanced_accuracy", facts):
        print(f"Written: {file}")
    print((options.out / "table.md").read_text(encoding="utf-8"))


def _pretrained(data: Path, work: Path) -> list[Path]:
    """Pretrain an encoder on either half of the people, as far as that is not done."""
    people = sorted({part.identity.subject for part in find_parts([str(data)])})
    encoders = []
    for name, half in (("a", people[::2]), ("b", people[1::2])):
        encoder, store, run = (work / f"{name}{end}" for end in (".safetensors", "-store", "-run"))
        encoders.append(encoder)
        if encoder.is_file():
            continue
        runs = {part.identity.run for part in find_parts([str(data)], half)}
        wanted = sorted(number for number in runs if int(number) != JUDGE)
        _run("prepare", data, "--store", store, "--subjects", *half, "--runs", *wanted)
        if not run.exists():
            _run("pretrain", "starter", "--folder", run, "--store", store)
        else:
            _run("pretrain", "--resume", run)
        _run("export", run, "--out", encoder, "--name", f"starter-half-{name}")
    return encoders


def _run(program: str, *words: object) -> None:
    command = [sys.executable, "-m", f"training.{program}", *map(str, words)]
    print(" ".join(command[1:]), flush=True)
    subprocess.run(command, check=True, stdout=sys.stderr)


def _row(row: dict) -> ScoreRow:
    """Return a row as it was written; what was not finite was written as nothing."""
    scores = {k: float("nan") if v is None else v for k, v in row["scores"].items()}
    return ScoreRow(**{**row, "scores": scores})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("EEGPT_DATA", DATA)) / "eegmmidb"
    parser.add_argument("--work", type=Path, required=True, help="folder of what is done already")
    parser.add_argument("--out", type=Path, required=True, help="new folder of the table")
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--encoders", type=Path, nargs="+", help="instead of pretraining two")
    parser.add_argument(
        "--protocols", nargs="+", choices=PROTOCOLS, default=["within", "loso", "few-shot"]
    )
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=["heads", "pipelines"])
    return parser.parse_args()


if __name__ == "__main__":
    main()

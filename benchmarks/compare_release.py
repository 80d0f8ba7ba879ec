"""Compare this tree with an earlier commit: what that commit fitted decodes here as it did there.

    python benchmarks/compare_release.py                      S001 run 12 and S006 run 8, four heads
    python benchmarks/compare_release.py --heads riemann      one head only
    python benchmarks/compare_release.py --fixtures tests/data/release

The earlier commit is checked out into a temporary git worktree and run by this Python, with
PYTHONPATH set to it. It fits a decoder a head on two runs of a person; both trees then decode the
third run with ``eegpt-realtime --file``, and every line of the logs is compared: status and
decision must be equal, probabilities equal to 1e-9. A line that only this tree refuses (an
artifact check that the commit did not have) is listed, not counted as a difference; nor are up to
two seconds of equal decisions behind it, as the filter of the features begins anew there. Last, a
BrainVision recording made by the commit's recorder must be read here sample for sample.

``--fixtures`` writes a small decoder and recording made by the commit, and its decisions, for
``tests/test_release.py``. The exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMIT = "c488668"
CASES = (("S001", (4, 8), 12), ("S006", (4, 12), 8))  # person, runs to fit on, run to decode
HEADS = ("riemann", "prior", "encoder", "hybrid")
TOLERANCE = 1e-9  # of a probability
REFUSALS = {"artifact", "gap", "warming"}
SETTLING = 2.0  # s behind a refusal in which probabilities may differ, and decisions may not
ELECTRODES = ("FC3", "FC4", "C3", "CZ", "C4", "CP3", "CP4", "PZ")
RATE = 250.0  # Hz


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commit", default=COMMIT)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "eegmmidb")
    parser.add_argument("--people", nargs="+", default=[case[0] for case in CASES])
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=HEADS)
    parser.add_argument("--fixtures", type=Path, help="folder for the fixtures of the tests")
    parser.add_argument("--in-commit", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.in_commit:
        task, *arguments = given.in_commit
        return {"fit-prior": _fit_prior, "fixtures": _make_fixtures}[task](*arguments)
    with tempfile.TemporaryDirectory() as folder, checked_out(given.commit, folder) as earlier:
        work = Path(folder)
        if given.fixtures:
            given.fixtures.mkdir(parents=True, exist_ok=True)
            in_tree(earlier, __file__, "--in-commit", "fixtures", str(given.fixtures.resolve()))
            return 0
        differences = sum(
            compare(earlier, given.data / person, fit_on, decode, head, work)
            for person, fit_on, decode in CASES
            if person in given.people
            for head in given.heads
        )
        in_tree(earlier, __file__, "--in-commit", "fixtures", str(work / "made"))
        differences += compare_recording(work / "made")
    print(f"{differences} differences from {given.commit}.")
    return int(differences > 0)


@contextmanager
def checked_out(commit: str, folder: str) -> Iterator[Path]:
    """Check a commit out into a worktree of its own, and remove it again."""
    tree = Path(folder, "tree")
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
    try:
        yield tree
    finally:
        subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def in_tree(tree: Path, *arguments: str) -> str:
    """Run this Python on the packages of a tree and return what it prints."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(tree)},
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        sys.exit(f"{tree}: {' '.join(arguments)} failed:\n{ran.stderr}")
    return ran.stdout


def compare(
    earlier: Path, person: Path, fit_on: tuple[int, ...], decode: int, head: str, work: Path
) -> int:
    """Fit with the earlier tree, decode with both, print a line, and count the differences."""
    name = f"{person.name}-{head}"
    decoder = work / f"{name}.safetensors"
    home = str(work / "home")
    runs = [str(person / f"{person.name}R{run:02d}.edf") for run in fit_on]
    fit = [
        *("fit", *runs, "--subject", person.name, "--event", "T1=left_hand"),
        *("--event", "T2=right_hand", "--out", str(decoder), "--home", home),
    ]
    if head == "prior":
        in_tree(
            earlier,
            __file__,
            "--in-commit",
            "fit-prior",
            json.dumps([*fit, "--head=riemann", "--prior=population"]),
        )
    else:
        in_tree(earlier, "-m", "calibration.cli", *fit, "--head", head, "--prior", "none")
    logs = []
    for label, tree in (("earlier", earlier), ("now", ROOT)):
        log = work / f"{name}-{label}.jsonl"
        recording = person / f"{person.name}R{decode:02d}.edf"
        in_tree(
            tree,
            *("-m", "realtime.cli", "--file", str(recording), "--decoder", str(decoder)),
            *("--log", str(log), "--home", home),
        )
        logs.append([json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()])
    differing, refused, settling, largest = differences_of(*logs)
    print(
        f"{person.name} run {decode:2}, head {head:8}: {len(logs[0])} decisions, largest "
        f"difference of a probability {largest:.1e}, {len(differing)} differ, "
        f"{len(refused)} refused only now, {len(settling)} behind these"
    )
    for was, now in differing + refused + settling:
        print(f"    {was['time']:8.3f} s: {was['status']} {was['decision']} -> "
              f"{now['status']} {now['decision']}")  # fmt: skip
    return len(differing) + abs(len(logs[0]) - len(logs[1]))


Line = dict[str, Any]


def differences_of(
    earlier: list[Line], now: list[Line]
) -> tuple[list[tuple[Line, Line]], list[tuple[Line, Line]], list[tuple[Line, Line]], float]:
    """Compare two decision logs line by line.

    Returns
    -------
    list of (line, line)
        Lines that differ.
    list of (line, line)
        Lines that only the second refuses to decide on.
    list of (line, line)
        Lines behind these with the same decision from other probabilities.
    float
        Largest difference of a probability where both decide; those behind a refusal apart.
    """
    differing, refused, settling, largest = [], [], [], 0.0
    settled = float("-inf")
    for was, current in zip(earlier, now, strict=False):
        before, after = was["probabilities"], current["probabilities"]
        if before is not None and after is None and current["status"] in REFUSALS:
            refused.append((was, current))
            settled = current["time"] + SETTLING
            continue
        difference = 0.0
        if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
            difference = max(abs(before[name] - after[name]) for name in before)
        elif before != after:
            difference = float("inf")
        keys = ("index", "time", "sample", "status", "decision")
        if any(was[key] != current[key] for key in keys) or difference == float("inf"):
            differing.append((was, current))
        elif difference > TOLERANCE and current["time"] <= settled:
            settling.append((was, current))
        else:
            largest = max(largest, difference)
            if difference > TOLERANCE:
                differing.append((was, current))
    return differing, refused, settling, largest


def compare_recording(folder: Path) -> int:
    """Read here what the earlier recorder wrote, and count what differs."""
    import numpy as np

    from core.recordings import read_recording

    header = next((folder / "recording").rglob("*.vhdr"))
    recording = read_recording(header)
    written = np.fromfile(header.with_suffix(".eeg"), "<f4").reshape(-1, len(ELECTRODES))
    truth = json.loads((folder / "recording.json").read_text(encoding="utf-8"))
    events = [[event.onset, event.duration, event.label] for event in recording.events]
    checks = {
        "samples": np.array_equal(recording.samples_uv, written),
        "breaks": list(recording.breaks) == truth["breaks"],
        "events": events == truth["events"],
        "labels": list(recording.labels) == truth["labels"],
    }
    print("Recording of the commit read here: " + ", ".join(f"{k} {v}" for k, v in checks.items()))
    return sum(not equal for equal in checks.values())


def _fit_prior(arguments: str) -> int:
    """In the earlier tree: fit, and keep the head that starts from the population's."""
    import core.decoding.selection as selection

    import calibration.fitting as fitting
    from calibration.cli import main as calibrate

    # Which head is chosen, and whether other people help, depends on the person; here the head is
    # always the prior's, with a weight of one where the commit would have set it aside.
    fit_chosen = fitting.fit_chosen
    selection.choose = lambda folds, share: "prior"
    fitting.fit_chosen = lambda views, choice: fit_chosen(
        views, replace(choice, weight=choice.weight or 1.0)
    )
    return int(calibrate(json.loads(arguments)))


def _make_fixtures(place: str) -> int:
    """In the earlier tree: a decoder, a recording, and what is decided on it."""
    import numpy as np
    from core.synthetic import session

    from calibration.cli import main as calibrate
    from calibration.recording.bids import next_run
    from calibration.recording.recorder import Recorder
    from core.recordings import read_recording
    from core.stream.discovery import StreamFacts, StreamIdentity
    from realtime.cli import main as decode

    folder = Path(place)
    folder.mkdir(parents=True, exist_ok=True)
    units = ("microvolts",) * len(ELECTRODES)
    identity = StreamIdentity("Amp", "EEG", "amp-1", "lab", "u1")
    facts = StreamFacts(
        identity, RATE, ELECTRODES, units, ("EEG",) * len(units), len(units), "float32", ()
    )

    def record(root: Path, run: int, trials: int, seconds: float | None, gap: int | None) -> Path:
        made = session(trials, seed=3, rate=RATE, labels=ELECTRODES, run=run)
        samples = made.samples_uv[: None if seconds is None else round(seconds * RATE)]
        stamps = 100.0 + np.arange(len(samples)) / RATE
        if gap is not None:
            stamps[gap:] += 2.0
        bids_run = next_run(root, "01")
        with Recorder(bids_run, facts, memory=3600.0) as recorder:
            for event in made.events:
                if event.onset * RATE < len(samples):
                    time = float(stamps[round(event.onset * RATE)])
                    recorder.event(event.label, None, time, 4.0)
            for start in range(0, len(samples), 25):
                block = slice(start, start + 25)
                recorder.write(samples[block].astype(np.float32), stamps[block])
        return bids_run.file("eeg.vhdr")

    with tempfile.TemporaryDirectory() as scratch:
        trained = record(Path(scratch), 1, 15, None, None)
        fit = ["fit", str(trained), "--subject", "01", "--head", "riemann", "--prior", "none"]
        if calibrate([*fit, "--out", str(folder / "decoder"), "--home", scratch]):
            return 1
    for report in (".txt", ".json"):
        (folder / "decoder").with_suffix(report).unlink()
    header = record(folder / "recording", 2, 2, 20.0, 2500)
    recording = read_recording(header)
    truth = {
        "labels": list(recording.labels),
        "breaks": list(recording.breaks),
        "events": [[event.onset, event.duration, event.label] for event in recording.events],
    }
    (folder / "recording.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    log = str(folder / "decisions.jsonl")
    given = ["--file", str(header), "--decoder", str(folder / "decoder.safetensors"), "--log", log]
    return int(decode([*given, "--home", str(folder)]))


if __name__ == "__main__":
    sys.exit(main())

"""What a fit from files costs the processor, beside the same fit by an earlier commit.

    python benchmarks/fit_cost.py                       S001 runs 4 and 8, three heads
    python benchmarks/fit_cost.py --heads riemann --turns 5

Both trees run ``eegpt-calibrate fit`` in a process of its own, in turns, so that what else the
computer does falls on both alike. Counted is the processor's time, user and system, of the program
and of the processes that it starts, such as the one that reads recordings: the least and the median
of the turns; and the most memory that one of them had. Needs POSIX. No figure is asserted anywhere.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from compare_release import COMMIT, ROOT, checked_out, in_tree


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commit", default=COMMIT)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "eegmmidb")
    parser.add_argument("--person", default="S001")
    parser.add_argument("--runs", nargs="+", type=int, default=[4, 8])
    parser.add_argument("--heads", nargs="+", default=["riemann", "hybrid", "auto"])
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    person = given.data / given.person
    files = [str(person / f"{given.person}R{run:02d}.edf") for run in given.runs]
    print(f"{'head':10}{given.commit + ', s, MB':>25}{'now, s, MB':>25}   ratio of the medians")
    with tempfile.TemporaryDirectory() as folder, checked_out(given.commit, folder) as earlier:
        for head in given.heads:
            costs: dict[Path, list[tuple[float, float]]] = {earlier: [], ROOT: []}
            for turn in range(given.turns):
                for number, tree in enumerate(costs):
                    out = Path(folder, f"{head}-{number}-{turn}.safetensors")
                    with ProcessPoolExecutor(1) as alone:  # which has no other children
                        fit = alone.submit(cost, tree, files, given.person, head, out)
                        costs[tree].append(fit.result())
            shown, medians = "", []
            for turns in costs.values():
                seconds, memory = zip(*turns, strict=True)
                medians.append(statistics.median(seconds))
                shown += f"{min(seconds):9.2f}{medians[-1]:9.2f}{max(memory):7.0f}"
            print(f"{head:10}{shown}   {medians[1] / medians[0]:.2f}", flush=True)
    return 0


def cost(tree: Path, files: list[str], person: str, head: str, out: Path) -> tuple[float, float]:
    """Return what a fit takes of the processor, in s, and its memory, in MB."""
    events = ("--event", "T1=left_hand", "--event", "T2=right_hand")
    place = ("--out", str(out), "--home", str(out.parent / "home"))
    in_tree(
        tree,
        *("-m", "calibration.cli", "fit", *files, "--subject", person, "--head", head),
        *(*events, *place),
    )
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6


if __name__ == "__main__":
    sys.exit(main())

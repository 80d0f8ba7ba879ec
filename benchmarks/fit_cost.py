"""What a fit from files costs the processor, beside the same fit by an earlier commit.

    python benchmarks/fit_cost.py                       S001 runs 4 and 8, three heads
    python benchmarks/fit_cost.py --heads riemann --turns 5

Both trees run ``eegpt-calibrate fit`` in a process of its own, in turns, so that what else the
computer does falls on both alike. Counted is the processor's time, user and system, of the program
and of the processes that it starts, such as the one that reads recordings: the least and the median
of the turns. Needs POSIX. No figure is asserted anywhere.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
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
    print(f"{'head':10}{given.commit + ', s':>18}{'now, s':>18}   ratio of the medians")
    with tempfile.TemporaryDirectory() as folder, checked_out(given.commit, folder) as earlier:
        for head in given.heads:
            took: dict[Path, list[float]] = {earlier: [], ROOT: []}
            for turn in range(given.turns):
                for number, tree in enumerate(took):
                    out = Path(folder, f"{head}-{number}-{turn}.safetensors")
                    took[tree].append(seconds(tree, files, given.person, head, out))
            before, now = (statistics.median(took[tree]) for tree in took)
            shown = "".join(f"{min(s):9.2f}{statistics.median(s):9.2f}" for s in took.values())
            print(f"{head:10}{shown}   {now / before:.2f}", flush=True)
    return 0


def seconds(tree: Path, files: list[str], person: str, head: str, out: Path) -> float:
    """Return what a fit takes of the processor, in s."""
    begun = used()
    events = ("--event", "T1=left_hand", "--event", "T2=right_hand")
    place = ("--out", str(out), "--home", str(out.parent / "home"))
    in_tree(
        tree,
        *("-m", "calibration.cli", "fit", *files, "--subject", person, "--head", head),
        *(*events, *place),
    )
    return used() - begun


def used() -> float:
    """Return the time of all processes that were started here and have ended, in s."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())

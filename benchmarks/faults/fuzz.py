"""What spoiled files do: decoders, priors, encoders, checkpoints, settings, recordings and more.

    python benchmarks/faults/fuzz.py                       100,005 cases, about an hour
    python benchmarks/faults/fuzz.py --cases 600           a taste
    python benchmarks/faults/fuzz.py --kinds edf,xdf       some kinds only; recordings: all of them
    python benchmarks/faults/fuzz.py --real FOLDER         spoil the recordings in a folder, too
    python benchmarks/faults/fuzz.py --only 4711           one case again, with its traceback

Each case is a good file, spoiled (`fuzzing/mutations.py`), and read by the function that the
programs read it with; what is accepted is then used (`fuzzing/kinds.py`, `recordings.py`). A case
is a finding if it ends in anything but an `InputError` of one printable line; if a file is opened
for writing, a folder made or a process started outside the data folder; if it takes more than 5 s
of the processor or 512 MB (a recording: 30 s and 1 GB, in the process that reads it); or if the
process dies. That the process which reads recordings dies is no finding, but counted.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from fuzzing.kinds import kinds
from fuzzing.mutations import bytewise

CASES = 100_005
BATCH = 3000  # cases of one process
LONGEST = 5.0  # s
STUCK = 120.0  # s after which a process is ended, which is a finding
LARGEST = 512 * 2**20  # bytes that memory may grow by in one case
ADDRESSES = 6 * 2**30  # bytes that a process may ask for
SENTENCE = 1500  # characters, the path of the file included
KINDS = ("decoder", "prior", "encoder", "checkpoint", "settings", "description")
RECORDINGS = ("edf", "bdf", "gdf", "brainvision", "eeglab", "fif", "xdf", "cnt", "text")
LONGEST_RECORDING = 30.0  # s by the clock, in another process
LARGEST_RECORDING = 2**30  # bytes that that one may grow by, beside the libraries that it has
LIBRARIES = 400 * 2**20  # bytes
ENDS = ("the reader crashed", "it took longer", "it needs more than")


class Watch:
    """Notes what happens outside a folder."""

    CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink")
    STARTS = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork")

    def __init__(self, folder: Path) -> None:
        self.seen: list[str] = []
        self.on = False
        self._folder = str(folder.resolve()) + os.sep
        sys.addaudithook(self._hear)

    def _hear(self, event: str, given: tuple) -> None:
        if not self.on:
            return
        if event in self.STARTS:
            # The process that reads recordings, started anew after a crash.
            if not (event == "subprocess.Popen" and "core.recordings.worker" in str(given[1])):
                self.seen.append(f"{event} {given[0]}")
        elif event == "open":
            flags = given[2] or 0
            changes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            if changes and not isinstance(given[0], int):
                self._compare(event, given[0])
        elif event in self.CHANGES:
            self._compare(event, given[0])

    def _compare(self, event: str, path: Any) -> None:
        whole = os.path.abspath(os.fsdecode(path))
        if not whole.startswith(self._folder) and whole != os.devnull:
            self.seen.append(f"{event} {whole}")


def memory() -> int:
    """Return the largest memory that this process has had, in bytes; 0 where nobody says."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reader_memory() -> int:
    """Return the largest memory of the process that reads recordings; 0 where nobody says."""
    from core.recordings.isolated import shared

    try:
        status = Path(f"/proc/{shared.pid}/status").read_text("ascii")
    except OSError:
        return 0
    _, known, rest = status.partition("VmHWM:")  # not of a process that has just ended
    return int(rest.split()[0]) * 1024 if known else 0


def starved(error: BaseException | None) -> bool:
    """Whether an error began with memory that was not to be had."""
    while error is not None:
        if isinstance(error, MemoryError) or "allocate" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False


def work(first: int, stop: int, seed: int, folder: Path, given: argparse.Namespace) -> None:
    """Run cases and print one line of JSON for each finding, and one at the end."""
    from fuzzing.recordings import recording_kinds

    from core.errors import InputError

    warnings.simplefilter("ignore")
    aloud, chosen = given.aloud, given.kinds
    made = kinds(folder) if set(chosen) & set(KINDS) else {}
    if set(chosen) & set(RECORDINGS):
        made |= recording_kinds(folder, given.real)
        for name in set(chosen) & set(RECORDINGS):  # loading libraries is no case's time
            (folder / f"case{made[name].ending}").write_bytes(made[name].good[0])
            made[name].use(folder / f"case{made[name].ending}")
    watch = Watch(folder)
    counts: Counter[str] = Counter()
    slowest, most, refusals = 0.0, 0, set()
    for case in range(first, stop):
        faulthandler.dump_traceback_later(STUCK, exit=True)
        print(json.dumps({"at": case}), flush=True)
        name = chosen[case % len(chosen)]
        kind, draw = made[name], random.Random(f"{seed}-{case}")
        good = draw.choice(kind.good)
        data = bytewise(good, draw) if draw.random() < 0.25 else kind.spoil(good, draw)
        path = folder / f"case{kind.ending}"
        path.write_bytes(data)
        recorded = name in RECORDINGS
        clock = time.perf_counter if recorded else time.process_time  # not what others take
        before, began = memory(), clock()
        watch.seen.clear()
        watch.on, problem, result = True, "", "accepted"
        try:
            kind.use(path)
        except InputError as error:
            result, message = "refused", str(error)
            refusals.add(
                f"{name}: {message.replace(str(path), '').strip(' :,')[: 60 if recorded else 25]}"
            )
            counts.update(end for end in ENDS if end in message and recorded)
            if starved(error):
                problem = "asked for more memory than there is"
            elif not message.isprintable() or len(message) > SENTENCE:
                problem = f"no sentence: {message[:100]!r} ({len(message)} characters)"
        except BaseException as error:  # MemoryError and the like are findings too
            problem = f"{type(error).__name__}: {str(error)[:200]}"
            if aloud:
                traceback.print_exc()
        watch.on = False
        seconds, grown = clock() - began, memory() - before
        if recorded:
            grown = max(grown, reader_memory() - LIBRARIES)
        slowest, most = max(slowest, seconds), max(most, grown)
        if watch.seen:
            problem = f"outside: {watch.seen[:3]}"
        elif seconds > (LONGEST_RECORDING if recorded else LONGEST):
            problem = f"took {seconds:.1f} s"
        elif grown > (LARGEST_RECORDING if recorded else LARGEST) and case > first:
            problem = f"took {grown / 2**20:.0f} MB"
        counts[f"{name} {'finding' if problem else result}"] += 1
        if problem or aloud:
            print(json.dumps({"case": case, "kind": name, "what": problem or result}), flush=True)
    faulthandler.cancel_dump_traceback_later()
    end = {"counts": counts, "slowest": slowest, "most": most, "ways": sorted(refusals)}
    print(json.dumps(end), flush=True)


def batch(first: int, stop: int, given: argparse.Namespace) -> dict:
    """Run cases in processes of their own; one that dies is a finding, and the rest goes on."""
    total = {"counts": Counter(), "findings": [], "slowest": 0.0, "most": 0, "ways": set()}
    while first < stop:
        with tempfile.TemporaryDirectory() as folder:
            quiet = Path(folder, "lsl.cfg")
            quiet.write_text("[log]\nlevel = -3\n", encoding="ascii")
            place = {"EEGPT_HOME": folder, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": folder}
            place |= {"LSLAPICFG": str(quiet), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            # A process that used torch before may have set it for its children.
            place |= {"TORCHINDUCTOR_CACHE_DIR": str(Path(folder, "inductor"))}
            process = subprocess.Popen(
                [sys.executable, __file__, "--work", folder, "--seed", str(given.seed)]
                + ["--first", str(first), "--cases", str(stop - first)]
                + ["--kinds", ",".join(given.kinds)]
                + (["--real", str(given.real)] if given.real else [])
                + (["--aloud"] if given.aloud else []),
                stdout=subprocess.PIPE,
                env=os.environ | place,
                text=True,
            )
            case = first
            assert process.stdout is not None
            for line in process.stdout:
                report = json.loads(line)
                case = report.get("at", case)
                if "case" in report:
                    total["findings"].append(report)
                    print(line, end="", file=sys.stderr, flush=True)
                if "counts" in report:
                    total["counts"].update(report["counts"])
                    total["slowest"] = max(total["slowest"], report["slowest"])
                    total["most"] = max(total["most"], report["most"])
                    total["ways"].update(report["ways"])
                    case = stop
            if process.wait() or case < stop:
                kind = given.kinds[case % len(given.kinds)]
                problem = f"the process ended with {process.returncode}"
                total["findings"].append({"case": case, "kind": kind, "what": problem})
                print(json.dumps(total["findings"][-1]), file=sys.stderr, flush=True)
                total["counts"][f"{kind} finding"] += 1
        first = case + 1 if case < stop else stop
    return total


def table(result: dict) -> str:
    rows = [
        "| kind | cases | refused in a sentence | accepted and used | findings |",
        "|---|---|---|---|---|",
    ]
    for kind in result["kinds"]:
        counts = [
            result["counts"].get(f"{kind} {x}", 0) for x in ("refused", "accepted", "finding")
        ]
        rows.append(f"| {kind} | {sum(counts)} | {' | '.join(map(str, counts))} |")
    rows += [
        "",
        f"{result['cases']} cases, seed {result['seed']}, {len(result['ways'])} different "
        f"refusals; slowest {result['slowest']:.2f} s, largest growth of memory in a case "
        f"{result['most'] / 2**20:.0f} MB. {result['date']}, {result['machine']}, "
        f"{result['seconds']:.0f} s.",
        "Of the recordings: "
        + ", ".join(f"{end} in {result['counts'].get(end, 0)}" for end in ENDS)
        + ".",
    ]
    rows += [f"FINDING {f['case']} ({f['kind']}): {f['what']}" for f in result["findings"][:50]]
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="CASE", help="one case, aloud")
    parser.add_argument("--kinds", default=",".join(KINDS + RECORDINGS), help="or: recordings")
    parser.add_argument("--real", type=Path, metavar="FOLDER", help="of recordings")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--aloud", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.kinds = given.kinds.replace("recordings", ",".join(RECORDINGS)).split(",")
    if unknown := set(given.kinds) - set(KINDS + RECORDINGS):
        parser.error(f"no such kinds: {', '.join(sorted(unknown))}")
    if given.work:
        try:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
        except (ImportError, ValueError, OSError):
            pass
        work(given.first, given.first + given.cases, given.seed, given.work, given)
        return 0
    if given.only is not None:
        given.aloud = True
        print(batch(given.only, given.only + 1, given)["findings"])
        return 0
    began, stop = time.perf_counter(), given.first + given.cases
    total: dict = {"counts": Counter(), "findings": [], "slowest": 0.0, "most": 0, "ways": set()}
    for first in range(given.first, stop, BATCH):
        done = batch(first, min(first + BATCH, stop), given)
        total["counts"].update(done["counts"])
        total["findings"] += done["findings"]
        total["ways"] |= done["ways"]
        total["slowest"] = max(total["slowest"], done["slowest"])
        total["most"] = max(total["most"], done["most"])
    result = total | {
        "ways": sorted(total["ways"]),
        "kinds": given.kinds,
        "cases": given.cases,
        "seed": given.seed,
        "seconds": time.perf_counter() - began,
        "date": date.today().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    print(json.dumps(result, indent=2) if given.json else table(result))
    return 1 if result["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())

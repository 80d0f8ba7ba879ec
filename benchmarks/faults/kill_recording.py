"""What a recording loses when its process is killed at any moment.

    python benchmarks/faults/kill_recording.py               50 kills, about three minutes
    python benchmarks/faults/kill_recording.py --json        the same as JSON

A process records 16 channels at 1000 Hz in real time, blocks of 20 ms and an event every 100 ms,
and tells by a pipe what it had given to the recorder and when. It is killed (SIGKILL) at a random
moment of its first three seconds. Then the files are compared with what had been given, before
and after the repair. Every ten kills share a data set, whose earlier files must not change.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

RATE, CHANNELS, BLOCK = 1000, 16, 20  # Hz, number, samples
EVENT_EVERY = 100  # samples
LONGEST = 3.0  # s before a kill
FORGIVEN = 1.0  # s that may be missing
SHARED = 10  # kills in one data set
START = 100.0  # s, stamp of the first sample


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        record(options.record)
        return 0
    moments = random.Random(options.seed)
    rows = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.kills):
            root = Path(folder) / f"data-{number // SHARED}"
            rows.append(kill(root, number % SHARED + 1, moments.uniform(0.0, LONGEST)))
    result = {
        "date": date.today().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "seed": options.seed,
        "seconds": time.perf_counter() - started,
        "passed": all(row["passed"] for row in rows),
        "rows": rows,
    }
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0 if result["passed"] else 1


def expected(start: int, stop: int):
    """Return the samples that were given; every one can be told from its neighbours."""
    import numpy as np

    rows = np.arange(start, stop)[:, None] * CHANNELS + np.arange(CHANNELS)
    return (rows % 65521 - 32760).astype(np.float32) / 64


def record(root: Path) -> None:
    """Record until killed, telling how many samples were given, and when."""
    import numpy as np

    from calibration.recording.bids import next_run
    from calibration.recording.recorder import Recorder
    from core.stream.description import StreamFacts, StreamIdentity
    from core.stream.stream_feed import segmenter_of

    labels = tuple(f"E{channel}" for channel in range(CHANNELS))
    identity = StreamIdentity("Amp", "EEG", "amp-1", "lab", "u1")
    units, types = ("microvolts",) * CHANNELS, ("EEG",) * CHANNELS
    facts = StreamFacts(identity, float(RATE), labels, units, types, CHANNELS, "float32", ())
    recorder = Recorder(next_run(root, "01"), facts)
    feed = segmenter_of(facts)
    started = time.monotonic()
    given = 0
    while not recorder.failed:
        wait = started + given / RATE - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        for sample in range(given, given + BLOCK, EVENT_EVERY):
            if sample % EVENT_EVERY == 0:
                recorder.event("left_hand", 769, START + sample / RATE, 0.05, sample)
        stamps = START + np.arange(given, given + BLOCK) / RATE
        recorder.write(feed.push(expected(given, given + BLOCK), stamps))
        given += BLOCK
        print(given, time.monotonic(), flush=True)
    raise SystemExit(recorder.error)


def kill(root: Path, number: int, moment: float) -> dict:
    """Kill one recording and compare what is left with what had been given."""
    from calibration.recording.bids import next_run

    before = contents(root)
    run = next_run(root, "01")
    process = subprocess.Popen(
        [sys.executable, __file__, "--record", str(root)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert process.stdout is not None
    told = [process.stdout.readline()]
    due = time.monotonic() + moment
    while time.monotonic() < due:
        told.append(process.stdout.readline())
    killed = time.monotonic()
    process.kill()
    told += process.communicate()[0].splitlines(keepends=True)
    given = [(int(n), float(t)) for n, t in (line.split() for line in told if line.endswith("\n"))]
    owed = max((n for n, t in given if t <= killed - FORGIVEN), default=0)

    row = {"run": number, "after_s": moment, "given": given[-1][0]}
    row |= compare(run, owed)
    row["missing_ms"] = max(0, given[-1][0] - row["read"]) / RATE * 1000
    row["earlier_unchanged"] = unchanged(before, contents(root), run.name)
    row |= mend(root, run, owed)
    row["next_run"] = next_run(root, "01").number
    row["passed"] = (
        row["samples_right"]
        and row["events_right"]
        and row["read"] >= owed
        and row["earlier_unchanged"]
        and row["repair_keeps_samples"]
        and row["check_passes"]
        and row["second_repair_changes_nothing"]
        and run.number == number
        and row["next_run"] == number + 1
    )
    return row


def compare(run, owed: int) -> dict:
    """Read what the kill left, before anything is repaired."""
    import numpy as np

    from calibration.recording.events import read_events
    from core.errors import InputError
    from core.recordings import read_recording

    header, table = run.file("eeg.vhdr"), run.file("events.tsv")
    if not header.exists():  # killed before the first block was written
        return {"read": 0, "samples_right": owed == 0, "events": 0, "events_right": owed == 0}
    try:
        recording = read_recording(header)
    except InputError as error:
        return {"read": 0, "samples_right": False, "events": 0, "events_right": False} | {
            "error": str(error)
        }
    read = len(recording.samples_uv)
    marked = {round(event.onset * RATE) for event in recording.events}
    rows = {row.sample for row in read_events(table.read_bytes()) if row.trial == row.sample}
    wanted = set(range(0, owed, EVENT_EVERY))
    there = set(range(0, read, EVENT_EVERY))
    return {
        "read": read,
        "samples_right": bool(np.array_equal(recording.samples_uv, expected(0, read))),
        "events": len(marked),
        "events_right": wanted <= marked <= there and wanted <= rows <= there,
    }


def mend(root: Path, run, owed: int) -> dict:
    """Repair the data set and check it."""
    from calibration.checking import check, repair

    done = repair(root)
    after = contents(root)
    again = repair(root)
    comparison = compare(run, owed)
    findings = check(root)
    return {
        "repairs": done,
        "repair_keeps_samples": bool(comparison["samples_right"] and comparison["events_right"]),
        "check_passes": not [f for f in findings if f.kind in ("error", "broken")],
        "second_repair_changes_nothing": not again and contents(root) == after,
        "checked_by": next(f.text for f in findings if f.kind == "note"),
    }


def contents(root: Path) -> dict[str, tuple[int, str]]:
    """Return size and hash of every file, and of every beginning that tables may have had."""
    files = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            files[path.relative_to(root).as_posix()] = (
                len(content),
                hashlib.sha256(content).hexdigest(),
                content if path.suffix == ".tsv" else b"",
            )
    return files


def unchanged(before: dict, after: dict, name: str) -> bool:
    """Whether files that were there are byte for byte the same; tables may have grown."""
    return all(
        after.get(path) == old
        or (path.endswith(("scans.tsv", "participants.tsv")) and after[path][2].startswith(old[2]))
        for path, old in before.items()
        if name not in path
    )


def table(result: dict) -> str:
    rows = result["rows"]
    lines = [
        f"{len(rows)} kills at random moments of the first {LONGEST:g} s, {CHANNELS} channels at "
        f"{RATE} Hz, seed {result['seed']}. {result['date']}, {result['machine']}.",
        "",
        "| run | killed after s | given | in the file | missing ms | events | repairs | passed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['run']} | {r['after_s']:.2f} | {r['given']} | {r['read']} | {r['missing_ms']:.0f} "
        f"| {r['events']} | {len(r['repairs'])} | {'yes' if r['passed'] else 'NO'} |"
        for r in rows
    ]
    missing = sorted(row["missing_ms"] for row in rows)
    lines += [
        "",
        f"{sum(row['passed'] for row in rows)} of {len(rows)} passed: read by MNE at once, every "
        "sample and event right, earlier files unchanged, repaired, checked, next run free. "
        f"Missing: median {missing[len(missing) // 2]:.0f} ms, most {missing[-1]:.0f} ms. "
        f"{rows[0]['checked_by']} {result['seconds']:.0f} s.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

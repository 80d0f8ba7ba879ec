"""What the programs leave when they are killed at any moment, and whether they start again.

    python benchmarks/faults/kill_app.py                      150 kills, about half an hour
    python benchmarks/faults/kill_app.py --live 2 --fit 1 --demo 0 --session 0 --record 0

Programs are killed (SIGKILL) at random moments from their start on: `eegpt-realtime` on a live
stream with a log, `eegpt-realtime --demo` with a log, and `eegpt-calibrate fit`, half of the time
in the moment in which it begins to write; sessions of `eegpt-calibrate run`, and `eegpt-realtime
--record`, while they record.
Then every file that is left is read: decoders with the program's own reader, logs line by line,
recordings, everything else as the JSON or text that it is. What follows the last line end of a log
is no line: whoever reads a log leaves it out. Then the same program is started again in the same
folder and has to get as far as its first decision, its decoder, or its next run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from fuzzing.kinds import SITES, good_decoders

RATE = 250  # Hz
LONGEST = {"live": 6.0, "demo": 12.0, "fit": 8.0}  # s before a kill
LOGGED = 4.0  # s of decisions before a kill, at most
PATIENCE = 240.0  # s for a first decision, or a decoder
MODULES = {
    "live": "realtime.cli",
    "demo": "realtime.cli",
    "fit": "calibration.cli",
    "session": "calibration.cli",
    "record": "realtime.cli",
}
KEPT = {"live": "log lines", "session": "runs", "record": "runs"}  # else decoders
PRIVATE = """
[ports]
IPv6 = disable
MulticastPort = {port}
BasePort = {next_port}
PortRange = 90
[multicast]
ResolveScope = machine
ListenAddress = 127.0.0.1
[lab]
SessionID = kill-app-{port}
[log]
level = -3
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--live", type=int, default=30, help="kills of a live program, an even number"
    )
    parser.add_argument("--demo", type=int, default=8)
    parser.add_argument("--fit", type=int, default=12)
    parser.add_argument("--session", type=int, default=50)
    parser.add_argument("--record", type=int, default=50, help="kills of eegpt-realtime --record")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args()
    draw = random.Random(given.seed)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if "LSLAPICFG" not in os.environ:  # a test has set one
            port = 31_000 + 100 * (os.getpid() % 100)
            private = Path(folder, "lsl.cfg")
            private.write_text(PRIVATE.format(port=port, next_port=port + 1), encoding="ascii")
            os.environ["LSLAPICFG"] = str(private)
        rows = [
            *live(Path(folder, "live"), given.live, draw),
            *demo(Path(folder, "demo"), given.demo, draw),
            *fit(Path(folder, "fit"), given.fit, draw),
            *session(Path(folder, "session"), given.session, draw),
            *live_recording(Path(folder, "record"), given.record, draw),
        ]
    result = {
        "date": date.today().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "seed": given.seed,
        "seconds": time.perf_counter() - began,
        "rows": rows,
    }
    print(json.dumps(result, indent=2) if given.json else table(result))
    return 0 if rows and not any(row["wrong"] for row in rows) else 1


def start(kind: str, home: Path, *arguments: object) -> subprocess.Popen:
    """Start one of the programs."""
    # In a file, as a pipe that nobody empties would stop it in the end.
    home.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{kind}.out").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", MODULES[kind], *map(str, arguments), "--home", str(home)],
            stdout=output,
            stderr=output,
            cwd=Path(__file__).resolve().parents[2],
            env=os.environ | {"OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"},
        )


def wait(process: subprocess.Popen, until: Callable[[], bool]) -> bool:
    """Wait for something that a program does; return whether it did it before it ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if until():
            return True
        if process.poll() is not None:
            return until()
        time.sleep(0.002)
    return False


def kill(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def live(folder: Path, kills: int, draw: random.Random) -> Iterator[dict]:
    """Kill a live program at a random moment, and the next one some time after it decides."""
    import pylsl

    folder.mkdir()
    good_decoders(folder)
    home, decoder = folder / "home", folder / "riemann.safetensors"
    with sender(f"Kill-{os.getpid()}") as name:
        for number in range(0, kills, 2):
            for again in (False, True):
                log = folder / f"log-{number + again}.jsonl"
                moment = draw.uniform(0.0, LONGEST["live"])
                began = time.monotonic()
                process = start(
                    "live", home, "--headless", "--stream", name, "--decoder", decoder, "--log", log
                )
                if again:
                    works = wait(process, lambda log=log: lines(log) > 0)
                    took = time.monotonic() - began
                    end = time.monotonic() + draw.uniform(0.0, LOGGED)
                    wait(process, lambda end=end: time.monotonic() > end)
                else:
                    wait(process, lambda end=began + moment: time.monotonic() > end)
                    works = process.poll() is None
                    took = time.monotonic() - began
                killed = pylsl.local_clock()
                kill(process)
                wrong = [] if works else [f"it did not run: {last_words(folder, 'live')}"]
                wrong += look(folder)
                kept = sum(map(lines, folder.glob("*.jsonl")))
                yield row("live", took, again, kept, wrong) | {"newest_s": newest(log, killed)}


def newest(log: Path, killed: float) -> float | None:
    """Return how long before a kill the last decision in a log was due; None without one."""
    whole = log.read_bytes().rpartition(b"\n")[0] if log.exists() else b""
    return killed - json.loads(whole.splitlines()[-1])["time"] if whole else None


def demo(folder: Path, kills: int, draw: random.Random) -> Iterator[dict]:
    """Kill the demo at random moments; the last time, let it come to a decision first."""
    home = folder / "home"
    for number in range(kills):
        log = folder / f"log-{number}.jsonl"
        again = number == kills - 1
        began = time.monotonic()
        process = start("demo", home, "--demo", "--headless", "--log", log)
        if again:
            works = wait(process, lambda log=log: lines(log) > 0)
        else:
            end = began + draw.uniform(0.0, LONGEST["demo"])
            wait(process, lambda end=end: time.monotonic() > end)
            works = process.poll() is None
        took = time.monotonic() - began
        kill(process)
        wrong = [] if works else [f"it did not run: {last_words(folder, 'demo')}"]
        kept = len(decoders(home / "demo"))  # apart from those that streams are decoded with
        yield row("demo", took, again, kept, wrong + look(folder))


def session(folder: Path, kills: int, draw: random.Random) -> Iterator[dict]:
    """Kill sessions some time after their first sample is in the file."""

    def begin(name: str, root: Path) -> subprocess.Popen:
        return start(
            "session", folder / "home", "run", "--stream", name, "--subject", "01",
            "--data", root, "--no-setup", "--windowed",
        )  # fmt: skip

    yield from kill_recorder("session", folder, kills, draw, begin)


def live_recording(folder: Path, kills: int, draw: random.Random) -> Iterator[dict]:
    """Kill live programs that record, some time after their first sample is in the file."""
    if kills:
        folder.mkdir()
        good_decoders(folder)

    def begin(name: str, root: Path) -> subprocess.Popen:
        return start(
            "record", folder / "home", "--headless", "--stream", name, "--subject", "01",
            "--decoder", folder / "riemann.safetensors", "--record", root,
        )  # fmt: skip

    yield from kill_recorder("record", folder, kills, draw, begin)


def kill_recorder(
    kind: str,
    folder: Path,
    kills: int,
    draw: random.Random,
    begin: Callable[[str, Path], subprocess.Popen],
) -> Iterator[dict]:
    """Kill a program that records a stream into a data set; each is a new run."""
    import numpy as np
    import pylsl

    from calibration.checking import check, repair
    from calibration.recording.bids import TASK, next_run
    from core.errors import InputError
    from core.recordings import read_recording

    root, task = folder / "data", "online" if kind == "record" else TASK
    if not kills:
        return
    with sender(f"Kill-{kind}-{os.getpid()}") as name:
        for number in range(kills):
            run = next_run(root, "01", task=task)
            began = time.monotonic()
            process = begin(name, root)
            works = wait(process, lambda run=run: run.file("eeg.vhdr").exists())
            took = time.monotonic() - began
            end = time.monotonic() + draw.uniform(0.0, LOGGED)
            wait(process, lambda end=end: time.monotonic() > end)
            killed = pylsl.local_clock()
            kill(process)
            wrong = [] if works else [f"it did not run: {last_words(folder, kind)}"]
            lost = None
            try:
                count = len(read_recording(run.file("eeg.vhdr")).samples_uv)
                repair(root)
                if number == kills - 1:  # it reads them all
                    wrong += [f.text for f in check(root) if f.kind in ("error", "broken")]
                lost = killed - float(np.fromfile(run.source("stamps.f64"), "<f8")[count - 1])
            except (InputError, OSError, IndexError) as error:
                wrong.append(str(error))
            yield row(kind, took, False, run.number, wrong) | {"newest_s": lost}


def fit(folder: Path, kills: int, draw: random.Random) -> Iterator[dict]:
    """Kill fits at random moments, or as they begin to write; let the last one end."""
    home = folder / "home"
    kept = home / "decoders"
    if kills:
        folder.mkdir()
        recording = record(folder / "one_raw.fif")
    for number in range(kills):
        again, writing = number == kills - 1, number % 2 == 1
        before = set(kept.glob("*"))  # with the hidden ones
        began = time.monotonic()
        process = start("fit", home, "fit", recording, "--subject", "01", "--head", "riemann")
        if again:
            works = wait(process, lambda process=process: process.poll() == 0)
        elif writing:
            works = wait(process, lambda before=before: set(kept.glob("*")) != before)
            time.sleep(draw.choice((0.0, 0.0, 0.001, 0.003, 0.01)))
        else:
            end = began + draw.uniform(0.0, LONGEST["fit"])
            wait(process, lambda end=end: time.monotonic() > end)
            works = process.poll() in (None, 0)
        took = time.monotonic() - began
        kill(process)
        wrong = [] if works else [f"it did not run: {last_words(folder, 'fit')}"]
        yield row("fit", took, again, len(decoders(home)), wrong + look(folder))


def row(kind: str, took: float, again: bool, kept: int, wrong: Sequence[str]) -> dict:
    return {"program": kind, "after_s": took, "again": again, "kept": kept, "wrong": list(wrong)}


def look(folder: Path) -> list[str]:
    """Read every file of a folder; return what is wrong with them."""
    from core.decoding.storage.decoder_file import load_decoder
    from core.decoding.storage.library import kept_decoders
    from core.errors import InputError

    wrong = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            if path.name.startswith("."):  # unfinished: nothing may ever read it
                if not path.name.endswith(".part"):
                    wrong.append(f"{path.name} is left over")
            elif path.suffix == ".safetensors" and path.name != "hybrid.safetensors":
                load_decoder(path)
            elif path.suffix == ".jsonl":
                whole = path.read_bytes().rpartition(b"\n")[0]
                for line in whole.splitlines():
                    json.loads(line)
            elif path.suffix == ".json":
                json.loads(path.read_bytes())
        except (InputError, ValueError) as error:
            wrong.append(f"{path.name}: {error}")
    for home in (shelf.parent for shelf in folder.rglob("decoders")):
        if len(list(kept_decoders(home))) != len(decoders(home)):
            wrong.append("a decoder is not listed")
    return wrong


def decoders(home: Path) -> list[Path]:
    return [path for path in (home / "decoders").glob("*.safetensors") if path.name[0] != "."]


def last_words(folder: Path, kind: str) -> str:
    return (folder / f"{kind}.out").read_text(encoding="utf-8", errors="replace")[-300:]


@contextmanager
def sender(name: str) -> Iterator[str]:
    """Send noise in real time."""
    import numpy as np
    import pylsl

    from core.stream.outlets import SignalOutlet

    stop = threading.Event()
    outlet = SignalOutlet(name, "EEG", SITES, "microvolts", RATE, name)
    noise = np.random.default_rng(0)

    def send() -> None:
        sent, began = 0, pylsl.local_clock()
        while not stop.wait(0.02):
            due = int((pylsl.local_clock() - began) * RATE)
            if due > sent:
                stamps = began + np.arange(sent, due) / RATE
                outlet.push(noise.normal(0.0, 10.0, (due - sent, len(SITES))), stamps)
                sent = due

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield name
    finally:
        stop.set()
        thread.join()
        outlet.close()


def record(path: Path) -> Path:
    """Write a recording of a simulated subject."""
    import mne

    from simulation.synthetic import session

    made = session(8, ("left_hand", "right_hand"), seed=1)
    raw = mne.io.RawArray(
        made.samples_uv.T * 1e-6,
        mne.create_info(list(made.labels), made.rate, "eeg"),
        verbose="ERROR",
    )
    raw.set_annotations(
        mne.Annotations(
            [event.onset for event in made.events],
            [event.duration for event in made.events],
            [event.label for event in made.events],
        )
    )
    raw.save(path, verbose="ERROR")
    return path


def table(result: dict) -> str:
    rows = result["rows"]
    report = [
        "| program | kills | after s | files at the end | started again in s | wrong |",
        "|---|---|---|---|---|---|",
    ]
    for kind in MODULES:
        some = [r for r in rows if r["program"] == kind]
        if not some:
            continue
        moments = sorted(r["after_s"] for r in some if not r["again"]) or [0.0]
        again = sorted(r["after_s"] for r in some if r["again"]) or [0.0]
        report.append(
            f"| {kind} | {len(some)} | {moments[0]:.1f} to {moments[-1]:.1f} "
            f"| {some[-1]['kept']} {KEPT.get(kind, 'decoders')} "
            f"| {again[len(again) // 2]:.1f} (median), {again[-1]:.1f} (longest) "
            f"| {sum(bool(r['wrong']) for r in some)} |"
        )
    for kind, item in (
        ("live", "decision in the log"),
        ("session", "sample in the file of a session"),
        ("record", "sample in the file of a live recording"),
    ):
        some = [r for r in rows if r["program"] == kind]
        newest_s = sorted(r["newest_s"] for r in some if r.get("newest_s") is not None)
        if newest_s:
            report += [
                "",
                f"Age of the newest {item} at {len(newest_s)} kills: median "
                f"{newest_s[len(newest_s) // 2]:.3f} s, largest {newest_s[-1]:.3f} s.",
            ]
    wrong = Counter(text for r in rows for text in r["wrong"])
    report += ["", f"{len(rows)} kills, seed {result['seed']}, {result['seconds']:.0f} s. "]
    report[-1] += f"{result['date']}, {result['machine']}."
    return "\n".join(report + [f"WRONG ({n} times): {text}" for text, n in wrong.items()])


if __name__ == "__main__":
    sys.exit(main())

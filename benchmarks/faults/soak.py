"""Let the live program run for hours on a faulty stream, and count everything.

    python benchmarks/faults/soak.py --hours 1 --channels 64 --rate 1000

A simulated subject is sent by a process of its own, with a fault of a random kind every half
minute or so. Watched are the program's memory, file handles and threads and the age of its
decisions; in the end every sample that was sent is looked for among those that were read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
import psutil
from fault_judging import read_lines
from fault_matrix import keep_apart, start

from core.encoders.eegpt.electrodes import CODEX
from simulation.faults.truth import Truth

MORE = ("AF1", "AF2", "AF5", "AF6", "PO1", "TP1", "FT1")  # beside the decoder's electrodes
SETTLED = 300.0  # s after which memory may grow no more
WATCH = 5.0  # s


def main() -> int:
    """Soak the program, or be the program that is soaked."""
    options = _options()
    if options.read_to:
        return _program(options.read_to, options.arguments)
    folder = Path(tempfile.mkdtemp(prefix="eegpt-soak-"))
    keep_apart(folder)
    labels = (*CODEX, *MORE)[: options.channels]
    _prepare(folder, labels, options)
    result = soak(folder, labels, options)
    print(json.dumps(result, indent=2) if options.json else _as_text(result))
    print(folder, file=sys.stderr)
    return int(bool(result["problems"]))


def soak(folder: Path, labels: tuple[str, ...], options: argparse.Namespace) -> dict:
    """Run sender and program for so many hours and return what was found."""
    seconds = 3600.0 * options.hours
    faults = schedule(seconds, options.seed, options.every)
    name, truth, log = f"Soak-{uuid.uuid4().hex[:8]}", folder / "truth.jsonl", folder / "log.jsonl"
    sender = start(
        "simulation.cli",
        *("simulate", "--name", name, "--rate", options.rate, "--channels", ",".join(labels)),
        *("--truth", truth, "--fault", *faults),
    )
    read_to = folder / "read.f64"
    arguments = ("--stream", name, "--decoder", folder / "decoder.safetensors", "--headless")
    arguments += ("--log", log, "--reconnect", "any", "--timeout", 60)
    with (folder / "said.txt").open("w") as output:
        program = subprocess.Popen(
            [sys.executable, __file__, "--read-to", read_to, "--", *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stderr=output,
        )
    watched = []
    try:
        while not any(line["status"] == "ok" for line in read_lines(log)):
            if program.poll() is not None:
                raise SystemExit((folder / "said.txt").read_text())
            time.sleep(0.1)
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds and program.poll() is None:
            watched.append((passed, *_seen(psutil.Process(program.pid))))
            time.sleep(min(WATCH, seconds - passed + 0.01))
    finally:
        program.terminate()
        program.wait()
        sender.kill()
        sender.communicate()
    return _judged(folder, watched, options, len(faults))


KINDS = (
    "lose:samples={samples}",
    "drop:share=0.002,for={lasting},seed={samples}",
    "silent:for={lasting}",
    "stall:for={lasting}",
    "stall:for={lasting},speed=2",
    "jump:by=200000,for={lasting}",
    "jump:by=-200000,for={lasting}",
    "restart:down={lasting}",
    "restart:down={lasting},source_id=other",
    "restart:down={lasting},source_id=none",
    "second:for={lasting}",
    "flat:channel={channel},for={lasting}",
    "noisy:channel={channel},for={lasting}",
    "hum:channel={channel},uv=300,for={lasting}",
    "nan:channel={channel},for={lasting}",
)


def schedule(seconds: float, seed: int, every: float) -> list[str]:
    """Return a fault of a random kind, as text, every so many seconds on average."""
    chance = np.random.default_rng(seed)
    faults, onset = [], 15.0
    while onset < seconds:
        lasting = round(chance.uniform(0.5, 3.0), 3)
        kind = KINDS[chance.integers(len(KINDS))].format(
            samples=chance.integers(1, 3000),
            lasting=lasting,
            channel=chance.choice(["C3", "C4", "CZ+PZ", "all"]),
        )
        faults.append(f"{kind},at={onset}")
        onset = round(onset + lasting + 8.0 + chance.exponential(max(every - 10.0, 1.0)), 3)
    return faults


def _program(read_to: Path, arguments: list[str]) -> int:
    """Be ``eegpt-realtime``, and write down the stamps that came to its inlets."""
    from core.stream import reconnecting
    from core.stream.inlet import Block, Inlet
    from realtime import app, cli

    class CountingInlet(Inlet):
        _came = _read = 0

        def read(self, timeout: float = 0.0) -> Block | None:
            block = super().read(timeout)
            self._read += 0 if block is None else len(block.stamps)
            return block

        def close(self) -> None:
            super().close()
            with read_to.with_suffix(".counts").open("a") as file:
                file.write(f"{self._came} {self._read} {self.dropped_samples}\n")
            self._came = self._read = self.dropped_samples = 0  # it may be closed again

        def _keep(self, samples: np.ndarray, stamps: np.ndarray, arrival: float) -> None:
            self._came += len(stamps)
            with read_to.open("ab") as file:
                file.write(stamps.astype("<f8").tobytes())
            super()._keep(samples, stamps, arrival)

    reconnecting.Inlet = CountingInlet  # type: ignore[misc]
    app.Inlet = CountingInlet  # type: ignore[misc]
    return cli.main(arguments)


def _seen(process: psutil.Process) -> tuple[float, int, int]:
    """Return a process's memory in MB, its handles and its threads."""
    handles = process.num_handles() if sys.platform == "win32" else process.num_fds()
    return process.memory_info().rss / 1e6, handles, process.num_threads()


def _judged(folder: Path, watched: list, options: argparse.Namespace, faults: int) -> dict:
    truth, decisions = Truth.read(folder / "truth.jsonl"), read_lines(folder / "log.jsonl")
    read = np.fromfile(folder / "read.f64", "<f8")
    inlets = np.loadtxt(folder / "read.counts", dtype=int, ndmin=2)  # came, read, dropped
    rows = np.array(watched)  # (times, 4)
    settled = min(SETTLED, rows[-1, 0] / 4)
    moments = {
        "start": rows[rows[:, 0] <= settled / 4],
        "settled": rows[(rows[:, 0] > settled) & (rows[:, 0] <= 1.3 * settled)],
        "end": rows[rows[:, 0] > rows[-1, 0] - 0.3 * settled],
    }
    states = {}
    first, last = decisions[0]["time"], decisions[-1]["time"]
    for name, seen in moments.items():
        memory, handles, threads = np.median(seen[:, 1:], axis=0)
        states[name] = {
            "memory_mb": round(float(memory), 2),
            "handles": int(handles),
            "threads": int(threads),
        }
    thirds = np.array_split([d["age_ms"] for d in decisions if d["status"] == "ok"], 3)
    for name, ages in zip(moments, thirds, strict=True):
        p50, p95, most = np.percentile(ages, [50, 95, 100])
        states[name]["age_ms_p50_p95_max"] = [round(float(x), 1) for x in (p50, p95, most)]
    counts = _accounted(truth, read, inlets.sum(axis=0))
    problems = []
    grown = states["end"]["memory_mb"] - states["settled"]["memory_mb"]
    if grown > 5.0:
        problems.append(f"memory grew by {grown:.1f} MB")
    for kind in ("handles", "threads"):
        if states["end"][kind] > states["settled"][kind]:
            problems.append(f"{kind} were left over")
    if counts["unaccounted"]:
        problems.append(f"{counts['unaccounted']} samples are unaccounted for")
    output = (folder / "said.txt").read_text()
    if "Traceback" in output:
        problems.append("the program failed")
    return {
        "hours": round(rows[-1, 0] / 3600, 3),
        "channels": options.channels,
        "rate_hz": options.rate,
        "faults": faults,
        "decisions": len(decisions),
        "with_probabilities": sum(d["status"] == "ok" for d in decisions),
        "stream_seconds": round(last - first, 1),
        "memory_grown_mb": round(grown, 2),
        **states,
        **counts,
        "problems": problems,
    }


def _accounted(truth: Truth, stamps: np.ndarray, inlets: np.ndarray) -> dict:
    """Look for every sample that was sent among those that came, by its stamp.

    What did not come was on its way when the sender died, or was sent before the program had
    found its successor. What came was read, or dropped unread, which the program counts, or was
    waiting when an inlet was closed. Counted is from the first sample that came to the last.
    """
    order = np.sort(stamps)
    half = 0.25 / truth.rate
    indices = np.searchsorted(order, truth.stamps - half)
    came = np.abs(order[np.minimum(indices, len(order) - 1)] - truth.stamps) < 2 * half
    first, last = np.flatnonzero(came)[[0, -1]]
    counted = slice(first, last + 1)
    missing = np.flatnonzero(~came[counted]) + first  # as they were sent
    near = np.zeros(len(missing), dtype=bool)
    for happened in truth.happened:
        if happened.fault == "restart":
            begin, end = happened.sent
            near |= (missing >= begin - 0.5 * truth.rate) & (missing < end + 10.0 * truth.rate)
    arrived, read, dropped = (int(n) for n in inlets)
    waiting = arrived - read - dropped
    strange = [int((~near).sum()), abs(arrived - int(came.sum())), max(0, -waiting)]
    return {
        "sent": int(last + 1 - first),
        "lost_on_the_way_at_restarts": int(near.sum()),
        "came": arrived,
        "read": read,
        "dropped_unread": dropped,
        "waiting_when_an_inlet_was_closed": waiting,
        "unaccounted": sum(strange),
    }


def _prepare(folder: Path, labels: tuple[str, ...], options: argparse.Namespace) -> None:
    from calibration.fit_settings import FitSettings
    from calibration.fitting import fit_decoder
    from core.decoding.storage.decoder_file import save_decoder
    from simulation.synthetic import session

    classes = ("left_hand", "right_hand")
    recording = session(6, classes, labels=labels, rate=250.0)
    settings = FitSettings(head=options.head, repeats=1)
    fit = fit_decoder([recording], {name: name for name in classes}, "01", settings)
    save_decoder(fit.decoder, folder / "decoder.safetensors")


def _as_text(result: dict) -> str:
    return "\n".join(f"{name.replace('_', ' '):<26} {value}" for name, value in result.items())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Soak the live program in a faulty stream.")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--head", default="hybrid")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two faults")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--read-to", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

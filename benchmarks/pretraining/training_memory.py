"""Whether the memory of a training run grows: with the store, or over an hour.

    python benchmarks/pretraining/training_memory.py --minutes 60             noise, 0.5 GB and 4 GB
    python benchmarks/pretraining/training_memory.py --gigabytes 1 8 --folder DIR

`python -m training.pretrain` itself trains a tiny encoder, validates and writes checkpoints, first
on the smaller store for a few minutes, then on the larger one to the end. It is watched from
outside, by what Linux says of the process: its own memory, and the pages of files it has mapped,
which the system takes back whenever it needs them.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from store_speed import make  # noqa: E402 - the benchmark beside this one

SETTLED = 300.0  # s after which memory should stay as it is
EVERY = 5.0  # s from one look to the next
RUN = """
    tiny --steps 1000000000 --batch 8 --log-every 20 --validate-every 200 --checkpoint-every 200
    --validation-subjects 0
""".split()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, nargs=2, default=(0.5, 4.0), help="two stores")
    parser.add_argument("--minutes", type=float, default=60.0, help="on the larger store")
    parser.add_argument("--beside", type=float, default=6.0, help="minutes on the smaller store")
    parser.add_argument("--folder", type=Path, help="where the stores and runs are, meanwhile")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if not Path("/proc/self/status").is_file():
        parser.error("only Linux tells the memory of another process")
    results = {}
    for gigabytes, minutes in zip(given.gigabytes, (given.beside, given.minutes), strict=True):
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            make(Path(folder), gigabytes)
            samples = watch(Path(folder), 60 * minutes)
        results[f"{gigabytes:g} GB"] = summary(samples) | {"samples": samples}
        tell(f"{gigabytes:g} GB of windows", results[f"{gigabytes:g} GB"])
        if given.json:  # what is known so far: an hour is long
            given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    small, large = (run["settled"]["own"] for run in results.values())
    print(
        f"own memory once settled, larger store against smaller: {large:.1f} / {small:.1f} MB "
        f"= {large / small:.3f}, for {given.gigabytes[1] / given.gigabytes[0]:g} times the windows"
    )
    return 0


def watch(folder: Path, seconds: float) -> list[dict[str, float]]:
    """Train on the store of a folder for so long; return what memory was, every few seconds."""
    command = [sys.executable, "-m", "training.pretrain", *RUN]
    paths = ["--store", str(folder / "store"), "--folder", str(folder / "run")]
    samples: list[dict[str, float]] = []
    with subprocess.Popen([*command, *paths], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        begun, deadline, steps = None, time.monotonic() + 120, [0]
        reader = threading.Thread(target=_count, args=(process.stdout, steps))
        reader.start()
        while begun is None or time.monotonic() - begun < seconds:
            if process.poll() is not None:
                raise SystemExit(f"The run ended by itself with exit code {process.returncode}.")
            if begun is None and steps[0]:
                begun = time.monotonic()  # everything is loaded, and the first steps are made
            if begun is None and time.monotonic() > deadline:
                raise SystemExit("The run made no step within two minutes.")
            if begun is not None:
                elapsed = time.monotonic() - begun
                samples.append({"seconds": elapsed, "step": steps[0], **memory(process.pid)})
            time.sleep(EVERY if begun is not None else 0.1)
        process.send_signal(signal.SIGTERM)
        reader.join()
    if process.returncode != 128 + signal.SIGTERM:
        raise SystemExit(f"The run ended with exit code {process.returncode}.")
    return samples


def _count(lines, steps: list[int]) -> None:
    """Remember the step that a run's last line is about."""
    for line in lines:
        if line.startswith("step "):
            steps[0] = int(line.split()[1])


def memory(pid: int) -> dict[str, float]:
    """Return a process's own memory and its mapped pages of files, in MB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    kilobytes = {
        name: int(value.split()[0])
        for name, _, value in (line.partition(":") for line in text.splitlines())
        if name.startswith("Rss")
    }
    return {
        "own": kilobytes["RssAnon"] * 1024 / 1e6,
        "mapped": (kilobytes["RssFile"] + kilobytes["RssShmem"]) * 1024 / 1e6,
    }


def summary(samples: list[dict[str, float]]) -> dict[str, object]:
    """Return memory at the start, once settled and at the end, and its slope in between.

    Memory breathes with every step, so what is told are medians over a tenth of the time.
    """
    columns = {name: np.array([sample[name] for sample in samples]) for name in samples[0]}
    seconds = columns["seconds"]
    end = seconds[-1]
    settled, tenth = min(SETTLED, end / 2), max(end / 10, 2 * EVERY)
    parts = {
        "start": seconds <= tenth,
        "settled": (seconds >= settled) & (seconds <= settled + tenth),
        "end": seconds >= end - tenth,
    }
    later = seconds >= settled
    slopes = {
        n: float(np.polyfit(seconds[later], columns[n][later], 1)[0]) for n in ("own", "mapped")
    }
    return {
        **{
            part: {name: float(np.median(column[inside])) for name, column in columns.items()}
            for part, inside in parts.items()
        },
        "largest own, MB": {part: columns["own"][inside].max() for part, inside in parts.items()},
        "slope, MB an hour": {name: 3600 * slope for name, slope in slopes.items()},
    }


def tell(title: str, result: dict) -> None:
    print(title)
    for name in ("start", "settled", "end"):
        state = result[name]
        print(
            f"  {name:8} {state['seconds'] / 60:6.1f} min  step {state['step']:8,.0f}  own "
            f"{state['own']:8.1f} MB, at most {result['largest own, MB'][name]:8.1f}  "
            f"mapped {state['mapped']:8.1f} MB"
        )
    slope = result["slope, MB an hour"]
    print(
        f"  slope once settled: own {slope['own']:+.2f}, mapped {slope['mapped']:+.2f} MB an hour",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

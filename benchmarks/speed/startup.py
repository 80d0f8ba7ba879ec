"""How long the programs take to say something.

    python benchmarks/speed/startup.py
    python benchmarks/speed/startup.py --turns 15 --json startup.json

Each command runs as a person starts it, in a process of its own. Said are the shortest and the
median time on the clock, which other programs lengthen, and the process's own time. What asks for
nothing that a network or a device answers should take less than 0.3 s.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "eegpt-realtime --help": ("-m", "realtime.cli", "--help"),
    "eegpt-realtime --version": ("-m", "realtime.cli", "--version"),
    "eegpt-realtime --list": ("-m", "realtime.cli", "--list"),
    "eegpt-calibrate --help": ("-m", "calibration.cli", "--help"),
    "eegpt-calibrate --version": ("-m", "calibration.cli", "--version"),
    "eegpt-stream --help": ("-m", "core.stream.cli", "--help"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for turn in range(given.turns + 1):
        for name, command in COMMANDS.items():
            seconds = run(command)
            if turn:  # the first one fills the disk's cache
                took[name].append(seconds)
    print(f"{'':28}{'shortest, s':>12}{'median, s':>12}{'own time, s':>13}")
    rows = []
    for name, pairs in took.items():
        clock, own = np.array(pairs).T
        row = {"shortest": clock.min(), "median": np.median(clock), "own": np.median(own)}
        rows.append({"command": name} | {key: float(value) for key, value in row.items()})
        print(f"{name:28}" + "".join(f"{value:12.3f}" for value in row.values()))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def run(command: tuple[str, ...]) -> tuple[float, float]:
    """Return seconds on the clock, and of the process itself, that a command takes."""
    before, begun = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    clock, after = time.perf_counter() - begun, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    own = after.children_user - before.children_user
    return clock, own + after.children_system - before.children_system


if __name__ == "__main__":
    sys.exit(main())

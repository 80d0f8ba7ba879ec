"""How long the programs take to say something.

    python benchmarks/speed/startup.py
    python benchmarks/speed/startup.py --turns 15 --json startup.json
    python benchmarks/speed/startup.py --stream          the window needs a display, virtual or not

Each command runs as a person starts it, in a process of its own. Said are the shortest and the
median time on the clock, which other programs lengthen, and the process's own time. What asks for
nothing that a network or a device answers should take less than 0.3 s. With a stream, `--list` is
timed until it names it, and the window until it is on the screen with the first traces drawn; the
stream and a decoder with the starter encoder are there before.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

LIST, WINDOW = "eegpt-realtime --list, stream named", "eegpt-realtime, window on screen"
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "eegpt-realtime --help": ("-m", "realtime.cli", "--help"),
    "eegpt-realtime --version": ("-m", "realtime.cli", "--version"),
    "eegpt-realtime --list": ("-m", "realtime.cli", "--list"),
    "eegpt-calibrate --help": ("-m", "calibration.cli", "--help"),
    "eegpt-calibrate --version": ("-m", "calibration.cli", "--version"),
    "eegpt-stream --help": ("-m", "simulation.cli", "--help"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--stream", action="store_true", help="time what needs one instead")
    parser.add_argument("--be-program", type=float, help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.be_program:
        return be_program(given.be_program, given.arguments)
    return report(with_stream(given.turns) if given.stream else commands(given.turns), given.json)


def commands(turns: int) -> dict[str, list[tuple[float, float]]]:
    """Return seconds on the clock, and of the process itself, of every command in every turn."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for turn in range(turns + 1):
        for name, command in COMMANDS.items():
            seconds = run(command)
            if turn:  # the first one fills the disk's cache
                took[name].append(seconds)
    return took


def report(took: dict[str, list[tuple[float, float]]], json_file: Path | None) -> int:
    print(f"{'':38}{'shortest, s':>12}{'median, s':>12}{'own time, s':>13}")
    rows = []
    for name, pairs in took.items():
        clock, own = np.array(pairs).T
        row = {"shortest": clock.min(), "median": np.median(clock), "own": np.median(own)}
        rows.append({"command": name} | {key: float(value) for key, value in row.items()})
        print(f"{name:38}" + "".join(f"{value:12.3f}" for value in row.values()))
    if json_file:
        json_file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
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


def with_stream(turns: int) -> dict[str, list[tuple[float, float]]]:
    """Return seconds until a stream is named, and until the window is there."""
    sys.path.append(str(Path(__file__).parents[1] / "faults"))
    from fault_matrix import start
    from live_age import prepare

    from simulation.synthetic import LABELS

    folder = Path(tempfile.mkdtemp(prefix="eegpt-startup-"))
    name = f"Startup-{uuid.uuid4().hex[:8]}"  # LSL's own settings, as people have them
    prepare(folder, LABELS, "starter", 256.0, 60.0)
    told = folder / "subject_raw.fif"
    sender = start("simulation.cli", "replay", told, "--name", name, "--loop")
    decoder = folder / "decoder.safetensors"
    took: dict[str, list[tuple[float, float]]] = {LIST: [], WINDOW: []}
    try:
        for _ in range(turns + 1):
            took[LIST].append(until_named(name))
            program = [sys.executable, __file__, "--be-program", str(time.time()), "--"]
            program += ["--stream", name, "--decoder", str(decoder), "--timeout", "30"]
            done = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True)
            clock, own = done.stdout.splitlines()[-1].split()
            took[WINDOW].append((float(clock), float(own)))
    finally:
        sender.kill()
        sender.communicate()
    return {name: seconds[1:] for name, seconds in took.items()}


def until_named(name: str) -> tuple[float, float]:
    """Return seconds on the clock until a stream is named, and of the program to its end."""
    before, begun = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "realtime.cli", "--list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout is not None
        while name.encode() not in program.stdout.readline():
            pass
        clock = time.perf_counter() - begun
        program.stdout.read()
    after = os.times()
    own = after.children_user - before.children_user
    return clock, own + after.children_system - before.children_system


def be_program(begun: float, arguments: list[str]) -> int:
    """Be ``eegpt-realtime`` until its window is on the screen; say how long that took."""
    from realtime import app, cli

    start = app.Engine.start

    def started(engine: app.Engine) -> None:
        from realtime.window import MainWindow  # the program has imported it by now

        watch(MainWindow, begun)
        start(engine)

    app.Engine.start = started  # type: ignore[method-assign]
    return cli.main(arguments)


def watch(kind: type, begun: float) -> None:
    """Close a window of this kind as soon as it is on the screen, and say when that was."""
    from PySide6.QtCore import QTimer

    show = kind.show

    def shown(window) -> None:
        timer = QTimer(window, interval=5)

        def look() -> None:
            handle = window.windowHandle()
            if handle is not None and handle.isExposed() and window.traces.frames_drawn:
                print(time.time() - begun, sum(os.times()[:2]), flush=True)
                timer.stop()
                window.close()

        timer.timeout.connect(look)
        timer.start()
        show(window)

    kind.show = shown


if __name__ == "__main__":
    sys.exit(main())

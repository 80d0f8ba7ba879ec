"""How well a live stream is decoded: each recording of a person in turn, fitted on the others.

    python benchmarks/accuracy/live_accuracy.py a.xdf b.xdf c.xdf --event 1=left_hand
        --event 2=right_hand --channels C3,C4,-

The programs themselves are run: eegpt-calibrate fits, eegpt-stream replays the recording at real
speed over LSL with its markers, eegpt-realtime decodes it without a window and writes its log. The
accuracy is that of eegpt-realtime score: of the last decision of each cue's four seconds; a cue
without one counts as wrong. All recordings are replayed at the same time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set

from core.metrics import balanced_accuracy, chance_bound  # noqa: E402
from core.recordings import read_recording  # noqa: E402
from realtime.engine.cued_trials import IMAGERY, CuedTrial  # noqa: E402
from realtime.scoring import ScoredLog, read_log  # noqa: E402
from simulation.player import BREAK  # noqa: E402

_AFTER = 10.0  # s that a program has to end after the last sample


def main() -> None:
    options = _options()
    events = dict(text.split("=", 1) for text in options.event)
    with tempfile.TemporaryDirectory() as folder:
        decoders = [_fit(options, file, Path(folder)) for file in options.files]
        running = [
            _replay(options, file, decoder)
            for file, decoder in zip(options.files, decoders, strict=True)
        ]
        rows = []
        for file, (programs, log) in zip(options.files, running, strict=True):
            for program in programs:
                program.wait(_seconds(file, options.unit) + 120)
            rows.append((file, read_log(log)))
    _print(rows, events)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--event", action="append", required=True, help="LABEL=CLASS")
    parser.add_argument("--channels", help="names for the channels, separated by commas")
    parser.add_argument("--unit")
    parser.add_argument("--head", default="auto")
    return parser.parse_args()


def _given(options: argparse.Namespace) -> list[str]:
    unit = [] if options.unit is None else ["--unit", options.unit]
    return unit if options.channels is None else [*unit, f"--channels={options.channels}"]


def _fit(options: argparse.Namespace, left_out: Path, folder: Path) -> Path:
    """Fit a decoder on all recordings but one."""
    path = folder / f"without-{left_out.stem}.safetensors"
    told = [word for event in options.event for word in ("--event", event)]
    others = [file for file in options.files if file != left_out]
    command = [_program("eegpt-calibrate"), "fit", *others, "--subject", "01", *told]
    command += ["--head", options.head, "--out", path, *_given(options)]
    print(f"{left_out.name}: fitting on the other {len(others)}", flush=True)
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    print(done.stdout, flush=True)
    return path


def _replay(
    options: argparse.Namespace, file: Path, decoder: Path
) -> tuple[list[subprocess.Popen], Path]:
    """Replay a recording and decode it; return the programs and the log."""
    name = f"live-accuracy-{uuid.uuid4().hex[:8]}"
    log = decoder.with_suffix(".log.jsonl")
    unit = [] if options.unit is None else ["--unit", options.unit]
    sender: list[str | Path] = [_program("eegpt-stream"), "replay", file, "--name", name, *unit]
    length = str(_seconds(file, options.unit))
    decoding: list[str | Path] = [
        _program("eegpt-realtime"),
        "--stream",
        name,
        "--decoder",
        decoder,
        "--headless",
    ]
    decoding += ["--timeout", "60", "--log", log, "--duration", length, "--local"]
    if options.channels is not None:
        decoding.append(f"--channels={options.channels}")
    return [subprocess.Popen([*sender, "--local"]), subprocess.Popen(decoding)], log


def _seconds(file: Path, unit: str | None) -> float:
    """Return how long a recording is replayed."""
    recording = read_recording(file, unit)
    return recording.duration + BREAK * len(recording.breaks) + _AFTER


def _program(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def _print(rows: list[tuple[Path, ScoredLog]], events: dict[str, str]) -> None:
    print(f"{date.today().isoformat()}: last decision of each cue's {IMAGERY:g} s, live")
    every: list[CuedTrial] = []
    classes = len(set(events.values()))
    for file, log in rows:
        trials = log.score(events).trials
        ok = sum(decision.status == "ok" for decision in log.decisions)
        windows = f"{ok} of {len(log.decisions)} windows ok"
        print(f"{file.name:40s} {_line(trials, classes)}; {windows}")
        every += trials
    print(f"{'all':40s} {_line(every, classes)}")


def _line(trials: Sequence[CuedTrial], classes: int) -> str:
    """Say an accuracy, with the least one that chance explains in one of twenty cases."""
    truth, decided = zip(*((trial.asked, trial.decided) for trial in trials), strict=True)
    right = np.array(truth) == np.array(decided)
    given = np.array(decided) != ""
    codes = {name: code for code, name in enumerate(dict.fromkeys([*truth, *decided]))}
    balanced = balanced_accuracy(
        np.array([codes[name] for name in truth]), np.array([codes[name] for name in decided])
    )
    among = f"{right[given].mean():.3f} of the {given.sum()} decided" if given.any() else "none"
    return (
        f"{right.sum()} of {len(right)} right: {right.mean():.3f} ({among}; balanced "
        f"{balanced:.3f}; chance bound {chance_bound(len(right), classes):.3f})"
    )


if __name__ == "__main__":
    main()

"""How well a live stream is decoded: each recording of a person in turn, fitted on the others.

    python benchmarks/accuracy/live_accuracy.py a.xdf b.xdf c.xdf --event 1=left_hand
        --event 2=right_hand --channels C3,C4,-

The programs themselves are run: eegpt-calibrate fits, eegpt-stream replays the recording at real
speed over LSL, eegpt-realtime decodes it without a window and writes its log. The accuracy is that
of the last decision of each cue's four seconds in the log; a cue without one counts as wrong. All
recordings are replayed at the same time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set

from core.metrics import balanced_accuracy, chance_bound  # noqa: E402
from core.recordings import Recording, read_recording  # noqa: E402
from realtime.engine.cued_trials import IMAGERY, score_cues  # noqa: E402
from simulation.player import BREAK  # noqa: E402

_AFTER = 10.0  # s that a program has to end after the last sample


@dataclass(frozen=True)
class Score:
    """What became of the cues of one recording."""

    truth: list[str]
    decided: list[str]  # empty where there was no decision


def score(log: list[dict], cues: list[tuple[float, str]]) -> Score:
    """Compare the decisions of a log with cues, by time, as the window does.

    Parameters
    ----------
    log : list of dict
        Lines of a log.
    cues : list of (float, str)
        Time by the log's clock in seconds, and class.
    """
    trials = score_cues(
        ((line["time"], line["decision"]) for line in log),
        sorted(cues),
    )
    return Score([trial.asked for trial in trials], [trial.decided for trial in trials])


def cue_times(
    recording: Recording, events: dict[str, str], start: float
) -> list[tuple[float, str]]:
    """Return when a replay of a recording sends its cues, and their classes.

    Parameters
    ----------
    recording : Recording
    events : dict
        Label -> class.
    start : float
        Stamp of the first sample.
    """
    breaks = np.array(recording.breaks)
    return [
        (
            start
            + event.onset
            + BREAK * int(np.sum(breaks <= round(event.onset * recording.rate))),
            events[event.label],
        )
        for event in recording.events
        if event.label in events and 0 <= event.onset < recording.duration
    ]


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
        for file, (programs, log, truth) in zip(options.files, running, strict=True):
            recording = read_recording(file, options.unit)
            for program in programs:
                program.wait(recording.duration + 1.5 * len(recording.breaks) + 120 + _AFTER)
            start = json.loads(truth.read_text().splitlines()[0])["stamp"]
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            rows.append((file, score(lines, cue_times(recording, events, start)), lines))
    _print(rows, len(set(events.values())))


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
) -> tuple[list[subprocess.Popen], Path, Path]:
    """Replay a recording and decode it; return the programs, the log and the truth."""
    name = f"live-accuracy-{uuid.uuid4().hex[:8]}"
    log, truth = (decoder.with_suffix(f".{kind}.jsonl") for kind in ("log", "truth"))
    unit = [] if options.unit is None else ["--unit", options.unit]
    sender: list[str | Path] = [
        _program("eegpt-stream"),
        "replay",
        file,
        "--name",
        name,
        "--truth",
        truth,
        *unit,
    ]
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
    return [subprocess.Popen([*sender, "--local"]), subprocess.Popen(decoding)], log, truth


def _seconds(file: Path, unit: str | None) -> float:
    """Return how long a recording is replayed."""
    recording = read_recording(file, unit)
    return recording.duration + BREAK * len(recording.breaks) + _AFTER


def _program(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def _print(rows: list[tuple[Path, Score, list[dict]]], classes: int) -> None:
    print(f"{date.today().isoformat()}: last decision of each cue's {IMAGERY:g} s, live")
    truth, decided = [], []
    for file, result, lines in rows:
        ok = sum(line["status"] == "ok" for line in lines)
        print(
            f"{file.name:40s} {_line(result.truth, result.decided, classes)}"
            f"; {ok} of {len(lines)} windows ok"
        )
        truth += result.truth
        decided += result.decided
    print(f"{'all':40s} {_line(truth, decided, classes)}")


def _line(truth: list[str], decided: list[str], classes: int) -> str:
    """Say an accuracy, with the least one that chance explains in one of twenty cases."""
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

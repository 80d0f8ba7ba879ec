"""A whole calibration session against a simulated subject, and all that can be counted of it.

    python benchmarks/session.py                 at real speed, six minutes
    python benchmarks/session.py --speed 10      ten times as fast

The simulator and the session run in processes of their own, over LSL, with the windows that a
person sees (on a server: under a virtual screen). Afterwards the data set is validated and counted
against the simulator's diary, the decoder is fitted again from the files, and the subject's next
run, which nobody has seen, is decoded.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from core.machine.threads import share_cores

share_cores()  # as the program that is compared with, to the last digit

import numpy as np  # noqa: E402

from calibration.checking import check  # noqa: E402
from calibration.classes import cue_events  # noqa: E402
from calibration.fit_settings import FitSettings  # noqa: E402
from calibration.fitting import fit_decoder  # noqa: E402
from calibration.priors import starting_head  # noqa: E402
from calibration.recording.bids import BidsRun  # noqa: E402
from core.decoding.decoder import Decoder  # noqa: E402
from core.decoding.storage.decoder_file import load_decoder  # noqa: E402
from core.decoding.window_decoder import WindowDecoder  # noqa: E402
from core.encoders.eegpt.electrodes import CODEX  # noqa: E402
from core.recordings import read_recording  # noqa: E402
from core.sites import is_motor  # noqa: E402
from realtime.engine.evidence import EvidenceSettings  # noqa: E402
from realtime.offline import decode_recording  # noqa: E402
from simulation.synthetic import LABELS, session  # noqa: E402

STREAM = "EEGPT-Session-Benchmark"
FRAME = 1 / 60.0  # s


def main() -> int:
    """Run a session and print what was found."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="eegpt-session-"))
    result = measure(folder, options)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(f"Session at {options.speed:g} times real speed. {date.today()}, ", end="")
        print(f"{platform.machine()}, {os.cpu_count()} cores, seed {options.seed}. {folder}\n")
        for name, value in result.items():
            print(f"{name.replace('_', ' '):<44} {value}")
    return 0


def measure(folder: Path, options: argparse.Namespace) -> dict:
    """Return what was counted of a session."""
    diary = folder / "simulator.jsonl"
    simulator = _start(
        folder,
        "simulation.cli",
        *("simulate", "--name", STREAM, "--markers", "EEGPT-Markers", "--seed", options.seed),
        *("--speed", options.speed, "--record", diary, "--channels", ",".join(_labels(options))),
    )
    began = time.monotonic()
    try:
        calibration = _start(
            folder,
            "calibration.cli",
            *("--stream", STREAM, "--subject", "01", "--no-setup", "--leave", "--timeout", 30),
            *("--speed", options.speed, "--trials-per-class", options.trials, "--seed", 7),
            *("--encoder", options.encoder),
        )
        stdout, stderr = calibration.communicate()
    finally:
        simulator.terminate()
        simulator.communicate()
    if calibration.returncode:
        raise SystemExit(stderr)
    facts = [json.loads(line) for line in diary.read_text(encoding="utf-8").splitlines()]

    run = BidsRun(folder / "recordings", "01", "", 1)
    recording = read_recording(run.file("eeg.vhdr"))
    stamps = np.fromfile(run.source("stamps.f64"), "<f8")
    (path,) = (folder / "decoders").glob("*.safetensors")
    saved = load_decoder(path)
    settings = FitSettings(encoder=options.encoder)
    events = cue_events([recording])
    prior = starting_head((), recording.labels, events, settings)
    again = fit_decoder([recording], events, "01", settings, prior=prior).decoder
    ready = re.search(r"ready ([\d.]+) s after", stdout)
    assert ready is not None
    return {
        "session_s": round(time.monotonic() - began, 1),
        "validator_errors": sum(f.kind in ("error", "broken") for f in check(run.root)),
        "samples_recorded": len(stamps),
        "samples_missing": round((stamps[-1] - stamps[0]) * recording.rate) + 1 - len(stamps),
        "trials": saved.facts.trials,
        "events": len(recording.events),
        "worst_event_offset_ms": round(1000 * _worst_offset(facts, recording, stamps[0]), 2),
        "one_frame_and_one_sample_ms": round(1000 * (FRAME + 1 / recording.rate), 2),
        "decoder_ready_after_last_trial_s": float(ready[1]),
        "cross_validated_balanced_accuracy": round(saved.facts.score, 3),
        "same_decoder_from_the_files": _same(saved, again),
        "next_run_accuracy": round(_next_run(saved, options), 3),
    }


def _worst_offset(facts: list[dict], recording, first: float) -> float:
    """Return how far an event lies from where the simulator saw it, at most, in seconds."""
    # The first event may come before the first sample, and is put there.
    seen = sorted(
        (f["marker"], f["time"])
        for f in facts
        if "marker" in f and f["marker"] != "experiment_start"
    )
    events = sorted(
        (event.label, first + event.onset)
        for event in recording.events
        if event.label != "experiment_start"
    )
    assert [name for name, _ in seen] == [name for name, _ in events]
    return max(abs(a - b) for (_, a), (_, b) in zip(seen, events, strict=True))


def _same(decoder: Decoder, other: Decoder) -> bool:
    return (
        decoder.facts.scores == other.facts.scores
        and np.array_equal(decoder.head.weights, other.head.weights)
        and np.array_equal(decoder.head.bias, other.head.bias)
        and decoder.head.temperature == other.head.temperature
        and all(
            np.array_equal(a.whitener, b.whitener)
            for a, b in zip(decoder.tangents, other.tangents, strict=True)
        )
    )


def _next_run(decoder: Decoder, options: argparse.Namespace) -> float:
    """Return how often the last decision inside a cue's four seconds is right."""
    test = session(50, decoder.classes, options.seed, labels=_labels(options), run=99)
    windows = WindowDecoder(decoder, decoder.load_encoder(), recentre=decoder.recentre)
    log = decode_recording(test, decoder, windows, EvidenceSettings())
    decided = {line.sample: line.decision for line in log if line.status == "ok"}
    right = []
    for event in test.events:
        if event.label in decoder.classes:
            end = round(event.onset * decoder.settings.rate) + decoder.window - 1
            right.append(decided[end - (end + 1) % decoder.hop] == event.label)
    return float(np.mean(right))


def _labels(options: argparse.Namespace) -> tuple[str, ...]:
    """Return so many electrodes, those over the motor cortex first."""
    others = (*LABELS, *(name for name in CODEX if name not in LABELS))
    return tuple(dict.fromkeys((*filter(is_motor, CODEX), *others)))[: options.channels]


def _start(home: Path, module: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        env={**os.environ, "EEGPT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Conduct a session against a simulated subject.")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--trials", type=int, default=20, help="of each of the two classes")
    parser.add_argument("--channels", type=int, default=62)
    parser.add_argument("--encoder", default="starter")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated subject")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

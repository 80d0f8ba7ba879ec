"""What the signal path costs for a second of signal: units, reference, filter, resampling.

    python benchmarks/speed/signal_path_cost.py
    python benchmarks/speed/signal_path_cost.py --streams 64x1000 256x2048 --chunk 0.02

The path is fed in chunks as a live stream is. Beside it, in turns with it, runs the filter that
MNE-LSL's stream runs on each chunk it gets, SciPy's second-order sections with a kept state, with
the same sections; not its acquisition. It resamples and re-references nothing, so that it does
less. What counts is this process's own time, as a share of one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from scipy import signal  # noqa: E402

from core.signal.pipeline import SignalPath, SignalSettings  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", nargs="+", default=["8x250", "64x1000", "256x2048"])
    parser.add_argument("--chunk", type=float, default=0.02, help="seconds that come at once")
    parser.add_argument("--seconds", type=float, default=2.0, help="of signal, each turn")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    print(f"{'channels':>8}{'Hz':>6}{'ours, %':>10}{'filter, %':>12}{'ours / filter':>15}")
    for stream in given.streams:
        channels, rate = (int(part) for part in stream.split("x"))
        row = compare(channels, rate, given.chunk, given.seconds, given.turns)
        rows.append(row)
        print(
            f"{channels:8}{rate:6}{row['ours']:10.2%}{row['theirs']:12.2%}{row['ratio']:15.2f}",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def compare(channels: int, rate: int, chunk: float, seconds: float, turns: int) -> dict:
    """Return shares of one core that both ways take for one stream."""
    # The path does not look at names; there may be more channels than electrodes have names.
    names = tuple(f"E{i + 1}" for i in range(channels))
    settings = SignalSettings(names, "average", 256.0)
    path = SignalPath(settings, rate, range(channels), [1e-3] * channels)
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 20, (round(seconds * rate), channels)).astype(np.float32)
    size = max(1, round(chunk * rate))
    pieces = [samples[i : i + size] for i in range(0, len(samples), size)]
    ways = {"ours": path.push, "theirs": as_mne_lsl(settings, rate, samples[0])}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            begun = time.process_time()
            for piece in pieces:
                way(piece)
            if turn:  # the first one warms up
                took[name].append((time.process_time() - begun) / seconds)
    ours, theirs = np.array(took["ours"]), np.array(took["theirs"])
    return {
        "channels": channels,
        "rate": rate,
        "ours": float(np.median(ours)),
        "theirs": float(np.median(theirs)),
        "ratio": float(np.median(ours / theirs)),
    }


def as_mne_lsl(
    settings: SignalSettings, rate: float, first: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what MNE-LSL does to each chunk, with the same sections."""
    sections = settings.band.sections(rate)
    state = signal.sosfilt_zi(sections)[..., None] * first

    def push(piece: np.ndarray) -> np.ndarray:
        nonlocal state
        filtered, state = signal.sosfilt(sections, piece, axis=0, zi=state)
        return filtered

    return push


if __name__ == "__main__":
    sys.exit(main())

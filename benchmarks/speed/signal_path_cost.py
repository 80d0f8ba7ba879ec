"""What the signal path and the checks cost for a second of signal.

    python benchmarks/speed/signal_path_cost.py
    python benchmarks/speed/signal_path_cost.py --streams 64x1000 256x2048 --chunk 0.02

The path (units, reference, filter, resampling) is fed in chunks as a live stream is. Beside it,
in turns with it, runs the filter that MNE-LSL's stream runs on each chunk it gets, SciPy's
second-order sections with a kept state, with the same sections; not its acquisition. It resamples
and re-references nothing, so that it does less. "Continuity" is the look at every stamp for losses
and the search for NaN and inf, "checks" the look at every quarter second for artifacts, steps of
gain, copies, repeats and signals of no head. What counts is this process's own time, as a share of
one core.
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

from core.decoding.artifacts.limits import ArtifactLimits  # noqa: E402
from core.decoding.artifacts.meter import Meter  # noqa: E402
from core.decoding.artifacts.watch import Judge  # noqa: E402
from core.feed.segments import FiniteSegments, Segmenter  # noqa: E402
from core.signal.pipeline import SignalPath, SignalSettings  # noqa: E402

RATE = 256.0
"""Behind the path, in Hz."""
PIECE = 64
"""Samples behind the path that are judged at once: a quarter of a second."""
WAYS = ("path", "filter", "continuity", "checks")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", nargs="+", default=["8x250", "64x1000", "256x2048"])
    parser.add_argument("--chunk", type=float, default=0.02, help="seconds that come at once")
    parser.add_argument("--seconds", type=float, default=2.0, help="of signal, each turn")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    print(f"{'channels':>8}{'Hz':>6}" + "".join(f"{way + ', %':>15}" for way in WAYS), flush=True)
    for stream in given.streams:
        channels, rate = (int(part) for part in stream.split("x"))
        shares = compare(channels, rate, given.chunk, given.seconds, given.turns)
        rows.append({"channels": channels, "rate": rate, **shares})
        print(f"{channels:8}{rate:6}" + "".join(f"{shares[way]:15.2%}" for way in WAYS), flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def compare(channels: int, rate: int, chunk: float, seconds: float, turns: int) -> dict[str, float]:
    """Return the share of one core that each way takes for one stream, the median of the turns."""
    # The path does not look at names; there may be more channels than electrodes have names.
    names = tuple(f"E{i + 1}" for i in range(channels))
    settings = SignalSettings(names, "average", RATE)
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 20, (round(seconds * rate), channels)).astype(np.float32)
    size = max(1, round(chunk * rate))
    pieces = [samples[i : i + size] for i in range(0, len(samples), size)]
    ways = {
        "path": SignalPath(settings, rate, range(channels), [1e-3] * channels).push,
        "filter": as_mne_lsl(settings, rate, samples[0]),
        "continuity": as_continuity(channels, rate),
        "checks": as_checks(names, settings, rate),
    }
    shares: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            begin = time.process_time()
            for piece in pieces:
                way(piece)
            if turn:  # the first one warms up
                shares[name].append((time.process_time() - begin) / seconds)
    return {name: float(np.median(share)) for name, share in shares.items()}


def as_continuity(channels: int, rate: float) -> Callable[[np.ndarray], object]:
    """Return what cuts a stream with exact stamps into finite segments, chunk by chunk."""
    segmenter = Segmenter([f"E{i + 1}" for i in range(channels)], ["uV"] * channels, rate)
    finite = FiniteSegments(range(channels))
    received = 0

    def push(piece: np.ndarray) -> object:
        nonlocal received
        stamps = 1000 + np.arange(received, received + len(piece)) / rate
        received += len(piece)
        return [list(finite.cut(segment)) for segment in segmenter.push(piece, stamps)]

    return push


def as_checks(
    names: tuple[str, ...], settings: SignalSettings, rate: float
) -> Callable[[np.ndarray], object]:
    """Return what measures and judges each quarter second, without the path before it."""
    meter = Meter(len(names), rate, RATE, 1e-3, PIECE)
    judge = Judge(ArtifactLimits.default(len(names)), names, PIECE / RATE)
    behind = np.random.default_rng(1).normal(0, 5, (PIECE, len(names)))  # as from the path
    taken = judged = 0

    def push(piece: np.ndarray) -> object:
        nonlocal taken, judged
        meter.take(piece.astype(np.float64))
        taken += len(piece)
        while taken * RATE / rate >= judged + PIECE:
            judged += PIECE
            judge.judge(meter.measure(behind, judged))
        return judged

    return push


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

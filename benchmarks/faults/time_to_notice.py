"""How long a loss goes unnoticed, by how a sender stamps its samples and how many are lost.

    python benchmarks/faults/time_to_notice.py  the table of docs/faults.md, about two minutes
    python benchmarks/faults/time_to_notice.py --clean 10  hours without a loss, of every kind
    python benchmarks/faults/time_to_notice.py --before FILE  another `Continuity`, for comparison

Nothing is sent: stamps are made from a seed and given to `core.feed.continuity.Continuity`, which
is all that notices losses. A loss is noticed when a break is said; the time is that of the signal
between the first sample after the loss and the break.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

START = 81_234.567  # s, of the LSL clock at the first sample
AT = 25.0  # s of stream before the loss
AFTER = 6.0  # s after it
LOSSES = (1, 2, 5, 10, 25)  # samples
SLACK = 0.05  # s before the loss in which a break would be a false one


@dataclass(frozen=True)
class Stamping:
    """A way to stamp samples.

    Attributes
    ----------
    name : str
    rate : float
        In Hz.
    chunk : int
        Samples that have one stamp between them; 1 where each has its own.
    jitter : float
        Seconds by which a chunk is late in the mean; lateness is exponentially distributed.
    alike : bool
        Whether all samples of a chunk have its stamp, as they arrive; else it is the last one's,
        and those of the others are worked out by the receiver.
    off : float
        Share by which the sender's clock runs fast.
    """

    name: str
    rate: float
    chunk: int = 1
    jitter: float = 0.0
    alike: bool = False
    off: float = 0.0

    def stamps(self, positions: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return the stamps of samples at these places of the signal."""
        times = START + positions * (1.0 + self.off) / self.rate
        groups = np.arange(len(positions)) // self.chunk
        last = np.minimum((groups + 1) * self.chunk - 1, len(positions) - 1)
        late = random.exponential(self.jitter, groups[-1] + 1)[groups] if self.jitter else 0.0
        behind = 0.0 if self.alike else (last - np.arange(len(positions))) / self.rate
        # A sender does one thing after the other, so that stamps never go back.
        sent = np.maximum.accumulate(times[last] + late)
        return sent - behind


KINDS = (
    Stamping("exact", 250.0),
    Stamping("one stamp a chunk of 8, 1 ms late", 250.0, 8, 0.001),
    Stamping("one stamp a chunk of 32, 1 ms late", 250.0, 32, 0.001),
    Stamping("one stamp a chunk of 8, 4 ms late", 250.0, 8, 0.004),
    Stamping("on arrival, sample by sample, 1 ms late", 250.0, 1, 0.001),
    Stamping("on arrival, sample by sample, 4 ms late", 250.0, 1, 0.004),
    Stamping("Bluetooth packets of 9, 3 ms late", 250.0, 9, 0.003, alike=True),
    Stamping("Bluetooth packets of 32, 10 ms late", 250.0, 32, 0.010, alike=True),
    Stamping("one stamp a chunk of 32, 1 ms late", 1000.0, 32, 0.001),
    Stamping("one stamp a chunk of 64, 1 ms late", 2048.0, 64, 0.001),
)
CLEAN = (
    *KINDS,
    Stamping("one stamp a chunk of a second", 250.0, 250, 0.002),
    Stamping("one stamp a chunk of five seconds", 250.0, 1250, 0.002),
    Stamping("one stamp a chunk of five seconds", 2048.0, 10_240, 0.002),
    Stamping("fast by 200 ppm", 250.0, 32, 0.001, off=2e-4),
    Stamping("slow by 200 ppm", 2048.0, 64, 0.001, off=-2e-4),
    Stamping("exact, fast by 200 ppm", 2048.0, off=2e-4),
)


def time_to_notice(make: Callable, kind: Stamping, lost: int, seed: int) -> tuple[float, int]:
    """Return seconds until a loss is noticed (infinite if never), and false breaks before it."""
    random = np.random.default_rng(seed)
    start = round(AT * kind.rate) + int(random.integers(kind.rate))
    positions = np.arange(start + lost + round(AFTER * kind.rate))
    positions = np.delete(positions, np.s_[start : start + lost])
    breaks = breaks_of(make(kind.rate), kind.stamps(positions, random))
    # The chunk in which the samples are missing has its stamp at the end, and says it all there.
    false = sum(kind.rate < place < start - SLACK * kind.rate - kind.chunk for place in breaks)
    later = [place for place in breaks if place >= start - kind.chunk]
    return (max(0.0, (later[0] - start) / kind.rate) if later else np.inf), false


def breaks_of(continuity: object, stamps: np.ndarray) -> list[int]:
    """Return the positions of a stream's breaks, without its beginning."""
    breaks = []
    for start in range(0, len(stamps), 512):
        runs = continuity.split(stamps[start : start + 512])  # type: ignore[attr-defined]
        breaks += [start + run.start for run in runs if not run.continues]
    return breaks[1:]


def false_breaks(make: Callable, kind: Stamping, hours: float, seed: int) -> int:
    """Return how often a stream without a loss is broken after its first second."""
    random = np.random.default_rng(seed)
    stamps = kind.stamps(np.arange(round(hours * 3600 * kind.rate)), random)
    return sum(place > kind.rate for place in breaks_of(make(kind.rate), stamps))


def _cell(times: list[float]) -> str:
    seen = [time for time in times if np.isfinite(time)]
    if not seen:
        return "never"
    share = "" if len(seen) == len(times) else f" ({100 * len(seen) // len(times)} %)"
    return f"{np.median(seen):.2f} / {max(seen):.2f}{share}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How long a loss goes unnoticed.")
    parser.add_argument("--before", type=Path, help="a file with another Continuity")
    parser.add_argument("--runs", type=int, default=20, help="losses of each kind")
    parser.add_argument("--clean", type=float, help="hours without a loss instead")
    options = parser.parse_args()
    from core.feed.continuity import Continuity

    makers: dict[str, Callable] = {"after": Continuity}
    if options.before:
        makers = {"before": _load(options.before)} | makers
    if options.clean:
        print("| stamping | Hz |", *(f"false breaks, {name} |" for name in makers))
        print("|---|---|" + "---|" * len(makers))
        for number, kind in enumerate(CLEAN):
            counts = [false_breaks(make, kind, options.clean, number) for make in makers.values()]
            print(f"| {kind.name} | {kind.rate:g} |", *(f"{count} |" for count in counts))
        return 0
    print("| stamping | Hz | |", *(f"{lost} |" for lost in LOSSES))
    print("|---|---|---|" + "---|" * len(LOSSES))
    for kind in KINDS:
        for name, make in makers.items():
            cells = []
            for lost in LOSSES:
                seen = [time_to_notice(make, kind, lost, seed) for seed in range(options.runs)]
                cells.append(_cell([time for time, _ in seen]))
            print(f"| {kind.name} | {kind.rate:g} | {name} |", *(f"{cell} |" for cell in cells))
    return 0


def _load(file: Path) -> Callable:
    spec = importlib.util.spec_from_file_location("before", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["before"] = module
    spec.loader.exec_module(module)
    return module.Continuity


if __name__ == "__main__":
    sys.exit(main())

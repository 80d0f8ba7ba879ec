"""Ways to compute the same, timed in turns, and what is said of the computer that did it."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

Ways = dict[str, Callable[[], object]]


def timed(ways: Ways, turns: int, threads: int) -> dict[str, np.ndarray]:
    """Return seconds of each way in each turn; short ones are repeated within a turn."""
    clock = time.process_time if threads == 1 else time.perf_counter
    repeats = {}
    with torch.inference_mode():
        for name, way in ways.items():
            way()
            begun = clock()
            way()
            repeats[name] = max(1, min(50, int(0.03 / max(clock() - begun, 1e-6))))
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(turns):
            for name, way in ways.items():
                begun = clock()
                for _ in range(repeats[name]):
                    way()
                took[name].append((clock() - begun) / repeats[name])
    return {name: np.array(seconds) for name, seconds in took.items()}


def memory_speed() -> float:
    """Return bytes a second that one thread reads from memory that no cache holds."""
    block = torch.ones(64 * 2**20)  # 256 MB
    seconds = []
    for _ in range(5):
        begun = time.process_time()
        block.sum()
        seconds.append(time.process_time() - begun)
    return block.numel() * block.element_size() / min(seconds)


def report(rows: list[dict[str, Any]], turns: int, memory: float, path: Path | None) -> None:
    """Print what the times were taken with, and write it with them to a file if there is one.

    Parameters
    ----------
    rows : list of dict
    turns : int
    memory : float
        From `memory_speed`.
    path : Path or None
        Of a JSON file.
    """
    facts = {
        "processor": processor(),
        "torch": torch.__version__,
        "turns": turns,
        "memory GB/s": round(memory / 1e9, 1),
        "capability": torch.backends.cpu.get_cpu_capability(),
    }
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    if path:
        path.write_text(json.dumps(facts | {"rows": rows}, indent=1) + "\n", encoding="utf-8")


def processor() -> str:
    """Return the processor's name, as far as the system tells."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()

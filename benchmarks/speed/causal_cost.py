"""What a token of a causal encoder costs, beside encoding anew, and beside the floor.

    python benchmarks/speed/causal_cost.py             Base and Large, 58 channels, one thread
    python benchmarks/speed/causal_cost.py --encoders untrained-braingpt-base --channels 19 58

Ways take turns, as in `decision_cost`; ratios are medians over the turns. "streamed" is one stride
of samples through `push`, the window's tokens copied out included; "one column" is the step inside.
"band anew" encodes the newest tokens of a band by themselves, which gives other tokens than the
stream's; "same tokens anew" encodes all that they depend on. "floor" is the matrix products of one
column and nothing else: with each layer's own weights, and with the keys and values of the band.
"with weights" is the former alone, or the bytes of the weights at the speed at which memory is
read, whichever takes longer. No figure is asserted anywhere.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
import torch  # noqa: E402
from turns import Ways, memory_speed, report, timed  # noqa: E402

from core.encoders import load_encoder  # noqa: E402
from core.encoders.braingpt.electrodes import electrode_rows  # noqa: E402
from core.encoders.braingpt.model import BrainGPT  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = ["untrained-braingpt-base", "untrained-braingpt-large"]
    parser.add_argument("--encoders", nargs="+", default=default)
    parser.add_argument("--channels", nargs="+", type=int, default=[58])
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows, memory = [], memory_speed()
    print(f"{'encoder':28}  ch thr {'way':18}      ms  / floor  / with weights")
    for source, count, threads in itertools.product(given.encoders, given.channels, given.threads):
        torch.set_num_threads(threads)
        for way, ms, *ratios in compare(load_encoder(source), count, given.turns, threads, memory):
            row = {"encoder": source, "channels": count, "threads": threads}
            rows.append(row | {"way": way, "ms": ms, "floors": ratios})
            shown = f"{ratios[0]:9.2f}{ratios[1]:16.2f}"
            print(f"{source:28}{count:4}{threads:4} {way:18}{ms:8.3f}{shown}", flush=True)
    report(rows, given.turns, memory, given.json)
    return 0


def compare(
    encoder: BrainGPT, count: int, turns: int, threads: int, memory: float
) -> list[tuple[str, float, float, float]]:
    """Time the ways of one setting in turns: name, milliseconds, and how many of both floors."""
    spec, names = encoder.spec, encoder.spec.ch_names[:count]
    rows, rng = electrode_rows(names), np.random.default_rng(0)
    samples = rng.normal(0, 20.0, (count, spec.warmup)).astype(np.float32)
    stream, signal = encoder.stream(names, spec.stride), torch.from_numpy(samples)
    stream.push(signal)
    piece, patches = signal[:, : spec.stride], encoder.patches(signal)
    seen = len(encoder.layers) * (encoder.band - 1) + 1  # tokens that one depends on
    step, out = stream._step, torch.empty(count, spec.tokens[1])
    newest = patches[:, -1].contiguous()
    ways: Ways = {
        "streamed": lambda: stream.push(piece),
        "one column": lambda: step.encode(newest, out),
        "special token": lambda: step.ask(out),
        "band anew": lambda: encoder(patches[:, -encoder.band :], rows),
        "same tokens anew": lambda: encoder(patches[:, -seen:], rows),
        "floor": products(encoder, count, step._cache.keys_values),
        "with weights": products(encoder, count),
    }
    took = timed(ways, turns, threads)
    weights = sum(p.numel() * p.element_size() for p in encoder.layers.parameters())
    floors = took["floor"], np.maximum(took["with weights"], weights / memory)
    return [
        (way, 1e3 * float(np.median(s)), *(float(np.median(s / floor)) for floor in floors))
        for way, s in took.items()
    ]


def products(
    encoder: BrainGPT, count: int, keys_values: torch.Tensor | None = None
) -> Callable[[], object]:
    """Return the matrix products of one column, with keys and values or without."""
    maps = [encoder.embed]
    for layer in encoder.layers:
        maps += [layer.qkv, layer.out, layer.gate_up, layer.down]
    shapes = [(count, m.in_features, m.out_features) for m in maps]
    layers = [
        (torch.mm, torch.randn(rows, inputs), m.weight.t(), torch.empty(rows, outputs))
        for m, (rows, inputs, outputs) in zip(maps, shapes, strict=True)
    ]
    for keys, values in () if keys_values is None else keys_values.flatten(2, 3):
        rows, places, head = keys.shape  # rows: channels x heads
        queries, weights = torch.randn(rows, 1, head), torch.randn(rows, 1, places)
        layers.append((torch.bmm, queries, keys.transpose(1, 2), weights))
        layers.append((torch.bmm, weights, values, queries))
    return lambda: [multiply(x, other, out=out) for multiply, x, other, out in layers]


if __name__ == "__main__":
    sys.exit(main())

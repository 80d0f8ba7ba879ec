"""What a decision costs the encoder, beside encoding the whole window anew, and beside the floor.

    python benchmarks/speed/decision_cost.py                          large, 58 channels, one thread
    python benchmarks/speed/decision_cost.py --encoders starter untrained-large --channels 19 58
    python benchmarks/speed/decision_cost.py --hops 64 16 --threads 1 2

One hop of a token stream is timed, tokens of the whole window included. The ways of a row
take turns, and ratios are medians over the turns, so that what else the computer does falls on all
of them alike. With one thread the process's own time counts, else the clock's. "Anew" is the
encoder's own call with the window, in float32, as every other program does it. The floor is the
same multiply-adds of products with weights as plain products at the speed that this computer
reaches with the same shapes, or the bytes of the weights at the speed at which it
reads memory, whichever is larger; what lies above it is attention, norms, and overhead.
braindecode's EEGPT is timed, too, where it is installed. No figure is asserted anywhere.
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

from core.encoders import Encoder, load_encoder  # noqa: E402
from core.encoders.eegpt.electrodes import channel_ids  # noqa: E402
from core.encoders.eegpt.packed import linear  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoders", nargs="+", default=["untrained-large"])
    parser.add_argument("--channels", nargs="+", type=int, default=[58])
    parser.add_argument("--hops", nargs="+", type=int, default=[64], help="samples")
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="picture of the first encoder's costs")
    given = parser.parse_args()
    rows = []
    memory = memory_speed()
    print("encoder             ch  hop thr way                            ms   anew /  / floor")
    for source, count, threads in itertools.product(given.encoders, given.channels, given.threads):
        torch.set_num_threads(threads)
        encoder = load_encoder(source)
        for hop in given.hops:
            for row in compare(encoder, count, hop, given.turns, threads, memory):
                rows.append({"encoder": source, "channels": count, "hop": hop, **row})
                print(
                    f"{source:18}{count:4}{hop:5}{threads:4} {row['way']:24}{row['ms']:9.2f}"
                    f"{row['ratio']:9.1f}" + (f"{row['floor']:9.2f}" if row["floor"] else ""),
                    flush=True,
                )
    report(rows, given.turns, memory, given.json)
    if given.plot:
        plot([row for row in rows if row["encoder"] == given.encoders[0]], given.plot)
    return 0


def plot(rows: list[dict], path: Path) -> None:
    """Draw what a decision costs against channels, and against the hop."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    colours = {"anew": "#777777", "streamed": "#1f6f8b"}
    names = {"anew": "whole window anew"}
    hop, most = max(row["hop"] for row in rows), max(row["channels"] for row in rows)
    sides = (
        ("channels", "channels", [row for row in rows if row["hop"] == hop]),
        ("hop", "s between two decisions", [row for row in rows if row["channels"] == most]),
    )
    figure, axes = plt.subplots(1, 2, figsize=(8.0, 3.2), sharey=True, layout="constrained")
    for axis, (key, label, shown) in zip(axes, sides, strict=True):
        for way, colour in colours.items():
            points = sorted((row[key], row["ms"]) for row in shown if row["way"] == way)
            if points:
                x, ms = zip(*points, strict=True)
                x = [value / 256.0 for value in x] if key == "hop" else x
                axis.plot(x, ms, "o-", color=colour, label=names.get(way, way), markersize=4)
        axis.set_yscale("log")
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("ms a decision, one core")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def compare(
    encoder: Encoder,
    count: int,
    hop: int,
    turns: int,
    threads: int,
    memory: float,
) -> list[dict]:
    """Time the ways of one setting in turns."""
    spec = encoder.spec
    ids = torch.as_tensor(channel_ids(spec.ch_names[:count]))
    rng = np.random.default_rng(0)
    window = torch.from_numpy(rng.normal(0, 0.02, (count, spec.window)).astype(np.float32))
    ways: Ways = {"anew": lambda: encoder(window[None], ids)}
    ways["one patch, unpacked"] = lambda: encoder.encode_patches(window[None, :, : spec.patch], ids)
    stream = encoder.stream(spec.ch_names[:count], hop)
    stream.push(window)
    piece = window[:, :hop]
    ways["streamed"] = lambda: stream.push(piece)
    ways["floor"] = products(encoder, count)
    if other := braindecode(encoder, count):
        ways["braindecode's, anew"] = lambda: other(window[None])
    took = timed(ways, turns, threads)
    rows = []
    for name, seconds in took.items():
        floor = None
        if name == "streamed":
            weights = 4 * sum(p.numel() for p in encoder.blocks.parameters())  # bytes
            least = np.maximum(took["floor"], weights / memory)
            floor = float(np.median(seconds / least))
        ratio = float(np.median(took["anew"] / seconds))
        ms = 1e3 * float(np.median(seconds))
        rows.append({"way": name, "threads": threads, "ms": ms, "ratio": ratio, "floor": floor})
    return rows


def products(encoder: Encoder, count: int) -> Callable[[], object]:
    """Return the products with weights of one patch and nothing else, each layer's own weights."""
    summary, width = encoder.spec.tokens
    rows = count + summary
    layers = []
    for number, block in enumerate(encoder.blocks):
        last = number == len(encoder.blocks) - 1
        qkv, after = block.attn.qkv, summary if last else rows
        parts = [(qkv.weight, qkv.bias, rows)]
        if last:
            parts = [
                (qkv.weight[:width], qkv.bias[:width], summary),
                (qkv.weight[width:], qkv.bias[width:], rows),
            ]
        for part in (block.attn.proj, block.mlp.fc1, block.mlp.fc2):
            parts.append((part.weight, part.bias, after))
        layers += [(linear(w, b, n), (n, w.shape[1])) for w, b, n in parts]
    inputs = {shape: torch.randn(shape) for _, shape in layers}
    return lambda: [layer(inputs[shape]) for layer, shape in layers]


def braindecode(encoder: Encoder, count: int) -> Callable[[torch.Tensor], object] | None:
    """Return braindecode's EEGPT with the same weights, or None where it cannot be had."""
    try:
        from braindecode.models import EEGPT
    except ImportError:
        return None
    spec = encoder.spec
    model = EEGPT(
        chs_info=[{"ch_name": name} for name in spec.ch_names[:count]],
        n_times=spec.window,
        n_outputs=2,
        sfreq=spec.rate,
        patch_size=spec.patch,
        patch_stride=spec.patch,
        embed_dim=spec.tokens[1],
        embed_num=spec.tokens[0],
        depth=len(encoder.blocks),
        num_heads=encoder.blocks[0].attn.heads,
        chan_proj_type="none",
        return_encoder_output=True,
    ).eval()
    model.target_encoder.load_state_dict(encoder.state_dict())
    return model


if __name__ == "__main__":
    sys.exit(main())

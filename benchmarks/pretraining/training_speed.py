"""Windows a second of training, with and without each of our savings.

    python benchmarks/pretraining/training_speed.py --store STORE     made by training.prepare
    python benchmarks/pretraining/training_speed.py --size base2 --batch 4

Beside ours runs a plain loop, as the code that made EEGPT's published weights is written: float32,
all patches embedded before the mask chooses, every token of every block computed, AdamW tensor by
tensor. Each way has a model of its own, and makes each step right after the others made theirs, on
the same windows and masks; ratios are medians over steps, so that what else the computer does falls
on all alike. On a processor its own time counts, on a GPU the clock's. The losses of the first step
are compared: savings must not change them. At last, how fast the store feeds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
import store_speed  # noqa: E402 - the benchmark beside this one
import torch  # noqa: E402
from torch.nn.functional import scaled_dot_product_attention  # noqa: E402

from core.encoders import Encoder  # noqa: E402
from core.encoders.eegpt.layers import TransformerBlock  # noqa: E402
from training.pretraining.distributed import Processes, processes  # noqa: E402
from training.pretraining.trainer import Trainer  # noqa: E402
from training.recipes.base import parameter_groups  # noqa: E402
from training.recipes.settings import EEGPTSettings  # noqa: E402
from training.store import Store  # noqa: E402

PLAIN, OURS = "plain loop", "ours"
SAME = {"ours, bf16": 0.05, "ours, fp16": 0.05}  # relative difference of losses; else 1e-4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, help="by default 0.2 GB of noise")
    parser.add_argument("--size", default="tiny3")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=7, help="of each way, and one to warm up")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile, too")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder, processes(given.device) as world:
        store = Store.open(given.store) if given.store else store_speed.make(Path(folder), 0.2)
        trainers = ways(store, given, world)
        seconds = compare(trainers, given.steps)
        feeds = store_speed.measure(store, 1024, 5.0, forget=False)["windows a second"]
    facts = {
        "size": given.size,
        "batch": given.batch,
        "device": str(world.device),
        "threads": given.threads,
        "torch": torch.__version__,
    }
    results = {
        name: {
            "windows a second": given.batch / float(np.median(took)),
            "to plain": float(np.median(seconds[PLAIN] / took)),
            "to ours": float(np.median(seconds[OURS] / took)),
        }
        for name, took in seconds.items()
    }
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    print(f"{'':42}{'windows/s':>10}{'to plain':>10}{'to ours':>10}")
    for name, row in results.items():
        print(f"{name:42}" + "".join(f"{value:10.2f}" for value in row.values()))
    takes = max(row["windows a second"] for row in results.values())
    print(
        f"the store feeds {feeds:.0f} windows/s, {feeds / takes:.1f} times what the fastest takes"
    )
    if given.json:
        text = json.dumps(facts | {"ways": results, "store feeds": feeds}, indent=1) + "\n"
        given.json.write_text(text, encoding="utf-8")
    return 0


def ways(store: Store, given: argparse.Namespace, world: Processes) -> dict[str, Trainer]:
    """Return trainers: the plain loop, ours, and ours without one saving after another."""

    def ours(lean: bool = True, **changes: object) -> Trainer:
        settings = EEGPTSettings.model_validate(
            {"size": given.size, "batch": given.batch, "steps": 10**6} | changes
        )
        trainer = Trainer(settings, store, None, world)
        for encoder in (trainer.parts.encoder, trainer.parts.target_encoder):
            encoder.summary_only = lean
        return trainer

    trainers = {PLAIN: ours(lean=False), OURS: ours()}
    trainers["ours, every token of the last blocks"] = ours(lean=False)
    trainers["ours, hidden tokens masked, not dropped"] = masked = ours(lean=False)
    trainers["ours, a graph of the momentum encoder"] = recorded = ours()
    trainers["ours, AdamW tensor by tensor"] = unfused = ours()
    trainers["ours, bf16"] = ours(precision="bf16")
    if world.device.type == "cuda":
        trainers["ours, fp16"] = ours(precision="fp16")
    if given.compile:
        trainers["ours, compiled"] = compiled = ours()
        compiled._model = torch.compile(compiled.recipe.model, dynamic=True)

    for slow in (trainers[PLAIN], unfused):
        groups = parameter_groups(slow.parts, slow.settings.rate.weight_decay)
        slow.optimiser = torch.optim.AdamW(groups, foreach=False, fused=False)
    trainers[PLAIN].parts.encoder.forward = embedding_all(trainers[PLAIN].parts.encoder)
    masked.parts.encoder.forward = masking(masked.parts.encoder)
    target = recorded.parts.target_encoder
    target.requires_grad_(True)
    target.forward = torch.enable_grad()(target.forward)
    return trainers


def embedding_all(encoder: Encoder) -> Callable:
    """Return an encoder's forward pass that embeds every patch and then chooses."""

    def forward(window, channel_ids, mask):
        tokens = encoder.patch_embed(grid_of(encoder, window)) + encoder.chan_embed(channel_ids)
        return encoder._summarise(tokens.flatten(1, 2)[:, mask])

    return forward


def masking(encoder: Encoder) -> Callable:
    """Return an encoder's forward pass that computes everything and attends to what is shown."""

    def forward(window, channel_ids, mask):
        tokens = encoder.patch_embed(grid_of(encoder, window)) + encoder.chan_embed(channel_ids)
        batch, times, channels, _ = tokens.shape
        summary = encoder.summary_token.shape[1]
        shown = torch.zeros(times, channels + summary, dtype=torch.bool, device=window.device)
        shown[mask // channels, mask % channels] = True
        shown[:, channels:] = True
        x = tokens.flatten(0, 1)
        x = torch.cat((x, encoder.summary_token.expand(len(x), -1, -1)), dim=1)
        keys = shown.repeat(batch, 1)[:, None, None]
        for block in encoder.blocks:
            x = masked_block(block, x, keys)
        made = encoder.norm(x[:, -summary:]).unflatten(0, (batch, times))
        return made[:, mask[:, 0] // channels]

    return forward


def masked_block(block: TransformerBlock, x: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    qkv = block.attn.qkv(block.norm1(x)).unflatten(-1, (3, block.attn.heads, -1))
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    mixed = scaled_dot_product_attention(q, k, v, attn_mask=keys)
    x = x + block.attn.proj(mixed.transpose(1, 2).flatten(2))
    return x + block.mlp(block.norm2(x))


def grid_of(encoder: Encoder, window: torch.Tensor) -> torch.Tensor:
    """Return (batch, patches, channels, samples of a patch)."""
    return window.unflatten(-1, (-1, encoder.spec.patch)).transpose(1, 2)


def compare(trainers: dict[str, Trainer], steps: int) -> dict[str, np.ndarray]:
    """Return the seconds of each way's steps, all ways step by step; check their losses."""
    cuda = next(iter(trainers.values())).world.device.type == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    for number in range(steps + 1):
        losses = {}
        for name, trainer in trainers.items():
            begun = clock()
            row, _, _ = trainer.update(trainer.windows.batch(number))  # waits for a GPU, too
            seconds[name].append(clock() - begun)
            losses[name] = row["alignment"], row["reconstruction"]
        for name, loss in losses.items() if number == 0 else ():
            if not np.allclose(loss, losses[OURS], rtol=SAME.get(name, 1e-4)):
                raise SystemExit(f"{name} has other losses: {loss} instead of {losses[OURS]}.")
    return {name: np.array(took[1:]) for name, took in seconds.items()}


if __name__ == "__main__":
    sys.exit(main())

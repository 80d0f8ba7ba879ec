r"""From how many trials on an electrode graph tells as much as a linear head on the same states.

    python benchmarks/accuracy/braingpt_evaluation.py states --run run --store store \
        --encoder braingpt.safetensors --work work --skip 0.004
    python benchmarks/accuracy/graph_trials.py --run run --store store \
        --encoder braingpt.safetensors --work work/0.004

Reads the states that the first command left in --work, of the people that the encoder was not
trained on. Each of them is decided by what was learned from so many trials of the others, drawn
anew for everyone; each person's states about their own mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from core.machine.threads import share_cores

share_cores()

import torch  # noqa: E402 - after the threads
from braingpt_evaluation import MOTOR, _labels  # noqa: E402 - of this folder

from core.decoding.heads import fit_head  # noqa: E402
from core.encoders import load_encoder  # noqa: E402
from core.fitting.graph import fit_graph  # noqa: E402
from core.metrics import balanced_accuracy, chance_bound  # noqa: E402
from training.pretraining.output.folder import RunFolder  # noqa: E402
from training.store import Store  # noqa: E402

HEADS = {
    "linear": lambda x, y: fit_head([x], y, 2),
    "graph": lambda x, y: fit_graph(x, y, ("left_hand", "right_hand"), MOTOR),
}


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("run", "store", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--trials", type=int, nargs="+", default=[40, 80, 160, 320])
    options = parser.parse_args()
    settings, store = RunFolder(options.run).settings(), Store.open(options.store)
    encoder = load_encoder(options.encoder)
    states, labels = [], []
    for person in settings.test_subjects + settings.validation_subjects:
        file = f"BrainGPT{encoder.weights_sha256()[:12]}-{person.replace('/', '-')}.npy"
        vectors = np.load(options.work / file).astype(np.float64)
        states.append(vectors - vectors.mean(axis=0))
        labels.append(_labels(store.split((person,))[1], encoder.spec.warmup - encoder.spec.window))
    bound = chance_bound(sum(map(len, labels)), 2)
    print(f"{len(states)} people, bound of guessing over all of their trials {bound:.2f}\n")
    print("| trials | linear | graph |\n|---:|---:|---:|")
    for count in options.trials:
        reached = {name: _reached(fit, states, labels, count) for name, fit in HEADS.items()}
        cells = " | ".join(f"{values.mean():.3f}" for values in reached.values())
        print(f"| {count} | {cells} |", flush=True)


def _reached(fit, states, labels, count: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return the balanced accuracy of each person, learned from trials of the others."""
    reached = []
    for tested, (x, y) in enumerate(zip(states, labels, strict=True)):
        others = [person for person in range(len(states)) if person != tested]
        theirs = np.concatenate([states[person] for person in others])
        asked = np.concatenate([labels[person] for person in others])
        drawn = np.random.default_rng(tested).permutation(len(asked))[:count]
        head = fit(theirs[drawn], asked[drawn])
        reached.append(balanced_accuracy(y, head.logits(x).argmax(axis=1)))
    return np.array(reached)


if __name__ == "__main__":
    main()

r"""From how many trials on an electrode graph tells more than a linear head on the same states.

    python benchmarks/accuracy/graph_trials.py --run run --store store \
        --encoder braingpt.safetensors --work work

Left against right fist, the 4 s after each cue as a decoder has them, 21 sensorimotor electrodes,
each electrode's mean state. `others`: so many trials drawn from the people that the encoder was
pretrained on, every person's about their own mean, tested on those held out and left out.
`own`: people who carried the movements out, too (about 84 trials): five folds over all of their
trials, and over half of them. `--choose` tests on a third of the people trained on instead, which
is what the graph's settings were chosen with. What was computed already lies in --work.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from core.machine.threads import share_cores

share_cores()

import torch  # noqa: E402 - after the threads
from braingpt_evaluation import MOTOR, _run  # noqa: E402 - of this folder

from core.decoding.features import TokenFeatures  # noqa: E402
from core.decoding.heads import fit_head  # noqa: E402
from core.decoding.spatial import channel_covariance, spatial_filter  # noqa: E402
from core.encoders import Encoder, load_encoder  # noqa: E402
from core.fitting.graph import fit_graph  # noqa: E402
from core.metrics import balanced_accuracy, chance_bound  # noqa: E402
from training.evaluation.report.statistics import paired_p  # noqa: E402
from training.pretraining.output.folder import RunFolder  # noqa: E402
from training.store import Store  # noqa: E402

CLASSES = {"left_hand": 0, "right_hand": 1, "left_hand_movement": 0, "right_hand_movement": 1}
COUNTS = (20, 40, 80, 160, 320, 640, 1280)
HEADER = """| trials | linear | graph | difference | p, graph over linear |
|---:|---:|---:|---:|---:|"""
ENOUGH = 60  # trials of a person for `own`

Person = tuple[np.ndarray, np.ndarray]
"""Features and labels."""

HEADS: dict[str, Callable] = {
    "linear": lambda x, y: fit_head([x], y, 2),
    "graph": lambda x, y: fit_graph(x, y, 2, MOTOR),
}


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("run", "store", "encoder", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=4, help="of the trials, for each count")
    parser.add_argument("--choose", action="store_true", help="on the people trained on")
    options = parser.parse_args()
    settings = RunFolder(options.run).settings()
    store, encoder = Store.open(options.store), load_encoder(options.encoder)
    tested = settings.test_subjects + settings.validation_subjects
    trained = [person for person in store.subjects if person not in tested]
    if options.choose:
        tested, trained = trained[::3], [name for at, name in enumerate(trained) if at % 3]
    options.work.mkdir(parents=True, exist_ok=True)
    people = {name: _person(store, name, encoder, options.work) for name in (*trained, *tested)}
    others([people[name] for name in trained], [people[name] for name in tested], options.draws)
    if not options.choose:
        own([person for person in people.values() if len(person[1]) >= ENOUGH])


def others(trained: list[Person], tested: list[Person], draws: int) -> None:
    """Print the accuracy on other people by the number of trials learned from."""
    features = np.concatenate([x - x.mean(axis=0) for x, _ in trained])
    labels = np.concatenate([y for _, y in trained])
    print(f"{len(tested)} people tested, {len(labels)} trials of {len(trained)} to draw from\n")
    print(HEADER)
    for count in (*(n for n in COUNTS if n < len(labels)), len(labels)):
        reached = {name: np.zeros(len(tested)) for name in HEADS}
        repeats = draws if count < len(labels) else 1
        for draw in range(repeats):
            drawn = np.random.default_rng(draw).permutation(len(labels))[:count]
            for name, fit in HEADS.items():
                head = fit(features[drawn], labels[drawn])
                reached[name] += [_reached(head, x - x.mean(axis=0), y) for x, y in tested]
        _row(count, {name: values / repeats for name, values in reached.items()})


def own(people: list[Person]) -> None:
    """Print the accuracy within people who have many trials, by how many of them are used."""
    bound = chance_bound(len(people[0][1]), 2)
    print(f"\nwithin {len(people)} people, bound of guessing for one: {bound:.2f}\n")
    print(HEADER)
    for share in (2, 1):
        reached = {
            name: np.array([_within(fit, x[::share], y[::share]) for x, y in people])
            for name, fit in HEADS.items()
        }
        _row(round(np.mean([len(y[::share]) for _, y in people])), reached)


def _row(count: int, reached: dict[str, np.ndarray]) -> None:
    gain = reached["graph"] - reached["linear"]
    print(f"| {count} | {reached['linear'].mean():.3f} | {reached['graph'].mean():.3f} | "
          f"{gain.mean():+.3f} | {paired_p(gain):.3f} |", flush=True)  # fmt: skip


def _within(fit: Callable, x: np.ndarray, y: np.ndarray) -> float:
    from sklearn.model_selection import StratifiedKFold

    decided = np.empty_like(y)
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
        decided[test] = fit(x[train], y[train]).logits(x[test]).argmax(axis=1)
    return balanced_accuracy(y, decided)


def _reached(head, x: np.ndarray, y: np.ndarray) -> float:  # type: ignore[no-untyped-def]
    return balanced_accuracy(y, head.logits(x).argmax(axis=1))


def _person(store: Store, name: str, encoder: Encoder, work: Path) -> Person:
    """Return a person's features, encoded unless they lie in the folder."""
    one = store.split((name,))[1]
    warm = encoder.spec.warmup - encoder.spec.window
    places = list(_trials(one, warm))
    file = work / f"{encoder.weights_sha256()[:12]}-{name.replace('/', '-')}.npy"
    if not file.is_file():
        runs = [(_run(one, index), starts) for index, starts, _ in places]
        covariance = channel_covariance(np.concatenate([run for run, _ in runs]).T)
        features = TokenFeatures(encoder, MOTOR, spatial_filter(covariance, MOTOR, encoder.spec))
        vectors = np.concatenate([features.of_run(run, starts) for run, starts in runs])
        np.save(file, vectors.astype(np.float32))
    labels = np.array([label for _, _, labels in places for label in labels])
    return np.load(file).astype(np.float64), labels


def _trials(one: Store, warm: int) -> Iterator[tuple[int, list[int], list[int]]]:
    """Yield of each run: its index, where windows begin, and classes."""
    for index, recording in enumerate(one.recordings):
        cues = [
            (at, CLASSES[label])
            for at, label in recording.events
            if label in CLASSES and warm <= at <= recording.length - 1024
        ]
        if cues:
            yield index, [at for at, _ in cues], [label for _, label in cues]


if __name__ == "__main__":
    main()

r"""What tokens that were trained with labels are worth on people whom the encoder has never seen.

    python benchmarks/accuracy/labelled_encoder.py DATA --store STORE --work WORK

STORE is the window store of DATA (`training.prepare`), imagined left against right fist. The people
are parted in five; an encoder is trained on four parts with the recipe `classification`, and the
fifth is looked at through it. Beside it: an encoder of random weights of the same size, tangent
space, and both together.

- within: each run of a person after the other two, as `training.evaluate --protocols cross-session`
- zero-shot: everybody of the other four parts, none of the person's trials. `labels`: the layer
  that the recipe trained. Each person's filter and reference from their own first 30 and 60 s of
  unlabelled signal outside trials.
- without the eyes: the same with frontal and temporal electrodes regressed out of the others and
  left out, for every system. The encoder never sees them either way.

What was done already lies in WORK and is not done again.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.machine.threads import share_cores

share_cores()

from core.decoding.features import TangentFeatures  # noqa: E402 - after the threads
from core.decoding.spatial import channel_covariance  # noqa: E402
from core.encoders import load_encoder  # noqa: E402
from core.fitting.baselines import BAND  # noqa: E402
from core.metrics import balanced_accuracy, chance_bound  # noqa: E402
from training.evaluation.people import Signal, path_for_all, read_people  # noqa: E402
from training.evaluation.protocols import cross_session  # noqa: E402
from training.evaluation.report.statistics import paired_p  # noqa: E402
from training.evaluation.systems.catalogue import make_systems  # noqa: E402
from training.evaluation.trials import share_of  # noqa: E402
from training.pretraining.output.checkpoints import load_checkpoint  # noqa: E402
from training.pretraining.output.folder import RunFolder  # noqa: E402
from training.recipes import recipe_of  # noqa: E402

CLASSES = ("left_hand", "right_hand")
RANDOM = "untrained-bandpower-small-1"
PAIRS = (("encoder", "TS+LR"), ("encoder", "random encoder"), ("hybrid", "riemann"))
PAIRS += (("labels", "tangent space"), ("labels", "random tokens"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    people = read_people([options.data], CLASSES)
    order = np.random.default_rng(7).permutation(len(people))
    folds = [sorted(part.tolist()) for part in np.array_split(order, options.folds)]
    runs = []
    for number, fold in enumerate(folds):
        names = [people[index].name.replace(" ", "/") for index in fold]
        runs.append(_pretrained(options, number, names))
    random = load_encoder(RANDOM)
    spec = load_encoder(runs[0][1]).spec
    random.spec = replace(random.spec, ch_names=spec.ch_names)
    path = path_for_all(people, [spec])
    signals = [Signal(person, path, spec, CLASSES) for person in people]
    rows: list[tuple[str, str, str, str, float]] = []
    for eyes in ("without the eyes", "everything"):
        file = options.work / f"{eyes.replace(' ', '-')}.csv"
        if file.is_file():
            with file.open(newline="") as opened:
                found = [(*row[:4], float(row[4])) for row in csv.reader(opened)]
        else:
            seen = signals if eyes == "everything" else [_without_eyes(one) for one in signals]
            shares = [share_of(signal, aligned=True) for signal in seen]
            tangents = [_tangents(share) for share in shares]
            found = []
            for fold, run in zip(folds, runs, strict=True):
                found += [(eyes, *row) for row in _zero_shot(shares, tangents, fold, run, random)]
            _print(eyes, found)
            for fold, run in zip(folds, runs, strict=True):
                found += [(eyes, *row) for row in _within(seen, fold, run, random)]
            with file.open("w", newline="") as opened:
                csv.writer(opened).writerows(found)
        rows += found
        _print(eyes, found)


def _pretrained(options: argparse.Namespace, number: int, names: list[str]) -> tuple[Path, Path]:
    """Return the run that left these people out, and the encoder that came of it."""
    folder = options.work / f"fold-{number}"
    encoder = folder.with_suffix(".safetensors")
    if not encoder.is_file():
        words = ["classification", "--store", options.store, "--test-subjects", *names]
        words += ["--folder", folder, "--device", "cpu", "--threads", 1]
        _run("pretrain", *(words if not folder.exists() else ["--resume", folder]))
        _run("export", folder, "--out", encoder)
    return folder, encoder


def _run(program: str, *words: object) -> None:
    command = [sys.executable, "-m", f"training.{program}", *map(str, words)]
    subprocess.run(command, check=True, stdout=sys.stderr)


def _without_eyes(signal: Signal) -> Signal:
    """Return the signal with frontal and temporal electrodes regressed out and left out.

    By the covariance of the person's first 60 s outside trials.
    """
    channels, out = signal.settings.channels, signal.spec.regressors
    front = [place for place, name in enumerate(channels) if name in out]
    kept = [place for place, name in enumerate(channels) if name not in out]
    covariance = channel_covariance(signal.rest(range(len(signal.person.recordings)), 60.0).T)
    among = covariance[np.ix_(front, front)]
    weights = np.linalg.solve(among, covariance[np.ix_(front, kept)])
    settings = replace(signal.settings, channels=tuple(channels[place] for place in kept))
    made = Signal.__new__(Signal)
    made.__dict__.update(signal.__dict__ | {"settings": settings, "_banded": {}})
    made.segments = tuple(run[:, kept] - run[:, front] @ weights for run in signal.segments)
    made.epochs = replace(signal.epochs, segments=made.segments)
    return made


def _within(seen, fold, run, random):  # type: ignore[no-untyped-def]
    trained = make_systems(["riemann", "encoder", "hybrid", "TS+LR"], load_encoder(run[1]), "")
    (untrained,) = make_systems(["encoder"], random, "random weights")
    systems = {one.name: one for one in trained} | {"random encoder": untrained}
    for index in fold:
        scores: dict[str, list[float]] = {}
        for part in cross_session([seen[index]], 0):
            for name, system in systems.items():
                guessed = system.fit(part.train, 0).probabilities(part.test).argmax(axis=1)
                scores.setdefault(name, []).append(balanced_accuracy(part.test.labels, guessed))
        for name, values in scores.items():
            yield "within", seen[index].person.name, name, float(np.mean(values))


def _zero_shot(shares, tangents, fold, run, random):  # type: ignore[no-untyped-def]
    import torch

    folder = RunFolder(run[0])
    recipe = recipe_of(folder.settings())
    load_checkpoint(folder.last, recipe.parts, f"classification {recipe.spec.size}")
    trained, head = load_encoder(run[1]), recipe.parts.mean_head.eval()
    others = [place for place in range(len(shares)) if place not in fold]
    views = {
        "tangent space": tangents,
        "tokens": [share.tokens(trained) for share in shares],
        "random tokens": [share.tokens(random) for share in shares],
    }
    for name, vectors in views.items():
        model = _classifier()
        model.fit(
            np.concatenate([vectors[place] for place in others]),
            np.concatenate([shares[place].epochs.labels for place in others]),
        )
        for place in fold:
            guessed = model.predict(vectors[place])
            yield "zero-shot", *_scored(shares[place].signal, name, guessed)
    for place in fold:
        with torch.inference_mode():
            guessed = head(torch.from_numpy(views["tokens"][place]).float()).argmax(dim=1).numpy()
        yield "zero-shot", *_scored(shares[place].signal, "labels", guessed)


def _scored(signal: Signal, name: str, guessed: np.ndarray) -> tuple[str, str, float]:
    return signal.person.name, name, float(balanced_accuracy(signal.epochs.labels, guessed))


def _tangents(share):  # type: ignore[no-untyped-def]
    count = len(share.signal.settings.channels)
    features = TangentFeatures(BAND, 256.0, 1024, np.arange(count), np.eye(count))
    return features.of_covariances(share.covariances(BAND, range(count), 1, 1))


def _classifier():  # type: ignore[no-untyped-def]
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.01, max_iter=1000)


def _print(eyes: str, rows: list[tuple[str, str, str, str, float]]) -> None:
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for _, how, person, system, value in rows:
        scores.setdefault(how, {}).setdefault(system, {})[person] = value
    for how, systems in scores.items():
        people = sorted(next(iter(systems.values())))
        print(f"\n{eyes}, {how}: balanced accuracy of {len(people)} people\n")
        print("| system | mean | sd | people above chance |\n|---|---:|---:|---:|")
        for name, values in systems.items():
            scored = np.array([values[person] for person in people])
            above = int(np.sum(scored > chance_bound(45, 2)))
            print(f"| {name} | {scored.mean():.3f} | {scored.std(ddof=1):.3f} | {above} |")
        for better, worse in PAIRS:
            if better in systems and worse in systems:
                gains = np.array([systems[better][p] - systems[worse][p] for p in people])
                print(f"{better} - {worse}: {gains.mean():+.3f}, p {paired_p(gains):.4f}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

r"""What tokens that were trained with labels are worth on people whom the encoder has never seen.

    python benchmarks/accuracy/labelled_encoder.py DATA --store STORE --work WORK

STORE is the window store of DATA (`training.prepare`), imagined left against right fist. The people
are parted in five; an encoder is trained on four parts with the recipe `classification`, and the
fifth is looked at through it. Beside it: an encoder of random weights of the same size, tangent
space, and both together.

- within: each run of a person after the other two, as `training.evaluate --protocols cross-session`
- zero-shot: everybody of the other four parts, none of the person's trials; one linear head, for
  the four seconds after the cue and without the first of them. Each person's filter and reference
  from their own first 30 and 60 s of unlabelled signal outside trials.
- without the eyes: the same with frontal and temporal electrodes regressed out of the others and
  left out, for every system. The encoder never sees them either way. Zero-shot also with the
  central electrodes (rows FC to P) of that alone, and with eight of them.

What was done already lies in WORK and is not done again.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Sequence
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

CLASSES = ("left_hand", "right_hand")
RANDOM = "untrained-bandpower-small-1"
CENTRAL = tuple(f"{row}{column}" for row in ("FC", "C", "CP", "P") for column in "531Z246")
EIGHT = tuple("FC3 FC4 C3 CZ C4 CP3 CP4 PZ".split())
LATE = 256  # samples after the cue: when eyes have moved
PAIRS = (("encoder", "TS+LR"), ("encoder", "random encoder"), ("hybrid", "riemann"))
PAIRS += (("tokens", "tangent space"), ("tokens", "random tokens"))
PAIRS += (("tokens, 1 to 4 s", "tangent space, 1 to 4 s"),)


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
    parts = {"without the eyes": None, "everything": None, "central": CENTRAL, "eight": EIGHT}
    for part, names in parts.items():
        seen = signals
        if part != "everything":
            seen = [_without_eyes(signal, names) for signal in signals]
        for how, score in (("zero-shot", _zero_shot), ("within", _within)):
            file = options.work / f"{part} {how}.csv".replace(" ", "-")
            if names is not None and how == "within":
                continue
            if not file.is_file():
                rows = list(score(seen, folds, runs, random))
                with file.open("w", newline="") as opened:
                    csv.writer(opened).writerows(rows)
            with file.open(newline="") as opened:
                _print(f"{part}, {how}", [(*row[:2], float(row[2])) for row in csv.reader(opened)])


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


def _without_eyes(signal: Signal, names: Sequence[str] | None = None) -> Signal:
    """Return the signal with frontal and temporal electrodes regressed out and left out.

    By the covariance of the person's first 60 s outside trials. With `names`, only these stay.
    """
    channels, out = signal.settings.channels, signal.spec.regressors
    front = [place for place, name in enumerate(channels) if name in out]
    kept = [p for p, name in enumerate(channels) if name not in out and name in (names or channels)]
    covariance = channel_covariance(signal.rest(range(len(signal.person.recordings)), 60.0).T)
    among = covariance[np.ix_(front, front)]
    weights = np.linalg.solve(among, covariance[np.ix_(front, kept)])
    settings = replace(signal.settings, channels=tuple(channels[place] for place in kept))
    made = Signal.__new__(Signal)
    made.__dict__.update(signal.__dict__ | {"settings": settings, "_banded": {}})
    made.__dict__.pop("refused", None)
    made.segments = tuple(run[:, kept] - run[:, front] @ weights for run in signal.segments)
    made.epochs = replace(signal.epochs, segments=made.segments)
    return made


def _within(seen, folds, runs, random):  # type: ignore[no-untyped-def]
    """Yield person, system and accuracy over the three ways of leaving a run out."""
    for fold, run in zip(folds, runs, strict=True):
        trained = make_systems(["riemann", "encoder", "hybrid", "TS+LR"], load_encoder(run[1]), "")
        (untrained,) = make_systems(["encoder"], random, "random weights")
        systems = {system.name: system for system in trained} | {"random encoder": untrained}
        for index in fold:
            scores: dict[str, list[float]] = {}
            for part in cross_session([seen[index]], 0):
                for name, system in systems.items():
                    guessed = system.fit(part.train, 0).probabilities(part.test).argmax(axis=1)
                    scores.setdefault(name, []).append(balanced_accuracy(part.test.labels, guessed))
            for name, values in scores.items():
                yield seen[index].person.name, name, float(np.mean(values))


def _zero_shot(seen, folds, runs, random):  # type: ignore[no-untyped-def]
    """Yield person, system and accuracy without a trial of theirs, from the cue and 1 s after."""
    shares = [share_of(signal, aligned=True) for signal in seen]
    labels = [share.epochs.labels for share in shares]
    tangents = {late: [_tangents(share, late) for share in shares] for late in (0, LATE)}
    for fold, run in zip(folds, runs, strict=True):
        trained = load_encoder(run[1])
        others = [place for place in range(len(shares)) if place not in fold]
        views = {"tangent space": tangents[0], "tangent space, 1 to 4 s": tangents[LATE]}
        for name, encoder in (("tokens", trained), ("random tokens", random)):
            tokens = [_tokens(share, encoder) for share in shares]
            views[name] = [encoder.pool(of_person) for of_person in tokens]
            views[f"{name}, 1 to 4 s"] = [
                encoder.pool(of_person * _begun(encoder.spec)[:, None, None])
                for of_person in tokens
            ]
        for name, vectors in views.items():
            model = _classifier()
            model.fit(
                np.concatenate([vectors[place] for place in others]),
                np.concatenate([labels[place] for place in others]),
            )
            for place in fold:
                guessed = model.predict(vectors[place])
                score = balanced_accuracy(labels[place], guessed)
                yield seen[place].person.name, name, float(score)


def _begun(spec):  # type: ignore[no-untyped-def]
    """Return which columns begin a second after the cue or later, as 0 or 1."""
    return (np.arange(spec.patches) * spec.stride >= LATE).astype(float)


def _tokens(share, encoder):  # type: ignore[no-untyped-def]
    import torch

    windows = torch.from_numpy(share.filtered(encoder)).float()
    with torch.inference_mode():
        return encoder.tokens(windows, share.signal.settings.channels).double().numpy()


def _tangents(share, late):  # type: ignore[no-untyped-def]
    count = len(share.signal.settings.channels)
    features = TangentFeatures(BAND, 256.0, 1024, np.arange(count), np.eye(count))
    return features.of_windows(share.windows(BAND)[..., late:])


def _classifier():  # type: ignore[no-untyped-def]
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.01, max_iter=1000)


def _print(title: str, rows: list[tuple[str, str, float]]) -> None:
    systems: dict[str, dict[str, float]] = {}
    for person, system, value in rows:
        systems.setdefault(system, {})[person] = value
    people = sorted(next(iter(systems.values())))
    random = np.random.default_rng(0).integers(0, len(people), (10_000, len(people)))
    print(f"\n{title}: balanced accuracy of {len(people)} people, and 95 % interval over them\n")
    print("| system | mean | interval | people above chance |\n|---|---:|---:|---:|")
    scored = {name: np.array([of[person] for person in people]) for name, of in systems.items()}
    for name, values in scored.items():
        low, high = np.percentile(values[random].mean(axis=1), (2.5, 97.5))
        above = int(np.sum(values > chance_bound(45, 2)))
        print(f"| {name} | {values.mean():.3f} | {low:.3f} to {high:.3f} | {above} |")
    for better, worse in PAIRS:
        if better in scored:
            gains = scored[better] - scored[worse]
            print(f"{better} - {worse}: {gains.mean():+.3f}, p {paired_p(gains):.5f}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

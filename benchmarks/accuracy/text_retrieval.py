"""Finding the text that goes with a window: people and phrasings that were not trained on.

    python benchmarks/accuracy/text_retrieval.py FOLDER ... --cache CACHE [--people 61]

FOLDER holds a folder of eegmmidb recordings for each person; runs 4, 8 and 12 are read (imagery of
the left and right fist, and the rest between). Features are tangent vectors of the motor electrodes
and tokens of the starter encoder, each person recentred on their own trials without labels. People
are parted in five; heads are trained on four parts with half of the phrasings, and judged on the
fifth with the other half. Four ways of the same features are compared:

- zero-shot: a new person and new phrasings, three texts to choose among;
- few-shot: the same, trained on ten of the people and on five trials of each class of the new
  person, which weigh as much as the ten;
- the same phrasings: a new person, and the phrasings that were trained on;
- supervised: a linear head of classes on the same people, which needs no text.

Bounds are the 95 % quantile of accuracies with labels permuted within people.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set

from core.decoding.embedding_heads import Gallery  # noqa: E402
from core.decoding.features import (  # noqa: E402
    TangentFeatures,
    TokenFeatures,
    band_sections,
    shrunk_covariances,
)
from core.decoding.spatial import channel_covariance, power, spatial_filter  # noqa: E402
from core.encoders import load_encoder  # noqa: E402
from core.fitting.baselines import BAND  # noqa: E402
from core.fitting.joint_heads import (  # noqa: E402
    ClassTarget,
    HeadSettings,
    RetrievalTarget,
    train_heads,
)
from core.fitting.trials.epochs import cut_epochs  # noqa: E402
from core.montage import match  # noqa: E402
from core.recordings import read_recordings  # noqa: E402
from core.signal.filtering import Band  # noqa: E402
from core.signal.pipeline import SignalSettings  # noqa: E402
from core.sites import is_motor  # noqa: E402
from core.text_encoder import load_text_encoder  # noqa: E402

CLASSES = ("left", "right", "rest")
PHRASINGS = {
    "left": (
        "imagine closing your left fist",
        "imagery of the left hand",
        "left hand movement imagined",
        "think of squeezing with the left hand",
    ),
    "right": (
        "imagine closing your right fist",
        "imagery of the right hand",
        "right hand movement imagined",
        "think of squeezing with the right hand",
    ),
    "rest": (
        "sit still and relax",
        "doing nothing at all",
        "a quiet pause between trials",
        "waiting calmly without any task",
    ),
}
_EVENTS = {"T1": "left", "T2": "right", "T0": "rest"}
_RUNS = (4, 8, 12)
_PERMUTATIONS = 100
_SHOTS = 5  # trials of each class
_WEIGHT = 10  # people that a person's own trials weigh as much as


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--people", type=int, default=61)
    parser.add_argument("--few-shot", action="store_true", help="takes a fit a person")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    folders = {f.name: f for root in given.folders for f in sorted(root.iterdir()) if f.is_dir()}
    people = [person(f, given.cache) for f in list(folders.values())[: given.people]]
    people = [p for p in people if p is not None]
    print(f"{len(people)} people, {sum(len(p['labels']) for p in people)} trials")
    encoder = load_text_encoder("wordllama")
    rows = evaluate(people, encoder, given.few_shot)
    for row in rows:
        print(f"{row['way']:44} {row['share']:.3f}   bound {row['bound']:.3f}   people {row['n']}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))
    return 0


def person(folder: Path, cache: Path) -> dict[str, np.ndarray] | None:
    """Return a person's features and labels, from the cache if they are there."""
    kept = cache / f"{folder.name}.npz"
    if kept.is_file():
        with np.load(kept) as file:
            return dict(file)
    files = [next(folder.glob(f"*R{run:02}.edf"), None) for run in _RUNS]
    if None in files:
        return None
    read = read_recordings(files)
    encoder = load_encoder("starter")
    spec = encoder.spec
    channels = match(read[0].labels, spec.ch_names).channels
    path = SignalSettings(channels, "average", spec.rate, Band())
    epochs = cut_epochs(read, _EVENTS, path, spec.unit, spec.window)
    banded = epochs.filtered(band_sections(BAND, spec.rate)).windows()
    motor = np.array([i for i, name in enumerate(channels) if is_motor(name)])
    covariances = shrunk_covariances(banded[:, motor])
    whitener = power(covariances.mean(axis=0), -0.5)
    view = TangentFeatures(BAND, spec.rate, spec.window, motor, whitener)
    spatial = spatial_filter(channel_covariance(epochs.rest.T), channels, spec)
    tokens = TokenFeatures(encoder, channels, spatial)
    vectors = np.empty((len(epochs), tokens.size))
    for run, segment in enumerate(epochs.segments):
        here = np.flatnonzero(epochs.places[:, 0] == run)
        vectors[here] = tokens.of_run(segment, epochs.places[here, 1].tolist())
    order = [epochs.classes.index(name) for name in CLASSES]
    found = {
        "tangent": view.of_covariances(covariances),
        "tokens": vectors - vectors.mean(axis=0),
        "labels": np.argsort(order)[epochs.labels],
    }
    np.savez(kept, **found)
    return found


def evaluate(people: list[dict[str, np.ndarray]], encoder, few_shot: bool) -> list[dict]:
    """Return a row for each way of finding the class of a window."""
    known = [PHRASINGS[name][: len(PHRASINGS[name]) // 2] for name in CLASSES]
    new = [PHRASINGS[name][len(PHRASINGS[name]) // 2 :] for name in CLASSES]
    texts = [text for group in known for text in group]
    classes_of = np.repeat(np.arange(len(CLASSES)), [len(group) for group in known])
    gallery = Gallery(tuple(texts), encoder(texts), encoder.label)
    parts = np.arange(len(people)) % 5
    random = np.random.default_rng(0)
    said: dict[str, list[np.ndarray]] = {}
    for part in range(5):
        train = [p for p, where in zip(people, parts, strict=True) if where != part]
        test = [p for p, where in zip(people, parts, strict=True) if where == part]
        blocks, labels = stacked(train)
        head = fitted(blocks, labels, gallery, classes_of, random)
        target = {"class": ClassTarget(labels, len(CLASSES))}
        supervised = train_heads(blocks, target, HeadSettings(steps=100))["class"]
        for p in test:
            features = np.concatenate([p["tangent"], p["tokens"]], axis=1)
            for name, groups in (("zero-shot: new phrasings", new), ("trained phrasings", known)):
                said.setdefault(name, []).append(nearest(head, encoder, groups, features))
            said.setdefault("supervised, without texts", []).append(
                supervised.logits(features).argmax(axis=1)
            )
        for p in test if few_shot else ():
            own = np.concatenate(
                [np.flatnonzero(p["labels"] == k)[:_SHOTS] for k in range(len(CLASSES))]
            )
            some = [train[k] for k in random.permutation(len(train))[:_WEIGHT]]
            blocks, labels = stacked(some)
            times = max(1, round(len(labels) / len(own)))
            more = [
                np.concatenate([block, np.tile(p[view][own], (times, 1))])
                for block, view in zip(blocks, ("tangent", "tokens"), strict=True)
            ]
            labels = np.concatenate([labels, np.tile(p["labels"][own], times)])
            adapted = fitted(more, labels, gallery, classes_of, random)
            features = np.concatenate([p["tangent"], p["tokens"]], axis=1)
            guess = nearest(adapted, encoder, new, features).astype(float)
            guess[own] = np.nan  # trained on
            said.setdefault("few-shot: new phrasings", []).append(guess)
    order = [p for part in range(5) for p, w in zip(people, parts, strict=True) if w == part]
    truth = [p["labels"] for p in order]
    rows = [row(name, guesses, truth, "three texts") for name, guesses in said.items()]
    for name, guesses in said.items():
        hands = [(labels != 2).astype(int) for labels in truth]
        rows.append(
            row(
                name,
                [np.where(np.isnan(g), np.nan, g != 2) for g in guesses],
                hands,
                "hand or rest",
            )
        )
        sides = [
            np.where((labels == 2) | (g == 2), np.nan, g)
            for g, labels in zip(guesses, truth, strict=True)
        ]
        rows.append(row(name, sides, truth, "left or right, where both say hand"))
    return rows


def stacked(people: list[dict[str, np.ndarray]]) -> tuple[list[np.ndarray], np.ndarray]:
    blocks = [np.concatenate([p[view] for p in people]) for view in ("tangent", "tokens")]
    return blocks, np.concatenate([p["labels"] for p in people])


def fitted(blocks, labels, gallery, classes_of, random):
    """Train a head of retrieval; each trial goes with one of its class's phrasings, at random."""
    drawn = np.array([random.choice(np.flatnonzero(classes_of == label)) for label in labels])
    target = {"text": RetrievalTarget(drawn, gallery)}
    return train_heads(blocks, target, HeadSettings(steps=100))["text"]


def nearest(head, encoder, groups, features: np.ndarray) -> np.ndarray:
    """Return the class whose phrasings are nearest on the mean."""
    means = []
    for group in groups:
        asked = head.compared_with(group, encoder(group))
        means.append(asked.similarities(features).mean(axis=1))
    return np.argmax(means, axis=0)


def row(name: str, guesses, truth, among: str) -> dict:
    """Return a mean of balanced accuracies over people, with its permutation bound."""
    random = np.random.default_rng(0)
    judged = [np.isfinite(guess.astype(float)) for guess in guesses]
    pairs = [(g[kept], t[kept]) for g, t, kept in zip(guesses, truth, judged, strict=True)]

    def share(permute: bool) -> float:
        scores = []
        for guess, labels in pairs:
            of = random.permutation(labels) if permute else labels
            scores.append(np.mean([np.mean(guess[of == k] == k) for k in np.unique(of)]))
        return float(np.mean(scores))

    guessed = [share(True) for _ in range(_PERMUTATIONS)]
    return {
        "way": f"{name}, {among}",
        "share": share(False),
        "bound": float(np.quantile(guessed, 0.95)),
        "n": len(truth),
    }


if __name__ == "__main__":
    sys.exit(main())

"""Finding the text that goes with a window: people and phrasings that were not trained on.

    python benchmarks/accuracy/text_retrieval.py FOLDER ... --cache CACHE [--people 61]
    python benchmarks/accuracy/text_retrieval.py FOLDER ... --cache CACHE --few-shot 61
    python benchmarks/accuracy/text_retrieval.py FOLDER ... --cache CACHE --fists-and-feet FOLDER

FOLDER holds a folder of eegmmidb recordings for each person; runs 4, 8 and 12 are read (imagery of
the left and right fist, and the rest between). Features are tangent vectors of the motor electrodes
and tokens of the starter encoder, each person recentred on their own trials without labels. People
are parted in five; heads are trained on four parts with half of the phrasings, and judged on the
fifth with the other half. Three ways of the same features are compared:

- zero-shot: a new person and new phrasings, three texts to choose among;
- the same phrasings: a new person, and the phrasings that were trained on;
- supervised: a linear head of classes on the same people, which needs no text.

With --few-shot N, so many of the people, drawn by the seed, are told by ten of the others alone,
and by these and five trials of each class of their own that weigh as much as the ten: with new
phrasings, and by a linear head. The five are left out of every score.

With --fists-and-feet, heads of everybody but that person are asked for texts of both fists, both
feet and rest in the person's runs 6, 10 and 14; nobody's fists or feet were trained on, unless
five trials of each of the person's own are.

What was computed of a person stays in CACHE, so that a run that was stopped goes on.

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
from core.fitting.trials.cutting import cut_epochs  # noqa: E402
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
LIMBS = ("fists", "feet", "rest")
PHRASINGS_OF_LIMBS = {
    "fists": (
        "imagine closing both fists",
        "imagery of both hands",
        "movement of both hands imagined",
        "think of squeezing with both hands",
    ),
    "feet": (
        "imagine moving both feet",
        "imagery of the feet",
        "movement of both feet imagined",
        "think of bending the toes of both feet",
    ),
    "rest": PHRASINGS["rest"],
}
_EVENTS = {"T1": "left", "T2": "right", "T0": "rest"}
_RUNS = (4, 8, 12)
_EVENTS_OF_LIMBS = {"T1": "fists", "T2": "feet", "T0": "rest"}
_RUNS_OF_LIMBS = (6, 10, 14)
_PERMUTATIONS = 100
_SHOTS = 5  # trials of each class
_WEIGHT = 10  # people that a person's own trials weigh as much as


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--people", type=int, default=61)
    parser.add_argument("--few-shot", type=int, help="people; takes four fits for each")
    parser.add_argument("--fists-and-feet", type=Path, help="folder of one of the people")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    folders = {f.name: f for root in given.folders for f in sorted(root.iterdir()) if f.is_dir()}
    read = {n: person(f, given.cache) for n, f in list(folders.items())[: given.people]}
    named = {name: p for name, p in read.items() if p is not None}
    people = list(named.values())
    print(f"{len(people)} people, {sum(len(p['labels']) for p in people)} trials")
    encoder = load_text_encoder("wordllama")
    if given.fists_and_feet is not None:
        rows = fists_and_feet(named, given.fists_and_feet, given.cache, encoder)
    elif given.few_shot is not None:
        rows = few_shot(named, given.few_shot, given.cache, encoder)
    else:
        rows = evaluate(people, encoder)
    for row in rows:
        print(f"{row['way']:44} {row['share']:.3f}   bound {row['bound']:.3f}   people {row['n']}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))
    return 0


def person(
    folder: Path, cache: Path, runs=_RUNS, events=_EVENTS, classes=CLASSES
) -> dict[str, np.ndarray] | None:
    """Return a person's features and labels, from the cache if they are there."""
    kept = cache / (f"{folder.name}.npz" if runs == _RUNS else f"{folder.name}-limbs.npz")
    if kept.is_file():
        with np.load(kept) as file:
            return dict(file)
    files = [next(folder.glob(f"*R{run:02}.edf"), None) for run in runs]
    if None in files:
        return None
    read = read_recordings(files)
    encoder = load_encoder("starter")
    spec = encoder.spec
    channels = match(read[0].labels, spec.ch_names).channels
    path = SignalSettings(channels, "average", spec.rate, Band())
    epochs = cut_epochs(read, events, path, spec.unit, spec.window)
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
    order = [epochs.classes.index(name) for name in classes]
    features = {
        "tangent": view.of_covariances(covariances),
        "tokens": vectors - vectors.mean(axis=0),
        "labels": np.argsort(order)[epochs.labels],
    }
    np.savez(kept, **features)
    return features


def evaluate(people: list[dict[str, np.ndarray]], encoder) -> list[dict]:
    """Return a row for each way of finding the class of a window."""
    known, new = parted(PHRASINGS, CLASSES)
    gallery, classes_of = gallery_of(known, encoder)
    parts = np.arange(len(people)) % 5
    random = np.random.default_rng(0)
    predictions: dict[str, list[np.ndarray]] = {}
    for part in range(5):
        train = [p for p, where in zip(people, parts, strict=True) if where != part]
        test = [p for p, where in zip(people, parts, strict=True) if where == part]
        blocks, labels = stacked(train)
        head = fitted(blocks, labels, gallery, classes_of, random)
        target = {"class": ClassTarget(labels, len(CLASSES))}
        supervised = train_heads(blocks, target, HeadSettings(steps=100))["class"]
        for p in test:
            features = joined(p)
            for way, groups in (("zero-shot: new phrasings", new), ("trained phrasings", known)):
                predictions.setdefault(way, []).append(nearest(head, encoder, groups, features))
            predictions.setdefault("supervised, without texts", []).append(
                supervised.logits(features).argmax(axis=1)
            )
    order = [p for part in range(5) for p, w in zip(people, parts, strict=True) if w == part]
    return rows_of(predictions, [p["labels"] for p in order])


def rows_of(predictions: dict[str, list[np.ndarray]], truth: list[np.ndarray]) -> list[dict]:
    """Return rows of three texts, of hands against rest, and of left against right."""
    rows = [row(name, guesses, truth, "three texts") for name, guesses in predictions.items()]
    for name, guesses in predictions.items():
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


def few_shot(named: dict[str, dict[str, np.ndarray]], count: int, cache: Path, encoder):
    """Return rows of ten people's heads with and without five own trials of each class."""
    known, new = parted(PHRASINGS, CLASSES)
    gallery, classes_of = gallery_of(known, encoder)
    names = [list(named)[k] for k in np.random.default_rng(0).permutation(len(named))[:count]]
    predictions: dict[str, list[np.ndarray]] = {}
    for name in names:
        kept = cache / f"{name}-few.npz"
        if not kept.is_file():
            others = [p for other, p in named.items() if other != name]
            seed = list(named).index(name)
            guesses = few(named[name], others, seed, gallery, classes_of, new, encoder)
            np.savez(kept, **guesses)
            print(f"{name}: few-shot", flush=True)
        with np.load(kept) as file:
            for way in file.files:
                predictions.setdefault(way, []).append(file[way])
    return rows_of(predictions, [named[name]["labels"] for name in names])


def few(p, others, seed: int, gallery, classes_of, new, encoder) -> dict[str, np.ndarray]:
    """Return what heads of ten people say of a person, with and without five own trials a class."""
    random = np.random.default_rng((1, seed))
    own = first_of(p["labels"])
    blocks, labels = stacked([others[k] for k in random.permutation(len(others))[:_WEIGHT]])
    more, all_labels = with_own(blocks, labels, p, own, p["labels"][own])
    guesses = {}
    for way, given in (("ten others", (blocks, labels)), ("few-shot", (more, all_labels))):
        head = fitted(*given, gallery, classes_of, random)
        guesses[f"{way}: new phrasings"] = nearest(head, encoder, new, joined(p)).astype(float)
        target = {"class": ClassTarget(given[1], len(CLASSES))}
        linear = train_heads(given[0], target, HeadSettings(steps=100))["class"]
        guesses[f"{way}: without texts"] = linear.logits(joined(p)).argmax(axis=1).astype(float)
    for guess in guesses.values():
        guess[own] = np.nan  # trained on, and left out of all
    return guesses


def fists_and_feet(named, folder: Path, cache: Path, encoder) -> list[dict]:
    """Return rows of one person's fists, feet and rest."""
    p = person(folder, cache, _RUNS_OF_LIMBS, _EVENTS_OF_LIMBS, LIMBS)
    others = [q for name, q in named.items() if name != folder.name]
    known, _ = parted(PHRASINGS, CLASSES)
    known_limbs, new_limbs = parted(PHRASINGS_OF_LIMBS, LIMBS)
    own, truth = first_of(p["labels"]), p["labels"]
    random = np.random.default_rng(2)
    blocks, labels = stacked(others)
    zero = fitted(blocks, labels, *gallery_of(known, encoder), random)
    # Left, right, rest, and then the person's own fists and feet; rest is the same class.
    both = [*known, *known_limbs[:2]]
    blocks, labels = stacked([others[k] for k in random.permutation(len(others))[:_WEIGHT]])
    more, labels = with_own(blocks, labels, p, own, np.array([3, 4, 2])[truth[own]])
    adapted = fitted(more, labels, *gallery_of(both, encoder), random)
    target = {"class": ClassTarget(truth[own], len(LIMBS))}
    supervised = train_heads([p[view][own] for view in ("tangent", "tokens")], target)["class"]
    guesses = {
        "zero-shot": nearest(zero, encoder, new_limbs, joined(p)),
        "few-shot": nearest(adapted, encoder, new_limbs, joined(p)),
        "own five trials a class, without texts": supervised.logits(joined(p)).argmax(axis=1),
    }
    rows = []
    for way, guess in guesses.items():
        tested = guess.astype(float)
        tested[own] = np.nan
        rows.append(row(f"{folder.name}: {way}", [tested], [truth], "fists, feet or rest"))
        limbs = np.where((truth == 2) | (guess == 2), np.nan, tested)
        rows.append(row(f"{folder.name}: {way}", [limbs], [truth], "fists or feet where said"))
    return rows


def parted(phrasings: dict[str, tuple[str, ...]], classes: tuple[str, ...]):
    """Return each class's phrasings that are trained on, and its new ones."""
    half = {name: len(texts) // 2 for name, texts in phrasings.items()}
    known = [phrasings[name][: half[name]] for name in classes]
    return known, [phrasings[name][half[name] :] for name in classes]


def gallery_of(groups, encoder) -> tuple[Gallery, np.ndarray]:
    """Return the texts of classes as a gallery, and the class of each."""
    texts = [text for group in groups for text in group]
    classes_of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return Gallery(tuple(texts), encoder(texts), encoder.label), classes_of


def joined(p: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([p["tangent"], p["tokens"]], axis=1)


def first_of(labels: np.ndarray) -> np.ndarray:
    """Return the positions of the first trials of each class."""
    return np.concatenate([np.flatnonzero(labels == k)[:_SHOTS] for k in np.unique(labels)])


def with_own(blocks, labels, p, own: np.ndarray, own_labels: np.ndarray):
    """Return trials of others and a person's own, repeated until they weigh as much."""
    times = max(1, round(len(labels) / len(own)))
    more = [
        np.concatenate([block, np.tile(p[view][own], (times, 1))])
        for block, view in zip(blocks, ("tangent", "tokens"), strict=True)
    ]
    return more, np.concatenate([labels, np.tile(own_labels, times)])


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

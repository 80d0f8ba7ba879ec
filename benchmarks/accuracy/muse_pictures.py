"""Faces or houses from four electrodes: classes and retrieval, without leakage over time.

    python benchmarks/accuracy/muse_pictures.py n170.csv [p300.csv]

The recordings are of a Muse at 256 Hz, two minutes each, with a marker for every picture (1 or 2),
0.6 s apart or so: too fast for the windows of four seconds that decoders have, so the features are
of the 0.6 s after each picture: the signal in the band of 1 to 30 Hz (causal), every 31 ms.
Folds are stretches of time, and windows that share samples with the test part are left
out of the training part. "classes" is shrinkage LDA, "retrieval" the contrastive head with a text
for each kind of picture. The bound is the 95 % quantile over permutations of the labels.
"""

from __future__ import annotations

import argparse
import sys
from functools import cache, partial
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from scipy import signal  # noqa: E402
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis  # noqa: E402

from core.decoding.embedding_heads import Gallery  # noqa: E402
from core.fitting.folds import folds_in_time  # noqa: E402
from core.fitting.joint_heads import HeadSettings, RetrievalTarget, train_heads  # noqa: E402
from core.metrics import balanced_accuracy  # noqa: E402
from core.recordings import read_recording  # noqa: E402
from core.signal.filtering import CausalFilter  # noqa: E402
from core.text_encoder import load_text_encoder  # noqa: E402

_AFTER = 0.6  # s
_EVERY = 8  # samples
_PERMUTATIONS = 100
_TEXTS = {
    "n170": ("a photograph of a house", "a photograph of a face"),
    "p300": ("a frequent picture", "a rare target picture"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    for file in given.files:
        features, labels, places, length = trials(file)
        texts = _TEXTS.get(file.stem, ("one", "two"))
        counts = np.bincount(labels).tolist()
        print(f"{file.name}: {counts} pictures of kinds 1 and 2")
        for name, decide in (("classes", classes), ("retrieval", partial(retrieval, texts))):
            score, bound = judged(features, labels, places, length, decide)
            print(f"  {name:10} balanced accuracy {score:.3f}, bound {bound:.3f}", flush=True)
    return 0


def trials(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return features, kinds and places of the pictures of a recording."""
    recording = read_recording(file)
    labels = [e.label for e in recording.events]
    kinds = sorted(set(labels))
    assert len(kinds) == 2, f"two kinds of pictures were expected, not {kinds}"
    eeg = [i for i, name in enumerate(recording.labels) if "AUX" not in name.upper()]
    sections = signal.butter(2, (1.0, 30.0), "bandpass", fs=recording.rate, output="sos")
    filtered = CausalFilter(sections).push(recording.samples_uv[:, eeg].astype(float))
    length = round(_AFTER * recording.rate)
    starts = np.round(np.array([e.onset for e in recording.events]) * recording.rate).astype(int)
    kept = starts + length <= len(filtered)
    windows = np.stack([filtered[s : s + length : _EVERY].ravel() for s in starts[kept]])
    classes = np.array([kinds.index(label) for label in labels])[kept]
    places = np.stack([np.zeros(kept.sum(), dtype=int), starts[kept]], axis=1)
    usable = np.abs(windows).max(axis=1) < 200.0  # µV: blinks
    return windows[usable], classes[usable], places[usable], length


def judged(features, labels, places, length, decide) -> tuple[float, float]:
    """Return the score of folds in time, and what permuted labels reach."""
    random = np.random.default_rng(0)

    def score(of: np.ndarray) -> float:
        predicted = np.empty(len(of), dtype=int)
        for train, test in folds_in_time(labels, places, length):
            predicted[test] = decide(features[train], of[train], features[test])
        return balanced_accuracy(of, predicted)

    guessed = [score(random.permutation(labels)) for _ in range(_PERMUTATIONS)]
    return score(labels), float(np.quantile(guessed, 0.95))


def classes(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=(0.5, 0.5))
    return model.fit(train, labels).predict(test)


text_encoder = cache(lambda: load_text_encoder("wordllama"))


def retrieval(texts, train, labels, test) -> np.ndarray:
    encoder = text_encoder()
    gallery = Gallery(texts, encoder(texts), encoder.label)
    target = {"text": RetrievalTarget(labels, gallery)}
    head = train_heads([train], target, HeadSettings(steps=60))["text"]
    return head.similarities(test).argmax(axis=1)


if __name__ == "__main__":
    sys.exit(main())

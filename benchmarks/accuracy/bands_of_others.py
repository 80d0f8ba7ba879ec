"""Whether several bands or shorter windows of other people say more than 8 to 30 Hz.

    python benchmarks/accuracy/bands_of_others.py FOLDER --encoders FILE ... --work WORK

People and encoders as for `other_people.py`, without any own trial: tangent vectors of others, each
recording aligned by its first minute, and the same head on those of all looks together (the mean of
vectors, for windows that overlap); alone, and beside the readout of an encoder that has not seen
the person, each divided by its spread. Said of the signal as recorded, with the eyes regressed out
(coefficients of all of a person's runs, labels unseen), and with the eyes of other trials.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from head_of_others import has_seen  # noqa: E402
from other_people import (  # noqa: E402
    EVENTS,
    EYES,
    MINUTE,
    RATE,
    RUNS,
    WINDOW,
    EyeExchange,
    Person,
    filter_before,
    sample_covariances,
    token_features,
)
from scipy.stats import wilcoxon  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from core.decoding.features import band_sections, shrunk  # noqa: E402
from core.decoding.spatial import channel_covariance  # noqa: E402
from core.encoders import Encoder, load_encoder  # noqa: E402
from core.fitting.feature_input import away_from_eyes, without_eyes  # noqa: E402
from core.fitting.transfer.mirror_images import fit_with_images  # noqa: E402
from core.fitting.transfer.prior_sources import INVERSE_PENALTY  # noqa: E402
from core.fitting.transfer.recentring import (  # noqa: E402
    beginning_covariance,
    reference_whitener,
    vectors_at,
)
from core.fitting.transfer.wccn import apply_wccn, drift_of  # noqa: E402
from core.fitting.trials.cutting import cut_epochs  # noqa: E402
from core.fitting.trials.signals import signals_of  # noqa: E402
from core.hemispheres import mirror_of  # noqa: E402
from core.metrics import chance_bound  # noqa: E402
from core.montage import match  # noqa: E402
from core.recordings import read_recordings  # noqa: E402
from core.signal.filtering import CausalFilter  # noqa: E402
from core.signal.pipeline import SignalSettings, default_reference  # noqa: E402

SHORT = WINDOW // 2
LOOKS = {
    "8-30": ((8.0, 30.0), slice(None)),
    "4-8": ((4.0, 8.0), slice(None)),
    "8-13": ((8.0, 13.0), slice(None)),
    "13-20": ((13.0, 20.0), slice(None)),
    "20-30": ((20.0, 30.0), slice(None)),
    "13-30": ((13.0, 30.0), slice(None)),
    "4-36": ((4.0, 36.0), slice(None)),
    "0 to 2 s": ((8.0, 30.0), slice(0, SHORT)),
    "1 to 3 s": ((8.0, 30.0), slice(SHORT // 2, SHORT // 2 + SHORT)),
    "2 to 4 s": ((8.0, 30.0), slice(SHORT, WINDOW)),
}
"""Band in Hz and part of a window, by name."""

OVERLAPPING = ("0 to 2 s", "1 to 3 s", "2 to 4 s")
SETS = (
    ("8-30",),
    ("8-13", "13-30"),
    ("8-13", "13-20", "20-30"),
    ("4-8", "8-13", "13-20", "20-30"),
    ("8-13", "13-30", "8-30", "4-36"),
    ("4-36",),
    OVERLAPPING,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoders", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    options.work.mkdir(exist_ok=True)
    encoders = [load_encoder(path) for path in options.encoders]
    people: list[Person] = []
    for folder in sorted(path for path in options.folder.iterdir() if path.is_dir()):
        unseen = [i for i, encoder in enumerate(encoders) if not has_seen(encoder, folder.name)]
        kept = options.work / f"{folder.name}.npz"
        if unseen and not kept.is_file():
            features = _features(folder, unseen[0], encoders[unseen[0]])
            np.savez(kept, **features)  # type: ignore[arg-type]
        if unseen:
            people.append(dict(np.load(kept)))
    for eyes in EYES:
        _print(people, eyes)


def _features(folder: Path, fold: int, encoder: Encoder) -> Person:
    """Compute covariances of a person's trials in all looks, and the log-odds of the readout."""
    recordings = read_recordings([folder / f"{folder.name}R{run:02d}.edf" for run in RUNS])
    channels = match(recordings[0].labels, encoder.spec.ch_names).channels
    settings = SignalSettings(channels, default_reference(len(channels)), RATE)
    signals = list(signals_of(recordings, settings, encoder.spec.unit))
    epochs = cut_epochs(recordings, EVENTS, settings, encoder.spec.unit, WINDOW, signals)
    places, run = epochs.places.tolist(), epochs.places[:, 0]
    whole = channel_covariance(np.vstack(signals).T)
    exchange = EyeExchange(channels, run, whole)
    features: Person = {
        "channels": np.array(channels),
        "fold": np.array(fold),
        "labels": epochs.labels,
        "run": run,
        "whole": whole,
    }
    for name, (band, part) in LOOKS.items():
        banded = [CausalFilter(band_sections(band, RATE)).push(signal) for signal in signals]
        windows = np.stack([banded[i][start : start + WINDOW].T for i, start in places])
        exchanged = sample_covariances(exchange(windows)[..., part])
        features[name] = sample_covariances(windows[..., part]).astype(np.float32)
        features[f"{name} exchanged"] = exchanged.astype(np.float32)
        features[f"{name} begun"] = np.stack(
            [beginning_covariance([signal], RATE) for signal in banded]
        )
    broad = np.stack([signals[i][start : start + WINDOW].T for i, start in places])
    readout = encoder.spec.readout
    assert readout is not None
    for eyes in EYES:
        seen = exchange(broad) if eyes == "exchanged" else broad
        names = [channels[i] for i in away_from_eyes(channels)] if eyes == "out" else channels
        regress = without_eyes(channels, whole) if eyes == "out" else np.eye(len(channels))
        logits = [
            token_features(
                encoder, filter_before(encoder, regress, begun, names) @ seen[run == number], names
            )
            @ np.array(readout.weights)
            + readout.bias
            for number, begun in enumerate(signal[:MINUTE] for signal in signals)
        ]
        features[f"readout {eyes}"] = np.concatenate([rows[:, 1] - rows[:, 0] for rows in logits])
    return features


def _vectors(person: Person, look: str, eyes: str) -> np.ndarray:
    """Return tangent vectors of a person's trials, each at its run's first minute."""
    channels = tuple(person["channels"].tolist())
    spatial = without_eyes(channels, person["whole"]) if eyes == "out" else np.eye(len(channels))
    seen = person[look + " exchanged" * (eyes == "exchanged")].astype(float)
    covariances = shrunk(spatial @ seen @ spatial.T, SHORT if look in OVERLAPPING else WINDOW)
    begun = spatial @ person[f"{look} begun"] @ spatial.T
    parts = [
        vectors_at(covariances[person["run"] == run], reference_whitener(begun[run]))
        for run in range(len(RUNS))
    ]
    vectors: np.ndarray = np.concatenate(parts)
    return vectors


def _together(person: Person, looks: Sequence[str], eyes: str) -> np.ndarray:
    """Return what a head sees of a person's trials, (trials, features)."""
    vectors = [_vectors(person, look, eyes) for look in looks]
    if looks == OVERLAPPING:
        return np.asarray(np.mean(vectors, axis=0))
    return np.concatenate(vectors, axis=1)


def _decide(people: Sequence[Person], looks: Sequence[str], eyes: str) -> list[np.ndarray]:
    """Return log-odds of everybody's trials by a head of those whose encoder is another."""
    tested = [_together(person, looks, eyes) for person in people]
    others = tested
    if eyes == "exchanged":  # others keep theirs
        others = [_together(person, looks, "in") for person in people]
    channels = tuple(people[0]["channels"].tolist())
    if eyes == "out":
        channels = tuple(channels[i] for i in away_from_eyes(channels))
    mirror = mirror_of((channels,) * (1 if looks == OVERLAPPING else len(looks)))
    assert mirror is not None
    decided: list[np.ndarray] = [np.empty(0)] * len(people)
    for fold in {int(person["fold"]) for person in people}:
        learned = [i for i, person in enumerate(people) if int(person["fold"]) != fold]
        moved = np.concatenate([_moves(people[i]["run"], others[i]) for i in learned])
        drift = drift_of(np.concatenate([moved, moved[:, mirror]]))
        head = fit_with_images(
            apply_wccn(np.concatenate([others[i] for i in learned]), drift),
            np.concatenate([people[i]["labels"] for i in learned]),
            mirror,
            (1, 0),
            INVERSE_PENALTY,
        )
        for i in set(range(len(people))) - set(learned):
            logits = head.logits(apply_wccn(tested[i], drift))
            decided[i] = logits[:, 1] - logits[:, 0]
    return decided


def _moves(run: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return how far each run's mean lies from that of all runs."""
    means = np.array([vectors[run == number].mean(axis=0) for number in range(len(RUNS))])
    return means - means.mean(axis=0)


def _scores(people: Sequence[Person], decided: Sequence[np.ndarray]) -> np.ndarray:
    """Return accuracy and AUROC of everybody, means over runs."""
    return np.array(
        [
            np.mean(
                [
                    (
                        np.mean((logits[run] > 0) == person["labels"][run]),
                        roc_auc_score(person["labels"][run], logits[run]),
                    )
                    for run in (person["run"] == number for number in range(len(RUNS)))
                ],
                axis=0,
            )
            for person, logits in zip(people, decided, strict=True)
        ]
    )


def _print(people: Sequence[Person], eyes: str) -> None:
    trials = sum(len(person["labels"]) for person in people)
    bound = chance_bound(trials, 2)
    print(f"\n{EYES[eyes]}: {len(people)} people, {trials} trials, chance bound {bound:.3f}\n")
    print("| looks | others' covariances | beside the readout |\n|---|---|---|")
    readout = [person[f"readout {eyes}"] for person in people]
    accuracy, auroc = _scores(people, readout).mean(axis=0)
    print(f"| readout alone | | {accuracy:.3f} / {auroc:.3f} |")
    first: list[np.ndarray] = []
    for looks in SETS:
        alone = _decide(people, looks, eyes)
        scales = [np.std(np.concatenate(logits)) for logits in (alone, readout)]
        beside = [a / scales[0] + b / scales[1] for a, b in zip(alone, readout, strict=True)]
        tables = [_scores(people, decided) for decided in (alone, beside)]
        first = first or tables
        cells = [_cell(table, base) for table, base in zip(tables, first, strict=True)]
        print(f"| {', '.join(looks)} | {' | '.join(cells)} |", flush=True)


def _cell(table: np.ndarray, base: np.ndarray) -> str:
    accuracy, auroc = table.mean(axis=0)
    gain = table[:, 0] - base[:, 0]
    p = f", p {wilcoxon(gain).pvalue:.3f}" if gain.any() else ""
    return f"{accuracy:.3f} / {auroc:.3f} ({gain.mean():+.3f}{p})"


if __name__ == "__main__":
    main()

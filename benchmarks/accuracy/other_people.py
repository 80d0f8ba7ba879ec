"""What other people are worth, part by part: fitted on two runs, decided on the third.

    python benchmarks/accuracy/other_people.py FOLDER --encoders FILE ... --work WORK

FOLDER has a folder a person with the runs 4, 8 and 12 of the PhysioNet motor imagery data set. Each
encoder was trained with labels of some of them (`labelled_encoder.py` makes five); a person is
looked at through the one that has not seen them, and starts from the covariances of everybody whom
that encoder has seen. Features of a person are computed once, behind the program's filters and
without its artifact checks, and kept in WORK; heads are those of a fit (`core/fitting/transfer`).
Everything is said three times: with all electrodes; with the eyes regressed out by the runs that
are fitted on; and of people whose eyes do not go with the cue, made of these by giving every trial
the frontal and temporal electrodes of another one of its run, with what they explain of the rest.
Others stay as they are then. Where the reference is that of the whole first minute, trials in it
are decided by what comes after them too; `causal` rows say what a live decoder has.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from head_of_others import has_seen  # noqa: E402
from scipy.stats import wilcoxon  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from core.decoding.features import band_sections, shrunk  # noqa: E402
from core.decoding.heads import LinearHead, fit_head  # noqa: E402
from core.decoding.spatial import channel_covariance, regression_filter, spatial_filter  # noqa: E402
from core.encoders import Encoder, load_encoder  # noqa: E402
from core.fitting.baselines import BAND  # noqa: E402
from core.fitting.feature_input import (  # noqa: E402
    CovarianceSettings,
    away_from_eyes,
    without_eyes,
)
from core.fitting.transfer.mirror_images import fit_with_images  # noqa: E402
from core.fitting.transfer.population import Prior  # noqa: E402
from core.fitting.transfer.prior_head import PriorHead, with_readout  # noqa: E402
from core.fitting.transfer.prior_sources import head_of_prior  # noqa: E402
from core.fitting.transfer.prior_weight import fit_weighted, start_from  # noqa: E402
from core.fitting.transfer.recentring import beginning_covariance, reference_whitener, vectors_at  # noqa: E402
from core.fitting.trials.cutting import cut_epochs  # noqa: E402
from core.fitting.trials.signals import signals_of  # noqa: E402
from core.hemispheres import HANDS, mirror_of  # noqa: E402
from core.metrics import chance_bound  # noqa: E402
from core.montage import match  # noqa: E402
from core.recordings import read_recordings  # noqa: E402
from core.signal.filtering import CausalFilter  # noqa: E402
from core.signal.pipeline import SignalSettings, default_reference  # noqa: E402

EVENTS = {"T1": "left_hand", "T2": "right_hand"}
RUNS = (4, 8, 12)
RATE, WINDOW = 256.0, 1024
MINUTE = round(60 * RATE)
WEIGHTS = (300.0, 30.0, 10.0)
SHOTS = (5, 10, 15)
EYES = {
    "in": "everything",
    "out": "eyes regressed out",
    "exchanged": "eyes of other trials",
}

Person = dict[str, np.ndarray]
Logits = dict[str, np.ndarray]  # by person


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoders", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--people", nargs="+", default=[])
    parser.add_argument(
        "--eyes", nargs="+", choices=EYES, default=EYES, help="in, regressed out, or exchanged"
    )
    options = parser.parse_args()
    options.work.mkdir(exist_ok=True)
    encoders = [load_encoder(path) for path in options.encoders]
    people: dict[str, Person] = {}
    for folder in sorted(path for path in options.folder.iterdir() if path.is_dir()):
        if options.people and folder.name not in options.people:
            continue
        kept = options.work / f"{folder.name}.npz"
        unseen = [i for i, encoder in enumerate(encoders) if not has_seen(encoder, folder.name)]
        if not unseen:
            print(f"{folder.name}: every encoder has seen this person", flush=True)
            continue
        if not kept.is_file():
            features = _features(folder, unseen[0], encoders[unseen[0]])
            np.savez(kept, **features)  # type: ignore[arg-type]
        people[folder.name] = dict(np.load(kept))
    for eyes in options.eyes:
        _Table(people, eyes, encoders).print()


def _features(folder: Path, look: int, encoder: Encoder) -> Person:
    """Compute what is needed of a person: covariances and token features of trials."""
    recordings = read_recordings([folder / f"{folder.name}R{run:02d}.edf" for run in RUNS])
    channels = match(recordings[0].labels, encoder.spec.ch_names).channels
    settings = SignalSettings(channels, default_reference(len(channels)), RATE)
    signals = list(signals_of(recordings, settings, encoder.spec.unit))
    banded = [CausalFilter(band_sections(BAND, RATE)).push(signal) for signal in signals]
    epochs = cut_epochs(recordings, EVENTS, settings, encoder.spec.unit, WINDOW, signals)
    places = epochs.places.tolist()
    broad = np.stack([signals[run][start : start + WINDOW].T for run, start in places])
    windows = np.stack([banded[run][start : start + WINDOW].T for run, start in places])
    exchange = EyeExchange(channels, epochs.places[:, 0], channel_covariance(np.vstack(signals).T))
    sofar = [
        beginning_covariance([banded[run][: start + WINDOW]], RATE)
        for run, start in places
        if start < MINUTE
    ]
    features: Person = {
        "channels": np.array(channels),
        "look": np.array(look),
        "labels": epochs.labels,
        "run": epochs.places[:, 0],
        "late": epochs.places[:, 1] >= MINUTE,
        "covariances": sample_covariances(windows).astype(np.float32),
        "covariances exchanged": sample_covariances(exchange(windows)).astype(np.float32),
        "beginnings": np.stack([beginning_covariance([run], RATE) for run in banded]),
        "whole": np.stack([channel_covariance(run.T) for run in banded]),
        "so far": np.stack(sofar).astype(np.float32),
    }
    for eyes in EYES:
        seen = exchange(broad) if eyes == "exchanged" else broad
        for tested in range(len(RUNS)):
            learned = [run for run in range(len(RUNS)) if run != tested]
            fitted = np.concatenate([signals[run] for run in learned])
            regress = np.eye(len(channels))
            names = tuple(channels)
            if eyes == "out":
                regress = without_eyes(channels, channel_covariance(fitted.T))
                names = tuple(channels[index] for index in away_from_eyes(channels))
            begun = np.concatenate([signals[run][:MINUTE] for run in learned])
            spatial = filter_before(encoder, regress, begun, names)
            features[f"fit {eyes} {tested}"] = token_features(encoder, spatial @ seen, names)
            minute = []
            for run, signal in enumerate(signals):
                spatial = filter_before(encoder, regress, signal[:MINUTE], names)
                minute.append(
                    token_features(encoder, spatial @ seen[features["run"] == run], names)
                )
            features[f"minute {eyes} {tested}"] = np.concatenate(minute)
    return features


class EyeExchange:
    """Gives trials the eyes of other ones of the same run, drawn once."""

    def __init__(self, channels: Sequence[str], run: np.ndarray, covariance: np.ndarray) -> None:
        self._kept = np.array(away_from_eyes(channels))
        self._front = np.setdiff1d(np.arange(len(channels)), self._kept)
        residual = regression_filter(covariance, self._front, self._kept)
        self._explained = -residual[:, self._front]  # of the kept by the front
        random = np.random.default_rng(0)
        self._order = np.arange(len(run))
        for number in np.unique(run):
            trials = np.flatnonzero(run == number)
            self._order[trials] = random.permutation(trials)

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Return other windows, (trials, channels, samples)."""
        front = windows[:, self._front]
        exchanged = windows.copy()
        exchanged[:, self._front] = front[self._order]
        exchanged[:, self._kept] += self._explained @ (front[self._order] - front)
        return exchanged


def sample_covariances(windows: np.ndarray) -> np.ndarray:
    """Return sample covariances of windows, (trials, channels, channels)."""
    centred = np.ascontiguousarray(windows - windows.mean(axis=-1, keepdims=True))
    return centred @ centred.transpose(0, 2, 1) / windows.shape[-1]


def filter_before(
    encoder: Encoder, regress: np.ndarray, signal: np.ndarray, names: Sequence[str]
) -> np.ndarray:
    """Return the filter before an encoder, of a signal (samples, channels) with the eyes out."""
    covariance = channel_covariance(regress @ signal.T)
    before: np.ndarray = spatial_filter(covariance, names, encoder.spec) @ regress
    return before


def token_features(encoder: Encoder, windows: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return token features of windows, (trials, features)."""
    import torch

    with torch.inference_mode():
        tokens = encoder.tokens(torch.from_numpy(windows).float(), names)
    return encoder.pool(tokens.double().numpy()).astype(np.float32)


class _Table:
    """The rows of one treatment of the eyes.

    Parameters
    ----------
    people : mapping
        Name -> features.
    eyes : str
        One of `EYES`.
    encoders : sequence of Encoder
        Each of which leaves out some of the people, and so do the covariances of others.
    """

    def __init__(self, people: dict[str, Person], eyes: str, encoders: Sequence[Encoder]) -> None:
        self._people, self._eyes, self._encoders = people, eyes, encoders
        first = next(iter(people.values()))
        self._channels = tuple(first["channels"].tolist())
        self._heads = [self._others(fold) for fold in range(len(encoders))]
        self._with_tokens = [
            with_readout(head, encoder.spec, HANDS)
            for head, encoder in zip(self._heads, encoders, strict=True)
        ]
        self._base: np.ndarray | None = None
        self._known: dict[tuple[int, int, str], np.ndarray] = {}

    def _others(self, fold: int) -> PriorHead:
        """Learn from the covariances of everybody who is not looked at through an encoder."""
        others = [person for person in self._people.values() if int(person["look"]) != fold]
        runs = len(RUNS)
        prior = Prior(
            classes=HANDS,
            channels=self._channels,
            rate=RATE,
            length=WINDOW,
            band=BAND,
            covariances=np.concatenate([person["covariances"] for person in others]),
            labels=np.concatenate([person["labels"] for person in others]),
            recording=np.concatenate([person["run"] + runs * i for i, person in enumerate(others)]),
            person=np.repeat(np.arange(len(others)), [len(person["run"]) for person in others]),
            recordings={f"{i}/{run}": f"{i} {run}" for i in range(len(others)) for run in RUNS},
            created="",
            software="",
            beginnings=np.concatenate([person["beginnings"] for person in others]),
        )
        settings = SignalSettings(self._channels, default_reference(len(self._channels)), RATE)
        windows = CovarianceSettings(settings, WINDOW, regress_eyes=self._eyes == "out")
        return head_of_prior(prior, windows, HANDS)

    def vectors(self, person: Person, tested: int, early: str) -> np.ndarray:
        """Return tangent vectors; those of the tested run's first minute at another reference."""
        key = id(person), tested, early
        if key not in self._known:
            self._known[key] = self._vectors(person, tested, early)
        return self._known[key]

    def _vectors(self, person: Person, tested: int, early: str) -> np.ndarray:
        learned = [run for run in range(len(RUNS)) if run != tested]
        spatial = np.eye(len(self._channels))
        if self._eyes == "out":
            spatial = without_eyes(self._channels, person["whole"][learned].mean(axis=0))
        exchanged = " exchanged" * (self._eyes == "exchanged")
        seen = person[f"covariances{exchanged}"].astype(float)
        covariances = shrunk(spatial @ seen @ spatial.T, WINDOW)
        begun = spatial @ person["beginnings"] @ spatial.T
        vectors = np.empty((len(covariances), len(spatial) * (len(spatial) + 1) // 2))
        for run in range(len(RUNS)):
            of_run = person["run"] == run
            vectors[of_run] = vectors_at(covariances[of_run], reference_whitener(begun[run]))
        if early == "whole minute":
            return vectors
        own = reference_whitener(begun[learned].mean(axis=0))
        number = np.cumsum(~person["late"]) - 1  # of a trial among those of first minutes
        for trial in np.flatnonzero((person["run"] == tested) & ~person["late"]):
            whitener = own
            if early == "so far":
                mean = person["so far"][number[trial]].astype(float)
                whitener = reference_whitener(spatial @ mean @ spatial.T)
            vectors[trial] = vectors_at(covariances[trial : trial + 1], whitener)[0]
        return vectors

    def decide(self, decider: Callable[[Person, int], np.ndarray]) -> Logits:
        """Return the log-odds of all trials, each from the turn in which its run is tested."""
        by_person = {}
        for name, person in self._people.items():
            logits = np.empty(len(person["labels"]))
            for tested in range(len(RUNS)):
                of_run = person["run"] == tested
                logits[of_run] = decider(person, tested)[of_run]
            by_person[name] = logits
        return by_person

    def tokens(self, person: Person, tested: int, kind: str) -> np.ndarray:
        """Return token features of all trials.

        Behind a filter of the first minutes of the runs to fit on ("fit"), or of each run's own
        ("minute").
        """
        return person[f"{kind} {self._eyes} {tested}"].astype(float)

    def readout(self, person: Person, tested: int, kind: str) -> np.ndarray:
        """Return the log-odds of the encoder's readout, of tokens of some kind."""
        readout = self._encoders[int(person["look"])].spec.readout
        assert readout is not None
        logits = self.tokens(person, tested, kind) @ np.array(readout.weights) + readout.bias
        return np.asarray(logits[:, 1] - logits[:, 0])

    def started(
        self,
        person: Person,
        tested: int,
        weight: float,
        kind: str = "",
        early: str = "whole minute",
        shots: int | None = None,
    ) -> np.ndarray:
        """Decide by others' head, moved by own trials, with tokens of some kind or without."""
        heads = self._with_tokens if kind else self._heads
        head = heads[int(person["look"])]
        blocks = [self.vectors(person, tested, early)]
        if kind:
            blocks.append(self.tokens(person, tested, kind))
        fitted: PriorHead | LinearHead = head
        if weight != np.inf:
            own = self.drawn(person, tested, shots)
            start = start_from(head, [block[own] for block in blocks], person["labels"][own])
            fitted = fit_weighted(head, start, weight)
        logits = fitted.logits(np.concatenate(blocks, axis=1))
        return np.asarray(logits[:, 1] - logits[:, 0])

    def alone(
        self, person: Person, tested: int, mirrored: bool, shots: int | None = None
    ) -> np.ndarray:
        """Decide by own trials alone, all electrodes, reference of each run's first minute."""
        vectors = self.vectors(person, tested, "whole minute")
        own = self.drawn(person, tested, shots)
        labels = person["labels"][own]
        if mirrored:
            mirror = mirror_of(self._heads[0].views)
            assert mirror is not None
            head = fit_with_images(vectors[own], labels, mirror, (1, 0), 1000.0)
        else:
            head = fit_head([vectors[own]], labels, 2)
        logits = head.logits(vectors)
        odds: np.ndarray = logits[:, 1] - logits[:, 0]
        return odds

    def drawn(self, person: Person, tested: int, shots: int | None) -> np.ndarray:
        """Return trials of the other runs: all, or the first few of each class."""
        own = np.flatnonzero(person["run"] != tested)
        if shots is None:
            return own
        random = np.random.default_rng(tested).permutation(own)
        kept = [random[person["labels"][random] == label][:shots] for label in range(2)]
        return np.sort(np.concatenate(kept))

    def print(self) -> None:
        """Decide in all ways and print a row for each."""
        trials = sum(len(person["labels"]) for person in self._people.values())
        print(
            f"\n{EYES[self._eyes]}: {len(self._people)} people, {trials} trials, chance bound ",
            end="",
        )
        print(f"{chance_bound(trials, 2):.3f}\n")
        print("| | accuracy | AUROC | later trials |\n|---|---|---|---|")
        started, inf = self.started, np.inf
        self._row("others' covariances", partial(started, weight=inf))
        for kind in ("minute", "fit"):
            self._row(f"readout, {kind}", partial(self.readout, kind=kind))
        for kind in ("minute", "fit"):
            self._row(f"both, {kind}", partial(started, weight=inf, kind=kind))
        self._row("own trials", partial(self.alone, mirrored=False))
        self._row("own trials, mirrored", partial(self.alone, mirrored=True))
        for kind, weight in product(("", "minute"), WEIGHTS):
            name = f"started {'with readout ' if kind else ''}at {weight:g}"
            self._row(name, partial(started, weight=weight, kind=kind))
        for early, kind in (("decoder's", "fit"), ("so far", "fit"), ("so far", "minute")):
            name = f"causal, {early}, readout {kind}, at 30"
            self._row(name, partial(started, weight=30.0, kind=kind, early=early))
        causal = partial(started, kind="fit", early="so far")
        self._row("0 a class, causal, with others", partial(causal, weight=inf))
        for shots in SHOTS:
            name = f"{shots} a class, "
            self._row(f"{name}alone", partial(self.alone, mirrored=False, shots=shots))
            self._row(f"{name}causal, with others", partial(causal, weight=30.0, shots=shots))

    def _row(self, name: str, decider: Callable[[Person, int], np.ndarray]) -> None:
        scores = []
        for who, logits in self.decide(decider).items():
            person = self._people[who]
            runs = [person["run"] == run for run in range(len(RUNS))]
            right = (logits > 0) == person["labels"]
            scores.append(
                [
                    np.mean([right[of_run].mean() for of_run in runs]),
                    np.mean(
                        [roc_auc_score(person["labels"][of_run], logits[of_run]) for of_run in runs]
                    ),
                    np.mean([right[of_run & person["late"]].mean() for of_run in runs]),
                ]
            )
        table = np.array(scores)
        base = self._base if self._base is not None else table[:, 0]
        self._base, gain = base, table[:, 0] - base
        p = wilcoxon(gain).pvalue if gain.any() else 1.0
        mean = table.mean(axis=0)
        print(
            f"| {name} | {mean[0]:.3f} ({gain.mean():+.3f}, p {p:.3f}) | {mean[1]:.3f} | "
            f"{mean[2]:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

r"""What BrainGPT's recipe learned: prediction, and frozen states, on people it has not seen.

    python -m training.prepare physionet-mi:DATA physionet-mi:MORE --store store --family braingpt
    python -m training.pretrain braingpt --folder run --store store
    python -m training.export run --out braingpt.safetensors
    python benchmarks/accuracy/braingpt_evaluation.py prediction --run run --store store
    python benchmarks/accuracy/braingpt_evaluation.py states --run run --store store \
        --encoder braingpt.safetensors --work work

`prediction` is made on the people that the run left out altogether. `states` takes those held out,
too, for whom only the loss was looked at: imagined left against right fist, the 4 s after each cue,
the 21 electrodes of the sensorimotor cortex. With `--skip 1`
from 1 s on, each window encoded by itself: people look at the cue in the first second, and a state
of the run so far would remember it. Within a person by five folds, and zero-shot by
leaving one person out, each person's features about their own mean and deviation (no labels). What
was computed already lies in --work. `--held-out` takes those held out alone: to choose among runs
without looking at the people left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from core.machine.threads import share_cores

share_cores()

import torch  # noqa: E402 - after the threads

from core.decoding.features import TokenFeatures, band_sections, shrunk_covariances  # noqa: E402
from core.decoding.spatial import channel_covariance, spatial_filter  # noqa: E402
from core.encoders import Encoder, load_encoder  # noqa: E402
from core.encoders.braingpt.electrodes import electrode_rows  # noqa: E402
from core.fitting.baselines import BAND, tangent_space_lr  # noqa: E402
from core.signal.filtering import CausalFilter  # noqa: E402
from core.units import factor  # noqa: E402
from training.evaluation.report.statistics import paired_p  # noqa: E402
from training.pretraining.output.checkpoints import load_checkpoint  # noqa: E402
from training.pretraining.output.folder import RunFolder  # noqa: E402
from training.pretraining.people import with_people  # noqa: E402
from training.recipes import recipe_of  # noqa: E402
from training.recipes.braingpt_baselines import ORDER, linear_prediction  # noqa: E402
from training.store import Store  # noqa: E402

BANDS = {"0.5-4": (0.5, 4.0), "4-8": (4.0, 8.0), "8-13": (8.0, 13.0), "13-30": (13.0, 30.0)}
MOTOR = tuple(f"{row}{column}" for row in ("FC", "C", "CP") for column in "531Z246")
CLASSES = ("left_hand", "right_hand")
RANDOM = "random weights"


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("prediction", "states"))
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--encoder", help="the file that was exported from the run")
    parser.add_argument("--work", type=Path, help="where features are kept")
    parser.add_argument("--windows", type=int, default=24, help="of each person, for prediction")
    parser.add_argument("--skip", type=float, default=0.0, help="s after the cue, for states")
    parser.add_argument("--draws", type=int, default=3, help="of random weights, for states")
    parser.add_argument("--held-out", action="store_true", help="states of these people only")
    options = parser.parse_args()
    if options.what == "prediction":
        prediction(RunFolder(options.run), Store.open(options.store), options.windows)
    else:
        work, skip = options.work / f"{options.skip:g}", round(256.0 * options.skip)
        folder, store = RunFolder(options.run), Store.open(options.store)
        settings = folder.settings()
        left_out = () if options.held_out else settings.test_subjects
        people = (left_out, settings.validation_subjects)
        states(people, store, options.encoder, work, skip, options.draws)


# Prediction


def prediction(folder: RunFolder, store: Store, count: int) -> None:
    """Print the error by horizon and band, as a share of what there is to predict."""
    settings = with_people(folder.settings(), store.subjects)
    recipe = recipe_of(settings)
    path = folder.best if folder.best.is_file() else folder.last
    progress = load_checkpoint(path, recipe.parts, f"{settings.recipe} {settings.size}")
    rest, test = store.split(settings.test_subjects)
    training, _ = rest.split(settings.validation_subjects)
    horizons, stride = settings.targets.horizons, recipe.spec.stride
    ahead = max(horizons) * stride
    patch, relative = recipe.spec.patch, settings.targets.error != "squared"
    fitted = {
        f"AR({ORDER})": list(_windows(training, settings.window, 256)),
        f"AR({ORDER}) of the tested": list(_windows(test, settings.window, 256)),
    }
    weights = {
        name: linear_prediction(windows, ahead, relative=relative)
        for name, windows in fitted.items()
    }
    weights["linear, 1 s"] = linear_prediction(
        fitted[f"AR({ORDER})"], ahead, order=patch, relative=relative
    )
    shares: dict[tuple[str, int], list[np.ndarray]] = {}
    for subject in test.subjects:
        person = test.split((subject,))[1] if len(test.subjects) > 1 else test
        names = [person.channels[row] for row in np.flatnonzero(person.present(0))]
        sums: dict[tuple[str, int], np.ndarray] = {}
        for window in _windows(person, settings.window, count):
            made, wanted = _forecasts(recipe, window, names, weights, horizons)
            for key, guess in made.items():
                truth = wanted[key[1]]
                scale = truth.std(axis=1, keepdims=True) if relative else 1.0
                powers = [_powers((guess - truth) / scale), _powers(truth / scale)]
                sums[key] = sums.get(key, 0) + np.stack(powers)
        for key, (error, there) in sums.items():
            shares.setdefault(key, []).append(error / there)
    print(f"{path.name} of step {progress.step}; {len(test.subjects)} people left out, ", end="")
    print("mean (and range over people) of error / signal; 1: nothing is predicted\n")
    print(f"| tokens ahead | prediction | all | {' | '.join(BANDS)} Hz |")
    print(f"|---:|---|{'---:|' * (1 + len(BANDS))}")
    for (name, horizon), values in sorted(shares.items(), key=lambda item: item[0][1]):
        table = np.stack(values)
        cells = [
            f"{mean:.2f} ({low:.2f}-{high:.2f})"
            for mean, low, high in zip(table.mean(0), table.min(0), table.max(0), strict=True)
        ]
        print(f"| {horizon} | {name} | {' | '.join(cells)} |")


def _windows(store: Store, length: int, count: int) -> Iterator[np.ndarray]:
    """Yield windows spread over a store's recordings, shape (channels, samples)."""
    places = [
        (index, start)
        for index, recording in enumerate(store.recordings)
        for start in range(0, recording.length - length + 1, length)
    ]
    for place in np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int):
        index, start = places[place]
        yield store.crop(index, start, length)[store.present(index)]


@torch.no_grad()
def _forecasts(recipe, window, channels, weights, horizons):  # type: ignore[no-untyped-def]
    """Return (prediction, horizon) -> signal, shape (electrodes, samples), and horizon -> truth."""
    rows = electrode_rows(channels)
    model, stride = recipe.objective, recipe.spec.stride
    tokens, states = model.encoded(torch.from_numpy(window)[None], rows)
    made, wanted = {}, {}
    for horizon in horizons:
        seen = tokens[0, :, :-horizon].double().numpy()
        wanted[horizon] = tokens[0, :, horizon:, -stride:].double().numpy().reshape(len(rows), -1)
        ours = model.predicted(tokens, states, horizon)[0].double().numpy()
        made["BrainGPT", horizon] = ours.reshape(len(rows), -1)
        repeated = np.repeat(seen[..., -1:], stride, axis=-1)
        made["repeat", horizon] = repeated.reshape(len(rows), -1)
        for name, matrix in weights.items():
            columns = matrix[:, (horizon - 1) * stride : horizon * stride]
            made[name, horizon] = (seen[..., -len(matrix) :] @ columns).reshape(len(rows), -1)
    return made, wanted


def _powers(signal: np.ndarray) -> np.ndarray:
    """Return the power of signals together, in all and in each band."""
    power = np.abs(np.fft.rfft(signal)) ** 2
    hertz = np.fft.rfftfreq(signal.shape[1], 1.0 / 256.0)
    bands = [power[:, (hertz >= low) & (hertz < high)].sum() for low, high in BANDS.values()]
    return np.array([power.sum(), *bands])


# Frozen states


def states(
    named: tuple[tuple[str, ...], tuple[str, ...]],
    store: Store,
    encoder: str,
    work: Path,
    skip: int,
    draws: int,
) -> None:
    """Print accuracies of people left out and held out, within them and zero-shot, and tests."""
    people = [store.split((subject,))[1] for subject in (*named[0], *named[1])]
    trained = load_encoder(encoder)
    warm = trained.spec.warmup - trained.spec.window
    systems = {
        "BrainGPT": lambda person: _tokens(person, trained, warm, skip),
        "starter": lambda person: _tokens(person, load_encoder("starter"), warm, skip),
        "log-band power": lambda person: _band_powers(person, warm, skip),
        "TS+LR": lambda person: _covariances(person, warm, skip),
    }
    for seed in range(1, draws + 1):
        untrained = load_encoder(f"untrained-braingpt-{trained.spec.size}-{seed}")
        untrained.spec = replace(untrained.spec, **_place_of(trained.spec))
        systems[f"{RANDOM} {seed}"] = partial(_tokens, encoder=untrained, warm=warm, skip=skip)
    work.mkdir(parents=True, exist_ok=True)
    scores: dict[str, dict[str, np.ndarray]] = {"within": {}, "zero-shot": {}}
    labels = [_labels(person, warm) for person in people]
    print("people:", " ".join(person.subjects[0] for person in people))
    print("trials:", " ".join(str(len(y)) for y in labels), flush=True)
    for name, compute in systems.items():
        weights = trained.weights_sha256()[:12] if name == "BrainGPT" else ""
        known = [
            work / f"{name}{weights}-{person.subjects[0].replace('/', '-')}.npy"
            for person in people
        ]
        features = []
        for file, person in zip(known, people, strict=True):
            if not file.is_file():
                np.save(file, compute(person).astype(np.float32))
            features.append(np.load(file).astype(np.float64))
        scores["within"][name] = np.array(
            [_within(name, x, y) for x, y in zip(features, labels, strict=True)]
        )
        scores["zero-shot"][name] = _zero_shot(name, features, labels)
        print(name, *(f"{how} {s[name].mean():.3f}" for how, s in scores.items()), flush=True)
    for table in scores.values():  # of each person, the mean over the draws
        drawn = [table.pop(f"{RANDOM} {seed}") for seed in range(1, draws + 1)]
        table[RANDOM] = np.mean(drawn, axis=0)
    apart = len(named[0])
    for how, table in scores.items():
        print(f"\n{how}: mean balanced accuracy (left out {apart}, with those held out "
              f"{len(people)})\n")  # fmt: skip
        print("| system | left out | all | p against random weights | p against chance |")
        print("|---|---:|---:|---:|---:|")
        for name, values in table.items():
            against = "" if name == RANDOM else f"{paired_p(values - table[RANDOM]):.3f}"
            chance = paired_p(values - 0.5)
            first = f"{values[:apart].mean():.3f}" if apart else ""
            print(f"| {name} | {first} | {values.mean():.3f} | {against} | {chance:.3f} |")


def _place_of(spec):  # type: ignore[no-untyped-def]
    """Return what decides on the spatial filter, so that both encoders get the same signal."""
    return {"ch_names": spec.ch_names, "covariance": spec.covariance}


def _trials(store: Store, warm: int) -> Iterator[tuple[int, list[int], list[int]]]:
    """Yield of each run: its index, where windows begin, and classes."""
    for index, recording in enumerate(store.recordings):
        cues = [
            (start, CLASSES.index(label))
            for start, label in recording.events
            if label in CLASSES and warm <= start <= recording.length - 1024
        ]
        if cues:
            yield index, [start for start, _ in cues], [label for _, label in cues]


def _labels(store: Store, warm: int) -> np.ndarray:
    return np.concatenate([labels for _, _, labels in _trials(store, warm)])


def _run(store: Store, index: int) -> np.ndarray:
    """Return a run over the sensorimotor electrodes, (samples, channels) in µV."""
    rows = [store.channels.index(name) for name in MOTOR]
    return store.crop(index, 0, store.recordings[index].length)[rows].T.astype(np.float64)


def _tokens(store: Store, encoder: Encoder, warm: int, skip: int) -> np.ndarray:
    scale = factor("uV", encoder.spec.unit)
    runs = [(_run(store, index) * scale, starts) for index, starts, _ in _trials(store, warm)]
    covariance = channel_covariance(np.concatenate([run for run, _ in runs]).T)
    spatial = spatial_filter(covariance, MOTOR, encoder.spec)
    if not skip:
        features = TokenFeatures(encoder, MOTOR, spatial)
        return np.concatenate([features.of_run(run, starts) for run, starts in runs])
    windows = np.stack(
        [spatial @ run[start + skip : start + 1024].T for run, starts in runs for start in starts]
    )
    with torch.no_grad():
        tokens = encoder.tokens(torch.from_numpy(windows).float(), MOTOR)
    pooled: np.ndarray = encoder.pool(tokens.double().numpy())
    return pooled


def _banded(store: Store, warm: int, skip: int, band: tuple[float, float]) -> np.ndarray:
    """Return the windows in a band, shape (trials, channels, samples)."""
    windows = []
    for index, starts, _ in _trials(store, warm):
        run = CausalFilter(band_sections(band, 256.0)).push(_run(store, index))
        windows += [run[start + skip : start + 1024].T for start in starts]
    return np.stack(windows)


def _band_powers(store: Store, warm: int, skip: int) -> np.ndarray:
    bands = ((4.0, 8.0), (8.0, 13.0), (13.0, 20.0), (20.0, 30.0))
    return np.concatenate(
        [np.log(_banded(store, warm, skip, band).var(axis=-1)) for band in bands], axis=1
    )


def _covariances(store: Store, warm: int, skip: int) -> np.ndarray:
    covariances = shrunk_covariances(_banded(store, warm, skip, BAND))
    # About the person's own mean: Euclidean alignment of covariances (He and Wu, 2020).
    values, vectors = np.linalg.eigh(covariances.mean(axis=0))
    whitener = (vectors / np.sqrt(values)) @ vectors.T
    return whitener @ covariances @ whitener


def _classifier(name: str, features: int):  # type: ignore[no-untyped-def]
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if name == "TS+LR":
        return tangent_space_lr()
    # Penalty by the number of features, so that their kernel has about unit variance. The weights
    # lie in the span of the trials: all principal components give the same ones, sooner.
    regression = LogisticRegression(C=1.0 / features, max_iter=5000)
    return make_pipeline(StandardScaler(), PCA(), regression)


def _within(name: str, x: np.ndarray, y: np.ndarray) -> float:
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return float(
        balanced_accuracy_score(y, cross_val_predict(_classifier(name, x.shape[1]), x, y, cv=folds))
    )


def _zero_shot(name: str, features: list[np.ndarray], labels: list[np.ndarray]) -> np.ndarray:
    from sklearn.metrics import balanced_accuracy_score

    if name != "TS+LR":
        features = [(x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9) for x in features]
    scores = []
    for tested, (x, y) in enumerate(zip(features, labels, strict=True)):
        others = [place for place in range(len(features)) if place != tested]
        model = _classifier(name, x.shape[1])
        model.fit(
            np.concatenate([features[place] for place in others]),
            np.concatenate([labels[place] for place in others]),
        )
        scores.append(balanced_accuracy_score(y, model.predict(x)))
    return np.array(scores)


if __name__ == "__main__":
    main()

r"""Whether an electrode graph gains from learning tasks together: joint against separate.

    python benchmarks/accuracy/braingpt_graph.py --run run --store store \
        --encoder braingpt.safetensors --work work

The graph is trained by the recipe braingpt-graph on the people that the encoder was pretrained on;
its checkpoint is chosen on those held out, and its accuracy is of those left out altogether, a mean
over the seeds of its weights and batches. Beside it: logistic regression on the states' mean over
electrodes, a task at a time. WORK/joint-SEED is a run's folder, which `training.export` takes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from core.machine.threads import share_cores

share_cores()

import torch  # noqa: E402 - after the threads

from core.settings import as_yaml  # noqa: E402
from training.evaluation.report.statistics import paired_p  # noqa: E402
from training.pretrain import main as pretrain  # noqa: E402
from training.pretraining.output.checkpoints import load_checkpoint  # noqa: E402
from training.pretraining.output.folder import RunFolder  # noqa: E402
from training.pretraining.people import with_people  # noqa: E402
from training.recipes import recipe_of  # noqa: E402
from training.recipes.braingpt_graph import TrialWindows  # noqa: E402
from training.recipes.braingpt_settings import GraphSettings  # noqa: E402
from training.store import Store  # noqa: E402

CHANNELS = tuple(f"{row}{column}" for row in ("FC", "C", "CP") for column in "531Z246")
CHANNELS += ("O1", "OZ", "O2")
Results = dict[str, dict[str, float]]
"""Task -> person -> accuracy."""


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("run", "store", "encoder", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    first = RunFolder(options.run).settings()
    common = GraphSettings(
        store=str(options.store.resolve()),
        weights=str(options.encoder.resolve()),
        validation_subjects=first.validation_subjects,
        test_subjects=first.test_subjects,
        channels=CHANNELS,
        steps=options.steps,
        batch=64,
        rate={"peak": 1e-3, "weight_decay": 0.05},
        device="cpu",
        threads=1,
        log_every=20,
        validate_every=20,
        validation_windows=256,
        checkpoint_every=1000,
    )
    options.work.mkdir(parents=True, exist_ok=True)
    _encode_once()
    joint, separate, linear = [], [], {}
    for seed in options.seeds:
        settings = common.model_copy(update={"seed": seed})
        joint.append(_accuracies(_trained(settings, options.work / f"joint-{seed}")))
        # Alone, a task that only one person was asked for cannot be judged on others.
        alone = [classes for classes in common.tasks if "_or_".join(classes) in joint[-1]]
        separate.append({})
        for classes in alone:
            of_task = settings.model_copy(update={"tasks": (classes,)})
            folder = _trained(of_task, options.work / f"{classes[0]}-{seed}")
            separate[-1] |= _accuracies(folder)
            linear |= {} if "_or_".join(classes) in linear else _linear(folder)
    _print({"joint": _mean(joint), "separate": _mean(separate), "linear": linear})


def _encode_once() -> None:
    """Keep each recording's states for all runs of this process, which have the same encoder."""
    encode, known = TrialWindows._encode, {}

    def kept(windows: TrialWindows, recording: int) -> dict[int, np.ndarray]:
        starts = [trial.start for trial in windows.trials if trial.recording == recording]
        key = (windows.store.recordings[recording].origin_sha256, *starts)
        if key not in known:
            known[key] = encode(windows, recording)
        return known[key]

    TrialWindows._encode = kept


def _mean(seeds: list[Results]) -> Results:
    """Return each person's mean over seeds."""
    return {
        task: {
            person: float(np.mean([results[task][person] for results in seeds]))
            for person in people
        }
        for task, people in seeds[0].items()
    }


def _trained(settings: GraphSettings, path: Path) -> RunFolder:
    """Return the folder of a pretraining run with these settings, which is done if it is not."""
    if not path.is_dir():
        file = path.with_suffix(".yaml")
        file.write_text(as_yaml(settings), encoding="utf-8")
        if pretrain([str(file), "--folder", str(path)]):
            raise SystemExit(f"The run in {path} failed.")
    return RunFolder(path)


def _test(folder: RunFolder):  # type: ignore[no-untyped-def]
    """Return the recipe at its best checkpoint, and the stores of training and test."""
    settings = folder.settings()
    store = Store.open(settings.store)
    settings = with_people(settings, store.subjects)
    recipe = recipe_of(settings)
    load_checkpoint(folder.best, recipe.parts, f"{settings.recipe} {settings.size}")
    rest, test = store.split(settings.test_subjects)
    return recipe, rest.split(settings.validation_subjects)[0], test


@torch.no_grad()
def _accuracies(folder: RunFolder) -> Results:
    recipe, _, test = _test(folder)
    windows = recipe.windows(test)
    names, correct = list(recipe.settings.names), {}
    for trial in windows.trials:
        group = windows.group([trial])
        states, rows, present = map(torch.from_numpy, (group.windows, *group.drawn[:2]))
        pooled = recipe.parts.graph(states, rows, present)
        told = int(recipe.parts.graph.logits(pooled, names[trial.task]).argmax())
        person = test.recordings[trial.recording].person
        correct.setdefault(names[trial.task], {}).setdefault(person, []).append(told == trial.label)
    return {
        task: {person: float(np.mean(right)) for person, right in people.items()}
        for task, people in correct.items()
    }


def _linear(folder: RunFolder) -> Results:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    recipe, training, test = _test(folder)
    (task,) = recipe.settings.names
    sides = []
    for store in (training, test):
        windows = recipe.windows(store)
        sides.append(
            (
                np.stack([windows.states(trial).mean(axis=0) for trial in windows.trials]),
                np.array([trial.label for trial in windows.trials]),
                np.array([store.recordings[trial.recording].person for trial in windows.trials]),
            )
        )
    (x, y, _), (tested, labels, people) = sides
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(x, y)
    right = model.predict(tested) == labels
    return {task: {str(p): float(right[people == p].mean()) for p in np.unique(people)}}


def _print(trained: dict[str, Results]) -> None:
    print(
        "\n| task | people left out | joint | separate | linear on the mean | p joint > separate |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for task, joint in trained["joint"].items():
        people = sorted(joint)
        rows = {name: np.array([table[task][p] for p in people]) for name, table in trained.items()}
        cells = " | ".join(f"{values.mean():.3f}" for values in rows.values())
        p = paired_p(rows["joint"] - rows["separate"])
        print(f"| {task} | {len(people)} | {cells} | {p:.3f} |")


if __name__ == "__main__":
    main()

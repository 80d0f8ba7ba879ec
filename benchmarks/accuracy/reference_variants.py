"""Ways to take a reference from a run's first minute, compared on windows cut after the cues.

    python benchmarks/accuracy/reference_variants.py FOLDER --out rows.jsonl
    python benchmarks/accuracy/reference_variants.py --out rows.jsonl --table

FOLDER has a folder a person with the runs 4, 8 and 12 of the PhysioNet motor imagery data set. The
head `riemann` is fitted on two of them and decides the trials of the third, every way round, behind
the causal filters of the program but without its artifact checks, which makes it fast enough to
compare variants; `recentring.py` sends the chosen one through the program. Rows that --out has
already are not computed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from pyriemann.geometry.mean import mean_riemann  # noqa: E402
from resumable_rows import ResumableRows, arguments, folders, parsed  # noqa: E402
from scipy.stats import bootstrap, wilcoxon  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from core.decoding.features import (  # noqa: E402
    TangentFeatures,
    band_sections,
    shrunk_covariances,
)
from core.decoding.heads import fit_head  # noqa: E402
from core.decoding.recentring import REFERENCE_SECONDS  # noqa: E402
from core.decoding.spatial import power  # noqa: E402
from core.encoders import load_encoder  # noqa: E402
from core.fitting.baselines import BAND  # noqa: E402
from core.fitting.trials.signals import signals_of  # noqa: E402
from core.metrics import chance_bound  # noqa: E402
from core.montage import match  # noqa: E402
from core.recordings import Recording, read_recordings  # noqa: E402
from core.signal.filtering import CausalFilter  # noqa: E402
from core.signal.pipeline import SignalSettings, default_reference  # noqa: E402
from core.sites import is_motor  # noqa: E402

LABELS = ("T1", "T2")
PAUSE = "T0"
RUNS = (4, 8, 12)
CALIBRATED = "as calibrated"
STEP = 1.0  # s from one window of the first minute to the next


@dataclass(frozen=True)
class Run:
    """Covariances of a run, for each view.

    Attributes
    ----------
    trials, first, rest : tuple of ndarray, each (windows, picked, picked)
        Of the windows after the cues, of those of the first minute, and of those that lie in the
        pauses between the cues: about a minute of rest.
    labels : ndarray of int, shape (trials,)
    late : ndarray of bool, shape (trials,)
        Whether the cue came after the minute.
    """

    trials: tuple[np.ndarray, ...]
    first: tuple[np.ndarray, ...]
    rest: tuple[np.ndarray, ...]
    labels: np.ndarray
    late: np.ndarray


def main() -> None:
    options = parsed(arguments(__doc__.splitlines()[0]))
    rows = ResumableRows(options.out)
    if not options.table:
        known = rows.known("person")
        for folder in folders(options):
            if (folder.name,) not in known:
                rows.add({"person": folder.name, "scores": _person(folder)})
    print(_table(rows.read()))


def _person(folder: Path) -> dict[str, list]:
    """Return, by variant, a list of (scores, labels, late) of the trials of every run."""
    files = [folder / f"{folder.name}R{run:02d}.edf" for run in RUNS]
    runs = [_run(recording) for recording in read_recordings(files)]
    by_variant: dict[str, list] = {}
    for tested in runs:
        fit_on = [run for run in runs if run is not tested]
        for name, logits in _variants(fit_on, tested):
            scores = (logits[:, 1] - logits[:, 0]).tolist()
            row = scores, tested.labels.tolist(), tested.late.tolist()
            by_variant.setdefault(name, []).append(row)
    return by_variant


def _run(recording: Recording) -> Run:
    spec = load_encoder().spec  # window and rate; no encoder takes part
    channels = match(recording.labels, spec.ch_names).channels
    settings = SignalSettings(channels, default_reference(len(channels)), spec.rate)
    (signal,) = signals_of([recording], settings, spec.unit)
    banded = CausalFilter(band_sections(BAND, spec.rate)).push(signal)
    cues = [
        (round(event.onset * spec.rate), LABELS.index(event.label))
        for event in recording.events
        if event.label in LABELS
    ]
    cues = [(start, label) for start, label in cues if start + spec.window <= len(banded)]
    pauses = [round(event.onset * spec.rate) for event in recording.events if event.label == PAUSE]
    pauses = [start for start in pauses if start + spec.window <= len(banded)]
    minute = round(REFERENCE_SECONDS * spec.rate)
    starts = range(0, minute - spec.window + 1, round(STEP * spec.rate))
    views = [[i for i, name in enumerate(channels) if is_motor(name)], list(range(len(channels)))]

    def covariances(begins: Sequence[int]) -> tuple[np.ndarray, ...]:
        windows = np.stack([banded[start : start + spec.window].T for start in begins])
        return tuple(shrunk_covariances(windows[:, picks]) for picks in views)

    return Run(
        covariances([start for start, _ in cues]),
        covariances(starts),
        covariances(pauses),
        np.array([label for _, label in cues]),
        np.array([start >= minute for start, _ in cues]),
    )


def _variants(fit_on: Sequence[Run], tested: Run) -> Iterator[tuple[str, np.ndarray]]:
    """Fit, and give logits of the tested trials by the way in which the reference is taken."""
    labels = np.concatenate([run.labels for run in fit_on])
    learned = [np.concatenate(parts) for parts in zip(*(run.trials for run in fit_on), strict=True)]
    own = [mean_riemann(of_view, tol=1e-5) for of_view in learned]
    head = fit_head([_tangent(c, m) for c, m in zip(learned, own, strict=True)], labels, 2)

    def logits(covariances: Sequence[np.ndarray], means: Sequence[np.ndarray]) -> np.ndarray:
        blocks = [_tangent(c, m) for c, m in zip(covariances, means, strict=True)]
        return head.logits(np.concatenate(blocks, axis=1))

    def centred(means: Sequence[np.ndarray]) -> np.ndarray:
        return logits(tested.trials, means) - logits(tested.first, means).mean(axis=0)

    step = [_stepped(c, m) for c, m in zip(tested.first, own, strict=True)]
    yield CALIBRATED, logits(tested.trials, own)
    yield "mean of the first minute", logits(tested.trials, [c.mean(axis=0) for c in tested.first])
    yield (
        "mean of a minute of mere rest",
        logits(tested.trials, [c.mean(axis=0) for c in tested.rest]),
    )
    yield "one step to its Riemannian mean", logits(tested.trials, step)
    yield "that, and the bias to its mean logit", centred(step)
    yield "the bias alone", centred(own)
    yield "all of the tested run", logits(tested.trials, [mean_riemann(c) for c in tested.trials])


def _tangent(covariances: np.ndarray, mean: np.ndarray) -> np.ndarray:
    return TangentFeatures(BAND, 0.0, 0, np.arange(len(mean)), power(mean, -0.5)).of_covariances(
        covariances
    )


def _stepped(covariances: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return what one step of the iteration to the Riemannian mean makes of a first guess."""
    white, root = power(mean, -0.5), power(mean, 0.5)
    values, vectors = np.linalg.eigh(white @ covariances @ white)
    logs = ((vectors * np.log(values)[:, None, :]) @ vectors.transpose(0, 2, 1)).mean(axis=0)
    values, vectors = np.linalg.eigh(logs)
    stepped: np.ndarray = root @ (vectors * np.exp(values)) @ vectors.T @ root
    return stepped


def _table(rows: list[dict]) -> str:
    lines = [f"{len(rows)} people; accuracy, its difference from the first row, AUROC."]
    for late in (True, False):
        lines += ["", "trials after the first minute" if late else "all trials"]
        for name in rows[0]["scores"]:
            pairs, aurocs, trials = [], [], 0
            for row in rows:
                runs = zip(row["scores"][CALIBRATED], row["scores"][name], strict=True)
                accuracies = []
                for (own, labels, after), (anew, _, _) in runs:
                    # Before the minute is over there is only the decoder's reference.
                    scores, taken = np.where(after, anew, own), np.array(after) | (not late)
                    truth = np.array(labels)[taken]
                    accuracies.append(
                        [np.mean((np.array(s)[taken] > 0) == truth) for s in (own, scores)]
                    )
                    trials += len(truth)
                    aurocs.append(roc_auc_score(labels, anew))
                pairs.append(np.mean(accuracies, axis=0))
            means = np.array(pairs)
            gain = means[:, 1] - means[:, 0]
            difference = ""
            if gain.any() and len(gain) > 1:
                drawn = bootstrap((gain,), np.mean, rng=np.random.default_rng(0))
                low, high = drawn.confidence_interval
                p = wilcoxon(gain).pvalue
                difference = f"{gain.mean():+.3f} ({low:+.3f} to {high:+.3f}), p = {p:.4f}"
            bound = chance_bound(trials, 2)
            lines.append(
                f"{name:38s} {means[:, 1].mean():.3f} {difference:42s} {np.mean(aurocs):.3f} "
                f"({trials} trials, chance bound {bound:.3f})"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()

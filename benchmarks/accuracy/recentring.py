"""What a reference from a run's first minute is worth: fitted on two runs, decided on the third.

    python benchmarks/accuracy/recentring.py FOLDER --out rows.jsonl         every way round
    python benchmarks/accuracy/recentring.py FOLDER --out rows.jsonl --tested 12
    python benchmarks/accuracy/recentring.py --out rows.jsonl --table

FOLDER has a folder a person with the runs 4, 8 and 12 of the PhysioNet motor imagery data set. Each
decoder is fitted as `eegpt-calibrate fit` does, and the third run goes through the live loop twice:
with the decoder's own reference, and recentred on its first minute. The last decision inside each
cue's four seconds counts; a window that is refused counts one half. `riemann` has own trials alone;
`prior or riemann` starts from the people that come with the program, without the person, and takes
the better of the two by cross-validation. Rows that --out has already are not computed again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from head_of_others import head_of_others  # noqa: E402
from resumable_rows import ResumableRows, arguments, folders, parsed  # noqa: E402
from scipy.stats import bootstrap, wilcoxon  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from calibration.fit_settings import FitSettings  # noqa: E402
from calibration.fitting import fit_decoder  # noqa: E402
from core.decoding.decoder import Decoder  # noqa: E402
from core.decoding.recentring import DECODER, REFERENCE_SECONDS  # noqa: E402
from core.decoding.window_decoder import WindowDecoder  # noqa: E402
from core.metrics import chance_bound  # noqa: E402
from core.recordings import Recording, read_recordings  # noqa: E402
from realtime.engine.evidence import EvidenceSettings  # noqa: E402
from realtime.offline import decode_recording  # noqa: E402

EVENTS = {"T1": "left_hand", "T2": "right_hand"}
RUNS = (4, 8, 12)
SYSTEMS = ("riemann", "prior or riemann")


def main() -> None:
    options = _options()
    rows = ResumableRows(options.out)
    if not options.table:
        known = rows.known("person", "tested", "system")
        for folder in folders(options):
            files = [folder / f"{folder.name}R{run:02d}.edf" for run in RUNS]
            runs = dict(zip(RUNS, read_recordings(files), strict=True))
            for tested in options.tested:
                for system in options.systems:
                    if (folder.name, tested, system) not in known:
                        rows.add(_row(folder.name, runs, tested, system))
    if len(rows.known("person")) > 1:
        print(_table(rows.read()))


def _options() -> argparse.Namespace:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--tested", type=int, nargs="+", choices=RUNS, default=RUNS[::-1])
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    return parsed(parser)


def _row(person: str, runs: dict[int, Recording], tested: int, system: str) -> dict:
    """Fit on two runs and decide the third, with either reference."""
    fit_on = [recording for run, recording in runs.items() if run != tested]
    prior = None if system == "riemann" else head_of_others(list(runs.values()))
    settings = FitSettings(head="riemann", repeats=1)
    decoder = fit_decoder(fit_on, EVENTS, person, settings, prior=prior).decoder
    row = {"person": person, "tested": tested, "system": system, "head": decoder.facts.head}
    for name, seconds in (("own", None), ("first minute", REFERENCE_SECONDS)):
        row[name] = list(_decided(decoder, runs[tested], seconds))
    return row


def _decided(
    decoder: Decoder, test: Recording, recentre: float | None
) -> Iterator[tuple[float | None, int, bool]]:
    """Give, for every cue, the probability of the second class, the class, and who is referred to.

    The last is whether the reference was the run's own.
    """
    windows = WindowDecoder(decoder, None, recentre=recentre)
    decisions = {
        decision.sample: decision
        for decision in decode_recording(test, decoder, windows, EvidenceSettings())
    }
    for event in test.events:
        if event.label in EVENTS:
            end = round(event.onset * decoder.settings.rate) + decoder.window - 1
            decision = decisions.get(end - (end + 1) % decoder.hop)
            if decision is not None:
                label = list(EVENTS).index(event.label)
                probabilities = decision.probabilities
                second = None if probabilities is None else probabilities[EVENTS["T2"]]
                yield second, label, decision.reference != DECODER


def _scores(rows: list[dict], late: bool) -> tuple[np.ndarray, int]:
    """Return accuracy and AUROC by person with either reference, (people, 2, 2), and the trials."""
    people, trials = [], 0
    for person in dict.fromkeys(row["person"] for row in rows):
        runs = []
        for row in (row for row in rows if row["person"] == person):
            taken = [own or not late for _, _, own in row["first minute"]]
            scores = []
            for name in ("own", "first minute"):
                cues = [cue for cue, wanted in zip(row[name], taken, strict=True) if wanted]
                values = np.array([0.5 if p is None else p for p, _, _ in cues])
                labels = np.array([label for _, label, _ in cues])
                right = np.where(values == 0.5, 0.5, (values > 0.5) == labels)
                both = len(set(labels)) == 2
                scores.append((right.mean(), roc_auc_score(labels, values) if both else np.nan))
            trials += len(labels)
            runs.append(scores)
        people.append(np.nanmean(runs, axis=0))
    return np.array(people), trials


def _table(rows: list[dict]) -> str:
    lines = [
        "| head | trials | own reference | first minute | difference, 95 % interval | p | AUROC |",
        "|---|---|---|---|---|---|---|",
    ]
    for system in SYSTEMS:
        of_system = [row for row in rows if row["system"] == system]
        for late in (False, True):
            if not of_system:
                continue
            scores, trials = _scores(of_system, late)
            gain = scores[:, 1, 0] - scores[:, 0, 0]
            drawn = bootstrap((gain,), np.mean, rng=np.random.default_rng(0))
            low, high = drawn.confidence_interval
            p = wilcoxon(gain).pvalue if gain.any() else 1.0
            mean = scores.mean(axis=0)
            auroc = np.nanmean(scores, axis=0)[:, 1]
            lines.append(
                f"| {system} | {'after the minute' if late else 'all'}, {trials} (chance bound "
                f"{chance_bound(trials, 2):.3f}) | {mean[0, 0]:.3f} | {mean[1, 0]:.3f} | "
                f"{gain.mean():+.3f} ({low:+.3f} to {high:+.3f}) | {p:.3f} | {auroc[0]:.3f}, "
                f"{auroc[1]:.3f} |"
            )
    people = len({row["person"] for row in rows})
    return "\n".join([*lines, "", f"{people} people, runs {sorted({r['tested'] for r in rows})}."])


if __name__ == "__main__":
    main()

"""What a head's temperature is worth on a later run, after fifteen trials and after thirty.

    python benchmarks/accuracy/temperature.py FOLDER --encoders FILE ... --out rows.jsonl
    python benchmarks/accuracy/temperature.py --out rows.jsonl --table

FOLDER has a folder a person with the runs 4, 8 and 12 of the PhysioNet motor imagery data set. A
decoder is fitted as `eegpt-calibrate fit` does, on run 4 (15 trials) or on runs 4 and 8, with other
people and through one of the encoders that has not seen the person; run 12 is decided live. The
same decisions have three probabilities: with the fit's temperature, with the one of greatest
likelihood on the same left-out trials (between 0.05 and 50), and with none. People are taken in the
order of a seed, as far as one of the encoders has not seen them.
"""

from __future__ import annotations

import random
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from adaptation import EVENTS, SEED, replayed  # noqa: E402
from head_of_others import has_seen, head_of_others  # noqa: E402
from resumable_rows import ResumableRows, arguments, folders, parsed  # noqa: E402
from scipy.special import expit, logit  # noqa: E402

from calibration.fit_settings import FitSettings  # noqa: E402
from calibration.fitting import fit_decoder  # noqa: E402
from core.decoding.heads import temperature_of  # noqa: E402
from core.encoders import Encoder, load_encoder  # noqa: E402
from core.fitting.transfer.prior_head import with_readout  # noqa: E402
from core.hemispheres import HANDS  # noqa: E402
from core.recordings import read_recordings  # noqa: E402
from core.reliability import brier_score, reliability  # noqa: E402

FIT_ON = ((4,), (4, 8))


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--encoders", nargs="+", default=[])
    options = parsed(parser)
    rows = ResumableRows(options.out)
    if not options.table:
        known = rows.known("person")
        encoders = [(path, load_encoder(path)) for path in options.encoders]
        people = list(folders(options))
        random.Random(SEED).shuffle(people)
        for folder in people:
            unseen = [pair for pair in encoders if not has_seen(pair[1], folder.name)]
            if unseen and (folder.name,) not in known:
                for row in _of_person(folder, *unseen[0]):
                    rows.add(row)
    print(_table(rows.read()))


def _of_person(folder: Path, source: str, encoder: Encoder) -> list[dict]:
    """Return run 12's cues and probabilities, by the runs that were learned from."""
    runs = {
        run: read_recordings([folder / f"{folder.name}R{run:02d}.edf"])[0] for run in (4, 8, 12)
    }
    prior = with_readout(head_of_others(list(runs.values())), encoder.spec, HANDS)
    settings = FitSettings(encoder=source, origin=False, rest=False)
    rows = []
    for learned in FIT_ON:
        own = [runs[run] for run in learned]
        fit = fit_decoder(own, EVENTS, folder.name, settings, prior=prior)
        decoder, logits, labels = fit.decoder, fit.selection.logits, fit.epochs.labels
        row = replayed(decoder, runs[12], encoder if decoder.encoder is not None else None)
        entry = {"asked": row["asked"], "second": row["frozen"], "labels": labels.tolist()}
        entry |= {"left_out": logits.tolist(), "temperature": decoder.head.temperature}
        rows.append({"person": folder.name, "runs": len(learned), **entry})
    return rows


def _temperatures(row: dict) -> dict[str, float]:
    """Return the temperatures that a fit's left-out trials give."""
    logits, labels = np.array(row["left_out"]), np.array(row["labels"])
    repeats = len(logits) // len(labels)
    every = np.tile(labels, repeats)
    return {
        "the fit's": temperature_of(logits, every, repeats),
        "of greatest likelihood": temperature_of(logits, every, repeats, spread=np.inf),
        "none": 1.0,
    }


def _table(rows: list[dict]) -> str:
    lines = ["| learned from | temperature | median (least to greatest) | Brier | ECE | log loss |"]
    lines.append("|---|---|---|---|---|---|")
    for runs in sorted({row["runs"] for row in rows}):
        of_runs = [row for row in rows if row["runs"] == runs]
        asked = np.array([label for row in of_runs for label in row["asked"]])
        temperatures = [_temperatures(row) for row in of_runs]
        for kind in temperatures[0]:
            values = [by_kind[kind] for by_kind in temperatures]
            second = np.array(
                [
                    np.nan if p is None else expit(logit(p) * row["temperature"] / value)
                    for row, value in zip(of_runs, values, strict=True)
                    for p in row["second"]
                ]
            )
            known = np.isfinite(second)
            probabilities = np.stack([1 - second[known], second[known]], axis=1)
            truth = asked[known]
            loss = -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean()
            lines.append(
                f"| {15 * runs} trials | {kind} | {np.median(values):.2f} ({min(values):.2f} to "
                f"{max(values):.2f}) | {brier_score(truth, probabilities):.3f} | "
                f"{reliability(truth, probabilities).ece:.3f} | {loss:.3f} |"
            )
    people = len({row["person"] for row in rows})
    return "\n".join([*lines, "", f"{people} people, {len(asked)} cues of run 12."])


if __name__ == "__main__":
    main()

"""How well imagined fists are decoded: calibrated on runs 4 and 8, decided on run 12.

    python benchmarks/accuracy/imagery_accuracy.py            one offline pass over every recording
    python benchmarks/accuracy/imagery_accuracy.py --live     also replayed over LSL at real speed

For each person and head: accuracy and balanced accuracy of the last decision inside each cue's
four seconds, beside CSP+LDA and tangent space + logistic regression that were fitted on the same
runs, behind the same causal filter, and read the same windows. With --live the live log is
compared with the offline log, decision by decision.

`auto` starts from the population that comes with the program, without the person who is judged. Of
several encoders each person gets the one that has seen the least of them in pretraining.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set

from calibration.fitting import FitSettings, fit_decoder  # noqa: E402
from calibration.priors import starting_head  # noqa: E402
from core.decoding.decoder import Decoder  # noqa: E402
from core.decoding.features import band_sections, shrunk_covariances  # noqa: E402
from core.decoding.storage.decoder_file import save_decoder  # noqa: E402
from core.decoding.window_decoder import WindowDecoder  # noqa: E402
from core.encoders import load_encoder  # noqa: E402
from core.fitting.baselines import BAND, BASELINES  # noqa: E402
from core.fitting.trials.epochs import cut_epochs  # noqa: E402
from core.metrics import balanced_accuracy, chance_bound  # noqa: E402
from core.montage import match  # noqa: E402
from core.recordings import Recording, read_recordings  # noqa: E402
from core.signal.filtering import CausalFilter  # noqa: E402
from core.signal.pipeline import SignalPath  # noqa: E402
from core.units import factor  # noqa: E402
from realtime.engine.evidence import EvidenceSettings  # noqa: E402
from realtime.offline import decode_recording  # noqa: E402
from training.evaluation.people import Subject  # noqa: E402
from training.evaluation.pretraining_overlap import encoder_for, seen_of  # noqa: E402
from training.shards import RecordingIdentity  # noqa: E402

EVENTS = {"T1": "left_hand", "T2": "right_hand"}
SUBJECTS = (1, 2, 6, 11, 14)
FIT_RUNS, TEST_RUN = (4, 8), 12
OWN = "auto, own trials alone"
SYSTEMS = ("auto", OWN, "riemann", "encoder", "hybrid")
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def main() -> None:
    options = _options()
    folder = Path(os.environ.get("EEGPT_DATA", DATA)) / "eegmmidb"
    rows, differences = [], []
    started = time.perf_counter()
    for subject in options.subjects:
        files = [
            folder / f"S{subject:03d}" / f"S{subject:03d}R{run:02d}.edf"
            for run in (*options.fit_runs, options.test_run)
        ]
        *fit_on, test = read_recordings(files)
        encoder, seen = _encoder(options, subject, [*fit_on, test])
        decoders = {name: _fit(fit_on, f"S{subject:03d}", name, encoder) for name in SYSTEMS}
        offline = {head: _offline(decoder, test) for head, decoder in decoders.items()}
        for head, log in offline.items():
            note = decoders[head].facts.head if head.startswith("auto") else ""
            note = f"seen: {seen}" if head in ("encoder", "hybrid") else note
            rows.append(_row(subject, head, note, *_decided(test, decoders[head], log)))
        for name in BASELINES:
            seen = _specialist(name, decoders["riemann"], fit_on, test, offline["riemann"])
            rows.append(_row(subject, name, "", *seen))
        if options.live:
            for head, log in _live(decoders, files[-1], test.duration).items():
                rows.append(_row(subject, f"{head} live", "", *_decided(test, decoders[head], log)))
                differences.append(_compare(subject, head, offline[head], log))
    trials = sum(row["trials"] for row in rows if row["system"] == "riemann")
    result = {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} {platform.processor() or ''}, {os.cpu_count()} cores",
        "encoder": options.encoder,
        "fit_runs": options.fit_runs,
        "test_run": options.test_run,
        "seed": FitSettings().seed,
        "chance_bound_pooled": chance_bound(trials, 2),
        "seconds": round(time.perf_counter() - started, 1),
        "rows": rows,
        "live_against_offline": differences,
    }
    print(json.dumps(result, indent=2) if options.json else _table(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, nargs="+", default=SUBJECTS)
    parser.add_argument("--fit-runs", type=int, nargs="+", default=FIT_RUNS)
    parser.add_argument("--test-run", type=int, default=TEST_RUN)
    parser.add_argument("--encoder", nargs="+", default=["starter"])
    parser.add_argument("--live", action="store_true", help="replay over LSL too")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _encoder(
    options: argparse.Namespace, subject: int, recordings: list[Recording]
) -> tuple[str, str]:
    """Return the encoder that has seen the least of a person, and what it has seen."""
    runs = (*options.fit_runs, options.test_run)
    who = [RecordingIdentity("physionet-mi", f"S{subject:03d}", "", str(run)) for run in runs]
    person = Subject(tuple(who), tuple(recordings))
    specs = [load_encoder(source).spec for source in options.encoder]
    tested = [len(runs) - 1]
    best = encoder_for(specs, person, tested, "person")
    return options.encoder[best], seen_of(specs[best], person, tested)


def _fit(recordings: list[Recording], subject: str, system: str, encoder: str) -> Decoder:
    """Fit as eegpt-calibrate does: `auto` starts from the other people that come with it."""
    settings = FitSettings(head="auto" if system == OWN else system, encoder=encoder)
    prior = None
    if system == "auto":
        prior = starting_head((), recordings[0].labels, EVENTS, settings, own=recordings)
    return fit_decoder(recordings, EVENTS, subject, settings, prior=prior).decoder


def _offline(decoder: Decoder, test: Recording) -> list[dict]:
    windows = WindowDecoder(decoder, decoder.load_encoder(), recentre=decoder.recentre)
    decisions = decode_recording(test, decoder, windows, EvidenceSettings())
    return [json.loads(decision.to_json()) for decision in decisions]


def _cues(test: Recording) -> Iterator[tuple[float, str]]:
    for event in test.events:
        if event.label in EVENTS:
            yield event.onset, EVENTS[event.label]


def _last_inside(cue: float, rate: float, window: int, hop: int) -> int:
    """Return the last sample of the last window that ends inside the cue's four seconds."""
    end = round(cue * rate) + window - 1
    return end - (end + 1) % hop


def _last_lines(test: Recording, decoder: Decoder, log: list[dict]) -> list[dict | None]:
    """Return the last decision inside every cue's four seconds; None where there is none."""
    by_sample = {line["sample"]: line for line in log if line["status"] == "ok"}
    rate, hop = decoder.settings.rate, decoder.hop
    found = []
    for cue, _ in _cues(test):
        last = _last_inside(cue, rate, decoder.window, hop)
        # The last window may be refused, where a recording ends in zeros.
        inside = range(last, round(cue * rate), -hop)
        found.append(next((by_sample[s] for s in inside if s in by_sample), None))
    return found


def _decided(test: Recording, decoder: Decoder, log: list[dict]) -> tuple[list, list]:
    """Return what was imagined and what was decided last, for every cue; None for nothing."""
    lines = _last_lines(test, decoder, log)
    return [name for _, name in _cues(test)], [line and line["decision"] for line in lines]


def _specialist(
    name: str, decoder: Decoder, fit_on: list[Recording], test: Recording, log: list[dict]
) -> tuple[list, list]:
    """Fit a baseline on the calibration's windows and read those of the last decisions."""
    settings, window = decoder.settings, decoder.window
    sections = band_sections(BAND, settings.rate)
    epochs = cut_epochs(fit_on, EVENTS, settings, decoder.unit, window)
    model = BASELINES[name]().fit(
        shrunk_covariances(epochs.filtered(sections).windows()), epochs.labels
    )
    found = match(test.labels, settings.channels)
    path = SignalPath(
        settings, test.rate, found.indices, [factor("uV", decoder.unit)] * len(found.indices)
    )
    signal = CausalFilter(sections).push(path.push(test.samples_uv))
    decided = []
    for line in _last_lines(test, decoder, log):
        if line is None:
            decided.append(None)
            continue
        piece = signal[line["sample"] + 1 - window : line["sample"] + 1].T
        decided.append(epochs.classes[int(model.predict(shrunk_covariances(piece[None]))[0])])
    return [name for _, name in _cues(test)], decided


def _row(subject: int, system: str, note: str, truth: list, decided: list) -> dict:
    right = np.array([a == b for a, b in zip(truth, decided, strict=True)])
    codes = {name: code for code, name in enumerate(EVENTS.values())}
    return {
        "subject": f"S{subject:03d}",
        "system": system,
        "note": note,
        "trials": len(truth),
        "accuracy": float(right.mean()),
        "balanced_accuracy": balanced_accuracy(
            np.array([codes[name] for name in truth]),
            np.array([codes.get(name, -1) for name in decided]),
        ),
    }


def _live(decoders: dict[str, Decoder], file: Path, seconds: float) -> dict[str, list[dict]]:
    """Replay a file over LSL, once for each decoder at the same time, and return the logs."""
    with tempfile.TemporaryDirectory() as folder, _private_lsl(Path(folder)) as environment:

        def start(module: str, *words: object) -> subprocess.Popen:
            command = [sys.executable, "-m", module, *map(str, words)]
            return subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

        replays, engines, logs = [], [], {}
        for head, decoder in decoders.items():
            path = save_decoder(decoder, Path(folder, f"{head}.safetensors"))
            logs[head] = Path(folder, f"{head}.jsonl")
            replays.append(start("simulation.cli", "replay", file, "--name", head))
            engines.append(
                start(
                    *("realtime.cli", "--stream", head, "--decoder", path, "--headless"),
                    *("--log", logs[head], "--duration", seconds + 15, "--timeout", 60),
                )
            )
        for process in (*engines, *replays):
            if process.wait(seconds + 120):
                raise SystemExit(f"{process.args} ended with code {process.returncode}")
        return {
            head: [json.loads(line) for line in log.read_text().splitlines()]
            for head, log in logs.items()
        }


@contextmanager
def _private_lsl(folder: Path) -> Iterator[dict[str, str]]:
    """Keep the replays on this machine, in a session of their own."""
    settings = folder / "lsl_api.cfg"
    settings.write_text(
        "[multicast]\nResolveScope = machine\n"
        f"[lab]\nSessionID = benchmark-{uuid.uuid4().hex}\n[log]\nlevel = -2\n"
    )
    yield os.environ | {"LSLAPICFG": str(settings)}


def _compare(subject: int, head: str, offline: list[dict], live: list[dict]) -> dict:
    """Compare a live log with the offline one from the first full window on."""
    pairs = list(
        zip(*([d for d in log if d["status"] == "ok"] for log in (offline, live)), strict=False)
    )
    largest = max(
        abs(a["probabilities"][name] - b["probabilities"][name])
        for a, b in pairs
        for name in a["probabilities"]
    )
    ok: Callable[[list[dict]], int] = lambda log: sum(d["status"] == "ok" for d in log)  # noqa: E731
    ages = [b["age_ms"] for _, b in pairs]
    return {
        "subject": f"S{subject:03d}",
        "head": head,
        "decisions_offline": ok(offline),
        "decisions_live": ok(live),
        "samples_equal": all(a["sample"] == b["sample"] for a, b in pairs),
        "decisions_equal": all(a["decision"] == b["decision"] for a, b in pairs),
        "largest_difference": largest,
        "age_p50_ms": float(np.percentile(ages, 50)),
        "age_p95_ms": float(np.percentile(ages, 95)),
    }


def _table(result: dict) -> str:
    systems = list(dict.fromkeys(row["system"] for row in result["rows"]))
    subjects = list(dict.fromkeys(row["subject"] for row in result["rows"]))
    cell = {(r["subject"], r["system"]): r for r in result["rows"]}
    lines = [
        f"Runs {', '.join(map(str, result['fit_runs']))} fitted, run {result['test_run']} decided; "
        "balanced accuracy (accuracy). "
        f"Encoder: {', '.join(Path(name).stem for name in result['encoder'])}. "
        f"{result['date']}, {result['machine']}, seed {result['seed']}.",
        "",
        "| system | " + " | ".join(subjects) + " | mean |",
        "|---|" + "---|" * (len(subjects) + 1),
    ]
    for system in systems:
        rows = [cell[subject, system] for subject in subjects]
        shown = [
            f"{r['balanced_accuracy']:.2f} ({r['accuracy']:.2f})"
            + (f" {r['note']}" if r["note"] else "")
            for r in rows
        ]
        mean = [np.mean([r[key] for r in rows]) for key in ("balanced_accuracy", "accuracy")]
        lines.append(f"| {system} | {' | '.join(shown)} | {mean[0]:.3f} ({mean[1]:.3f}) |")
    each = cell[subjects[0], systems[0]]["trials"]
    lines += [
        "",
        f"95 % chance bound: {chance_bound(each, 2):.2f} for one person ({each} trials), "
        f"{result['chance_bound_pooled']:.3f} for all together.",
    ]
    for found in result["live_against_offline"]:
        lines.append(
            f"{found['subject']} {found['head']}: {found['decisions_live']} live and "
            f"{found['decisions_offline']} offline decisions, samples equal: "
            f"{found['samples_equal']}, decisions equal: {found['decisions_equal']}, largest "
            f"difference {found['largest_difference']:.1e}, age p50 {found['age_p50_ms']:.0f} ms, "
            f"p95 {found['age_p95_ms']:.0f} ms"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()

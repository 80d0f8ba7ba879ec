"""What adaptation while a run goes on is worth: replays of three runs, with labels and without.

    python benchmarks/accuracy/adaptation.py FOLDER --encoders FILE ... --out rows.jsonl
    python benchmarks/accuracy/adaptation.py --out rows.jsonl --table

FOLDER has a folder a person with the runs 4, 8 and 12 of the PhysioNet motor imagery data set.
Twelve people are drawn with a seed among those that nothing of the program was chosen on before
(`--group kept`, and as many others for choosing settings: `--group dev`), or everybody is taken
(`--group all`). Who is tested is left out of the population, and is looked at through one of the
encoders that has not seen them (`labelled_encoder.py` makes five); without --encoders none takes
part. Three decoders:

- `riemann`, and `auto` (without an encoder `prior` or `riemann`), fitted on two runs as
  `eegpt-calibrate fit` does, decide the third, every way round;
- `uncalibrated`, aligned on the first minute of run 4, decides the rest of the three runs in one
  session; `uncalibrated at rest` (where it is named) decides the same, aligned on a minute of rest
  with open eyes: the pauses of run 4.

Every recording goes through the live loop once, and what adapts is laid over the same windows. The
last decision inside each cue's four seconds counts; a window that is refused counts one half. Rows
that --out has already are not computed again.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from head_of_others import has_seen, head_of_others, settings_of  # noqa: E402
from resumable_rows import ResumableRows, arguments, parsed  # noqa: E402
from scipy.special import expit, logit  # noqa: E402
from scipy.stats import bootstrap  # noqa: E402

from calibration.fit_settings import FitSettings  # noqa: E402
from calibration.fitting import fit_decoder  # noqa: E402
from core.decoding.adaptation import LABELS, RECENTRE, Adaptation  # noqa: E402
from core.decoding.decoder import Decoder  # noqa: E402
from core.decoding.online import OnlineDecoder  # noqa: E402
from core.decoding.recentring import REFERENCE_SECONDS  # noqa: E402
from core.decoding.window_decoder import WindowDecoder  # noqa: E402
from core.encoders import DEFAULT, Encoder, load_encoder  # noqa: E402
from core.feed.recording_feed import RecordingFeed  # noqa: E402
from core.fitting.feature_input import CovarianceSettings  # noqa: E402
from core.fitting.transfer.prior_head import with_readout  # noqa: E402
from core.fitting.transfer.uncalibrated import uncalibrated_decoder  # noqa: E402
from core.hemispheres import HANDS  # noqa: E402
from core.metrics import chance_bound  # noqa: E402
from core.recordings import Event, Recording, read_recordings  # noqa: E402
from core.reliability import brier_score, reliability  # noqa: E402
from realtime.offline import recorded_cues  # noqa: E402
from simulation.player import BREAK  # noqa: E402

EVENTS = {"T1": "left_hand", "T2": "right_hand"}
RUNS = (4, 8, 12)
SYSTEMS = ("riemann", "auto", "uncalibrated")
AT_REST = "uncalibrated at rest"
MODES = {"recentre": (RECENTRE,), "labels": (LABELS,), "both": (RECENTRE, LABELS)}
RAW = "frozen, without its temperature"
ELEVEN = tuple(f"S{n:03d}" for n in (1, 2, 3, 4, 6, 8, 9, 11, 12, 13, 14))
"""Whom the program was built with; never drawn."""
SEED, PEOPLE = 15, 12


def main() -> None:
    options = _options()
    rows = ResumableRows(options.out)
    if not options.table:
        known = rows.known("person", "system")
        if any(bool(row.get("encoder")) != bool(options.encoders) for row in rows.read()):
            raise SystemExit(
                f"{options.out} has rows of the other kind, with --encoders or without."
            )
        encoders = [(path, load_encoder(path)) for path in options.encoders]
        for name in options.people or drawn(options.folder)[options.group]:
            files = [options.folder / name / f"{name}R{run:02d}.edf" for run in RUNS]
            recordings = read_recordings(files)
            unseen = _unseen(name, encoders) if encoders else None
            label = "" if unseen is None else unseen[1].spec.label
            for system in options.systems:
                if (name, system) not in known:
                    for row in _of_person(name, recordings, system, unseen):
                        rows.add({"encoder": label, **row})
    print(table(rows.read()))


def _options() -> argparse.Namespace:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--group", choices=("kept", "dev", "all"), default="kept")
    parser.add_argument("--encoders", nargs="+", default=[])
    parser.add_argument("--systems", nargs="+", choices=(*SYSTEMS, AT_REST), default=SYSTEMS)
    return parsed(parser)


def drawn(folder: Path) -> dict[str, list[str]]:
    """Return who is decided, who settings are chosen on, and everybody in the order of the seed."""
    everybody = sorted(path.name for path in folder.iterdir() if path.is_dir())
    people = [name for name in everybody if name not in ELEVEN]
    random.Random(SEED).shuffle(people)
    random.Random(SEED).shuffle(everybody)
    kept, dev = people[:PEOPLE], people[PEOPLE : 2 * PEOPLE]
    return {"kept": sorted(kept), "dev": sorted(dev), "all": everybody}


def _unseen(name: str, encoders: Sequence[tuple[str, Encoder]]) -> tuple[str, Encoder]:
    """Return the first encoder that has not seen a person, and what it was loaded from."""
    for source, encoder in encoders:
        if not has_seen(encoder, name):
            return source, encoder
    raise SystemExit(f"Every encoder has seen {name}; leave this person out by --people.")


def _of_person(
    name: str, runs: Sequence[Recording], system: str, unseen: tuple[str, Encoder] | None
) -> list[dict]:
    source, looked = unseen or (DEFAULT, load_encoder())
    prior = None
    if system != "riemann":
        prior = head_of_others(runs)
        prior = prior if unseen is None else with_readout(prior, looked.spec, HANDS)
    if prior is not None and system in ("uncalibrated", AT_REST):
        minute, rest = _after(runs[0], REFERENCE_SECONDS)
        if system == AT_REST:
            minute = _pauses(runs[0])
        decoder = uncalibrated_decoder(
            prior,
            minute,
            HANDS,
            CovarianceSettings(settings_of(minute.labels), looked.spec.window),
            (source, looked),
            "anybody",
        )
        row = replayed(decoder, joined([rest, *runs[1:]]), unseen[1] if unseen else None)
        return [{"person": name, "system": system, "tested": "session", **row}]
    rows = []
    looks = unseen is not None and system != "riemann"
    settings = FitSettings(
        encoder=unseen[0] if unseen is not None else FitSettings.encoder,
        head="auto" if looks else "riemann",
        repeats=1,
        origin=False,
        rest=False,
    )
    for tested, recording in zip(RUNS, runs, strict=True):
        fitted_on = [run for run in runs if run is not recording]
        decoder = fit_decoder(fitted_on, EVENTS, name, settings, prior=prior).decoder
        encoder = unseen[1] if unseen is not None and decoder.encoder is not None else None
        row = replayed(decoder, recording, encoder)
        head = decoder.facts.head
        rows.append({"person": name, "system": system, "tested": tested, "head": head, **row})
    return rows


def _after(recording: Recording, seconds: float) -> tuple[Recording, Recording]:
    """Return the first seconds of a recording, and what comes after them."""
    split = round(seconds * recording.rate)
    events = tuple(
        replace(event, onset=event.onset - seconds)
        for event in recording.events
        if event.onset >= seconds
    )
    samples = recording.samples_uv
    return (
        replace(recording, samples_uv=samples[:split], events=()),
        replace(recording, samples_uv=samples[split:], events=events),
    )


def _pauses(recording: Recording) -> Recording:
    """Return what lies between the trials of a recording, with a break between each two."""
    rate = recording.rate
    spans = [(e.onset, e.onset + e.duration) for e in recording.events if e.label == "T0"]
    pieces = [recording.samples_uv[round(a * rate) : round(b * rate)] for a, b in spans]
    ends = np.cumsum([len(piece) for piece in pieces])[:-1]
    samples, breaks = np.concatenate(pieces), tuple(ends.tolist())
    return replace(recording, samples_uv=samples, events=(), breaks=breaks)


def joined(recordings: Sequence[Recording]) -> Recording:
    """Return recordings as one, with a break between each two."""
    starts = np.cumsum([0, *(len(recording.samples_uv) for recording in recordings)])
    events: list[Event] = []
    for start, recording in zip(starts, recordings, strict=False):
        onset = start / recording.rate
        events += [replace(event, onset=event.onset + onset) for event in recording.events]
    samples = np.concatenate([recording.samples_uv for recording in recordings])
    breaks = tuple(int(start) for start in starts[1:-1])
    return replace(recordings[0], samples_uv=samples, events=tuple(events), breaks=breaks)


def replayed(decoder: Decoder, recording: Recording, encoder: Encoder | None) -> dict:
    """Return, for every cue, its class and the probability of the second class in each mode."""
    feed = RecordingFeed(recording, away=BREAK)
    windows = WindowDecoder(decoder, encoder, recentre=decoder.recentre)
    path = decoder.attach(feed.labels, feed.units, feed.rate)
    online = OnlineDecoder(decoder, path, windows)
    cues = [cue for cue in recorded_cues(recording, decoder, EVENTS) if cue.name]
    seconds = decoder.recentre or REFERENCE_SECONDS
    adaptations = {
        mode: Adaptation(decoder, windows, wanted, seconds) for mode, wanted in MODES.items()
    }
    for adaptation in adaptations.values():
        for cue in cues:
            adaptation.cue(cue.time, cue.name)
    by_sample: dict[int, dict[str, float | None]] = {}
    for window in online.push(feed.segments()):
        given = {"frozen": window}
        for mode, adaptation in adaptations.items():
            (given[mode],) = list(adaptation.follow(iter((window,))))
        by_sample[window.sample] = {
            mode: None if result.probabilities is None else float(result.probabilities[1])
            for mode, result in given.items()
        }
    row: dict[str, list] = {"asked": [], **{mode: [] for mode in ("frozen", *adaptations, RAW)}}
    for cue in cues:
        end = round(cue.time * decoder.settings.rate) + decoder.window - 1
        decided = by_sample.get(_on_hop(end, list(by_sample)))
        if decided is not None:
            row["asked"].append(decoder.classes.index(cue.name))
            for mode, second in decided.items():
                row[mode].append(second)
            row[RAW].append(_sharpened(decided["frozen"], decoder.head.temperature))
    return row


def _sharpened(second: float | None, temperature: float) -> float | None:
    """Return the probability that there would be without a temperature."""
    return None if second is None else float(expit(temperature * logit(second)))


def _on_hop(end: int, samples: Sequence[int]) -> int:
    """Return the last sample of a window that is not after `end`, and near it; -1 for none."""
    index = int(np.searchsorted(samples, end, side="right")) - 1
    return samples[index] if index >= 0 and end - samples[index] < 128 else -1


def _right(row: dict, mode: str) -> np.ndarray:
    """Return which cues were decided rightly; one half for one that was refused."""
    values = np.array([0.5 if p is None else p for p in row[mode]])
    return np.where(values == 0.5, 0.5, (values > 0.5) == np.array(row["asked"]))


def table(rows: Sequence[dict]) -> str:
    """Return accuracy in every mode and its difference from the frozen decoder's, over people."""
    lines = [
        "| decoder | trials (chance bound) | mode | accuracy | difference from frozen (95 %) | "
        "worst person | gain after another class, after the same | Brier | ECE |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for system in (*SYSTEMS, AT_REST):
        of_system = [row for row in rows if row["system"] == system]
        if not of_system:
            continue
        people = list(dict.fromkeys(row["person"] for row in of_system))
        trials = sum(len(row["asked"]) for row in of_system)
        bound = f"{trials} ({chance_bound(trials, 2):.3f})"
        for mode in ("frozen", *MODES, RAW):
            by_person = np.array(
                [
                    [
                        np.concatenate(
                            [_right(r, m) for r in of_system if r["person"] == person]
                        ).mean()
                        for m in ("frozen", mode)
                    ]
                    for person in people
                ]
            )
            gain = by_person[:, 1] - by_person[:, 0]
            difference = ""
            if gain.any() and len(gain) > 2:
                low, high = bootstrap(
                    (gain,), np.mean, rng=np.random.default_rng(0)
                ).confidence_interval
                difference = f"{gain.mean():+.3f} ({low:+.3f} to {high:+.3f})"
            lines.append(
                f"| {system} | {bound} | {mode} | {by_person[:, 1].mean():.3f} | {difference} | "
                f"{gain.min():+.3f} | {_by_order(of_system, mode)} | {_trust(of_system, mode)} |"
            )
    people_count = len({row["person"] for row in rows})
    return "\n".join([*lines, "", f"{people_count} people."])


def _trust(rows: Sequence[dict], mode: str) -> str:
    """Return Brier score and expected calibration error of all cues that were not refused."""
    second = np.array([p for row in rows for p in row[mode]], dtype=float)
    asked = np.array([label for row in rows for label in row["asked"]])
    known = np.isfinite(second)
    probabilities = np.stack([1 - second[known], second[known]], axis=1)
    curve = reliability(asked[known], probabilities)
    return f"{brier_score(asked[known], probabilities):.3f} | {curve.ece:.3f}"


def _by_order(rows: Sequence[dict], mode: str) -> str:
    """Return the gain on cues whose class differs from the last cue's, and on repeated ones."""
    gains: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        changed = np.diff(row["asked"]) != 0
        gain = (_right(row, mode) - _right(row, "frozen"))[1:]
        for kind in (True, False):
            gains[kind] += gain[changed == kind].tolist()
    return ", ".join(f"{np.mean(gains[kind]):+.3f}" for kind in (True, False))


if __name__ == "__main__":
    main()

"""False alarms a minute at rest, and the cues decided as asked, by the threshold of a decision.

    python benchmarks/accuracy/false_alarms.py FOLDER --people S001 --out rows.jsonl
    python benchmarks/accuracy/false_alarms.py --simulated 4 --out rows.jsonl
    python benchmarks/accuracy/false_alarms.py --out rows.jsonl --table

FOLDER has a folder a person with runs of the PhysioNet motor imagery data set. Each decoder is
fitted as `eegpt-calibrate fit` does on two of the runs 4, 8 and 12, with its two classes alone or
with --idle-class. The third run tells the hits: a cue counts if the last decision for a hand within
its four seconds is for the hand that was asked for. Runs 1 and 2 (eyes open, eyes closed), where
there are any, tell the false alarms: decisions for a hand that begin, and again for each window's
length that they go on. So do the pauses of the third run, for the windows that lie in one. A
simulated person is fitted on one session of 20 trials a class, tested on another, and rests for
three minutes. All of it goes through the live loop hop by hop: "two classes" with the reference
that the decoder's file asks for, the others with the decoder's own, as for every threshold of rest.
Rows that --out has already are not computed again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
from resumable_rows import ResumableRows, arguments, folders  # noqa: E402

from calibration.fit_settings import FitSettings  # noqa: E402
from calibration.fitting import Fit, fit_decoder  # noqa: E402
from calibration.priors import starting_head  # noqa: E402
from core.decoding.window_decoder import WindowDecoder  # noqa: E402
from core.errors import InputError  # noqa: E402
from core.fitting.trials.pauses import REST, free_seconds  # noqa: E402
from core.recordings import Recording, read_recordings  # noqa: E402
from realtime.engine.evidence import EvidenceSettings  # noqa: E402
from realtime.offline import decode_recording  # noqa: E402
from simulation.synthetic import LABELS, SimulatedSubject, session  # noqa: E402

EVENTS = {"T1": "left_hand", "T2": "right_hand"}
SIMULATED = {"left_hand": "left_hand", "right_hand": "right_hand"}
RUNS, RESTS = (4, 8, 12), {"eyes open": 1, "eyes closed": 2}
SYSTEMS = ("two classes", "two classes, threshold of rest", "idle class")
PROMISES = (10.0, 5.0, 2.0, 1.0)
THRESHOLDS = np.unique(np.round(1.0 / (1.0 + np.exp(-np.arange(0.0, 8.0, 0.05))), 4))
_IMAGERY = 4.0  # s after a cue in which decisions count
_REST = 180.0  # s that a simulated person rests


def main() -> None:
    options = _options()
    rows = ResumableRows(options.out)
    if not options.table:
        known = rows.known("person", "tested", "system")
        for person, tested, fit_on, test, rests, events in _cases(options):
            for systems in (SYSTEMS[:2], SYSTEMS[2:]):  # of one fit
                if (person, tested, systems[-1]) in known:
                    continue
                idle = systems == SYSTEMS[2:]
                fit = _fit(fit_on, test, events, idle, options.head)
                for system in systems:
                    recentre = fit.decoder.recentre if system == SYSTEMS[0] else None
                    row = {"person": person, "tested": tested, "system": system}
                    rows.add(row | _row(fit, test, rests, events, recentre))
    print(_table(rows.read()))


def _options() -> argparse.Namespace:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--simulated", type=int, default=0, help="how many simulated people")
    parser.add_argument("--head", default="auto")
    return parser.parse_args()


def _cases(options: argparse.Namespace) -> Iterator[tuple]:
    """Give person, test, recordings to fit on, to test on and of rest, and events."""
    for folder in folders(options) if options.folder is not None else ():
        runs = {n: folder / f"{folder.name}R{n:02d}.edf" for n in (*RUNS, *RESTS.values())}
        cued = dict(zip(RUNS, read_recordings([runs[n] for n in RUNS]), strict=True))
        rests = {
            name: read_recordings([runs[n]])[0] for name, n in RESTS.items() if runs[n].is_file()
        }
        for tested in RUNS:
            fit_on = [recording for run, recording in cued.items() if run != tested]
            yield folder.name, tested, fit_on, cued[tested], rests, EVENTS
    for seed in range(options.simulated):
        calibration, test = (session(20, seed=seed, run=run) for run in (1, 2))
        resting = SimulatedSubject(seed, run=3)
        samples = resting.generate(round(_REST * resting.rate))
        rest = Recording(
            samples, resting.rate, LABELS, (), (), Path(f"rest-{seed}"), f"{seed:064x}"
        )
        yield f"simulated {seed}", 2, [calibration], test, {"uncued": rest}, SIMULATED


def _fit(
    fit_on: list[Recording], test: Recording, events: dict[str, str], idle: bool, head: str
) -> Fit:
    settings = FitSettings(head=head, idle_class=idle, origin=False)
    prior = starting_head((), fit_on[0].labels, events, settings, own=[*fit_on, test])
    return fit_decoder(fit_on, events, "01", settings, prior=prior)


def _row(
    fit: Fit,
    test: Recording,
    rests: dict[str, Recording],
    events: dict[str, str],
    recentre: float | None,
) -> dict:
    """Decode, and count by threshold."""
    times, probabilities = _decoded(fit, test, recentre)
    hands = [name for name in fit.decoder.classes if name != REST]
    cues = [
        (event.onset, hands.index(events[event.label]))
        for event in test.events
        if event.label in events
    ]
    window = fit.decoder.window / fit.decoder.settings.rate
    paused = np.zeros(len(times), dtype=bool)
    for start, stop in free_seconds(test, events, window):
        paused |= (times >= start + window) & (times <= stop)
    counted = {"pauses": (times, np.where(paused[:, None], probabilities, np.nan))}
    counted |= {name: _decoded(fit, rest, recentre) for name, rest in rests.items()}
    hop = fit.decoder.hop / fit.decoder.settings.rate
    return {
        "head": fit.decoder.facts.head,
        "score": fit.decoder.facts.score,
        "hits": [
            _hits(times, probabilities, len(hands), cues, threshold) for threshold in THRESHOLDS
        ],
        "alarms": {
            name: [_alarms(p, len(hands), threshold, hop, window) for threshold in THRESHOLDS]
            for name, (_, p) in counted.items()
        },
        "minutes": {
            name: float(np.isfinite(p[:, 0]).sum() * hop / 60.0) for name, (_, p) in counted.items()
        },
        "promised": {str(rate): _promise(fit, rate) for rate in PROMISES},
    }


def _promise(fit: Fit, rate: float) -> float | None:
    try:
        return None if fit.rest is None else fit.rest.threshold_for(rate)
    except InputError:
        return None


def _decoded(
    fit: Fit, recording: Recording, recentre: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return times and probabilities of every hop; NaN where it was refused."""
    decoder = fit.decoder
    windows = WindowDecoder(decoder, decoder.load_encoder(), recentre=recentre)
    refused = [np.nan] * len(decoder.classes)
    times, rows = [], []
    for decision in decode_recording(recording, decoder, windows, EvidenceSettings()):
        times.append(decision.time)
        rows.append(list(decision.probabilities.values()) if decision.probabilities else refused)
    return np.array(times), np.array(rows)


def _decide(probabilities: np.ndarray, hands: int, threshold: float) -> np.ndarray:
    """Return the hand decided for at every hop; -1 for none, -2 where the window was refused."""
    known = np.nan_to_num(probabilities, nan=-1.0)
    leader = known.argmax(axis=1)
    decided = np.where((known.max(axis=1) >= threshold) & (leader < hands), leader, -1)
    return np.where(np.isnan(probabilities[:, 0]), -2, decided)


def _hits(
    times: np.ndarray, probabilities: np.ndarray, hands: int, cues: list, threshold: float
) -> list[int]:
    """Return cues decided as asked, and cues."""
    decided = _decide(probabilities, hands, threshold)
    right = 0
    for onset, asked in cues:
        during = decided[(times > onset) & (times <= onset + _IMAGERY + 1e-6)]
        given = during[during >= 0]
        right += bool(len(given)) and given[-1] == asked
    return [int(right), len(cues)]


def _alarms(
    probabilities: np.ndarray, hands: int, threshold: float, hop: float, window: float
) -> list[int]:
    """Return false alarms, and hops with a decision."""
    decided = _decide(probabilities, hands, threshold)
    alarms, before, since = 0, -2, 0
    again = round(window / hop)
    for hand in decided.tolist():
        since = since + 1 if hand == before else 0
        alarms += hand >= 0 and since % again == 0
        before = hand
    return [alarms, int((decided >= 0).sum())]


def _table(rows: list[dict]) -> str:
    lines = [
        "| people | rest | minutes | decoder | threshold | cues decided as asked | false alarms a "
        "minute | rest with a decision |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups = dict.fromkeys("simulated" if "sim" in row["person"] else "people" for row in rows)
    for group in groups:
        of_group = [row for row in rows if ("sim" in row["person"]) == (group == "simulated")]
        people = sorted({row["person"] for row in of_group})
        for rest in dict.fromkeys(name for row in of_group for name in row["alarms"]):
            for system in SYSTEMS:
                mine = [r for r in of_group if r["system"] == system and rest in r["alarms"]]
                lines += [
                    f"| {_named(people)} | {rest} | {_minutes(mine, rest):.1f} | {system} | {line}"
                    for line in _lines(mine, rest)
                ]
            lines += _matched(of_group, rest)
    return "\n".join(lines)


def _named(people: list[str]) -> str:
    return people[0] if len(people) == 1 else f"{people[0]} to {people[-1]} ({len(people)})"


def _minutes(rows: list[dict], rest: str) -> float:
    return sum(row["minutes"][rest] for row in rows)


def _counts(rows: list[dict], rest: str, indices: list[int]) -> str:
    """Say hits and alarms with each row at a threshold of its own."""
    hits = np.sum([row["hits"][k] for row, k in zip(rows, indices, strict=True)], axis=0)
    alarms = np.sum([row["alarms"][rest][k] for row, k in zip(rows, indices, strict=True)], axis=0)
    minutes = _minutes(rows, rest)
    hops = minutes * 60.0 * 4
    return (
        f"{hits[0]} of {hits[1]} ({100 * hits[0] / hits[1]:.0f} %) | {alarms[0] / minutes:.1f} | "
        f"{100 * alarms[1] / hops:.0f} % |"
    )


def _lines(rows: list[dict], rest: str) -> list[str]:
    lines = [f"0.50 | {_counts(rows, rest, [0] * len(rows))}"]
    for rate in PROMISES:
        thresholds = [row["promised"][str(rate)] for row in rows]
        if None not in thresholds:
            last = len(THRESHOLDS) - 1  # 0.9997: above it, alarms are as many or fewer
            indices = [
                min(last, int(np.searchsorted(THRESHOLDS, threshold - 1e-9)))
                for threshold in thresholds
            ]
            low, high = min(thresholds), max(thresholds)
            lines.append(f"{rate:g}/min: {low:.2f}-{high:.2f} | {_counts(rows, rest, indices)}")
    return lines


def _matched(rows: list[dict], rest: str) -> list[str]:
    """Compare the systems at the same share of hits, with one threshold for all."""
    lines = []
    curves = {}
    for system in SYSTEMS:
        of_system = [row for row in rows if row["system"] == system and rest in row["alarms"]]
        hits = np.sum([row["hits"] for row in of_system], axis=0)
        alarms = np.sum([row["alarms"][rest] for row in of_system], axis=0)[:, 0]
        curves[system] = hits[:, 0] / hits[:, 1], alarms / _minutes(of_system, rest)
    for share in (0.8, 0.7, 0.6, 0.5, 0.4):
        words = []
        for system, (hits, alarms) in curves.items():
            enough = np.flatnonzero(hits >= share)
            words.append(f"{system} {alarms[enough].min():.1f}" if len(enough) else f"{system} -")
        lines.append(
            f"| | {rest} | | at {100 * share:.0f} % of the cues: {', '.join(words)} | | | | |"
        )
    return lines


if __name__ == "__main__":
    main()

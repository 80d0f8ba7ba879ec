"""What electrodes that have gone flat cost: decisions, accuracy, and online against offline.

    python benchmarks/accuracy/set_aside.py FOLDER --out rows.jsonl
    python benchmarks/accuracy/set_aside.py FOLDER --out rows.jsonl --people S001 --live 4
    python benchmarks/accuracy/set_aside.py --out rows.jsonl --table

FOLDER has a folder a person with the runs 4, 8 and 12 of the PhysioNet motor imagery data set. A
decoder is fitted on runs 4 and 8 as `eegpt-calibrate fit --head riemann` does, with all electrodes.
In run 12 none, one or four electrodes are flat from the first sample on or from 20 s on, and nobody
says so: the program has to set them aside. The decision at the end of each cue's four seconds
counts. With --live SPEED the same run is replayed over LSL so much faster than time, and every
decision is compared with that of the file. Rows that --out has already are not computed again.
"""

from __future__ import annotations

import argparse
import threading
import uuid
from dataclasses import replace
from pathlib import Path

from core.machine.threads import share_cores
from core.stream.local import keep_local

share_cores()
keep_local()

import numpy as np  # noqa: E402 - after the threads are set
from resumable_rows import ResumableRows, arguments, folders, parsed  # noqa: E402
from scipy.stats import bootstrap, wilcoxon  # noqa: E402

from calibration.fit_settings import FitSettings  # noqa: E402
from calibration.fitting import fit_decoder  # noqa: E402
from core.decoding.decoder import Decoder  # noqa: E402
from core.decoding.window_decoder import WindowDecoder  # noqa: E402
from core.metrics import chance_bound  # noqa: E402
from core.montage import match  # noqa: E402
from core.recordings import Recording, read_recordings  # noqa: E402
from core.stream.discovery import StreamQuery, find_stream  # noqa: E402
from core.stream.inlet import Inlet  # noqa: E402
from core.stream.stream_feed import StreamFeed  # noqa: E402
from realtime.engine.decisions import DecisionMaker  # noqa: E402
from realtime.engine.evidence import EvidenceSettings  # noqa: E402
from realtime.engine.snapshot import Decision  # noqa: E402
from realtime.offline import decode_recording  # noqa: E402
from simulation.player import replay  # noqa: E402

EVENTS = {"T1": "left_hand", "T2": "right_hand"}
FLAT = {
    "none": ((), 0.0),
    "FC5": (("FC5",), 0.0),
    "C3": (("C3",), 0.0),
    "C3, from 20 s on": (("C3",), 20.0),
    "C3 CP4 F1 PO7": (("C3", "CP4", "F1", "PO7"), 0.0),
    "C3 CP4 F1 PO7, from 20 s on": (("C3", "CP4", "F1", "PO7"), 20.0),
}
_WAIT = 30.0  # s without a sample after which a replay has ended


def main() -> None:
    options = _options()
    rows = ResumableRows(options.out)
    if not options.table:
        known = rows.known("person", "flat", "live")
        for folder in folders(options):
            wanted = [name for name in FLAT if (folder.name, name, options.live) not in known]
            if wanted:
                for row in _person(folder, wanted, options.live):
                    rows.add(row)
    print(_table(rows.read()))


def _options() -> argparse.Namespace:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--live", type=float, default=0.0, help="replay so much faster than time")
    return parsed(parser)


def _person(folder: Path, wanted: list[str], live: float) -> list[dict]:
    recordings = read_recordings([folder / f"{folder.name}R{run:02d}.edf" for run in (4, 8, 12)])
    settings = FitSettings(head="riemann", repeats=1, origin=False, rest=False)
    decoder = fit_decoder(recordings[:2], EVENTS, folder.name, settings).decoder
    rows = []
    for name in wanted:
        spoilt = _flat(recordings[2], *FLAT[name])
        offline = list(
            decode_recording(spoilt, decoder, WindowDecoder(decoder, None), EvidenceSettings())
        )
        row = {"person": folder.name, "flat": name, "live": live}
        row |= _counted(offline, spoilt, decoder)
        if live:
            online = _over_lsl(spoilt, decoder, live)
            row |= {
                "online": len(online),
                "same": sum(map(_same, offline, online)) if len(offline) == len(online) else 0,
            }
        rows.append(row)
    return rows


def _flat(recording: Recording, names: tuple[str, ...], since: float) -> Recording:
    samples = recording.samples_uv.copy()
    first = round(since * recording.rate)
    for index in match(recording.labels, names).indices:
        samples[first:, index] = samples[first, index]
    return replace(recording, samples_uv=samples)


def _counted(decisions: list[Decision], recording: Recording, decoder: Decoder) -> dict:
    samples = np.array([decision.sample for decision in decisions])
    right = trials = 0
    for event in recording.events:
        if event.label in EVENTS:
            end = round(event.onset * decoder.settings.rate) + decoder.window - 1
            # Hops are counted from where a run began, so that the last one may end a little before.
            index = int(np.searchsorted(samples, end, "right")) - 1
            if index >= 0 and end - samples[index] < decoder.hop:
                trials += 1
                right += decisions[index].decision == EVENTS[event.label]
    return {
        "decided": sum(decision.status == "ok" for decision in decisions),
        "windows": len(decisions),
        "right": right,
        "trials": trials,
        "set_aside": list(decisions[-1].set_aside),
    }


def _over_lsl(recording: Recording, decoder: Decoder, speed: float) -> list[Decision]:
    """Replay a recording to a live loop, and return its decisions."""
    name = f"set-aside-{uuid.uuid4().hex[:8]}"
    sender = threading.Thread(target=replay, args=([recording], name), kwargs={"speed": speed})
    sender.start()
    feed = StreamFeed(Inlet(find_stream(StreamQuery(name=name), timeout=20.0)))
    segmenter = feed.segmenter
    path = decoder.attach(segmenter.labels, segmenter.units, segmenter.rate)
    maker = DecisionMaker(decoder, path, WindowDecoder(decoder, None), EvidenceSettings())
    decisions: list[Decision] = []
    count = 0
    while count < len(recording.samples_uv) and (received := feed.read(_WAIT)) is not None:
        count += len(received.block.samples)
        decisions += maker.push(received.segments)
    feed.close()
    sender.join()
    return decisions


def _same(first: Decision, second: Decision) -> bool:
    names = ("sample", "status", "probabilities", "decision", "set_aside", "reference")
    return all(getattr(first, name) == getattr(second, name) for name in names)


def _table(rows: list[dict]) -> str:
    lines = [
        "| flat in run 12 | people | windows decided | trials right | accuracy | difference to "
        "none, 95 % interval, p |",
        "|---|---|---|---|---|---|",
    ]
    people = sorted({row["person"] for row in rows})

    def shares(name: str) -> np.ndarray:
        share = {row["person"]: row["right"] / row["trials"] for row in rows if row["flat"] == name}
        return np.array([share.get(person, np.nan) for person in people])

    for name in FLAT:
        runs = [row for row in rows if row["flat"] == name]
        if not runs:
            continue
        decided, windows, right, trials = (
            sum(row[key] for row in runs) for key in ("decided", "windows", "right", "trials")
        )
        gain = shares(name) - shares("none")
        difference = ""
        if name != "none" and len(people) > 1 and np.isfinite(gain).all():
            low, high = bootstrap(
                (gain,), np.mean, rng=np.random.default_rng(0)
            ).confidence_interval
            p = wilcoxon(gain).pvalue if gain.any() else 1.0
            difference = f"{gain.mean():+.3f} ({low:+.3f} to {high:+.3f}), p = {p:.2f}"
        lines.append(
            f"| {name} | {len(runs)} | {decided} of {windows} | {right} of {trials} (chance bound "
            f"{chance_bound(trials, 2):.3f}) | {np.nanmean(shares(name)):.3f} | {difference} |"
        )
        lines += [
            f"| live at {row['live']:g} times real time | {row['person']} | {row['same']} of "
            f"{row['online']} decisions as of the file | | | |"
            for row in runs
            if row["live"]
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

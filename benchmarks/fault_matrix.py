"""Do every fault of a live stream to the real program, and see it noticed, said and survived.

    python benchmarks/fault_matrix.py                   every fault, about ten minutes
    python benchmarks/fault_matrix.py --only flat nan   some kinds, or cases
    python benchmarks/fault_matrix.py --clean 60        an hour of clean replay: no false alarm

``eegpt-stream replay --fault`` and ``eegpt-realtime --headless`` run in processes of their own,
over LSL. What the program wrote is then held against the truth file of the sender.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.stream.faults.truth import Truth

LABELS = tuple("FZ FC3 FC1 FCZ FC2 FC4 C5 C3 C1 CZ C2 C4 C6 CP3 CPZ CP4 PZ".split())
RATE = 250.0  # Hz
AT = 6.0  # s of signal before a fault
HOP = 0.25  # s
WINDOW = 4.0  # s
SLACK = 0.5  # s that a window may be refused longer than the truth asks for: two hops
SHOWS = {"flat": 0.125, "railed": 0.25, "noisy": 0.25, "hum": 0.25, "scale": 0.25}
"""s of a fault in the values that a window may end with, as less of it shows nothing."""


@dataclass(frozen=True)
class Case:
    """A fault, and what the program must make of it.

    Attributes
    ----------
    name : str
    faults : str
        Specs, separated by blanks.
    status : str
        What must be shown; "ok" where there is nothing to refuse.
    words : str
        A pattern that what is said must match.
    within : float
        Seconds in which it must be noticed, from the moment it can be.
    back : float or None
        Seconds of signal after the fault's end in which there must be decisions again; None
        where there must not be any.
    seconds : float
        Of signal.
    options : tuple of str
        Of the program.
    """

    name: str
    faults: str
    status: str
    words: str = ""
    within: float = 0.5
    back: float | None = WINDOW + SLACK
    seconds: float = 15.0
    options: tuple[str, ...] = ()


def _restart(name: str, settings: str, words: str = "is back", **given) -> Case:
    """A restart that ends with a new stream being taken; finding it takes up to three seconds."""
    found = {"back": WINDOW + SLACK + 3.0, "seconds": 20.0, "options": ("--reconnect", "any")}
    return Case(name, f"restart:down=2,at={AT}{settings}", "lost", words, **{**found, **given})


CASES = (
    Case("lost block", f"lose:samples=50,at={AT}", "gap", "50 samples were lost"),
    Case("one sample lost", f"lose:samples=1,at={AT}", "gap", "1 sample was lost"),
    Case("random losses", f"drop:share=0.02,at={AT},for=1", "gap", "lost"),
    Case("stall", f"stall:at={AT},for=1.5", "silent", "has sent nothing for", back=SLACK),
    Case(
        "stall, then fast", f"stall:at={AT},for=1.5,speed=3", "silent", "sent nothing", back=SLACK
    ),
    Case("stamps in bursts", "burst:samples=9,jitter=0.003", "ok"),
    Case("stamps jump ahead", f"jump:by=7200,at={AT},for=3", "gap", r"jumped by \+7200"),
    Case("stamps jump back", f"jump:by=-7200,at={AT},for=3", "gap", "jumped by -7200"),
    Case("clock drifts", "drift:ppm=1000", "ok", "", within=20.0, seconds=25.0),
    Case("rate 1 % off", "rate:percent=1", "ok", "sends 252", within=20.0, seconds=25.0),
    Case("announced, silent", "silent", "silent", "has sent nothing", back=None),
    Case("silent for a while", f"silent:at={AT},for=2", "silent", "has sent nothing"),
    Case("killed for good", f"restart:at={AT},down=600", "lost", "was lost", back=None),
    _restart("restarted", "", options=()),
    _restart("restarted as another", ",source_id=other"),
    _restart(
        "restarted as another, asked", ",source_id=other", "Another sender", back=None, options=()
    ),
    _restart("restarted as nobody", ",source_id=none"),
    _restart("channels reordered", ",channels=reordered", options=()),
    _restart("channels renamed", ",channels=renamed", "cannot take its place", back=None),
    _restart("a channel missing", ",channels=missing", "cannot take its place", back=None),
    _restart("a channel more", ",channels=more", options=()),
    _restart("unit now mV", ",unit=mV", options=()),
    _restart("unit now V", ",unit=V", options=()),
    _restart("unit now none", ",unit=none", "no longer", back=None),
    _restart("unit now misspelt", ",unit=misspelt", "not a voltage", back=None),
    Case("flat channel", f"flat:channel=C3,at={AT},for=2", "artifact", "C3 is flat"),
    Case("all channels flat", f"flat:channel=all,at={AT},for=2", "artifact", "are flat"),
    Case(
        "railed channel",
        f"railed:channel=C3,at={AT},for=2",
        "artifact",
        "C3 is",
        back=WINDOW + 2 * SLACK,
    ),
    Case("noisy channel", f"noisy:channel=C3,at={AT},for=2", "artifact", "C3 is"),
    Case(
        "50 Hz",
        f"hum:channel=C3,at={AT},for=2,uv=300",
        "artifact",
        "C3 is full of mains",
        back=WINDOW + 2 * SLACK,
    ),
    Case(
        "60 Hz",
        f"hum:channel=C3,hertz=60,at={AT},for=2,uv=300",
        "artifact",
        "full of mains",
        back=WINDOW + 2 * SLACK,
    ),
    Case(
        "thousand times too large",
        f"scale:by=1000,at={AT},for=2",
        "artifact",
        "about 1 000 times too large, .* wrong unit",
        back=WINDOW + 6.0,
        seconds=20.0,
    ),
    Case(
        "million times too small",
        f"scale:by=1e-6,at={AT},for=2",
        "artifact",
        "about 1 000 000 times too small, .* wrong unit",
        back=WINDOW + 6.0,
        seconds=20.0,
    ),
    Case("no numbers", f"nan:at={AT},for=1", "artifact", "sent no numbers"),
    Case("infinite on one channel", f"inf:channel=C3,at={AT},for=1", "artifact", "C3 sent no num"),
    Case("second stream of the name", f"second:at={AT},for=4", "ok"),
)


@dataclass(frozen=True)
class Row:
    """What came of a case."""

    name: str
    faults: str
    noticed_s: float | None
    within_s: float
    status: str
    words: str
    back_s: float | None  # of signal after the fault's end
    published: int
    wrong: int  # published from windows that touch the fault
    needless: int  # refused from windows that do not
    problems: tuple[str, ...]


def main() -> int:
    """Run the matrix and print it."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="eegpt-faults-"))
    keep_apart(folder)
    prepare(folder)
    if options.clean:
        return _clean(folder, options)
    cases = [case for case in CASES if not options.only or _asked(case, options.only)]
    if options.unhurried:  # where others work on the same cores
        cases = [replace(case, within=case.within + 2.0) for case in cases]
    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(lambda case: run(folder, case), cases))
    if options.json:
        print(json.dumps([vars(row) for row in rows], indent=2))
    else:
        print(table(rows))
        print(f"\n{folder}", file=sys.stderr)
    return int(any(row.problems for row in rows))


def keep_apart(folder: Path) -> None:
    """Give this benchmark's processes LSL ports and a session of their own."""
    if "LSLAPICFG" not in os.environ:
        port = 32_000 + 100 * (os.getpid() % 128)
        file = folder / "lsl.cfg"
        file.write_text(
            f"[ports]\nIPv6 = disable\nMulticastPort = {port}\nBasePort = {port + 1}\n"
            "PortRange = 98\n[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\n"
            f"[lab]\nSessionID = {uuid.uuid4().hex}\n[log]\nlevel = -2\n"
        )
        os.environ["LSLAPICFG"] = str(file)


def prepare(folder: Path) -> None:
    """Write a recording of a simulated subject, and its decoder."""
    import mne

    from calibration.fitting import FitSettings, fit_decoder
    from core.decoding.decoder_file import save_decoder
    from core.synthetic import session

    classes = ("left_hand", "right_hand")
    trained = session(12, classes, labels=LABELS, rate=RATE)
    fit = fit_decoder(
        [trained], {name: name for name in classes}, "01", FitSettings(head="riemann", repeats=1)
    )
    save_decoder(fit.decoder, folder / "decoder.safetensors")
    told = session(8, classes, labels=LABELS, rate=RATE, run=2)
    raw = mne.io.RawArray(
        told.samples_uv.T * 1e-6,
        mne.create_info(list(LABELS), RATE, "eeg", verbose="ERROR"),
        verbose="ERROR",
    )
    raw.save(folder / "subject_raw.fif", verbose="ERROR")


def run(folder: Path, case: Case) -> Row:
    """Do one case with the real programs."""
    name = f"Fault-{uuid.uuid4().hex[:8]}"
    truth, log = folder / f"{name}.truth.jsonl", folder / f"{name}.jsonl"
    sender = start(
        "core.stream.cli",
        *("replay", folder / "subject_raw.fif", "--name", name, "--loop", "--truth", truth),
        *("--fault", *case.faults.split()),
    )
    program = start(
        "realtime.cli",
        *("--stream", name, "--decoder", folder / "decoder.safetensors", "--headless"),
        *("--log", log, "--timeout", 60, *case.options),
    )
    try:
        deadline = time.monotonic() + 120
        while not (truth.exists() and truth.stat().st_size):
            if program.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(program.communicate()[1])
            time.sleep(0.05)
        time.sleep(case.seconds)
    finally:
        program.terminate()
        _, said = program.communicate()
        sender.kill()
        sender.communicate()
    return judge(case, truth, log, said)


def judge(case: Case, truth_file: Path, log: Path, said: str) -> Row:
    """Hold what the program wrote against what the sender did."""
    facts = read_lines(truth_file)
    notes = read_lines(log.with_suffix(".stream.jsonl"))
    decisions = read_lines(log)
    truth = Truth.read(truth_file)
    start = facts[0]["clock"]
    happened = truth.happened[0]
    since = _knowable(facts, happened.fault, case)
    problems = [] if "Traceback" not in said else ["the program failed"]

    # A receiver may be told a moment before the sender has written down that it sent.
    later = [n for n in notes if n["at"] >= since - 0.05]
    shown = [n for n in later if _shows(n, case)]
    found = [n for n in later if case.words and re.search(case.words, n["text"])]
    silent = case.status == "ok" and not case.words  # nothing to notice, and nothing to say
    noticed = max(0.0, shown[0]["at"] - since) if shown else None
    if silent and "drift" not in case.faults:
        noticed = None
        alarms = [n for n in later if n["kind"] not in ("stream", "back") and n["at"] > start + 1]
        problems += [f"false alarm: {n['text']}" for n in alarms]
    elif noticed is None:
        problems.append(f'never showed "{case.status}"')
    elif noticed > case.within:
        problems.append(f"noticed after {noticed:.2f} s")
    if case.words and not found:
        problems.append(f'never said "{case.words}"')

    windows = _windows(truth, decisions)
    published = [(first, last) for first, last, status in windows if status == "ok"]
    wrong = [window for window in published if _later(truth).touched(*window)]
    if wrong:
        problems.append(f"{len(wrong)} windows over the fault were published")
    away = [start, start]
    if happened.fault == "restart":
        after = [n["at"] for n in notes if n["kind"] == "back" and n["at"] > happened.clock[0]]
        away = [happened.clock[0], after[0] if after else np.inf]
    needless = [
        (first, last)
        for first, last, status in windows
        if status in ("gap", "artifact", "warming")
        and first - SLACK * RATE > 0
        and not truth.touched(first - _grace(case) * RATE, last)
        and not first / RATE - SLACK - 1.0 < away[1] - start
    ]
    if needless:
        problems.append(f"{len(needless)} windows without a fault were refused")

    end = happened.samples[1] if np.isfinite(happened.samples[1]) else None
    back = None
    if case.status != "ok":
        edge = AT * RATE if end is None else end
        later = [last for first, last in published if last > edge + HOP * RATE / 2]
        if happened.fault == "jump":  # each jump is a break of its own
            later = [last for first, last in published if last > edge and first >= edge]
        back = (later[0] - edge) / RATE if later else None
        if case.back is None and back is not None:
            problems.append("went on without being asked")
        elif case.back is not None and (back is None or back > case.back):
            problems.append("did not come back" if back is None else f"back after {back:.2f} s")
    if not published and case.faults != "silent":
        problems.append("no window at all was published")
    return Row(
        case.name,
        case.faults,
        None if noticed is None else round(noticed, 3),
        case.within,
        case.status,
        _said(case, found, shown),
        None if back is None else round(back, 2),
        len(published),
        len(wrong),
        len(needless),
        tuple(problems),
    )


def _knowable(facts: Sequence[dict], fault: str, case: Case) -> float:
    """Return the LSL clock at which the fault can be known: a loss, when the next sample comes."""
    begun = next(fact["clock"] for fact in facts if fact["event"] == "begin")
    if fault in ("lose", "drop"):
        awaited = 0
        for fact in facts:
            if fact["event"] == "sent":
                if fact["sample"] > awaited:
                    return fact["clock"]
                awaited = fact["sample"] + fact["count"]
    return begun


def _shows(note: dict, case: Case) -> bool:
    """Return whether a note shows the fault's status, or the number that tells it."""
    if "drift" in case.faults:
        drift = note["drift_s_per_hour"]
        return drift is not None and abs(drift - 3.6) < 0.6
    if case.status == "ok" and case.words:  # a warning, while decisions go on
        return re.search(case.words, note["text"]) is not None
    return case.status in (note["status"], note["kind"])


def _said(case: Case, found: Sequence[dict], shown: Sequence[dict]) -> str:
    """Return the words, without this run's random names, or the number that tells a drift."""
    if "drift" in case.faults:
        return f"drift {shown[0]['drift_s_per_hour']:+.1f} s an hour" if shown else ""
    return re.sub(r"Fault-[0-9a-f]{8}", "EEG", found[0]["text"]) if found else ""


def _grace(case: Case) -> float:
    """Return for how long after a fault windows may be refused that do not touch it any more."""
    return SLACK if case.back is None else max(SLACK, case.back - WINDOW)


def _later(truth: Truth) -> Truth:
    """Return the truth with faults in the values beginning when they can be seen."""
    return replace(
        truth,
        happened=tuple(
            replace(h, samples=(h.samples[0] + SHOWS.get(h.fault, 0.0) * RATE, h.samples[1]))
            for h in truth.happened
        ),
    )


def _windows(truth: Truth, decisions: Sequence[dict]) -> list[tuple[float, float, str]]:
    """Return first and last sample of every decision's window in the signal, and its status."""
    after, found = 0, []
    for decision in decisions if len(truth.positions) else ():
        last = truth.position(decision["time"], after)
        if decision["status"] not in ("silent", "lost"):  # those stand still
            after = int(last)
        found.append((last - (WINDOW * RATE - 1), last, decision["status"]))
    return found


def table(rows: Sequence[Row]) -> str:
    """Return the matrix as a Markdown table."""
    lines = [
        "| fault | as | noticed, s | status | said | decisions again, s | published / wrong / "
        "needlessly refused | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        noticed = "never" if row.noticed_s is None else f"{row.noticed_s:.2f} (≤ {row.within_s:g})"
        if row.status == "ok" and row.noticed_s is None:
            noticed = "no need"
        back = "-" if row.back_s is None else f"{row.back_s:.2f}"
        lines.append(
            f"| {row.name} | `{row.faults}` | {noticed} | {row.status} | {row.words} | {back} | "
            f"{row.published} / {row.wrong} / {row.needless} | {'; '.join(row.problems) or 'ok'} |"
        )
    return "\n".join(lines)


def _clean(folder: Path, options: argparse.Namespace) -> int:
    """Replay without faults at several chunk sizes, while other work loads the machine."""
    chunks = options.chunk
    seconds = 60.0 * options.clean / len(chunks)
    load = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.load)
    ]
    alarms: dict[int, list[str]] = {}
    counted: dict[int, int] = {}
    try:
        for chunk in chunks:
            alarms[chunk], counted[chunk] = _replayed(folder, chunk, seconds)
    finally:
        for process in load:
            process.kill()
            process.wait()
    result = {
        "minutes": options.clean,
        "loading_processes": options.load,
        "decisions_by_chunk": counted,
        "false_alarms_by_chunk": {chunk: len(found) for chunk, found in alarms.items()},
        "first_alarms": [text for found in alarms.values() for text in found[:3]],
    }
    print(json.dumps(result, indent=2))
    return int(any(alarms.values()))


def _replayed(folder: Path, chunk: int, seconds: float) -> tuple[list[str], int]:
    """Return the false alarms of a clean replay, and the number of decisions with probabilities."""
    name = f"Clean-{uuid.uuid4().hex[:8]}"
    log = folder / f"{name}.jsonl"
    sender = start(
        "core.stream.cli",
        *("replay", folder / "subject_raw.fif", "--name", name, "--loop", "--chunk", chunk),
    )
    program = start(
        "realtime.cli",
        *("--stream", name, "--decoder", folder / "decoder.safetensors", "--headless"),
        *("--log", log, "--timeout", 60, "--duration", seconds),
    )
    _, said = program.communicate()
    sender.kill()
    sender.communicate()
    if program.returncode:
        return [said], 0
    decisions = read_lines(log)
    # The recording begins again after a second without samples, which is a gap and no false alarm.
    told = [f"{d['status']} at sample {d['sample']}" for d in decisions if d["status"] not in _FINE]
    notes = read_lines(log.with_suffix(".stream.jsonl"))
    told += [n["text"] for n in notes if n["kind"] not in ("stream", *_FINE)]
    return told, sum(d["status"] == "ok" for d in decisions)


_FINE = ("ok", "warming")


def read_lines(path: Path) -> list[dict]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def start(module: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )


def _asked(case: Case, words: Sequence[str]) -> bool:
    return any(word == case.name or word == case.faults.split(":")[0] for word in words)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Do every fault to the live program.")
    parser.add_argument("--only", nargs="*", default=[], help="names of cases, or kinds of faults")
    parser.add_argument("--unhurried", action="store_true", help="let noticing take 2 s longer")
    parser.add_argument("--jobs", type=int, default=2, help="faults done at once")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--clean", type=float, help="minutes of replay without faults instead")
    parser.add_argument("--chunk", type=int, nargs="*", default=[1, 8, 32, 125])
    parser.add_argument("--load", type=int, default=os.cpu_count(), help="processes that do work")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

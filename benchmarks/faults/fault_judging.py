"""Holding what the live program wrote against what a faulty sender did."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simulation.faults.truth import Truth

RATE = 250.0  # Hz
AT = 6.0  # s of signal before a fault
HOP = 0.25  # s
WINDOW = 4.0  # s
SLACK = 0.5  # s that a window may be refused longer than the truth asks for: two hops
OLDEST_MS = 2000.0
SHOWS = {
    "flat": 0.125,
    "railed": 0.25,
    "noisy": 0.25,
    "hum": 0.25,
    "scale": 0.5,
    "off": 0.5,
    "test": 0.25,
    "copy": 0.25,
    "repeat": 0.05,
    "hold": 0.01,
}
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
    blind : float
        Seconds after the fault's beginning in which it cannot be known yet, as docs/faults.md
        says; windows that end in there may be published.
    never : bool
        Whether no window at all may be published.
    stopped : float
        Seconds for which the program itself is stopped (SIGSTOP) instead, from `AT` on.
    """

    name: str
    faults: str
    status: str
    words: str = ""
    within: float = 0.5
    back: float | None = WINDOW + SLACK
    seconds: float = 15.0
    options: tuple[str, ...] = ()
    blind: float = 0.0
    never: bool = False
    stopped: float = 0.0


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


def judge(case: Case, truth_file: Path, log: Path, stderr: str) -> Row:
    """Hold what the program wrote against what the sender did."""
    facts = read_lines(truth_file)
    notes = read_lines(log.with_suffix(".stream.jsonl"))
    decisions = read_lines(log)
    truth = Truth.read(truth_file)
    start = facts[0]["clock"]
    # What only says how the sender stamps is not what is looked for.
    happened = next((h for h in truth.happened if h.touches != "nothing"), truth.happened[0])
    since = _knowable(facts, happened.fault, case)
    problems = [] if "Traceback" not in stderr else ["the program failed"]

    # A receiver may be told a moment before the sender has written down that it sent.
    later = [n for n in notes if n["at"] >= since - 0.05]
    shown = [n for n in later if _shows(n, case)]
    matches = [n for n in later if case.words and re.search(case.words, n["text"])]
    silent = case.status == "ok" and not case.words  # nothing to notice, and nothing to say
    noticed = max(0.0, shown[0]["at"] - since) if shown else None
    before = [n for n in notes if n["at"] < since]
    if before and _shows(before[-1], case):
        noticed = 0.0  # shown already: nothing was sent while it waited for the first sample
    if silent and "drift" not in case.faults:
        noticed = None
        quiet = ("stream", "back", "reference")
        alarms = [n for n in later if n["kind"] not in quiet and n["at"] > start + 1]
        problems += [f"false alarm: {n['text']}" for n in alarms]
    elif noticed is None:
        if not case.stopped:  # it may read at once what has piled up, and have nothing to show
            problems.append(f'never showed "{case.status}"')
    elif noticed > case.within:
        problems.append(f"noticed after {noticed:.2f} s")
    if case.words and not matches:
        problems.append(f'never said "{case.words}"')

    windows = _windows(truth, decisions)
    published = [(first, last) for first, last, status in windows if status == "ok"]
    known = happened.samples[0] + case.blind * RATE
    wrong = [
        (first, last)
        for first, last in published
        if _later(truth).touched(first, last) and not happened.samples[0] <= last < known
    ]
    old = [d for d in decisions if d["status"] == "ok" and d["age_ms"] > OLDEST_MS]
    if old:
        problems.append(f"{len(old)} decisions of signal older than 2 s were given")
    if wrong:
        problems.append(f"{len(wrong)} windows over the fault were published")
    away = [start, start]
    if happened.fault == "restart":
        after = [n["at"] for n in notes if n["kind"] == "back" and n["at"] > happened.clock[0]]
        away = [happened.clock[0], after[0] if after else np.inf]
    # What is not confirmed yet is refused with the fault that comes.
    ahead = 3 * HOP * RATE if "--confirm" in case.options else 0.0
    needless = [
        (first, last)
        for first, last, status in windows
        if status in ("gap", "artifact", "warming")
        and first - SLACK * RATE > 0
        and not truth.touched(first - _grace(case) * RATE, last + ahead)
        and not first / RATE - SLACK - 1.0 < away[1] - start
    ]
    if needless:
        problems.append(f"{len(needless)} windows without a fault were refused")

    end = happened.samples[1] if np.isfinite(happened.samples[1]) else None
    back = None
    if case.status != "ok":
        edge = (AT * RATE if end is None else end) + case.blind * RATE
        later = [last for first, last in published if last > edge + HOP * RATE / 2]
        if happened.fault == "jump":  # each jump is a break of its own
            later = [last for first, last in published if last > edge and first >= edge]
        back = (later[0] - edge) / RATE if later else None
        if case.back is None and back is not None:
            problems.append("went on without being asked")
        elif case.back is not None and (back is None or back > case.back):
            problems.append("did not come back" if back is None else f"back after {back:.2f} s")
    if case.never and published:
        problems.append(f"{len(published)} windows were published")
    if not (published or case.never or case.faults == "silent"):
        problems.append("no window at all was published")
    return Row(
        case.name,
        case.faults,
        None if noticed is None else round(noticed, 3),
        case.within,
        case.status,
        _said(case, matches, shown),
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


def _said(case: Case, matches: Sequence[dict], shown: Sequence[dict]) -> str:
    """Return the words, without this run's random names, or the number that tells a drift."""
    if "drift" in case.faults:
        return f"drift {shown[0]['drift_s_per_hour']:+.1f} s an hour" if shown else ""
    return re.sub(r"Fault-[0-9a-f]{8}", "EEG", matches[0]["text"]) if matches else ""


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
    after, windows = 0, []
    for decision in decisions if len(truth.positions) else ():
        last = truth.position(decision["time"], after)
        if decision["status"] not in ("silent", "lost"):  # those stand still
            after = int(last)
        windows.append((last - (WINDOW * RATE - 1), last, decision["status"]))
    return windows


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


def read_lines(path: Path) -> list[dict]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

"""Protocols that go through a recording as a live program does: hop by hop, causally."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from core.fitting.trials.epochs import Epochs
from core.recordings import UNIT, Event, Recording
from training.evaluation.people import Signal
from training.evaluation.protocols import check_parts
from training.evaluation.report.scoring import Asked, score, score_online
from training.evaluation.systems.base import Model, System
from training.evaluation.systems.heads import HeadModel
from training.evaluation.trials import Share, Trials, share_of

IDLE = "idle"

_CHUNK = 0.1  # s that a live stream brings at once

Outcome = tuple[str, str, int, int, dict[str, float]]
"""Name of the fold, name of the system, trials learned from, trials or windows tested, scores."""


def calibrate_then_run(
    signals: Sequence[Signal], systems: Sequence[System], seed: int
) -> Iterator[tuple[Signal, Outcome]]:
    """Learn from a person's first recordings and decide in the last as if it were live.

    The decision on a cue is that on the first window that begins at or after it.
    """
    for signal in signals:
        check_parts(signal, "calibrate-then-run")
        *first, last = signal.person.parts
        share = share_of(signal, settled=[i for part in first for i in part])
        train = Trials((_in(share, share.settled),)).clean()
        cues, hops = _first_windows(signal, last)
        for system in systems:
            model = system.fit(train, seed)
            found = _decide(model, share, signal.epochs.classes, hops)
            scores = score(signal.epochs.labels[cues], found)
            outcome = signal.person.part_name(last), system.name, len(train), len(cues), scores
            yield signal, outcome


def pseudo_online(
    signals: Sequence[Signal], systems: Sequence[System], seed: int
) -> Iterator[tuple[Signal, Outcome]]:
    """Decide on every window of a person's last recording, among the classes and idleness.

    Idleness is learned from windows between those after cues. A window of the test is of the
    class that was asked for during most of it.

    Notes
    -----
    After Carrara and Papadopoulo (2024), Pseudo-online framework for BCI evaluation: a MOABB
    perspective, J. Neural Eng. 21.
    """
    for signal in signals:
        check_parts(signal, "pseudo-online")
        *first, last = signal.person.parts
        rate, hop = signal.spec.rate, signal.spec.patch
        events = {name: name for name in (*signal.classes, IDLE)}
        epochs = signal.cut(
            [with_idle(signal, i) for i in range(len(signal.person.recordings))], events
        )
        share = share_of(signal, epochs, [i for part in first for i in part])
        train = Trials((_in(share, share.settled),)).clean()
        runs = [run for run, owner in enumerate(signal.owner) if owner in last]
        hops = [
            (run, at)
            for run in runs
            for at in range(0, len(signal.runs[run]) - signal.spec.window + 1, hop)
        ]
        truth, cues = asked_for(signal, hops)
        for system in systems:
            model = system.fit(train, seed)
            found = _decide(model, share, epochs.classes, hops)
            scores = score_online(truth, found, cues, len(signal.classes), hop / rate, signal.pace)
            outcome = signal.person.part_name(last), system.name, len(train), len(hops), scores
            yield signal, outcome


def with_idle(signal: Signal, recording: int) -> Recording:
    """Return a recording with events called `IDLE` where a window fits between those after cues.

    Windows lie as late as they can, so that what the last cue asked for has ended.
    """
    one, rate, window = signal.person.recordings[recording], signal.spec.rate, signal.spec.window
    starts = [start / one.rate for start, _ in one.stretches(signal.settings.channels)]  # s
    runs = [run for run, owner in enumerate(signal.owner) if owner == recording]
    idle = []
    for start, run in zip(starts, runs, strict=True):
        cues = sorted(at for its, at in signal.epochs.places.tolist() if its == run)
        ends = [0, *(at + window for at in cues)]
        for begin, end in zip(ends, [*cues, len(signal.runs[run])], strict=True):
            at = end - window
            while at >= begin:
                idle.append(Event(start + at / rate, window / rate, IDLE))
                at -= window
    events = [event for event in one.events if event.label != IDLE]
    return replace(one, events=tuple(sorted((*events, *idle), key=lambda event: event.onset)))


def asked_for(signal: Signal, hops: Sequence[tuple[int, int]]) -> tuple[np.ndarray, list[Asked]]:
    """Return what was asked for during most of every window, and the windows of every cue.

    Parameters
    ----------
    signal : Signal
    hops : sequence of (run, sample)
        Where windows begin.

    Returns
    -------
    ndarray of int, shape (windows,)
        The class, or the number of classes for none.
    list of Asked
        Those with any window.
    """
    window, rate = signal.spec.window, signal.spec.rate
    places = np.array(hops)
    truth = np.full(len(places), len(signal.classes))
    cues = []
    for (run, cue), label in zip(signal.epochs.places, signal.epochs.labels, strict=True):
        later = places[:, 1] - cue  # samples from the cue to the window
        its = (places[:, 0] == run) & (np.abs(later) < window / 2)
        truth[its] = label
        after = np.flatnonzero((places[:, 0] == run) & (later > -window) & (later < window / 2))
        if its.any():
            cues.append(Asked(int(label), after, (later[after] + window) / rate))
    return truth, cues


def decide_live(model: HeadModel, recording: Recording) -> list[np.ndarray]:
    """Return a decoder's probabilities for every contiguous stretch of a recording.

    The samples come in small pieces, as from a stream.

    Returns
    -------
    list of ndarray, each (hops, classes)
        The first is of the window that begins with the stretch.
    """
    decoder = model.decoder()
    path = decoder.attach(recording.labels, [UNIT] * len(recording.labels), recording.rate)
    windows = decoder.windows(model.encoder)
    piece = max(1, round(_CHUNK * recording.rate))
    found = []
    for begin, end in recording.stretches(decoder.settings.channels):
        path.restart()
        windows.reset()
        waiting, decided = np.empty((0, len(decoder.settings.channels))), []
        for at in range(begin, end, piece):
            new = path.push(recording.samples_uv[at : min(at + piece, end)])
            waiting = np.concatenate([waiting, new])
            while len(waiting) >= windows.hop:
                probabilities = windows.push(waiting[: windows.hop])
                waiting = waiting[windows.hop :]
                if probabilities is not None:
                    decided.append(probabilities)
        found.append(np.array(decided).reshape(-1, len(decoder.classes)))
    return found


def _decide(
    model: Model, share: Share, classes: tuple[str, ...], hops: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Return probabilities of windows that begin at whole hops of some runs.

    Our heads go through the live path. The others have none; a window of the causally filtered
    signal is what they would have had.
    """
    signal = share.signal
    if not isinstance(model, HeadModel):
        epochs = Epochs(
            signal.runs,
            np.array(hops),
            np.zeros(len(hops), dtype=np.intp),
            classes,
            signal.spec.window,
            (),
            (),
            signal.epochs.rest,
        )
        return model.probabilities(Trials((share_of(signal, epochs, share.settled),)))
    found: dict[int, np.ndarray] = {}
    for owner in {signal.owner[run] for run, _ in hops}:
        runs = [run for run, its in enumerate(signal.owner) if its == owner]
        live = decide_live(model, signal.person.recordings[owner])
        found |= dict(zip(runs, live, strict=True))
    return np.stack([found[run][at // signal.spec.patch] for run, at in hops])


def _first_windows(
    signal: Signal, recordings: Sequence[int]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return cues in some recordings, and the first window at a whole hop after each."""
    hop, window = signal.spec.patch, signal.spec.window
    cues, hops = [], []
    for index, (run, at) in enumerate(signal.epochs.places.tolist()):
        begin = -(-at // hop) * hop
        if signal.owner[run] in recordings and begin + window <= len(signal.runs[run]):
            cues.append(index)
            hops.append((run, begin))
    return np.array(cues, dtype=np.intp), hops


def _in(share: Share, recordings: Sequence[int]) -> Share:
    owners = [trial.recording for trial in share.epochs.trials]
    return replace(share, index=np.flatnonzero(np.isin(owners, list(recordings))))

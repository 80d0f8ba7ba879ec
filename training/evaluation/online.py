"""Protocols that go through a recording as a live program does: hop by hop, causally."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from core.decoding.adaptation import Adaptation
from core.decoding.decoder import Decoder
from core.decoding.online import OnlineDecoder, WindowResult
from core.decoding.recentring import REFERENCE_SECONDS
from core.decoding.window_decoder import WindowDecoder
from core.encoders import Encoder
from core.errors import InputError
from core.feed.recording_feed import RecordingFeed
from core.fitting.trials.epochs import Epochs
from core.recordings import Event, Recording
from core.reliability import ReliabilityCurve, reliability
from training.evaluation.people import Signal
from training.evaluation.protocols import check_learned, check_parts
from training.evaluation.report.scoring import Asked, score, score_online
from training.evaluation.systems.base import Model, System
from training.evaluation.systems.heads import HeadModel
from training.evaluation.systems.transfer import PopulationModel
from training.evaluation.trials import Share, Trials, share_of

IDLE = "idle"


class FoldResult(NamedTuple):
    """What testing a system once gave.

    Attributes
    ----------
    fold, system : str
        Their names.
    learned, tested : int
        Trials that were learned from; trials or windows that were tested.
    scores : dict of str to float
        As in `ScoreRow`.
    curve : ReliabilityCurve
        Of the probabilities.
    """

    fold: str
    system: str
    learned: int
    tested: int
    scores: dict[str, float]
    curve: ReliabilityCurve


def calibrate_then_run(
    signals: Sequence[Signal], systems: Sequence[System], seed: int, all_parts: bool = False
) -> Iterator[tuple[Signal, FoldResult]]:
    """Learn from a person's first recordings and decide in the last as if it were live.

    The decision on a cue is that on the first window that begins at or after it. One that is
    refused for an artifact says nothing: all classes are then equally probable.

    Parameters
    ----------
    signals : sequence of Signal
    systems : sequence of System
    seed : int
    all_parts : bool
        Test every session or run in turn after learning from the others, not the last alone.
    """
    tested = [
        (signal, part)
        for signal in signals
        for part in (signal.person.parts if all_parts else signal.person.parts[-1:])
    ]
    for signal, last in tested:
        check_parts(signal, "calibrate-then-run")
        others = [part for part in signal.person.parts if part != last]
        share = share_of(signal, fitted=[i for part in others for i in part])
        cues, hops = _first_windows(signal, last)
        if not hops and all_parts:
            continue
        _check_tested(signal, last, hops)
        check_learned(learned := _in(share, share.fitted), last, "calibrate-then-run")
        train = Trials((learned,)).clean()
        undecided = np.full(len(signal.epochs.classes), 1.0 / len(signal.epochs.classes))
        for system in systems:
            model = system.fit(train, seed)
            probabilities = _decide(model, share, signal.epochs.classes, hops, undecided)
            truth = signal.epochs.labels[cues]
            scored = score(truth, probabilities), reliability(truth, probabilities)
            fold, counts = signal.person.part_name(last), (len(train), len(cues))
            yield signal, FoldResult(fold, system.name, *counts, *scored)


def pseudo_online(
    signals: Sequence[Signal], systems: Sequence[System], seed: int
) -> Iterator[tuple[Signal, FoldResult]]:
    """Decide on every window of a person's last recording, among the classes and idleness.

    Idleness is learned from windows between those after cues. A window of the test is of the
    class that was asked for during most of it. One that is refused for an artifact is idleness, as
    nothing is decided on it.

    Notes
    -----
    After Carrara and Papadopoulo (2024), Pseudo-online framework for BCI evaluation: a MOABB
    perspective, J. Neural Eng. 21.
    """
    for signal in signals:
        check_parts(signal, "pseudo-online")
        *first, last = signal.person.parts
        _check_tested(signal, last, _first_windows(signal, last)[1])
        rate, hop = signal.spec.rate, signal.spec.default_hop
        events = {name: name for name in (*signal.classes, IDLE)}
        epochs = signal.cut(
            [with_idle(signal, i) for i in range(len(signal.person.recordings))], events
        )
        share = share_of(signal, epochs, [i for part in first for i in part])
        check_learned(learned := _in(share, share.fitted), last, "pseudo-online")
        train = Trials((learned,)).clean()
        hops = [
            (run, start)
            for run in signal.runs_of(last)
            for start in range(0, len(signal.segments[run]) - signal.spec.window + 1, hop)
        ]
        truth, cues = asked_for(signal, hops)
        idle = np.array([float(name == IDLE) for name in epochs.classes])
        for system in systems:
            model = system.fit(train, seed)
            probabilities = _decide(model, share, epochs.classes, hops, idle)
            scores = score_online(
                truth, probabilities, cues, len(signal.classes), hop / rate, signal.pace
            )
            fold, counts = signal.person.part_name(last), (len(train), len(hops))
            curve = reliability(truth, probabilities)
            yield signal, FoldResult(fold, system.name, *counts, scores, curve)


def with_idle(signal: Signal, index: int) -> Recording:
    """Return a recording with events called `IDLE` where a window fits between those after cues.

    Windows lie as late as they can, so that what the last cue asked for has ended.
    """
    recording, rate, window = signal.person.recordings[index], signal.spec.rate, signal.spec.window
    stretches = recording.stretches(signal.settings.channels)
    starts = [start / recording.rate for start, _ in stretches]  # s
    idle = []
    for start, run in zip(starts, signal.runs_of([index]), strict=True):
        length = len(signal.segments[run])
        cues = sorted(min(cue, length) for cue_run, cue, _ in signal.cues if cue_run == run)
        ends = [0, *(cue + window for cue in cues)]
        for begin, end in zip(ends, [*cues, length], strict=True):
            onset = end - window
            while onset >= begin:
                idle.append(Event(start + onset / rate, window / rate, IDLE))
                onset -= window
    events = [event for event in recording.events if event.label != IDLE]
    return replace(recording, events=tuple(sorted((*events, *idle), key=lambda event: event.onset)))


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
        Those of trials with any window.
    """
    window, rate = signal.spec.window, signal.spec.rate
    places = np.array(hops)
    truth = np.full(len(places), len(signal.classes))
    cues, whole = [], set(map(tuple, signal.epochs.places.tolist()))
    for run, cue, label in signal.cues:
        later = places[:, 1] - cue  # samples from the cue to the window
        mask = (places[:, 0] == run) & (np.abs(later) < window / 2)
        truth[mask] = label
        after = np.flatnonzero((places[:, 0] == run) & (later > -window) & (later < window / 2))
        if mask.any() and (run, cue) in whole:
            cues.append(Asked(label, after, (later[after] + window) / rate))
    return truth, cues


def decide_online(model: HeadModel, recording: Recording) -> list[WindowResult]:
    """Return what the live loop makes of a recording, hop by hop: `OnlineDecoder` on its segments.

    Samples of a hop count at the model's rate from the recording's first one. Where the system
    adapts, events stand for the markers of a cued run.
    """
    return _live(model.decoder(), model.encoder, recording, model.system.adapt)


def _live(
    decoder: Decoder, encoder: Encoder | None, recording: Recording, adapt: Sequence[str] = ()
) -> list[WindowResult]:
    feed = RecordingFeed(recording)
    path = decoder.attach(feed.labels, feed.units, feed.rate)
    windows = WindowDecoder(decoder, encoder, recentre=decoder.recentre)
    given = OnlineDecoder(decoder, path, windows).push(feed.segments())
    if not adapt:
        return list(given)
    adaptation = Adaptation(decoder, windows, adapt, decoder.recentre or REFERENCE_SECONDS)
    for event in recording.events:
        adaptation.cue(event.onset, event.label)
    return list(adaptation.follow(given))


def _decide(
    model: Model,
    share: Share,
    classes: tuple[str, ...],
    hops: Sequence[tuple[int, int]],
    refused: np.ndarray,
) -> np.ndarray:
    """Return probabilities of windows that begin at whole hops of some runs.

    Our heads go through the live loop: a window is the first that it has from there on, and
    `refused`, shape (classes,), stands for one with an artifact, which nothing is decided on. The
    others have no loop; a window of the causally filtered signal is what they would have had.
    """
    signal = share.signal
    if not isinstance(model, HeadModel | PopulationModel):
        epochs = Epochs(
            signal.segments,
            np.array(hops),
            np.zeros(len(hops), dtype=np.intp),
            classes,
            signal.spec.window,
            (),
            (),
            signal.epochs.rest,
        )
        return model.probabilities(Trials((share_of(signal, epochs, share.fitted),)))
    starts = signal.starts
    given: dict[int, list[WindowResult]] = {}
    for owner in {signal.owner[run] for run, _ in hops}:
        # Others' head is aligned on the beginning of what it decides.
        recording = signal.person.recordings[owner]
        if isinstance(model, HeadModel):
            given[owner] = decide_online(model, recording)
        else:
            given[owner] = _live(model.decoder(signal, owner), model.encoder, recording)
    ends = {owner: np.array([hop.sample for hop in live]) for owner, live in given.items()}
    decisions = []
    for run, start in hops:
        owner = signal.owner[run]
        last = starts[run] + start + signal.spec.window - 1
        # Where the filters start anew after an artifact, hops are counted from there.
        index = int(np.searchsorted(ends[owner], last))
        within = index < len(ends[owner]) and ends[owner][index] < last + signal.spec.default_hop
        probabilities = given[owner][index].probabilities if within else None
        decisions.append(refused if probabilities is None else probabilities)
    return np.stack(decisions)


def _check_tested(signal: Signal, part: Sequence[int], hops: Sequence[object]) -> None:
    """Refuse a part in which no cue has a whole window after it."""
    if not hops:
        person = signal.person
        raise InputError(
            f"{person.name} has no whole trial in {person.part_name(part)}, the last and so the "
            "one that is tested; leave it out (--runs), or add a later one."
        )


def _first_windows(
    signal: Signal, recordings: Sequence[int]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return cues in some recordings, and the first window at a whole hop after each."""
    hop, window = signal.spec.default_hop, signal.spec.window
    cues, hops = [], []
    for index, (run, cue) in enumerate(signal.epochs.places.tolist()):
        begin = -(-cue // hop) * hop
        if signal.owner[run] in recordings and begin + window <= len(signal.segments[run]):
            cues.append(index)
            hops.append((run, begin))
    return np.array(cues, dtype=np.intp), hops


def _in(share: Share, recordings: Sequence[int]) -> Share:
    owners = [trial.recording for trial in share.epochs.trials]
    return replace(share, index=np.flatnonzero(np.isin(owners, list(recordings))))

"""Sending recordings and a simulated subject as LSL streams, sample by sample on time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from core.electrodes import electrode
from core.errors import InputError
from core.recordings import UNIT, Event, Recording
from core.stream.outlets import MarkerOutlet, SignalOutlet, local_source_id
from simulation.faults.fault import Fault, Source
from simulation.faults.schedule import Schedule
from simulation.faults.sending import Sender
from simulation.synthetic import SimulatedSubject

TYPE = "EEG"
BREAK = 1.0  # s without samples between two recordings, and where a recording has a break

_CHUNK = 0.032  # s of signal that are sent at once
_MARKERS_WAIT = 0.5  # s that a receiver of the signal has to open the markers too
_BEHIND = 5.0  # s that a live sender may be late before it leaves samples out


@dataclass(frozen=True)
class Piece:
    """Samples that are sent at once, with the markers that fall among them.

    Attributes
    ----------
    samples : ndarray of float32, shape (n, channels)
        In µV.
    positions : ndarray of int64, shape (n,)
        On the stream's sample grid; its first sample is 0, breaks leave positions out.
    markers : tuple of (float, str)
        Position on that grid, between samples too, and text.
    """

    samples: np.ndarray
    positions: np.ndarray
    markers: tuple[tuple[float, str], ...]


def cut(recordings: Sequence[Recording], chunk: int, loop: bool = False) -> Iterator[Piece]:
    """Cut recordings into pieces to be sent one after another.

    Parameters
    ----------
    recordings : sequence of Recording
        Of one rate and one set of channels, which are put into the order of the first.
    chunk : int
        Samples of a piece; the last one before a break may be shorter.
    loop : bool
        Begin again after the last one, indefinitely.
    """
    sites = _sites(recordings[0])
    gap = round(BREAK * recordings[0].rate)
    position = 0  # of the next sample
    while True:
        for recording in recordings:
            order = [_sites(recording).index(site) for site in sites]
            edges = [0, *recording.breaks, len(recording.samples_uv)]
            events = sorted(recording.events, key=lambda event: event.onset)[::-1]
            for begin, end in pairwise(edges):
                for start in range(begin, end, chunk):
                    stop = min(start + chunk, end)
                    last = stop == len(recording.samples_uv)
                    due = _due(events, recording.rate, None if last else stop)
                    yield Piece(
                        samples=recording.samples_uv[start:stop, order],
                        positions=position + np.arange(start - begin, stop - begin),
                        markers=tuple(
                            (position - begin + event.onset * recording.rate, event.label)
                            for event in due
                        ),
                    )
                position += end - begin + gap
        if not loop:
            return


def _due(events: list[Event], rate: float, before: int | None) -> list[Event]:
    """Take the events nearest to samples before one from a list's end, or all that are left.

    An onset may be rounded: that of the first sample behind a break must not end up before it.
    """
    due = []
    while events and (before is None or round(events[-1].onset * rate) < before):
        due.append(events.pop())
    return due


def replay(
    recordings: Sequence[Recording],
    name: str = "EEG",
    chunk: int | None = None,
    speed: float = 1.0,
    wait: bool = True,
    loop: bool = False,
    stop: threading.Event | None = None,
    say: Callable[[str], None] = lambda text: None,
    faults: Sequence[Fault] = (),
    truth: Callable[[dict[str, Any]], None] = lambda fact: None,
) -> int:
    """Send recordings as one stream, and their events as the stream ``<name>-Markers``.

    Samples go out as they are in `Recording.samples_uv`, each with the stamp *start* + *position*
    / *rate*, counted and never measured, and never before the time of that stamp. Between two
    recordings there is a second without samples.

    Parameters
    ----------
    recordings : sequence of Recording
        Of one rate and one set of channels.
    name : str
        Name of the stream; its type is ``EEG``.
    chunk : int, optional
        Samples sent at once; 32 ms of signal by default.
    speed : float
        Times real time. The stamps stay those of real time and so run ahead of the clock.
    wait : bool
        Wait for a first receiver, so that it gets every sample.
    loop : bool
        Begin again after the last recording, until stopped.
    stop : Event, optional
        Ends it from another thread.
    say : callable, optional
        Gets a sentence about what is sent and what is awaited.
    faults : sequence of Fault
        What goes wrong on purpose, at seconds of the signal.
    truth : callable, optional
        Gets what was sent and done, fact by fact; see `simulation.faults.truth`.

    Returns
    -------
    int
        Samples sent.

    Raises
    ------
    InputError
        If the recordings do not fit one stream, or a setting or a fault has no meaning.
    """
    stop = stop or threading.Event()
    _check(recordings, chunk, speed)
    first = recordings[0]
    source_id = f"{_source('replay', name)}/{first.sha256[:8]}"
    schedule = Schedule(faults, Source(first.rate, first.labels))
    sender = Sender(name, TYPE, UNIT, source_id, schedule, speed, stop, truth)
    markers = MarkerOutlet(f"{name}-Markers", f"{source_id}/markers")
    if outlet := sender.outlet:
        say(_announcement(outlet, markers))
    if wait and outlet:
        say("Waiting for a receiver before the first sample ...")
        while not outlet.wait_for_consumer(0.2):
            if stop.is_set():
                return 0
        markers.wait_for_consumer(_MARKERS_WAIT)
    start = sender.begin()
    for piece in cut(recordings, chunk or max(1, round(_CHUNK * first.rate)), loop):
        for part in sender.ready(piece.positions):
            if part.stop == len(piece.positions):
                for position, text in piece.markers:
                    markers.push(text, start + position / first.rate)
            sender.send(piece.samples[part], piece.positions[part])
        if stop.is_set():
            break
    if not stop.is_set():
        say(f"All {sender.sent} samples are sent.")
        sender.end()
    return sender.sent


def _sites(recording: Recording) -> list[str]:
    """Return what channels are called, whichever name of an electrode a file writes (T3, T7).

    Where two of them are one electrode (C3-A1, C3-A2) it is the labels as they are.
    """
    sites = [electrode(label) for label in recording.labels]
    return sites if len(set(sites)) == len(sites) else list(recording.labels)


def _check(recordings: Sequence[Recording], chunk: int | None, speed: float) -> None:
    if not any(len(recording.samples_uv) for recording in recordings):
        raise InputError("There is no recording with samples to send.")
    if chunk is not None and chunk < 1:
        raise InputError(f"--chunk is {chunk}; at least one sample has to be sent at once.")
    if not 0 < speed <= 1000:
        raise InputError(f"--speed is {speed:g}; it must be above 0 and at most 1000.")
    first = recordings[0]
    for other in recordings[1:]:
        if other.rate != first.rate or sorted(_sites(other)) != sorted(_sites(first)):
            raise InputError(
                f"{other.path.name} and {first.path.name} differ in rate or channels and cannot be "
                "sent as one stream. Replay them one by one."
            )


def simulate(
    subject: SimulatedSubject,
    name: str = "EEG",
    duration: float | None = None,
    stop: threading.Event | None = None,
    say: Callable[[str], None] = lambda text: None,
    speed: float = 1.0,
    note: Callable[[dict[str, Any]], None] = lambda fact: None,
    faults: Sequence[Fault] = (),
    truth: Callable[[dict[str, Any]], None] = lambda fact: None,
) -> int:
    """Send a simulated subject live, until stopped.

    What it imagines is told from another thread, with `SimulatedSubject.imagine`.

    Parameters
    ----------
    subject : SimulatedSubject
        Who is sent; in µV.
    name : str
        Name of the stream; its type is ``EEG``.
    duration : float, optional
        Seconds after which it ends by itself.
    stop : Event, optional
        Ends it from another thread.
    say : callable, optional
        Gets a sentence about what is sent.
    speed : float
        How much faster than the LSL clock the subject lives. Stamps are those of a clock that
        runs so much faster: the LSL clock times the speed.
    note : callable, optional
        Gets the stamp of the first sample with the rate, and in the end the number of samples.
    faults, truth
        As in `replay`.

    Returns
    -------
    int
        Samples sent.

    Raises
    ------
    InputError
        If a setting or a fault has no meaning.
    """
    if duration is not None and not duration > 0:
        raise InputError(f"--duration is {duration:g} s; it must be above 0.")
    if not speed > 0:
        raise InputError(f"--speed is {speed:g}; it must be above 0.")
    stop = stop or threading.Event()
    chunk = max(1, round(_CHUNK * speed * subject.rate))
    source_id = f"{_source('simulated', name)}/{subject.seed}"
    schedule = Schedule(faults, Source(subject.rate, subject.labels))
    sender = Sender(name, TYPE, UNIT, source_id, schedule, speed, stop, truth)
    if outlet := sender.outlet:
        say(_announcement(outlet))
    left = None if duration is None else round(duration * subject.rate)
    position, made = 0, 0
    note({"start": sender.begin(speed), "rate": subject.rate})
    while left is None or made < left:
        if (late := sender.late(position)) > _BEHIND:
            # The machine slept. What a person would have sent meanwhile is lost.
            position += round(late * speed * subject.rate)
        n = chunk if left is None else min(chunk, left - made)
        positions = np.arange(position, position + n)
        # Made when they are due: what is imagined by then shows in them.
        for part in sender.ready(positions):
            sender.send(subject.generate(len(positions[part])), positions[part])
        if stop.is_set():
            break
        position, made = position + n, made + n
    note({"sent": sender.sent})
    if not stop.is_set():
        sender.end()
    return sender.sent


def _source(kind: str, name: str) -> str:
    return local_source_id(f"{kind}/{name}")


def _announcement(outlet: SignalOutlet, markers: MarkerOutlet | None = None) -> str:
    return (
        f'Sending the stream "{outlet.name}" of type "{outlet.type}" and source_id '
        f'"{outlet.source_id}": {len(outlet.labels)} channels at {outlet.rate:g} Hz in '
        f"{outlet.unit}." + (f' Events go out as the stream "{markers.name}".' if markers else "")
    )

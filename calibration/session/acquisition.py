"""An open stream: its samples go to the eye at once, and to whoever else is listening."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from core.feed.clock_drift import ClockDrift
from core.feed.rate import RateWatch
from core.feed.segments import Segment, Segmenter
from core.montage import direction, electrode, named
from core.recordings import UNIT
from core.signal.monitor import ChannelStatus, Monitor, Traces
from core.stream.description import StreamFacts
from core.stream.discovery import list_streams
from core.stream.inlet import Block, Inlet
from core.units import factor

Listener = Callable[[Sequence[Segment]], None]
"""Takes the next segments of the stream; at once, and changes nothing in them."""

_SILENT_AFTER = 0.5  # s without a sample
_EARLY, _LATE = -0.1, 2.0  # s after its stamp at which a sample may come, if the stamp is right


@dataclass(frozen=True)
class Overrides:
    """What a person knows better than the stream.

    Attributes
    ----------
    channels : tuple of str or None
        A name for every channel, in order.
    unit : str or None
        Of all channels.
    speed : float
        How many seconds of the stream pass in one of this machine's: 1 but for rehearsals.
    """

    channels: tuple[str, ...] | None = None
    unit: str | None = None
    speed: float = 1.0

    def on(self, facts: StreamFacts) -> StreamFacts:
        """Return the facts with what is known better; electrodes without a unit are in µV.

        Raises
        ------
        InputError
            If there are not as many names as channels, or the unit is no voltage.
        """
        if self.unit is not None:
            factor(self.unit, UNIT)
        labels = named(facts.labels, self.channels, "the stream")
        return replace(
            facts,
            labels=labels,
            units=tuple(
                self.unit or unit or (UNIT if direction(label) is not None else "")
                for label, unit in zip(labels, facts.units, strict=True)
            ),
        )


class Acquisition:
    """Receives a stream in a thread of its own.

    Parameters
    ----------
    inlet : Inlet
        Open; closed with the acquisition.
    overrides : Overrides

    Attributes
    ----------
    facts : StreamFacts
        The stream's, as the person may have corrected them.
    monitor : Monitor
        What a screen draws.
    feed : Segmenter
        Makes the segments that every listener gets; counts what was lost.
    failure : str or None
        Why nothing more will come, in one sentence.

    Notes
    -----
    Stamps that cannot be those of the LSL clock, as they lie too far from when their samples came,
    say nothing about when a cue was seen; the least delay of arrivals does then, to some ms.
    """

    def __init__(self, inlet: Inlet, overrides: Overrides) -> None:
        facts = self.facts = overrides.on(inlet.facts)
        self.feed = Segmenter(facts.labels, facts.units, facts.rate)
        self.monitor = Monitor(
            facts.labels,
            [electrode(label) for label in facts.labels],
            self.feed.factors,
            facts.rate,
        )
        self.failure: str | None = None
        self._inlet = inlet
        self._speed = overrides.speed
        self._pace = ClockDrift()
        self._rate = RateWatch(facts.rate, overrides.speed)
        self._offset: float | None = None  # s, of stamps that are not those of the LSL clock
        self._listeners: tuple[Listener, ...] = ()
        self._newest_stamp = -np.inf
        self._newest_time = monotonic()
        self._stop = threading.Event()
        self._came = threading.Condition()
        self._handing = threading.Lock()
        self._thread = threading.Thread(target=self._receive, name="acquisition", daemon=True)
        self._thread.start()

    @property
    def channels(self) -> tuple[ChannelStatus, ...]:
        """All channels, and how they look."""
        return self.monitor.channels

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all channels, oldest first."""
        return self.monitor.traces(seconds)

    @property
    def live(self) -> bool:
        """Whether samples are arriving."""
        return self.failure is None and monotonic() - self._newest_time < _SILENT_AFTER

    @property
    def quiet(self) -> float:
        """Seconds since a sample came."""
        return monotonic() - self._newest_time

    def to_sender(self, time: float) -> float:
        """Return a time of this machine's clock on that of the stream's stamps."""
        offset = self._offset
        return time - (self._inlet.correction if offset is None else offset)

    @property
    def doubt(self) -> str:
        """What is wrong with the stream's stamps or rate, in a sentence; empty if nothing is."""
        offset = self._offset
        if offset is None:
            return self._rate.verdict.words
        return (
            f"The stream's time stamps are {abs(offset):.6g} s off the clock of LSL. Cues are "
            "placed by when samples arrive; put the sender's stamps right if that is not exact "
            "enough."
        )

    def listen(self, listeners: Sequence[Listener]) -> None:
        """Hand every block from now on to these, in order; to nobody if there are none."""
        with self._handing:  # a block goes to all of them or to none
            self._listeners = tuple(listeners)

    def wait_for(self, stamp: float, timeout: float) -> bool:
        """Wait until the sample of that time has come; return whether it has."""
        with self._came:
            return self._came.wait_for(
                lambda: self._newest_stamp >= stamp or self.failure is not None, timeout
            )

    def wait_for_signal(self, seconds: float, timeout: float) -> bool:
        """Wait until so many seconds of signal have come; return whether they have."""
        samples = seconds * self.facts.rate
        with self._came:
            return self._came.wait_for(
                lambda: self.feed.continuity.samples >= samples or self.failure is not None, timeout
            )

    def close(self) -> None:
        """Stop receiving. May be called again."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _receive(self) -> None:
        try:
            while not self._stop.is_set() and self.failure is None:
                block = self._inlet.read(timeout=0.05)
                if block is not None and len(block.samples):
                    self._take(block)
                elif self._inlet.lost:
                    self._fail(self._loss())
        except Exception as error:  # a screen must hear of it, whatever it is
            self._fail(f"Receiving the stream stopped: {error}")
        finally:
            self._inlet.close()

    def _take(self, block: Block) -> None:
        counted, newest = self.feed.continuity, float(block.stamps[-1])
        before, resets = counted.lost_samples, counted.resets
        set_by = self._compare(newest, block.arrival)
        segments = self.feed.push(block.samples, block.stamps, set_by)
        if resets and counted.resets != resets:  # the sender's clock was set
            self._pace.restart()
            self._compare(newest, block.arrival)
        lost = max(0, counted.lost_samples - before)
        self.monitor.push(block.samples, newest, lost)
        with self._handing:
            for listener in self._listeners:
                listener(segments)
        with self._came:
            self._newest_stamp, self._newest_time = newest, monotonic()
            self._came.notify_all()
        verdict = self._rate.take(
            block.stamps,
            block.arrival,
            counted.lost_samples,
            counted.resets,
            self._inlet.dropped_samples,
            counted.repeated_samples,
        )
        if verdict.level == "refused":
            self._fail(f'"{self.facts.identity.name}": {verdict.words}')

    def _compare(self, stamp: float, arrival: float) -> float:
        """Compare the newest stamp with when its sample came; return as `ClockDrift.take`."""
        set_by = self._pace.take(stamp, arrival * self._speed)
        usual = self._pace.lately
        if usual is not None:
            right = _EARLY <= usual - self._inlet.correction <= _LATE
            self._offset = None if right else usual
        return set_by

    def _loss(self) -> str:
        """Say that the stream is gone, and what is there in its place."""
        facts = self.facts
        said = f'The stream "{facts.identity.name}" ended or was lost.'
        again = [
            found
            for found in list_streams(1.0)
            if found.identity.name == facts.identity.name and found.is_signal
        ]
        for found in again:
            if found.rate != facts.rate:
                said += f" It is back with {found.rate:g} Hz instead of {facts.rate:g} Hz."
            elif found.channel_count != len(facts.labels):
                said += (
                    f" It is back with {found.channel_count} channels instead of "
                    f"{len(facts.labels)}."
                )
        return said

    def _fail(self, sentence: str) -> None:
        with self._came:
            self.failure = self.failure or sentence
            self._came.notify_all()

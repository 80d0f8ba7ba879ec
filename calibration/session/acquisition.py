"""An open stream: its samples go to the eye at once, and to whoever else is listening."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from time import monotonic

import numpy as np

from core.errors import printable
from core.feed.segments import Segment
from core.signal.monitor import ChannelStatus, Traces, monitor_of
from core.stream.discovery import list_streams
from core.stream.inlet import Inlet
from core.stream.stream_feed import Overrides, Received, StreamFeed

Listener = Callable[[Sequence[Segment]], None]
"""Takes the next segments of the stream; at once, and changes nothing in them."""

_LOG = logging.getLogger("eegpt.stream")
_SILENT_AFTER = 0.5  # s without a sample
_EARLY, _LATE = -0.1, 2.0  # s after its stamp at which a sample may come, if the stamp is right


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
    feed : StreamFeed
        Gives the segments that every listener gets.
    failure : str or None
        Why nothing more will come, in one sentence.

    Notes
    -----
    Stamps that cannot be those of the LSL clock, as they lie too far from when their samples came,
    say nothing about when a cue was seen; the least delay of arrivals does then, to some ms.
    """

    def __init__(self, inlet: Inlet, overrides: Overrides) -> None:
        self.feed = StreamFeed(inlet, overrides)
        self.facts = self.feed.facts
        self.monitor = monitor_of(self.feed.segmenter)
        self.failure: str | None = None
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
        return time - (self.feed.correction if offset is None else offset)

    @property
    def doubt(self) -> str:
        """What is wrong with the stream's stamps or rate, in a sentence; empty if nothing is."""
        offset = self._offset
        if offset is None:
            return self.feed.rate.verdict.words
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
        samples, counted = seconds * self.facts.rate, self.feed.segmenter.continuity
        with self._came:
            return self._came.wait_for(
                lambda: counted.samples >= samples or self.failure is not None, timeout
            )

    def close(self) -> None:
        """Stop receiving. May be called again."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _receive(self) -> None:
        try:
            while not self._stop.is_set() and self.failure is None:
                received = self.feed.read()
                if received is not None:
                    self._take(received)
                elif self.feed.lost:
                    self._fail(self._loss())
        except Exception as error:  # a screen must hear of it, whatever it is
            self._fail(f"Receiving the stream stopped: {error}")
        finally:
            self.feed.close()

    def _take(self, received: Received) -> None:
        usual, newest = self.feed.pace.lately, received.block.newest
        if usual is not None:
            right = _EARLY <= usual - self.feed.correction <= _LATE
            self._offset = None if right else usual
        self.monitor.push(received.block.samples, newest, received.lost)
        with self._handing:
            for listener in self._listeners:
                listener(received.segments)
        with self._came:
            self._newest_time = monotonic()
            if newest is not None:
                self._newest_stamp = newest
            self._came.notify_all()
        verdict = self.feed.rate.verdict
        if verdict.level == "refused":
            self._fail(f'"{self.facts.identity.name}": {verdict.words}')

    def _loss(self) -> str:
        """Say that the stream is gone, and what is there in its place."""
        facts = self.facts
        text = f'The stream "{facts.identity.name}" ended or was lost.'
        again = [
            stream
            for stream in list_streams(1.0)
            if stream.identity.name == facts.identity.name and stream.is_signal
        ]
        for stream in again:
            if stream.rate != facts.rate:
                text += f" It is back with {stream.rate:g} Hz instead of {facts.rate:g} Hz."
            elif stream.channel_count != len(facts.labels):
                text += (
                    f" It is back with {stream.channel_count} channels instead of "
                    f"{len(facts.labels)}."
                )
        return text

    def _fail(self, sentence: str) -> None:
        _LOG.info("failed: %s", printable(sentence))
        with self._came:
            self.failure = self.failure or sentence
            self._came.notify_all()

"""Receiving a stream: one thread that drains it, a bounded queue, and nothing that blocks."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from core.errors import InputError
from core.stream.description import FoundStream, facts_from, plain_text

if TYPE_CHECKING:
    from pylsl import StreamInlet

_PULL = 0.2  # s that a pull waits for a first sample, hence the longest that closing takes
_CORRECTION_EVERY = 5.0  # s
_CORRECTION_WAIT = 0.2  # s that one question for the clock offset waits
_TOGETHER = 0.05  # s in which samples come at once, where many waited to be read
_BUFFER = 60  # s that liblsl keeps should the thread not run
_MARKER_TEXT = 4096  # characters kept of one marker


@dataclass(frozen=True)
class Block:
    """Samples that were read at once.

    Attributes
    ----------
    samples : ndarray of float32, shape (n, channels)
        In the stream's unit.
    stamps : ndarray of float64, shape (n,)
        As the sender gave them, in seconds of its LSL clock.
    arrival : float
        LSL clock of this machine when the newest of them arrived, in seconds.
    parts : tuple of Block
        The same samples, by when they arrived; empty where only the newest one's arrival is known.
    """

    samples: np.ndarray
    stamps: np.ndarray
    arrival: float
    parts: tuple[Block, ...] = ()

    @property
    def newest(self) -> float | None:
        """Newest stamp that is a number, in seconds; None if no stamp is."""
        known = self.stamps[np.isfinite(self.stamps)]
        return float(known[-1]) if len(known) else None


@dataclass(frozen=True)
class Marker:
    """A marker as it came."""

    time: float  # s, LSL clock of its sender
    text: str


def _joined(blocks: Sequence[Block]) -> Block:
    return Block(
        np.concatenate([block.samples for block in blocks]),
        np.concatenate([block.stamps for block in blocks]),
        blocks[-1].arrival,
    )


class _Receiver:
    """A stream being received in a thread of its own.

    liblsl's own recovery is off, because it is silent and blind (a new sender may have another
    rate or other channels), and so are its clock synchronisation and smoothing of stamps, because
    they hide loss. Whoever wants a lost stream back finds it again and opens a new inlet.
    """

    def __init__(self, stream: FoundStream, timeout: float = 5.0) -> None:
        import pylsl

        inlet = pylsl.StreamInlet(stream.info, max_buflen=_BUFFER, recover=False)
        self.facts = facts_from(stream, lambda: inlet.info(timeout))
        try:
            inlet.open_stream(timeout)
        except RuntimeError as error:  # the base of pylsl's own TimeoutError and LostError
            raise InputError(
                f'Stream "{stream.identity.name}" on {stream.identity.host} could not be opened '
                f"within {timeout:g} s; check that its sender is still running."
            ) from error
        self.lost = False
        self.correction = 0.0
        self.newest_arrival: float | None = None
        self._clock: Callable[[], float] = pylsl.local_clock
        self._changed = threading.Condition()
        self._stop = threading.Event()
        # Daemons, so that a program which fails elsewhere still ends. They alone hold liblsl's
        # inlet: the last to let go destroys it, without closing the stream first, which is the
        # safer order in liblsl, and never under a call that still runs.
        self._threads = [
            threading.Thread(target=target, args=(inlet,), name=f"{name} LSL", daemon=True)
            for target, name in ((self._receive, "receive"), (self._correct, "correct"))
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop receiving; what is queued can still be read. May be called again."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        with self._changed:
            self._changed.notify_all()

    def _receive(self, inlet: StreamInlet) -> None:
        try:
            while not self._stop.is_set():
                samples, stamps = inlet.pull_chunk(_PULL, 1024, min_samples=1, as_numpy=True)
                if len(stamps):
                    with self._changed:
                        self.newest_arrival = self._clock()
                        self._keep(samples, stamps, self.newest_arrival)
                        self._changed.notify_all()
        except RuntimeError:  # pylsl's LostError, or an internal one after which nothing comes
            with self._changed:
                self.lost = True
                self._changed.notify_all()

    def _correct(self, inlet: StreamInlet) -> None:
        """Ask again and again by how much the sender's clock differs."""
        import pylsl

        pause = 0.0
        while not self._stop.wait(pause):
            try:
                self.correction = inlet.time_correction(_CORRECTION_WAIT)
                pause = _CORRECTION_EVERY
            except pylsl.util.TimeoutError:
                pause = 0.0
            except RuntimeError:  # lost: the other thread says so
                return

    def _keep(self, samples: np.ndarray, stamps: np.ndarray, arrival: float) -> None:
        raise NotImplementedError

    def _wait(self, timeout: float, queue: deque[Any]) -> None:
        """Wait, with the condition held, until there is something to read or nothing will come."""
        self._changed.wait_for(lambda: queue or self.lost or self._stop.is_set(), timeout)


class Inlet(_Receiver):
    """A signal being received.

    Parameters
    ----------
    stream : FoundStream
        From `core.stream.discovery.find_stream`.
    seconds : float
        Signal kept for a reader that does not come; the oldest goes first.
    timeout : float
        Seconds that the sender has to answer.

    Attributes
    ----------
    facts : StreamFacts
        The stream's full description.
    patience : float
        Seconds for which samples wait for a reader; older ones are dropped when it comes. Without
        an end, until it is set.
    dropped_samples : int
        Samples that were dropped unread. Their stamps are missing in what is read, so continuity
        sees them as lost.
    newest_arrival : float or None
        LSL clock of this machine when something last arrived.
    correction : float
        What must be added to the sender's stamps to get this machine's LSL clock, in seconds;
        0 until it is known, and measured anew every five seconds.
    lost : bool
        Whether the sender is gone, for good.

    Raises
    ------
    InputError
        If the stream is no signal, or its sender does not answer in time.
    """

    def __init__(self, stream: FoundStream, seconds: float = 10.0, timeout: float = 5.0) -> None:
        if not stream.is_signal:
            raise InputError(stream.problem)
        self.patience = math.inf
        self.dropped_samples = 0
        self._capacity = max(1, round(seconds * stream.rate))
        self._blocks: deque[Block] = deque()
        self._queued = 0  # samples
        super().__init__(stream, timeout)

    def read(self, timeout: float = 0.0) -> Block | None:
        """Return everything received since the last call.

        Parameters
        ----------
        timeout : float
            Seconds to wait while there is nothing.

        Returns
        -------
        Block or None
            None if nothing came in time; at once if the stream is lost or closed and everything
            has been read.
        """
        with self._changed:
            self._wait(timeout, self._blocks)
            # The newest stays: what was dropped before it is then seen as lost.
            while len(self._blocks) > 1 and self._clock() - self._blocks[0].arrival > self.patience:
                gone = len(self._blocks.popleft().stamps)
                self._queued -= gone
                self.dropped_samples += gone
            blocks = list(self._blocks)
            self._blocks.clear()
            self._queued = 0
        if not blocks:
            return None
        together = groupby(blocks, lambda block: block.arrival // _TOGETHER)
        return replace(_joined(blocks), parts=tuple(_joined(list(part)) for _, part in together))

    def _keep(self, samples: np.ndarray, stamps: np.ndarray, arrival: float) -> None:
        # A copy: what was pulled may be a small part of a large array.
        self._blocks.append(Block(samples.astype(np.float32), stamps.copy(), arrival))
        self._queued += len(stamps)
        while (excess := self._queued - self._capacity) > 0:
            oldest = self._blocks.popleft()
            if len(oldest.stamps) > excess:
                rest = Block(oldest.samples[excess:], oldest.stamps[excess:], oldest.arrival)
                self._blocks.appendleft(rest)
            gone = min(excess, len(oldest.stamps))
            self._queued -= gone
            self.dropped_samples += gone


class MarkerInlet(_Receiver):
    """A stream of markers being received.

    Parameters
    ----------
    stream : FoundStream
        From ``find_stream(..., markers=True)``.
    capacity : int
        Markers kept for a reader that does not come; the oldest goes first.

    Attributes
    ----------
    facts, newest_arrival, correction, lost
        As in `Inlet`.
    dropped_markers : int
        Markers that were dropped unread.

    Raises
    ------
    InputError
        If the stream has no text in it, or its sender does not answer in time.
    """

    def __init__(self, stream: FoundStream, capacity: int = 10_000) -> None:
        if stream.format != "string":
            raise InputError(
                f'Stream "{stream.identity.name}" has {stream.format} samples; markers are strings.'
            )
        self.dropped_markers = 0
        self._markers: deque[Marker] = deque(maxlen=capacity)
        super().__init__(stream)

    def read(self, timeout: float = 0.0) -> list[Marker]:
        """Return the markers received since the last call, waiting for one if there is none.

        Returns
        -------
        list of Marker
            Empty if none came in time; at once if the stream is lost or closed and everything
            has been read.
        """
        with self._changed:
            self._wait(timeout, self._markers)
            markers = list(self._markers)
            self._markers.clear()
        return markers

    def _keep(self, samples: np.ndarray, stamps: np.ndarray, arrival: float) -> None:
        for row, stamp in zip(samples, stamps, strict=True):
            # Bytes, as text from the network need not be UTF-8.
            text = plain_text(row[0].decode("utf-8", errors="replace"), _MARKER_TEXT)
            self.dropped_markers += len(self._markers) == self._markers.maxlen
            self._markers.append(Marker(float(stamp), text))

"""Markers of an LSL stream that may start later, end, and start again; found in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import InputError, one_line
from core.stream.description import FoundStream, StreamIdentity
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Marker, MarkerInlet
from core.stream.outlets import SOFTWARE

_LOOK = 1.0  # s that one search for the stream takes
_CLOCKS = 2.0  # s that markers from another machine wait until both clocks are known
_SAME = 0.01  # s: clocks of one host that were measured to differ by less are one clock


@dataclass(frozen=True)
class TimedMarker:
    """A marker on the clock of a signal."""

    time: float  # s
    text: str


def own_markers(signal: FoundStream) -> StreamQuery | None:
    """Return the query for the markers that our own replays send beside their signal."""
    source = signal.identity.source_id
    if source.startswith(f"{SOFTWARE}/") and "/replay/" in source:
        return StreamQuery(source_id=f"{source}/markers")
    return None


class MarkerFeed:
    """Receives the markers of a stream, whenever it is there.

    Parameters
    ----------
    query : StreamQuery
        For the stream of markers.

    Attributes
    ----------
    problem : str
        Why the stream is not there, in words; empty while it is.

    Notes
    -----
    A marker has the time of its sender's LSL clock, which is that of the signal where both come
    from one machine. Else both are brought to this machine's clock by what liblsl measures
    (``time_correction``), and the difference is taken. An inlet that was just opened has 0 there.
    """

    def __init__(self, query: StreamQuery) -> None:
        import pylsl

        self.problem = ""
        self._query = query
        self._clock: Callable[[], float] = pylsl.local_clock
        self._inlet: MarkerInlet | None = None
        self._dropped_before = 0  # markers, by earlier inlets
        self._opened = 0.0  # s, by this machine's clock: markers or signal, the later
        self._signal_known = False  # whether the signal's clock was, at the last reading
        self._waiting: list[Marker] = []
        self._connected, self._stop = threading.Event(), threading.Event()
        self._renewing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="markers LSL", daemon=True)
        self._thread.start()

    @property
    def dropped_markers(self) -> int:
        """Markers that were dropped because nobody read them in time."""
        inlet = self._inlet
        return self._dropped_before + (0 if inlet is None else inlet.dropped_markers)

    def wait(self, timeout: float) -> bool:
        """Wait until the stream is open; return whether it is."""
        return self._connected.wait(timeout)

    def read(self, signal: StreamIdentity, correction: float) -> list[TimedMarker]:
        """Return the markers that came since the last call, without waiting.

        Parameters
        ----------
        signal : StreamIdentity
            On whose clock their times are to be.
        correction : float
            What must be added to the signal's stamps to have them on this machine's clock, in s.
        """
        known_before, self._signal_known = self._signal_known, correction != 0.0
        if known_before and not self._signal_known:
            self._opened = self._clock()
        inlet = self._inlet
        if inlet is None:
            return []
        self._waiting += inlet.read()
        same_host = inlet.facts.identity.host == signal.host
        measured = self._signal_known and inlet.correction != 0.0
        if not self._waiting or not (
            same_host or measured or self._clock() - self._opened > _CLOCKS
        ):
            return []
        offset = inlet.correction - correction
        if same_host and not (measured and abs(offset) >= _SAME):
            offset = 0.0
        markers, self._waiting = self._waiting, []
        return [TimedMarker(marker.time + offset, marker.text) for marker in markers]

    def renew(self) -> None:
        """Open the stream anew: a connection that broke while nothing came on it tells nobody."""
        self._renewing.set()

    def close(self) -> None:
        """Stop receiving. May be called again."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                stream = find_stream(self._query, _LOOK, self._stop, markers=True)
                with MarkerInlet(stream) as inlet:
                    self._dropped_before = self.dropped_markers
                    self._opened = self._clock()
                    self._inlet, self.problem = inlet, ""
                    self._connected.set()
                    self._renewing.clear()
                    while not (self._stop.is_set() or self._renewing.is_set() or inlet.lost):
                        self._stop.wait(0.2)
            except InputError as error:  # not there yet, or several of them: look again
                self.problem = str(error)
            except Exception as error:  # from the network comes anything; the search goes on
                self.problem = f"What was found could not be read: {one_line(error)}"
                self._stop.wait(_LOOK)

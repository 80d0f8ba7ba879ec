"""Signals first, and decisions once other people's decoder is aligned with them: one window."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from core.decoding.decoder import Decoder
from core.decoding.recentring import REFERENCE_SECONDS
from core.errors import InputError
from core.feed.segments import Segment
from core.program import say
from core.recordings import Recording
from core.signal.monitor import Traces
from core.stream.description import StreamFacts
from core.stream.discovery import StreamQuery
from realtime.engine.engine import Engine
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.outputs import SignalListener
from realtime.engine.snapshot import Decision, Snapshot, StreamStatus
from realtime.uncalibrated import Gathered

_LOOK = 0.1  # s between two looks at whether there is enough signal
_CUT_SHORT = "The minute of signal was cut short; nothing was decoded."


class Alignment:
    """What a window looks at: an engine that shows signals, and then one that decodes them.

    Parameters
    ----------
    begin : callable
        Returns an engine without a decoder, with the listeners that it is given.
    align : callable
        Takes a function that waits for the signal and returns it; returns the decoder.
    go_on : callable
        Takes the decoder and the sender that the first engine read last; returns the engine that
        decodes, once the first has ended.

    Attributes
    ----------
    error : BaseException or None
        Why there are no decisions.
    """

    def __init__(
        self,
        begin: Callable[[Sequence[SignalListener]], Engine],
        align: Callable[[Callable[[], Recording]], Decoder],
        go_on: Callable[[Decoder, StreamStatus], Engine],
    ) -> None:
        self._gathered = _Gathering()
        self._align, self._go_on = align, go_on
        self._engine = begin([self._gathered])
        self._aligned = False
        self._markers: StreamQuery | None = None  # that a person chose
        self._toggled: list[str] = []  # channels that were clicked in the first minute
        self._lock = threading.Lock()  # of what was clicked, and who decodes
        self._failed: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="align", daemon=True)

    def start(self) -> None:
        """Begin to show signals."""
        self._engine.start()
        self._thread.start()

    def stop(self) -> None:
        """End what runs; return when everything is closed."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._engine.stop()

    @property
    def error(self) -> BaseException | None:
        """Why there are no decisions."""
        return self._engine.error or self._failed

    def snapshot(self) -> Snapshot:
        """Return what there is to see now, with the seconds of signal that are still needed."""
        snapshot = self._engine.snapshot()
        if self._failed is not None and self._engine.error is None:
            return replace(snapshot, message=str(self._failed))
        if self._aligned:
            return snapshot
        odd = self._clicked()
        channels = tuple(
            replace(channel, aside=True) if channel.label in odd else channel
            for channel in snapshot.channels
        )
        return replace(snapshot, aligning=self._gathered.left, channels=channels)

    def traces(self, seconds: float) -> Traces:
        """As `Engine.traces`."""
        return self._engine.traces(seconds)

    def raw_traces(self, seconds: float) -> Traces:
        """As `Engine.raw_traces`."""
        return self._engine.raw_traces(seconds)

    def set_evidence(self, settings: EvidenceSettings) -> None:
        """As `Engine.set_evidence`."""
        self._engine.set_evidence(settings)

    def pause(self, on: bool) -> None:
        """As `Engine.pause`."""
        self._engine.pause(on)

    def accept(self, uid: str) -> None:
        """As `Engine.accept`."""
        self._engine.accept(uid)

    def toggle_channel(self, label: str) -> None:
        """As `Engine.toggle_channel`; what was clicked in the first minute holds after it."""
        with self._lock:
            if self._aligned:
                self._engine.toggle_channel(label)
            else:
                self._toggled.append(label)

    def toggle_adaptation(self) -> None:
        """As `Engine.toggle_adaptation`."""
        self._engine.toggle_adaptation()

    def read_markers(self, query: StreamQuery) -> None:
        """As `Engine.read_markers`; what was chosen in the first minute is read after it."""
        self._markers = query
        self._engine.read_markers(query)

    def decisions(self, after: int) -> tuple[Decision, ...]:
        """As `Engine.decisions`."""
        return self._engine.decisions(after)

    def mark(self, label: str, time: float, task: str) -> float:
        """As `Engine.mark`."""
        return self._engine.mark(label, time, task)

    def _run(self) -> None:
        try:
            decoder = self._align(self._wait)
            if self._stopped.is_set():
                raise InputError(_CUT_SHORT)
            sender = self._engine.snapshot().stream
            self._engine.stop()
            engine = self._go_on(decoder, sender)
            if self._markers is not None:
                engine.read_markers(self._markers)
            with self._lock:
                for label in self._toggled:
                    engine.toggle_channel(label)
                engine.start()
                self._engine, self._aligned = engine, True
        except BaseException as error:  # the window says so, and whoever closed it hears of it
            if self._stopped.is_set() and isinstance(error, InputError):
                say(_CUT_SHORT)
            else:
                self._failed = error

    def _wait(self) -> Recording:
        """Return the signal once there is enough of it.

        Raises
        ------
        InputError
            If the window was closed, the engine ended, or the stream is not fit to be aligned with.
        """
        while self._gathered.left > 0:
            if self._stopped.wait(_LOOK) or not self._engine.running:
                raise InputError(_CUT_SHORT)
            snapshot = self._engine.snapshot()
            if snapshot.status == "rate":
                raise InputError(f'Stream "{snapshot.stream.name}": {snapshot.message}')
        recording = self._gathered.recording(self._engine.snapshot().stream.lost_samples)
        return replace(recording, bad_channels=tuple(sorted(self._clicked())))

    def _clicked(self) -> set[str]:
        """Return the channels that are set aside by clicks of the first minute."""
        with self._lock:
            return {label for label in self._toggled if self._toggled.count(label) % 2}


class _Gathering:
    """Collects what an engine reads."""

    def __init__(self) -> None:
        self._gathered: Gathered | None = None
        self._lock = threading.Lock()

    @property
    def left(self) -> float:
        """Seconds of signal that are still needed."""
        with self._lock:
            return REFERENCE_SECONDS if self._gathered is None else self._gathered.left

    def take(self, segments: Sequence[Segment], facts: StreamFacts) -> Mapping[str, str]:
        """Take the next segments; another kind of stream begins anew."""
        with self._lock:
            known = self._gathered
            if known is None or (known.facts.labels, known.facts.rate) != (
                facts.labels,
                facts.rate,
            ):
                known = self._gathered = Gathered(facts, REFERENCE_SECONDS)
            if known.left > 0:
                for segment in segments:
                    known.add(segment)
        return {}

    def close(self) -> None:
        """Nothing to finish."""

    def recording(self, lost: int) -> Recording:
        """Return the signal."""
        assert self._gathered is not None
        return self._gathered.recording(lost)

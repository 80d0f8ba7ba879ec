"""The live engine: one thread that takes samples from the inlet and gives decisions away.

It knows no window. Whoever wants to look asks for a snapshot.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.decoding.decoder import Decoder, WindowDecoder
from core.recordings import UNIT
from core.signal.monitor import Monitor, Traces
from core.signal.pipeline import SignalPath
from core.stream.continuity import Continuity
from core.stream.inlet import Block, Inlet
from core.units import factor
from realtime.decisions import DecisionMaker
from realtime.evidence import EvidenceSettings
from realtime.snapshot import Decision, DecoderStatus, Snapshot, StreamStatus

_SILENT_AFTER = 0.5  # s without a sample
_RECENT_SECONDS = 60.0


class Sink(Protocol):
    """Something that wants every decision: a log, an outlet."""

    def publish(self, decision: Decision) -> None:
        """Take one decision, in the engine's thread."""

    def close(self) -> None:
        """Called once, after the last decision."""


@dataclass(frozen=True)
class Decoding:
    """A decoder with everything it needs to run."""

    decoder: Decoder
    windows: WindowDecoder
    path: SignalPath


class Engine:
    """Decodes a live stream until it is stopped.

    Parameters
    ----------
    inlet : Inlet
        Open. The engine closes it.
    labels : sequence of str
        Of the stream's channels, as the person may have renamed them.
    unit : str or None
        Overrides the stream's own unit.
    decoding : Decoding or None
        None to look at the signal only.
    evidence : EvidenceSettings
    sinks : sequence of Sink
        Get every decision, in order. The engine closes them.
    clock : callable
        The LSL clock of this machine, in seconds.
    """

    def __init__(
        self,
        inlet: Inlet,
        labels: Sequence[str],
        unit: str | None,
        decoding: Decoding | None,
        evidence: EvidenceSettings,
        sinks: Sequence[Sink],
        clock: Callable[[], float],
    ) -> None:
        facts = inlet.facts
        self._inlet = inlet
        self._sinks = tuple(sinks)
        self._clock = clock
        self._evidence = evidence
        self._decoder = None if decoding is None else decoding.decoder
        self._maker = None
        if decoding is not None:
            self._maker = DecisionMaker(
                decoding.decoder, decoding.path, decoding.windows, evidence, self._stream_clock
            )
        self._continuity = (
            self._maker.continuity if self._maker is not None else Continuity(facts.rate)
        )
        self._hop_seconds = (
            0.25 if decoding is None else decoding.windows.hop / decoding.decoder.settings.rate
        )

        settings = None if self._decoder is None else self._decoder.settings
        self._monitor = Monitor(
            labels,
            _electrodes(labels, self._decoder),
            [factor(unit or u or UNIT, UNIT) for u in facts.units],
            facts.rate,
            None if settings is None else settings.band,
            None if settings is None else settings.reference,
        )

        self._lock = threading.Lock()
        self._latest: Decision | None = None
        self._recent: deque[Decision] = deque(maxlen=max(round(60.0 / self._hop_seconds), 1))
        self._paused = False
        self._newest_time = clock()  # local time at which the newest sample came
        self._newest_stamp = clock()  # stream's time of the newest sample
        self._refused_at = clock()
        self._gap_samples = 0
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Begin decoding."""
        self._thread.start()

    def stop(self) -> None:
        """End decoding; return when everything is closed. May be called again."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def running(self) -> bool:
        """Whether the engine's thread is at work."""
        return self._thread.is_alive()

    def set_evidence(self, settings: EvidenceSettings) -> None:
        """Change threshold, dwell and smoothing from the next decision on."""
        with self._lock:
            self._evidence = settings

    def pause(self, on: bool) -> None:
        """Stop or resume giving decisions away. The signal path goes on."""
        with self._lock:
            self._paused = on

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all channels."""
        return self._monitor.traces(seconds)

    def snapshot(self) -> Snapshot:
        """Return what there is to see now."""
        with self._lock:
            status, message = self._state()
            ages = [d.age_ms for d in self._recent if d.age_ms is not None and d.status == "ok"]
            p50, p95 = np.percentile(ages, [50, 95]) if ages else (None, None)
            identity = self._inlet.facts.identity
            return Snapshot(
                status=status,
                message=message,
                stream=StreamStatus(
                    name=identity.name,
                    type=identity.type,
                    source_id=identity.source_id,
                    host=identity.host,
                    uid=identity.uid,
                    nominal_rate=self._inlet.facts.rate,
                    measured_rate=self._continuity.measured_rate,
                    lost_samples=self._continuity.lost_samples,
                    age_p50_ms=None if p50 is None else float(p50),
                    age_p95_ms=None if p95 is None else float(p95),
                ),
                channels=self._monitor.channels,
                decoder=decoder_status(self._decoder),
                latest=self._latest,
                recent=tuple(self._recent),
                evidence=self._evidence,
                paused=self._paused,
            )

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                block = self._inlet.read(timeout=0.05)
                if block is not None and len(block.samples):
                    self._take(block)
                else:
                    self._watch()
                    if self._inlet.lost:  # reading returns at once from now on
                        self._stop.wait(0.05)
        except BaseException as error:  # the window must hear of it, whatever it is
            self.error = error
        finally:
            self._inlet.close()
            for sink in self._sinks:
                sink.close()

    def _take(self, block: Block) -> None:
        self._newest_time = self._refused_at = self._clock()
        lost_before = self._continuity.lost_samples
        if self._maker is not None:
            self._maker.evidence.settings = self._evidence
            for decision in self._maker.push(block.samples, block.stamps):
                self._publish(decision)
        else:
            self._continuity.split(block.stamps)
        if (lost := self._continuity.lost_samples - lost_before) > 0:
            self._gap_samples = lost
        self._newest_stamp = float(block.stamps[-1])
        self._monitor.push(block.samples, self._newest_stamp, lost)

    def _watch(self) -> None:
        """Say so, once a hop, while nothing comes."""
        now = self._clock()
        if self._maker is None or now - self._refused_at < self._hop_seconds:
            return
        if now - self._newest_time < _SILENT_AFTER and not self._inlet.lost:
            return
        self._refused_at = now
        status = "lost" if self._inlet.lost else "silent"
        self._publish(self._maker.refuse(status, self._newest_stamp))

    def _publish(self, decision: Decision) -> None:
        with self._lock:
            paused = self._paused
            if not paused:
                self._latest = decision
                self._recent.append(decision)
        if paused:
            return
        for sink in self._sinks:
            sink.publish(decision)

    def _state(self) -> tuple[str, str]:
        """Return the status now, and why, in words."""
        quiet = self._clock() - self._newest_time
        if self.error is not None:
            return "lost", f"Decoding stopped: {self.error}"
        if self._inlet.lost:
            return "lost", f"The stream ended or was lost {quiet:.0f} s ago."
        if quiet >= _SILENT_AFTER:
            return "silent", f"The stream is there but has sent nothing for {quiet:.1f} s."
        if self._maker is None:
            return "ok", ""
        status = "warming" if self._latest is None else self._latest.status
        to_go = self._maker.seconds_to_go
        if to_go == 0.0:
            return "ok", ""
        if status == "gap":
            return "gap", (
                f"{self._gap_samples} samples were lost; decisions return in {to_go:.1f} s."
            )
        return "warming", f"Waiting for a whole window of signal: {to_go:.1f} s to go."

    def _stream_clock(self) -> float:
        return self._clock() - self._inlet.correction


def decoder_status(decoder: Decoder | None) -> DecoderStatus | None:
    """Return the facts of a decoder that belong on every screen."""
    if decoder is None:
        return None
    return DecoderStatus(
        subject=decoder.facts.subject,
        head=decoder.facts.head,
        encoder="no encoder" if decoder.encoder is None else decoder.encoder.label,
        classes=decoder.classes,
        score=decoder.facts.score,
        chance=decoder.facts.chance,
        trials=decoder.facts.trials,
    )


def _electrodes(labels: Sequence[str], decoder: Decoder | None) -> list[str | None]:
    """Return, for each label, the decoder's electrode that it serves as."""
    from core.montage import CODEX, electrode

    wanted = CODEX if decoder is None else decoder.settings.channels
    return [site if (site := electrode(label)) in wanted else None for label in labels]

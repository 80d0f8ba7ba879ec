"""The live engine: one thread that takes samples from the inlet and gives decisions away.

It knows no window. Whoever wants to look asks for a snapshot.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.decoding.adaptation import Adaptation
from core.decoding.artifacts import ArtifactLimits, unit_words
from core.decoding.decoder import Decoder
from core.decoding.window_decoder import WindowDecoder
from core.electrodes import electrode
from core.errors import InputError, printable
from core.feed.segments import Segmenter
from core.signal.monitor import ChannelStatus, Monitor, Traces, monitor_of
from core.signal.pipeline import SignalPath
from core.signal.quality import suspected_factor
from core.stream.boards import motor_words
from core.stream.discovery import StreamQuery
from core.stream.marker_feed import MarkerFeed
from core.stream.reconnecting_feed import ReconnectingFeed
from core.stream.stream_feed import Overrides, Received, SignalSource
from realtime.engine.changes import Changes
from realtime.engine.cues import CueWatch
from realtime.engine.decision_history import RecentDecisions
from realtime.engine.decisions import DecisionMaker, aside_words
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.outputs import Outputs
from realtime.engine.snapshot import Decision, DecoderStatus, Snapshot, StreamEvent, StreamStatus

_LOG = logging.getLogger("eegpt.stream")
_NOTE_EVERY = 1.0  # s between two notes on how the stream goes
_JUDGED = 2.0  # s of signal that tell a wrong unit where no decoder does


@dataclass(frozen=True)
class Decoding:
    """A decoder with what it needs to run."""

    decoder: Decoder
    windows: WindowDecoder
    adaptation: Adaptation | None = None


class Engine:
    """Decodes a live stream until it is stopped.

    Parameters
    ----------
    source : SignalSource
        Open. The engine closes it.
    overrides : Overrides
    connect : callable
        Returns the path from a stream's segments into the decoder, None if there is none; raises
        `InputError` if the stream cannot be used. Asked about that of the source, and again about
        every one that takes its place.
    decoding : Decoding or None
        None to look at the signal only.
    evidence : EvidenceSettings
    outputs : Outputs
        Get the signal as it is read, before it is decided on, every decision and marker, and once a
        second how the stream goes. The engine closes them.
    accept_any : bool
        Take any stream of the same name and type in place of a lost one.
    confirm : bool
        Keep decisions until the signal after them has been judged too, as `DecisionMaker` does.
    cues : CueWatch, optional
        Reads the markers that go with the stream. The engine closes it.
    aside : sequence of str
        Electrodes to set aside from the beginning.
    """

    def __init__(
        self,
        source: SignalSource,
        overrides: Overrides,
        connect: Callable[[Segmenter], SignalPath | None],
        decoding: Decoding | None,
        evidence: EvidenceSettings,
        outputs: Outputs,
        accept_any: bool = False,
        confirm: bool = False,
        cues: CueWatch | None = None,
        aside: Sequence[str] = (),
    ) -> None:
        import pylsl

        self._feed = ReconnectingFeed(source, overrides, self._check, self._note, accept_any)
        self._connect = connect
        self._outputs = outputs
        self._cues = cues
        self._clock: Callable[[], float] = pylsl.local_clock
        self._evidence = evidence
        self._decoder = None if decoding is None else decoding.decoder
        self._decoder_status = None if decoding is None else DecoderStatus.of(decoding.decoder)
        path = connect(self._feed.segmenter)
        self._maker = None
        self._decoding, self._changes = decoding, None
        if decoding is not None:
            assert path is not None
            self._changes = Changes(decoding.windows, decoding.adaptation)
            self._maker = DecisionMaker(
                decoding.decoder,
                path,
                decoding.windows,
                evidence,
                self._feed.age,
                confirm,
                decoding.adaptation,
            )
        self._hop_seconds = (
            0.25 if decoding is None else decoding.windows.hop / decoding.decoder.settings.rate
        )
        self._drawn, self._uid = self._feed.segmenter, self._feed.facts.identity.uid
        self._monitor = self._monitor_of(self._drawn)

        self._lock = threading.Lock()
        self._latest: Decision | None = None
        self._decided_at = -math.inf  # s of the clock
        self._recent = RecentDecisions(self._hop_seconds)
        self._warnings: dict[str, str] = {}  # kind -> sentence
        self._paused = False
        self._toggled = list(aside)  # channels whose electrodes are to be set aside, or used again
        self._aside: tuple[str, ...] = ()  # as was noted last
        self._aside_words = ""
        self._newest_stamp = self._clock()  # stream's time of the newest sample
        self._refused_at = self._noted_at = self._clock()
        self._noted_status, self._noted_level = "", "unknown"
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

    @property
    def correction(self) -> float:
        """What must be added to the stream's times to have them on this machine's LSL clock."""
        return self._feed.offset

    def set_evidence(self, settings: EvidenceSettings) -> None:
        """Change threshold, dwell and smoothing from the next decision on."""
        with self._lock:
            self._evidence = settings

    def pause(self, on: bool) -> None:
        """Stop or resume giving decisions away. The signal path goes on."""
        with self._lock:
            self._paused = on

    def toggle_adaptation(self) -> None:
        """Undo all adaptation, or begin it anew, from the next decision on; if anything adapts."""
        if self._decoding is not None and self._decoding.adaptation is not None:
            self._decoding.adaptation.toggle()

    def accept(self, uid: str) -> None:
        """Take a stream of `Snapshot.offers` in place of the lost one."""
        self._feed.accept(uid)

    def toggle_channel(self, label: str) -> None:
        """Set the electrode of a channel aside, or use it again: the decoder gets another signal.

        What cannot be done is said where notes on the stream go.
        """
        with self._lock:
            self._toggled.append(label)

    def decisions(self, after: int) -> tuple[Decision, ...]:
        """Return every decision of the last minute with a greater index, oldest first."""
        with self._lock:
            return self._recent.after(after)

    def read_markers(self, query: StreamQuery) -> None:
        """Read the markers of another stream from now on."""
        if self._cues is not None:
            self._cues.listen(MarkerFeed(query))

    def mark(self, label: str, time: float, task: str) -> float:
        """Take a marker of a feedback task at a time of `clock`; return it by the stream's."""
        stream_time = time - self.correction
        if self._cues is not None:
            self._cues.mark(label, stream_time, task)
        return stream_time

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all channels."""
        return self._monitor.traces(seconds)

    def raw_traces(self, seconds: float) -> Traces:
        """Return a copy of the newest signal of all channels as received, but in µV."""
        return self._monitor.raw_traces(seconds)

    def snapshot(self) -> Snapshot:
        """Return what there is to see now."""
        with self._lock:
            status, message = self._state()
            p50, p95 = self._recent.ages_ms
            facts, continuity = self._feed.facts, self._feed.segmenter.continuity
            identity = facts.identity
            return Snapshot(
                status=status,
                message=message,
                stream=StreamStatus(
                    name=identity.name,
                    type=identity.type,
                    source_id=identity.source_id,
                    host=identity.host,
                    uid=identity.uid,
                    nominal_rate=facts.rate,
                    measured_rate=self._feed.rate.verdict.measured or continuity.measured_rate,
                    lost_samples=self._feed.lost_samples,
                    age_p50_ms=p50,
                    age_p95_ms=p95,
                    drift_s_per_hour=self._feed.pace.drift,
                    dropped_decisions=0 if self._maker is None else self._maker.dropped,
                ),
                channels=self._channels(),
                decoder=self._decoder_status,
                latest=self._latest,
                recent=self._recent.decisions,
                evidence=self._evidence,
                paused=self._paused,
                warnings=tuple(self._warnings.values()),
                offers=self._feed.offers,
                recentring="" if self._changes is None else self._changes.recentring,
                adaptation="" if self._changes is None else self._changes.adaptation,
                cues=None if self._cues is None else self._cues.cues,
                trials=() if self._cues is None else self._cues.trials,
                next_in=self._decided_at + self._hop_seconds - self._clock(),
            )

    def _run(self) -> None:
        try:
            if self._decoding is not None and self._maker is not None:
                self._decoding.windows.prepare()
                # Samples wait meanwhile; when they are too many, those go that nothing needs.
                self._feed.begin(self._maker.seconds_to_go + self._hop_seconds)
            while not self._stop.is_set():
                received = self._feed.read()
                if received is not None:
                    self._take(received)
                else:
                    self._refuse()
                self._read_cues()
                self._watch()
            if self._decoding is not None and self._decoding.adaptation is not None:
                self._decoding.adaptation.finish()
        except BaseException as error:  # the window must hear of it, whatever it is
            self.error = error
        finally:
            self._feed.close()
            if self._cues is not None:
                self._cues.close()
            self._outputs.close()

    def _take(self, received: Received) -> None:
        self._refused_at = self._clock()
        lost, block = received.lost, received.block
        if received.away is not None:
            self._resume(received.away)
            lost = max(1, round(received.away * self._feed.facts.rate))
        self._tell(self._outputs.hear(received.segments, self._feed.facts))
        if self._maker is not None:
            self._maker.evidence.settings = self._evidence
            self._maker.barred = self._feed.rate.barred
            self._set_aside(self._maker)
            for decision in self._maker.push(received.segments):
                self._publish(decision)
            self._note_aside(self._maker)
        if (newest := block.newest) is not None:
            self._newest_stamp = newest
        self._monitor.push(block.samples, newest, lost)

    def _set_aside(self, maker: DecisionMaker) -> None:
        """Set those electrodes aside that a person has clicked on, or use them again."""
        with self._lock:
            toggled, self._toggled = self._toggled, []
        for label in toggled:
            names = set(maker.aside) ^ {electrode(label)}
            try:
                for decision in maker.set_aside(sorted(names)):
                    self._publish(decision)
            except InputError as error:
                self._note("aside", str(error))

    def _note_aside(self, maker: DecisionMaker) -> None:
        """Say what is interpolated, whenever that changes."""
        if maker.aside != self._aside:
            self._aside = maker.aside
            self._aside_words = aside_words(maker.aside, maker.faults)
            self._note("aside", self._aside_words)

    def _check(self, stream: Segmenter) -> None:
        """Raise `InputError` if a stream cannot be decoded, or cannot be drawn."""
        self._connect(stream)
        self._monitor_of(stream)

    def _monitor_of(self, stream: Segmenter) -> Monitor:
        return monitor_of(stream, None if self._decoder is None else self._decoder.settings)

    def _channels(self) -> tuple[ChannelStatus, ...]:
        channels = self._monitor.channels
        if not self._aside:
            return channels
        return tuple(replace(c, aside=True) if c.electrode in self._aside else c for c in channels)

    def _resume(self, away: float) -> None:
        """Go on with a stream that took the place of the lost one."""
        before, self._uid = self._uid, self._feed.facts.identity.uid
        if self._cues is not None and self._uid == before:
            self._cues.renew()  # no sender began anew: the network, or this computer, was away
        path = self._connect(self._feed.segmenter)
        if self._maker is not None:
            assert path is not None
            self._maker.resume(path, away, f"The stream is back after {away:.1f} s without it")
        if not self._feed.segmenter.like(self._drawn):
            self._drawn = self._feed.segmenter
            self._monitor = self._monitor_of(self._drawn)

    def _refuse(self) -> None:
        """Say so, once a hop, while nothing comes."""
        now, condition = self._clock(), self._feed.condition
        if self._maker is None or condition == "ok" or now - self._refused_at < self._hop_seconds:
            return
        self._refused_at = now
        for decision in self._maker.refuse(condition, self._newest_stamp):
            self._publish(decision)

    def _publish(self, decision: Decision) -> None:
        assert self._changes is not None
        for kind, words in self._changes.news(decision):
            self._note(kind, words)
        with self._lock:
            paused = self._paused
            if not paused:
                self._latest, self._decided_at = decision, self._clock()
                self._recent.add(decision, self._clock())
        if paused:
            return
        if self._cues is not None:
            self._cues.decide(decision)
        self._tell(self._outputs.publish(decision))

    def _read_cues(self) -> None:
        if self._cues is not None:
            adaptation = None if self._decoding is None else self._decoding.adaptation
            for cue in self._cues.read(self._feed.facts.identity, self._feed.correction):
                self._tell(self._outputs.mark(cue))
                if adaptation is not None:
                    adaptation.cue(cue.time, cue.name)
                    if cue.ends:
                        adaptation.end(cue.time)

    def _watch(self) -> None:
        """Note how the stream goes: when its status changes, and once a second."""
        now = self._clock()
        with self._lock:
            status, message = self._state()
        if status != self._noted_status:
            self._noted_status = status
            if status in ("gap", "artifact", "rate", "late"):  # the feed says the others
                self._note(status, message)
        level, before = self._feed.rate.verdict.level, self._noted_level
        if now - self._noted_at < _NOTE_EVERY and level == before:
            return
        self._noted_at, self._noted_level = now, level
        known, self._warnings = self._warnings, self._doubts()
        for kind, words in self._warnings.items():
            if kind not in known and kind != "set aside":  # which was said when it was done
                self._note(kind, words)
        self._note("stream", message)

    def _doubts(self) -> dict[str, str]:
        """Return what is wrong with the stream without keeping it from being decoded."""
        doubts = dict(self._outputs.problems)
        if self._aside:
            doubts["set aside"] = self._aside_words
        if (rate := self._feed.rate.verdict).level == "doubted":
            doubts["rate"] = rate.words
        if self._maker is None:
            if words := motor_words(self._feed.facts.labels):
                doubts["motor"] = words
            seen = self._monitor.traces(_JUDGED).samples_uv
            rms = float(np.median(seen.std(axis=0))) if len(seen) else 0.0
            typical = ArtifactLimits.default(1).typical
            if (wrong_by := suspected_factor(rms, typical)) is not None:
                doubts["unit"] = unit_words(wrong_by) + "."
        if self._cues is not None:
            if problem := self._cues.problem(self._clock()):
                doubts["markers"] = problem
            if count := self._cues.dropped:
                doubts["dropped markers"] = (
                    f"Markers came faster than they were read, and were dropped ({count} so far): "
                    "cues may be missing in the score, in the log and for --adapt labels."
                )
        dropped = 0 if self._maker is None else self._maker.dropped
        if late := self._feed.dropped_samples:
            doubts["slow"] = (
                f"This computer is too slow: {late} samples and {dropped} decisions were dropped."
            )
        elif dropped:
            doubts["dropped decisions"] = (
                f"Decisions came more than a second late and were dropped ({dropped} so far): this "
                "computer or the sender was held up."
            )
        return doubts

    def _note(self, kind: str, text: str) -> None:
        if kind != "stream":
            _LOG.info("%s: %s", kind, printable(text))
        note, snapshot = StreamEvent(self._clock(), kind, text), self.snapshot()
        self._tell(self._outputs.note(note, snapshot))

    def _tell(self, problems: dict[str, str]) -> None:
        """Say of outputs that have just failed, to those that are left."""
        with self._lock:
            self._warnings |= problems
        for kind, words in problems.items():
            self._note(kind, words)

    def _state(self) -> tuple[str, str]:
        """Return the status now, and why, in words."""
        if self.error is not None:
            return "lost", f"Decoding stopped: {self.error}"
        if (condition := self._feed.condition) != "ok":
            return condition, self._feed.words
        if (rate := self._feed.rate.verdict).level == "refused":
            return "rate", rate.words
        if self._maker is None:
            return "ok", ""
        if self._maker.late_by:
            return "late", (
                f"The signal is {self._maker.late_by:.1f} s old when it could be decoded, and "
                "nothing is decided on signal older than 2 s; look at the network, or at what "
                "else this computer and the sender's do."
            )
        to_go = self._maker.seconds_to_go
        if to_go == 0.0:
            if self._feed.rate.barred == "warming":
                return "warming", "Waiting until the stream's rate is known: less than 3 s."
            return "ok", ""
        if reason := self._maker.reason:
            when = f"{to_go:.1f} s after it is over" if self._maker.spoilt else f"in {to_go:.1f} s"
            return self._maker.status, f"{reason}; decisions return {when}."
        return "warming", f"Waiting for a whole window of signal: {to_go:.1f} s to go."

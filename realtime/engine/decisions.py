"""Samples in, decisions out: the same for a live stream and for a recording."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace

import numpy as np

from core.decoding.adaptation import Adaptation
from core.decoding.decoder import Decoder
from core.decoding.online import OnlineDecoder, WindowResult
from core.decoding.outputs import Output
from core.decoding.rest import idle_class_of
from core.decoding.window_decoder import WindowDecoder
from core.electrodes import written
from core.feed.segments import Segment
from core.signal.pipeline import SignalPath
from realtime.engine.evidence import Evidence, EvidenceSettings
from realtime.engine.snapshot import Decision

_LATE = 1.0  # s after which a decision is dropped if a newer one can be made
_OLD = 2.0  # s after which none is given


class DecisionMaker:
    """Turns the segments of a stream or a recording into one decision every hop.

    Windows are those of `core.decoding.online.OnlineDecoder`; a decision without probabilities
    says why in its status.

    Parameters
    ----------
    decoder : Decoder
    path : SignalPath
        From `Decoder.attach`, for the units that segments have.
    windows : WindowDecoder
        Of this decoder; decides the hop.
    evidence : EvidenceSettings
    age : callable, optional
        How old a sample of that stamp is now, in seconds; without it decisions have no age. One
        with probabilities that is a second old is dropped, if the signal for a newer one has come
        already, and refused when it is two.
    confirm : bool
        Keep every decision until two patches of signal after its window have been judged too,
        and refuse it if there is anything wrong with them: a fault of the values shows only after
        a moment, as levels are measured over two patches, and a window may have ended in it by
        then.
    adaptation : Adaptation, optional
        Of these windows.

    Attributes
    ----------
    evidence : Evidence
    barred : str
        A status that every decision with probabilities is refused with; empty for none.
    late_by : float
        Seconds that the newest decision would have been old, if it was refused for that; else 0.
    dropped : int
        Decisions that were made and not given because they came too late; one that is refused is
        always given. All that were made count in `Decision.index`.
    """

    def __init__(
        self,
        decoder: Decoder,
        path: SignalPath,
        windows: WindowDecoder,
        evidence: EvidenceSettings,
        age: Callable[[float], float] | None = None,
        confirm: bool = False,
        adaptation: Adaptation | None = None,
    ) -> None:
        self.evidence = Evidence(evidence)
        self._frozen_evidence = Evidence(evidence)  # of the decoder without adaptation
        self._adaptation = adaptation
        self.dropped = 0
        self._classes = decoder.classes
        self._idle_class = idle_class_of(decoder)
        self._rate = decoder.settings.rate
        self._hops = OnlineDecoder(decoder, path, windows)
        self._age_of = age
        self.barred = ""
        self.late_by = 0.0
        self._index = 0  # of the next decision
        self._wait = 2 * decoder.patch if confirm else 0  # samples until a decision is confirmed
        self._held: deque[Decision] = deque()  # not confirmed yet
        self._windows = windows

    @property
    def status(self) -> str:
        """Of the newest window without probabilities."""
        return self._hops.status

    @property
    def reason(self) -> str:
        """In words, why the newest windows have no probabilities."""
        return self._hops.reason

    @property
    def seconds_to_go(self) -> float:
        """Signal still needed before there are probabilities, in seconds."""
        return self._hops.seconds_to_go

    @property
    def spoilt(self) -> bool:
        """As `OnlineDecoder.spoilt`."""
        return self._hops.spoilt

    @property
    def aside(self) -> tuple[str, ...]:
        """As `OnlineDecoder.aside`."""
        return self._hops.aside

    @property
    def faults(self) -> Mapping[str, str]:
        """As `OnlineDecoder.faults`."""
        return self._hops.faults

    def set_aside(self, names: Sequence[str]) -> Iterator[Decision]:
        """Interpolate these electrodes from now on, as `OnlineDecoder.set_aside`."""
        yield from self._decisions(self._hops.set_aside(names))

    def resume(self, path: SignalPath, away: float, reason: str) -> None:
        """Go on with another sender, as `OnlineDecoder.resume`."""
        self._hops.resume(path, away, reason)
        self._forget()

    def push(self, segments: Iterable[Segment]) -> Iterator[Decision]:
        """Take the next segments and give the decisions that they complete."""
        yield from self._decisions(self._hops.push(segments))

    def _decisions(self, hops: Iterator[WindowResult]) -> Iterator[Decision]:
        if self._adaptation is not None:
            hops = self._adaptation.follow(hops)
        spent = 0.0  # s of work since the last decision
        while True:
            started = time.perf_counter()
            hop = next(hops, None)
            spent += time.perf_counter() - started
            if hop is None:
                return
            status, probabilities, decided = hop.status, hop.probabilities, None
            if probabilities is not None and self.barred:
                status, probabilities = self.barred, None
            if probabilities is None:
                self._forget()
            else:
                decided = self._decide(hop, probabilities)
            if probabilities is not None and hop.waiting and self._seconds_old(hop.time) > _LATE:
                self._index += 1
                self.dropped += 1
                continue
            made = self._decision(
                hop.time,
                hop.sample,
                status,
                None
                if probabilities is None
                else {name: float(p) for name, p in zip(self._classes, probabilities, strict=True)},
                None if decided is None else self._classes[decided],
                spent,
                hop.reference,
                {} if probabilities is None else hop.outputs,
                hop.adapted,
            )
            spent = 0.0
            yield from self._confirmed(made)

    def _decide(self, hop: WindowResult, probabilities: np.ndarray) -> int | None:
        """Take probabilities as evidence; without adaptation it is that of the decoder alone."""
        seconds, frozen = hop.sample / self._rate, self._frozen_evidence
        frozen.settings = self.evidence.settings
        decided = frozen.update(probabilities if hop.frozen is None else hop.frozen, seconds)
        if hop.adapted:
            return self.evidence.update(probabilities, seconds)
        self.evidence = copy(frozen)  # whose arrays are never written to
        return decided

    def _forget(self) -> None:
        self.evidence.reset()
        self._frozen_evidence.reset()

    def refuse(self, status: str, now: float) -> Iterator[Decision]:
        """Give a decision that says why there is none, at a time without new samples."""
        self._forget()
        reference = self._windows.reference_name
        made = self._decision(now, self._hops.last_sample, status, None, None, 0.0, reference, {})
        yield from self._confirmed(made)

    def _confirmed(self, made: Decision) -> Iterator[Decision]:
        """Give the decisions that a newer one confirms, or refuse them with it."""
        if made.probabilities is None:
            while self._held:
                held = self._aged(self._held.popleft())
                yield held.refused(made.status)
            yield made
            return
        self._held.append(made)
        while self._held and made.sample - self._held[0].sample >= self._wait:
            held = self._held.popleft()
            yield self._in_time(held if held is made else self._aged(held))

    def _in_time(self, made: Decision) -> Decision:
        """Return a decision, without what it says if that is too old."""
        age = self._seconds_old(made.time)
        self.late_by = age if age > _OLD else 0.0
        if not self.late_by:
            return made
        self._forget()
        return made.refused("late")

    def _aged(self, held: Decision) -> Decision:
        """Return a decision with its age now."""
        return replace(held, age_ms=self._age(held.time))

    def _decision(
        self,
        stamp: float,
        sample: int,
        status: str,
        probabilities: dict[str, float] | None,
        decision: str | None,
        spent: float,
        reference: str,
        outputs: Mapping[str, Output],
        adapted: str = "",
    ) -> Decision:
        idle = self.evidence.settings.idle and decision in (None, self._idle_class)
        made = Decision(
            index=self._index,
            time=stamp,
            sample=sample,
            status=status,
            probabilities=probabilities,
            decision=decision,
            age_ms=self._age(stamp),
            compute_ms=round(spent * 1e3, 3),
            reference=reference,
            set_aside=self._hops.aside,
            faults=self._hops.faults,
            outputs=outputs,
            idle=idle and probabilities is not None,
            adapted=adapted,
        )
        self._index += 1
        return made

    def _seconds_old(self, stamp: float) -> float:
        return 0.0 if self._age_of is None else self._age_of(stamp)

    def _age(self, stamp: float) -> float | None:
        """Return how long ago a time of the stream's clock is, in ms."""
        return None if self._age_of is None else round(self._age_of(stamp) * 1e3, 3)


def aside_words(names: Sequence[str], faults: Mapping[str, str]) -> str:
    """Say which electrodes are set aside, and for which faults."""
    if not names:
        return "No electrode is set aside any more: all are used as they are."
    sites = ", ".join(
        f"{written(name)} ({faults[name]})" if name in faults else written(name) for name in names
    )
    return f"Set aside: {sites}. What the decoder gets there is interpolated from the neighbours."

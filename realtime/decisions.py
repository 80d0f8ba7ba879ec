"""Samples in, decisions out: the same for a live stream and for a recording."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from core.decoding.decoder import Decoder, WindowDecoder
from core.signal.pipeline import SignalPath
from core.stream.continuity import Continuity
from realtime.evidence import Evidence, EvidenceSettings
from realtime.snapshot import Decision


class DecisionMaker:
    """Turns a stream's samples and stamps into one decision every hop.

    Hops are counted from the start of each unbroken run of samples. Until a run has filled a
    whole window there is no probability: the status is "warming" after the beginning of the
    stream, "gap" after a break.

    Parameters
    ----------
    decoder : Decoder
    path : SignalPath
        From `Decoder.attach`.
    windows : WindowDecoder
        From `Decoder.windows`; decides the hop.
    evidence : EvidenceSettings
    clock : callable, optional
        The stream's clock now, in seconds; without it decisions have no age.
    """

    def __init__(
        self,
        decoder: Decoder,
        path: SignalPath,
        windows: WindowDecoder,
        evidence: EvidenceSettings,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.evidence = Evidence(evidence)
        self.continuity = Continuity(path.rate_in)
        self._classes = decoder.classes
        self._window = decoder.window
        self._rate = decoder.settings.rate
        self._path = path
        self._windows = windows
        self._clock = clock
        self._index = 0  # of the next decision
        self._position = 0  # of the next stream sample, lost ones counted
        self._spent = 0.0  # s of work since the last decision
        self._reason = "warming"
        self._begin_run()

    @property
    def seconds_to_go(self) -> float:
        """Signal still needed before there are probabilities, in seconds."""
        return max(0.0, (self._window - self._received) / self._rate)

    @property
    def last_sample(self) -> int:
        """Index of the newest sample at the model's rate; -1 before the first."""
        return self._first_sample + self._received - 1

    def push(self, samples: np.ndarray, stamps: np.ndarray) -> Iterator[Decision]:
        """Take samples as they came and give the decisions that they complete.

        Parameters
        ----------
        samples : ndarray, shape (n, stream channels)
            In the stream's unit.
        stamps : ndarray, shape (n,)
            Raw LSL stamps in seconds.
        """
        for run in self.continuity.split(stamps):
            if not run.continues and self._position:
                self._position += run.lost
                self._reason = "gap"
                self._begin_run()
            yield from self._push_run(samples[run.start : run.stop], stamps[run.start : run.stop])

    def refuse(self, status: str, now: float) -> Decision:
        """Return a decision that says why there is none, at a time without new samples."""
        self.evidence.reset()
        return self._decision(now, self.last_sample, status, None, None)

    def _begin_run(self) -> None:
        self._path.restart()
        self._windows.reset()
        self.evidence.reset()
        # Where the run's first sample lies on the model's clock, which counts lost samples too.
        self._first_sample = round(self._position * self._rate / self._path.rate_in)
        self._received = 0  # samples of the run at the model's rate
        self._pending = np.empty((0, len(self._path.settings.channels)))
        self._run_start = self._position
        self._stamps = np.empty(0)  # of the newest samples, enough for what the path holds back

    def _push_run(self, samples: np.ndarray, stamps: np.ndarray) -> Iterator[Decision]:
        started = time.perf_counter()
        signal = np.concatenate([self._pending, self._path.push(samples)])  # (m, channels)
        self._position += len(samples)
        self._stamps = np.concatenate([self._stamps[-8:], stamps])
        hop = self._windows.hop
        self._spent += time.perf_counter() - started
        for start in range(0, len(signal) - hop + 1, hop):
            started = time.perf_counter()
            probabilities = self._windows.push(signal[start : start + hop])
            self._received += hop
            self._spent += time.perf_counter() - started
            yield self._decide(probabilities)
        self._pending = signal[len(signal) - len(signal) % hop :]

    def _decide(self, probabilities: np.ndarray | None) -> Decision:
        at = self._time_of(self._received - 1)
        if probabilities is None:
            return self._decision(at, self.last_sample, self._reason, None, None)
        decided = self.evidence.update(probabilities, self.last_sample / self._rate)
        return self._decision(
            at,
            self.last_sample,
            "ok",
            {name: float(p) for name, p in zip(self._classes, probabilities, strict=True)},
            None if decided is None else self._classes[decided],
        )

    def _time_of(self, sample: int) -> float:
        """Return the stream's time of a sample of this run at the model's rate."""
        at = sample * self._path.rate_in / self._rate + self._run_start
        whole = int(at)
        newest = self._position - 1
        stamp = self._stamps[max(len(self._stamps) - 1 - (newest - whole), 0)]
        return float(stamp + (at - whole) / self._path.rate_in)

    def _decision(
        self,
        at: float,
        sample: int,
        status: str,
        probabilities: dict[str, float] | None,
        decision: str | None,
    ) -> Decision:
        made = Decision(
            index=self._index,
            time=at,
            sample=sample,
            status=status,
            probabilities=probabilities,
            decision=decision,
            age_ms=None if self._clock is None else round((self._clock() - at) * 1e3, 3),
            compute_ms=round(self._spent * 1e3, 3),
        )
        self._index += 1
        self._spent = 0.0
        return made

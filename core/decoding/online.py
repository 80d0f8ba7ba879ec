"""The online decoding loop: rejects artifacts and gives class probabilities once a hop."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.decoding.artifacts import ArtifactWatch, listed
from core.decoding.decoder import Decoder
from core.decoding.outputs import Output
from core.decoding.recentring import DECODER
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.feed.segments import FiniteSegments, Segment
from core.signal.interpolation import positions_aside
from core.signal.pipeline import SignalPath

_BAD_FOR = 5.0  # s for which an electrode must be bad to be set aside: no plug is pulled so long
_REMEMBERED = 8  # times kept of earlier samples: more than the path ever holds back


@dataclass(frozen=True)
class WindowResult:
    """One window of a stream, or why there is none.

    Attributes
    ----------
    sample : int
        Index of the window's last sample at the model's rate, lost ones counted.
    time : float
        Of that sample, in the stream's own seconds.
    status : str
        "ok"; else "warming" (no whole window yet, or none since other electrodes were set aside),
        "gap" or "artifact".
    probabilities : ndarray of float64, shape (classes,), or None
        Of the window, for the first task; only where the status is "ok".
    waiting : int
        Windows behind this one that have been received already.
    reference : str
        What it was decoded with: "decoder" for the decoder's own reference, or the name of the one
        that was taken from this stream (`core.decoding.recentring`).
    outputs : mapping of str to Output
        What each task says of the window; empty where the status is not "ok".
    adapted : str
        Name of what was laid over the decoder for it (`core.decoding.adaptation`); empty for
        nothing.
    frozen : ndarray of float64, shape (classes,), or None
        Where something was, what the decoder gives without.
    """

    sample: int
    time: float
    status: str
    probabilities: np.ndarray | None
    waiting: int
    reference: str = DECODER
    outputs: Mapping[str, Output] = field(default_factory=dict)
    adapted: str = ""
    frozen: np.ndarray | None = None


class OnlineDecoder:
    """Turns the segments of a stream or a recording into windows, hop by hop.

    Windows are counted from the start of each unbroken run of samples. Until a run has filled a
    whole window there are no probabilities, and none come from a window with an artifact in it.
    How the samples are cut into segments changes nothing where no run begins.

    Parameters
    ----------
    decoder : Decoder
    path : SignalPath
        From `Decoder.attach`, for the units that segments have.
    windows : WindowDecoder
        Of this decoder; decides the hop.

    Attributes
    ----------
    status : str
        Of the newest window without probabilities.
    reason : str
        In words, why the newest windows have no probabilities; empty at the beginning.
    aside : tuple of str
        Electrodes that are set aside: what they would have recorded is interpolated.
    faults : dict of str to str
        Those of them that were set aside for a fault, and which it was: `Judge.bad`.

    Raises
    ------
    InputError
        If the decoder's limits of artifacts are none.

    Notes
    -----
    A sample that is NaN or inf on any of the decoder's channels ends a run, as it would stay in
    the filters indefinitely; the next run begins after the last of them. They count as received. So
    do the few samples that are passed over where the filters start anew because they still ring
    from an artifact that is over.

    Electrodes that are flat or full of mains hum for some seconds are set aside, if all that are at
    that moment are few enough (`core.signal.interpolation.most_aside`); a new run begins there, and
    with every change of what is set aside.
    """

    def __init__(self, decoder: Decoder, path: SignalPath, windows: WindowDecoder) -> None:
        self.hop = windows.hop
        self.reason = ""
        self._window = max(decoder.window, decoder.warmup)
        self._rate = decoder.settings.rate
        self._channels = np.array(decoder.settings.channels)
        self._decoder = decoder
        self._windows = windows
        self._base = 0  # sample at the model's rate that this sender's first one is
        self.status = "warming"
        self._newest = (-1, 0.0)  # sample and time of the newest hop
        self._aside: list[int] = []
        self.faults: dict[str, str] = {}
        self._attach(path)

    def _attach(self, path: SignalPath) -> None:
        self._path = path
        self._watch = ArtifactWatch(self._decoder, path.rate_in, self.hop)
        self._position = 0  # of the next stream sample, lost ones counted
        self._unsaid = 0  # samples in no hop since the last one
        self._bad_hops = np.zeros(len(self._channels), dtype=int)  # in a row, of each electrode
        self._interpolate()
        self._begin_run()

    def _interpolate(self) -> None:
        """Let the path and the watch know what is set aside."""
        self._path.set_aside(self._aside)
        self._watch.set_aside(self._aside)
        self._finite = FiniteSegments(self._path.good_columns)
        self._finite_channels = np.delete(self._channels, self._aside)

    @property
    def aside(self) -> tuple[str, ...]:
        """Electrodes that are interpolated, in the decoder's order."""
        return tuple(self._channels[sorted(self._aside)].tolist())

    def set_aside(self, names: Sequence[str]) -> Iterator[WindowResult]:
        """Interpolate these electrodes and no others from the next sample on: a new run begins.

        Gives what is due for the samples that were too few for a hop.

        Raises
        ------
        InputError
            If the decoder has no such electrode, or they are too many, or have no place.
        """
        aside = positions_aside(self._channels.tolist(), names)
        if aside == self._aside:
            return
        self._aside = aside
        self.faults = {name: self.faults[name] for name in self.aside if name in self.faults}
        if self._position:
            self.status, self.reason = "warming", self._aside_words()
            yield from self._end_run()
        self._interpolate()
        self._begin_run()

    def _aside_words(self) -> str:
        if not self._aside:
            return "All electrodes are used again"
        faults = self.faults
        names = [f"{name} ({faults[name]})" if name in faults else name for name in self.aside]
        return f"{listed(names)} {'is' if len(names) == 1 else 'are'} set aside and interpolated"

    def resume(self, path: SignalPath, away: float, reason: str) -> None:
        """Go on with another sender: a break of known length in time.

        Parameters
        ----------
        path : SignalPath
            From `Decoder.attach`, for the new stream.
        away : float
            Seconds between the last sample of the old one and the first of the new one, by
            whatever clock has seen both.
        reason : str
            What to say until there are decisions again.
        """
        self._base = self.last_sample + 1 + max(0, round(away * self._rate))
        self.status, self.reason = "gap", reason
        self._attach(path)

    @property
    def seconds_to_go(self) -> float:
        """Signal still needed before there are probabilities, in seconds."""
        return max(0.0, (self._window - self._received + self._clean_from) / self._rate)

    @property
    def spoilt(self) -> bool:
        """Whether the newest window was refused for an artifact that may not be over yet."""
        return self.status == "artifact" and self._received == self._clean_from

    @property
    def last_sample(self) -> int:
        """Index of the newest sample at the model's rate; -1 before the first."""
        return self._first_sample + self._received - 1

    def push(self, segments: Iterable[Segment]) -> Iterator[WindowResult]:
        """Take the next segments and give the windows that they complete."""
        for segment in segments:
            if segment.begins and self._position:
                self.status, self.reason = "gap", segment.words
                yield from self._end_run()
                self._position += segment.lost
                self._begin_run()
            for part in self._finite.cut(segment):
                if part.nan:
                    yield from self._skip(part)
                else:
                    yield from self._decode(self._path.pick(part.samples_uv), part.times)

    def _begin_run(self) -> None:
        self._path.restart()
        self._windows.reset()
        self._watch.reset()
        # Where the run's first sample lies on the model's clock, which counts lost samples too.
        self._first_sample = self._base + round(self._position * self._rate / self._path.rate_in)
        self._received = 0  # samples of the run at the model's rate
        self._drop = 0  # samples to pass over before the run begins
        self._spoilt = False  # whether the newest hop has an artifact
        self._clean_from = 0  # those of them before the end of the last artifact
        self._pending = np.empty((0, len(self._channels)))
        self._run_start = self._position
        self._times = np.empty(0)  # of the newest samples, enough for what the path holds back

    def _end_run(self) -> Iterator[WindowResult]:
        """Account for what is too short for a hop: a stream in shreds is refused hop by hop."""
        self._watch.end_run()
        self._bad_hops[:] = 0
        self._unsaid += int(len(self._pending) * self._path.rate_in / self._rate)
        self._pending = self._pending[:0]
        if self._unsaid >= self._hop_samples:
            self._unsaid -= self._hop_samples
            yield self._refused(float(self._times[-1]))

    def _decode(self, picked: np.ndarray, times: np.ndarray) -> Iterator[WindowResult]:
        if self._drop:
            gone = min(self._drop, len(picked))
            left = self._drop - gone
            self._position += gone
            self._begin_run()
            self._drop = left
            picked, times = picked[gone:], times[gone:]
        if not len(picked):
            return
        before = self._position - self._run_start  # samples of the run
        signal = np.concatenate([self._pending, self._path.push_picked(picked)])  # (m, channels)
        self._watch.take(picked)
        self._position += len(picked)
        self._times = np.concatenate([self._times[-_REMEMBERED:], times])
        hops = len(signal) // self.hop
        for index in range(hops):
            piece = signal[index * self.hop : (index + 1) * self.hop]
            self._received += self.hop
            self._unsaid = 0
            reason = self._watch.judge(piece, self._received)
            ringing = self._spoilt and self._watch.ringing
            reference = self._windows.reference_name
            setting_aside = self._set_bad_aside()
            if setting_aside:
                self.reason = self._aside_words()
            elif reason and not ringing:
                self.reason = reason
            if reason or self._spoilt:
                # The piece after an artifact is not used either: its end may lie in there.
                self.status, self._spoilt = "artifact", bool(reason)
                self._windows.reset()
                self._clean_from = self._received
                probabilities = None
            else:
                probabilities = self._windows.push(piece)
            yield WindowResult(
                self.last_sample,
                self._known(self.last_sample, self._time_of(self._received - 1)),
                self.status if probabilities is None else "ok",
                probabilities,
                hops - 1 - index,
                reference,
                {} if probabilities is None else self._windows.outputs,
            )
            if setting_aside:
                self.status = "warming"
                self._interpolate()
                picked = self._path.interpolated(picked)
            if ringing or setting_aside:
                yield from self._calm(picked, times, before)
                return
        self._pending = signal[hops * self.hop :]

    def _set_bad_aside(self) -> bool:
        """Set electrodes aside that have been bad for long enough, and say whether any were."""
        bad = self._watch.bad
        self._bad_hops = np.where(bad != "", self._bad_hops + 1, 0)
        lasting = self._bad_hops * self.hop >= _BAD_FOR * self._rate
        if not lasting.any():
            return False
        channels = self._channels.tolist()
        try:
            # With all that are bad now: where many are, the fault is none of single electrodes.
            positions_aside(channels, (*self.aside, *self._channels[bad != ""].tolist()))
        except InputError:  # too many, or without a place on the head
            return False
        self._aside = sorted({*self._aside, *np.flatnonzero(lasting).tolist()})
        new = {channels[index]: str(bad[index]) for index in np.flatnonzero(lasting)}
        self.faults = self.faults | new  # a new one: decisions keep theirs
        return True

    def _calm(self, picked: np.ndarray, times: np.ndarray, before: int) -> Iterator[WindowResult]:
        """Start the filters anew soon after the newest hop, and go on from there.

        Parameters
        ----------
        picked, times
            As given to `_decode`.
        before : int
            Samples of the run before them.
        """
        # Always the same sample, however many the path has been given already.
        start = int(self._received * self._path.rate_in / self._rate) + _REMEMBERED - before
        self._position = self._run_start + before + min(start, len(picked))
        self._begin_run()
        self._drop = max(0, start - len(picked))
        if not self._drop:
            yield from self._decode(picked[start:], times[start:])

    def _skip(self, segment: Segment) -> Iterator[WindowResult]:
        """Pass over samples that are NaN or inf on some channel, refusing them hop by hop."""
        self.status = "artifact"
        self.reason = f"{listed(self._finite_channels[list(segment.nan)])} sent NaN or inf"
        yield from self._end_run()
        offset = 0
        while offset < len(segment):
            piece = min(len(segment) - offset, self._hop_samples - self._unsaid)
            offset += piece
            self._unsaid += piece
            self._position += piece
            self._begin_run()
            if self._unsaid == self._hop_samples:
                self._unsaid = 0
                yield self._refused(float(segment.times[offset - 1]))

    @property
    def _hop_samples(self) -> int:
        """Samples of the stream in a hop, rounded up."""
        return math.ceil(self.hop * self._path.rate_in / self._rate)

    def _refused(self, time: float) -> WindowResult:
        sample = self._base + round(self._position * self._rate / self._path.rate_in) - 1
        known, reference = self._known(sample, time), self._windows.reference_name
        return WindowResult(sample, known, self.status, None, 0, reference)

    def _time_of(self, sample: int) -> float:
        """Return the stream's time of a sample of this run at the model's rate."""
        position = sample * self._path.rate_in / self._rate + self._run_start
        whole = int(position)
        newest = self._position - 1
        stamp = self._times[max(len(self._times) - 1 - (newest - whole), 0)]
        return float(stamp + (position - whole) / self._path.rate_in)

    def _known(self, sample: int, time: float) -> float:
        """Return the time of a hop; by the samples since the last where it is NaN or inf."""
        last, last_time = self._newest
        time = time if math.isfinite(time) else last_time + (sample - last) / self._rate
        self._newest = sample, time
        return time

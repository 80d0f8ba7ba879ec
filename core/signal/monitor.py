"""Signal for the eye: the newest seconds of every channel of a stream, and how each looks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.electrodes import electrode, is_site
from core.signal.filtering import Band
from core.signal.finite import finite_mask
from core.signal.pipeline import SignalPath, SignalSettings, default_reference
from core.signal.quality import channel_quality
from core.signal.ring import Ring

if TYPE_CHECKING:
    from core.feed.segments import Segmenter

_RATE = 128.0  # Hz, of the traces
_SECONDS = 30.0  # of traces kept
_RAW_SECONDS = 30.0  # of the signal as received, for spectra, ...
_RAW_VALUES = 4_000_000  # ... unless that is more values than this, which are 32 MB
_JUDGED = 2.0  # s of raw signal that a channel is judged by
_JUDGE_EVERY = 1.0  # s


@dataclass(frozen=True)
class ChannelStatus:
    """One channel of the stream: its label, the electrode it serves as, and how it looks."""

    label: str
    electrode: str | None  # None: no electrode, or ignored by the decoder
    quality: str  # one of core.signal.quality.QUALITIES
    aside: bool = False  # what the decoder gets in its place is interpolated


@dataclass(frozen=True)
class Traces:
    """Signal for drawing, oldest sample first."""

    times: np.ndarray  # (samples,), the sender's LSL clock, s; a lost stretch is a step
    samples_uv: np.ndarray  # (samples, channels), µV

    @property
    def rate(self) -> float:
        """Samples a second, by the usual step between two; 0 for fewer than two."""
        steps = np.diff(self.times)
        return round(1.0 / float(np.median(steps)), 6) if len(steps) else 0.0

    def whole(self) -> Traces:
        """Return what follows the newest lost stretch."""
        steps = np.diff(self.times)
        breaks = np.flatnonzero(steps > 1.5 * np.median(steps)) if len(steps) else steps
        start = int(breaks[-1]) + 1 if len(breaks) else 0
        return Traces(self.times[start:], self.samples_uv[start:])


class Monitor:
    """Keeps what a screen draws of a stream. One thread writes, any may read.

    Parameters
    ----------
    labels : sequence of str
        Of every channel.
    electrodes : sequence of str or None
        The electrode that each serves as.
    factors : sequence of float
        From each channel's unit to µV.
    rate : float
        Of the stream, in Hz.
    band : Band, optional
        Of the traces.
    reference : str, optional
        One of `core.signal.pipeline.REFERENCES`; by default what suits the number of channels.
    """

    def __init__(
        self,
        labels: Sequence[str],
        electrodes: Sequence[str | None],
        factors: Sequence[float],
        rate: float,
        band: Band | None = None,
        reference: str | None = None,
    ) -> None:
        reference = reference or default_reference(len(labels))
        drawn = SignalSettings(tuple(labels), reference, min(_RATE, rate), band or Band())
        self._path = SignalPath(drawn, rate, range(len(labels)), list(factors))
        self._factors = np.asarray(factors)
        self._rate = rate
        self._drawn = Ring(round(_SECONDS * drawn.rate), len(labels), np.float32)
        kept = min(_RAW_SECONDS * rate, _RAW_VALUES / max(1, len(labels)))
        self._raw = Ring(round(max(_JUDGED * rate, kept)), len(labels), np.float32)
        self._to_judge = round(_JUDGE_EVERY * rate)  # samples
        self._lock = threading.Lock()
        self._newest = 0.0  # s, stamp
        self._last = np.zeros(len(labels))  # newest number of every channel, in its unit
        # Raw sample of every channel's newest NaN or inf.
        self._not_finite = np.full(len(labels), -1)
        # Drawn sample, raw sample, and s lost before both.
        self._steps: deque[tuple[int, int, float]] = deque(maxlen=256)
        self._channels = tuple(
            ChannelStatus(label, site, "good")
            for label, site in zip(labels, electrodes, strict=True)
        )

    @property
    def channels(self) -> tuple[ChannelStatus, ...]:
        """All channels, judged at most a second of signal ago."""
        return self._channels

    def push(self, samples: np.ndarray, newest: float | None, lost: int = 0) -> None:
        """Take the next samples.

        Parameters
        ----------
        samples : ndarray, shape (n, channels)
            In the stream's unit.
        newest : float or None
            Stamp of the last of them, in seconds; None where it has none that is a number.
        lost : int
            Samples that are missing before them; the traces' filter then starts anew.
        """
        samples = self._finite(samples)
        if lost > 0:
            self._path.restart()
        with self._lock:
            if lost > 0:
                steps = (self._drawn.written, self._raw.written, lost / self._rate)
                self._steps.append(steps)
            self._drawn.write(self._path.push(samples).astype(np.float32))
            self._raw.write(samples * self._factors)
            if newest is not None:
                self._newest = newest
        self._to_judge -= len(samples)
        if self._to_judge <= 0:
            self._to_judge = round(_JUDGE_EVERY * self._rate)
            self._judge()

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all channels."""
        return self._copy(self._drawn, 0, self._path.settings.rate, seconds)

    def raw_traces(self, seconds: float) -> Traces:
        """Return a copy of the newest signal of all channels as received, but in µV.

        Half a minute is kept, or less of very many channels at a very high rate.
        """
        return self._copy(self._raw, 1, self._rate, seconds)

    def raw(self) -> np.ndarray:
        """Return a copy of the newest two seconds as received, shape (samples, channels), µV."""
        return self._raw.copy(round(_JUDGED * self._rate))[0]

    def _copy(self, ring: Ring, which: int, rate: float, seconds: float) -> Traces:
        with self._lock:
            samples, written = ring.copy(round(seconds * rate))
            newest, steps = self._newest, tuple(self._steps)
        times = newest - np.arange(len(samples) - 1, -1, -1) / rate
        oldest = written - len(samples)
        for step in steps:
            times[: max(0, step[which] - oldest)] -= step[2]
        return Traces(times, samples)

    def _finite(self, samples: np.ndarray) -> np.ndarray:
        """Return samples in which a channel that sends NaN or inf stands still.

        One NaN would stay in the filters indefinitely.
        """
        sound = finite_mask(samples)
        if not sound.all():
            places = self._raw.written + np.arange(len(samples))[:, None]
            self._not_finite = np.maximum(self._not_finite, np.where(sound, -1, places).max(axis=0))
            # For every sample, the row of the last finite one up to it; row 0 is from earlier.
            rows = np.where(sound, np.arange(1, len(samples) + 1)[:, None], 0)
            rows = np.maximum.accumulate(rows, axis=0)
            held = np.concatenate([self._last[None], np.where(sound, samples, 0.0)])
            samples = np.take_along_axis(held, rows, axis=0)
        if len(samples):
            self._last = np.array(samples[-1], dtype=np.float64)
        return samples

    def _judge(self) -> None:
        samples = self.raw()
        # Where a channel stands still as it sent NaN or inf, it is to be judged by that.
        samples[-1, self._not_finite >= self._raw.written - len(samples)] = np.nan
        qualities = channel_quality(samples, self._rate)
        self._channels = tuple(
            replace(channel, quality=quality)
            for channel, quality in zip(self._channels, qualities, strict=True)
        )


def monitor_of(stream: Segmenter, settings: SignalSettings | None = None) -> Monitor:
    """Return the monitor of a stream's channels.

    Parameters
    ----------
    stream : Segmenter
    settings : SignalSettings, optional
        A decoder's: its electrodes are told from the other channels, and its band and reference
        are drawn. Without, electrodes are those of the 10-05 system.
    """
    sites = [electrode(label) for label in stream.labels]
    if settings is None:
        known = [site if is_site(site) else None for site in sites]
        return Monitor(stream.labels, known, stream.factors, stream.rate)
    known = [site if site in settings.channels else None for site in sites]
    return Monitor(
        stream.labels, known, stream.factors, stream.rate, settings.band, settings.reference
    )

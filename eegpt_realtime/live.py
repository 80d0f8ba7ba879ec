"""Decoding a live stream from Python: ours, or an mne-lsl stream that is connected already."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.decoding.window_decoder import WindowDecoder
from core.electrodes import electrode
from core.feed.segments import Segmenter
from core.machine.threads import few_threads
from core.numbered_channels import groups_apart
from core.signal.pipeline import SignalPath
from core.stream.description import StreamFacts, StreamIdentity
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Block, Inlet
from core.stream.reconnecting_feed import ReconnectingFeed
from core.stream.stream_feed import Overrides, SignalSource
from core.units import UNIT, volts_per
from eegpt_realtime.decoding import FittedDecoder
from realtime.engine.decisions import DecisionMaker
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.snapshot import Decision

if TYPE_CHECKING:
    from mne_lsl.stream import StreamLSL

_POLL = 0.02  # s between two looks at a stream that has nothing new


def decode(
    decoder: FittedDecoder,
    stream: str | StreamLSL,
    *,
    duration: float | None = None,
    confirm: bool = False,
    timeout: float = 10.0,
    recentre: float | Literal["off"] | None = None,
) -> Iterator[Decision]:
    """Yield a live stream's decisions as they are made.

    Parameters
    ----------
    decoder : FittedDecoder
    stream : str or mne_lsl.stream.StreamLSL
        Name of an LSL stream, or a connected stream of mne-lsl without processing of its stamps,
        which hides losses.
    duration : float, optional
        Seconds of decoding; by default until the stream ends.
    confirm : bool
        As ``eegpt-realtime --confirm``.
    timeout : float
        Seconds to look for a stream by name.
    recentre : float or "off", optional
        As `FittedDecoder.decisions`.

    Yields
    ------
    Decision
        As the program gives them: also one a hop that is refused while nothing comes ("silent"),
        with the age of the signal when it was made, none from signal that is two seconds old
        ("late"), and older ones dropped where newer ones can be made, so that a caller who takes
        longer than a hop misses some (`Decision.index`) and is never behind.

    Raises
    ------
    InputError
        If there is no such stream, or it does not fit the decoder.
    """
    import pylsl

    source: SignalSource
    if isinstance(stream, str):
        source = Inlet(find_stream(StreamQuery(name=stream), timeout))
    else:
        source = _Connected(stream)
    model = decoder.decoder

    def attached(segmenter: Segmenter) -> SignalPath:
        return model.attach(segmenter.labels, segmenter.units, segmenter.rate)

    with closing(ReconnectingFeed(source, Overrides(), attached, lambda kind, words: None)) as feed:
        path = attached(feed.segmenter)
        windows = WindowDecoder(model, decoder.encoder, recentre=decoder.recentre_seconds(recentre))
        evidence = EvidenceSettings.of(model)
        maker = DecisionMaker(model, path, windows, evidence, feed.age, confirm)
        hop = windows.hop / model.settings.rate  # s
        bad = [
            name
            for name in getattr(source, "bad_electrodes", ())
            if name in model.settings.channels
        ]
        yield from _limited(maker.set_aside(bad))
        with few_threads(live=True):
            windows.prepare()
        feed.begin(maker.seconds_to_go + hop)
        end = math.inf if duration is None else time.monotonic() + duration
        told, newest = time.monotonic(), pylsl.local_clock() - feed.correction  # s
        while time.monotonic() < end:
            lost = feed.lost  # asked before reading: what is queued by then is all there will be
            if (received := feed.read(_POLL)) is not None:
                if received.away is not None:
                    reason = f"The stream is back after {received.away:.1f} s without it"
                    maker.resume(attached(feed.segmenter), received.away, reason)
                maker.barred = feed.rate.barred  # a rate that is wrong, or not known yet
                yield from _limited(maker.push(received.segments))
                told, newest = time.monotonic(), received.block.newest or newest
            elif lost:
                return
            elif feed.condition != "ok" and time.monotonic() - told >= hop:
                told = time.monotonic()
                yield from _limited(maker.refuse(feed.condition, newest))


def _limited(decisions: Iterator[Decision]) -> Iterator[Decision]:
    """Make decisions with few threads, but not while the caller's own code has its turn."""
    while True:
        with few_threads(live=True):
            decision = next(decisions, None)
        if decision is None:
            return
        yield decision


class _Connected:
    """A stream of mne-lsl, which its user opened and closes, read as an `Inlet` is.

    Attributes
    ----------
    bad_electrodes : tuple of str
        Of the channels that its user marked as bad.
    """

    patience, dropped_samples, correction = math.inf, 0, 0.0
    newest_arrival: float | None = None

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._newest, self._repeats = -math.inf, 0  # stamp in s, and how many samples have it
        self.lost = False
        names, bads = stream.ch_names, stream.info["bads"]
        labels = groups_apart(names)
        everything = list(range(len(labels)))  # what is marked as bad, too
        self.bad_electrodes = tuple(
            electrode(label) for label, name in zip(labels, names, strict=True) if name in bads
        )
        self.facts = StreamFacts(
            StreamIdentity(stream.name, stream.stype, stream.source_id, "", ""),
            float(stream.info["sfreq"]),
            labels,
            tuple(_unit(power) for _, power in stream.get_channel_units(everything)),
            tuple(stream.get_channel_types(everything)),
            len(labels),
            "float32",
            (),
        )

    def read(self, timeout: float = 0.0) -> Block | None:
        import pylsl

        self.lost = not self._stream.connected
        count = 0 if self.lost else self._stream.n_new_samples
        if not count:
            time.sleep(timeout)
            return None
        # With a second of what came before: samples that come before the data are taken push others
        # out of them, and those with the newest stamp are counted from the first of them on.
        window = count + math.ceil(self.facts.rate)
        data, stamps = self._stream.get_data((window - 0.5) / self.facts.rate, exclude=())
        known = np.flatnonzero(stamps == self._newest)[: self._repeats]
        begin = int(known[-1]) + 1 if len(known) else 0
        if not self._repeats:  # the first question; before it there may have been no stream
            begin = max(0, len(stamps) - count)
        arrival = pylsl.local_clock()
        if begin < len(stamps):
            self._newest = float(stamps[-1])
            self._repeats = int(np.count_nonzero(stamps == self._newest))
            # mne-lsl keeps to itself how the clocks differ: the shortest delay is taken for none.
            delay = arrival - self._newest
            self.correction = min(self.correction, delay) if self.correction else delay
        return Block(data.T[begin:].astype(np.float32), stamps[begin:], arrival)

    def close(self) -> None:
        pass


def _unit(power: int) -> str:
    """Return mne-lsl's power of ten as a unit; what it does not know is taken as µV."""
    unit = f"1e{int(power)}" if int(power) else "V"
    return unit if volts_per(unit) is not None else UNIT

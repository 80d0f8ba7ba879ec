"""Decoding a live stream from Python: ours, or an mne-lsl stream that is connected already."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from core.decoding.window_decoder import WindowDecoder
from core.machine.threads import few_threads
from core.stream.description import StreamFacts, StreamIdentity
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Block, Inlet
from core.stream.stream_feed import StreamFeed
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

    Raises
    ------
    InputError
        If there is no such stream, or it does not fit the decoder.
    """
    if isinstance(stream, str):
        feed = StreamFeed(Inlet(find_stream(StreamQuery(name=stream), timeout)))
    else:
        feed = StreamFeed(_Connected(stream))
    with closing(feed):
        model, segmenter = decoder.decoder, feed.segmenter
        path = model.attach(segmenter.labels, segmenter.units, segmenter.rate)
        windows = WindowDecoder(model, decoder.encoder, recentre=decoder.recentre_seconds(recentre))
        maker = DecisionMaker(model, path, windows, EvidenceSettings.of(model), confirm=confirm)
        end = math.inf if duration is None else time.monotonic() + duration
        while time.monotonic() < end:
            lost = feed.lost  # asked before reading: what is queued by then is all there will be
            if (received := feed.read(_POLL)) is not None:
                maker.barred = feed.rate.barred  # a rate that is wrong, or not known yet
                with few_threads(live=True):  # not while the person's own code has its turn
                    decisions = list(maker.push(received.segments))
                yield from decisions
            elif lost:
                return


class _Connected:
    """A stream of mne-lsl, which its user opened and closes, read as an `Inlet` is."""

    patience, dropped_samples, correction = math.inf, 0, 0.0
    newest_arrival: float | None = None

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._newest = -math.inf  # s, stamp
        self.lost = False
        labels = tuple(stream.ch_names)
        self.facts = StreamFacts(
            StreamIdentity(stream.name, stream.stype, stream.source_id, "", ""),
            float(stream.info["sfreq"]),
            labels,
            tuple(_unit(power) for _, power in stream.get_channel_units()),
            tuple(stream.get_channel_types()),
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
        data, stamps = self._stream.get_data(winsize=count / self.facts.rate)
        new = stamps > self._newest
        if new.any():
            self._newest = float(stamps[-1])
        return Block(data.T[new], stamps[new], pylsl.local_clock())

    def close(self) -> None:
        pass


def _unit(power: int) -> str:
    """Return mne-lsl's power of ten as a unit; what it does not know is taken as µV."""
    unit = f"1e{int(power)}" if int(power) else "V"
    return unit if volts_per(unit) is not None else UNIT

"""Decoding a live stream from Python: ours, or an mne-lsl stream that is connected already."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from core.feed.segments import Segmenter
from core.recordings import UNIT
from core.units import volts_per
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

    Yields
    ------
    Decision

    Raises
    ------
    InputError
        If there is no such stream, or it does not fit the decoder.
    """
    source = _Named(stream, timeout) if isinstance(stream, str) else _Connected(stream)
    model = decoder.decoder
    feed = Segmenter(source.ch_names, source.units, source.rate)
    path = model.attach(feed.labels, feed.units, feed.rate)
    maker = DecisionMaker(
        model, path, model.windows(decoder.encoder), EvidenceSettings(), confirm=confirm
    )
    end = np.inf if duration is None else time.monotonic() + duration
    try:
        while time.monotonic() < end and not source.ended:
            samples, stamps = source.read()
            if len(stamps):
                yield from maker.push(feed.push(samples, stamps))
            else:
                time.sleep(_POLL)
    finally:
        source.close()


class _Named:
    """A stream that is found by its name, through our own reader."""

    def __init__(self, name: str, timeout: float) -> None:
        from core.stream.discovery import StreamQuery, find_stream
        from core.stream.inlet import Inlet

        self._inlet = Inlet(find_stream(StreamQuery(name=name), timeout))
        facts = self._inlet.facts
        self.ch_names, self.units, self.rate = facts.labels, facts.units, facts.rate

    @property
    def ended(self) -> bool:
        return self._inlet.lost

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        block = self._inlet.read(_POLL)
        if block is None:
            return np.empty((0, len(self.ch_names))), np.empty(0)
        return block.samples, block.stamps

    def close(self) -> None:
        self._inlet.close()


class _Connected:
    """A stream of mne-lsl, which its user opened and closes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.ch_names = tuple(stream.ch_names)
        self.rate = float(stream.info["sfreq"])
        units = stream.get_channel_units()
        self.units = tuple(_unit(power) for _, power in units)
        self._newest = -np.inf

    @property
    def ended(self) -> bool:
        return not self._stream.connected

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        count = self._stream.n_new_samples
        if not count:
            return np.empty((0, len(self.ch_names))), np.empty(0)
        data, stamps = self._stream.get_data(winsize=count / self.rate)
        new = stamps > self._newest
        if new.any():
            self._newest = float(stamps[-1])
        return data.T[new], stamps[new]

    def close(self) -> None:
        pass


def _unit(power: int) -> str:
    """Return mne-lsl's power of ten as a unit; what it does not know is taken as µV."""
    unit = f"1e{int(power)}" if int(power) else "V"
    return unit if volts_per(unit) is not None else UNIT

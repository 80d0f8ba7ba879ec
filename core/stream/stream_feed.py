"""The segments of an LSL stream, with the clock and the rate of its sender."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from core.electrodes import is_site
from core.feed.clock_drift import ClockDrift
from core.feed.rate import RateWatch
from core.feed.segments import Segment, Segmenter, joined
from core.montage import named
from core.stream.description import StreamFacts, warnings_of
from core.stream.inlet import Block
from core.units import UNIT, factor

_LOG = logging.getLogger("eegpt.stream")


@dataclass(frozen=True)
class Overrides:
    """What a person knows better than the stream.

    Attributes
    ----------
    channels : tuple of str or None
        A name for every channel, in order.
    unit : str or None
        Of all channels.
    speed : float or None
        How many seconds of the stream pass in one of this machine's.
    units : tuple of str or None
        Of each channel, where `unit` is not given; empty for what the stream says.
    """

    channels: tuple[str, ...] | None = None
    unit: str | None = None
    speed: float | None = None
    units: tuple[str, ...] | None = None

    def on(self, facts: StreamFacts) -> StreamFacts:
        """Return the facts with what is known better; electrodes without a unit are in µV.

        Raises
        ------
        InputError
            If there are not as many names as channels, or the unit of an electrode is no voltage.
        """
        if self.unit is not None:
            factor(self.unit, UNIT)
        labels = named(facts.labels, self.channels, "the stream")
        given = self.units or ("",) * len(labels)
        for label, unit in zip(labels, given, strict=True):
            if unit and is_site(label):
                factor(unit, UNIT)
        units = [self.unit or known or unit for known, unit in zip(given, facts.units, strict=True)]
        warnings = facts.warnings
        if self.channels or self.unit or self.units:
            unnamed = 0 if self.channels else facts.unnamed
            warnings = warnings_of(facts.identity, labels, units, unnamed)
        return replace(
            facts,
            labels=labels,
            units=tuple(
                unit or (UNIT if is_site(label) else "")
                for label, unit in zip(labels, units, strict=True)
            ),
            warnings=warnings,
            speed=facts.speed if self.speed is None else self.speed,
        )


class SignalSource(Protocol):
    """What a feed reads: `core.stream.inlet.Inlet`, or another's stream made to look like one."""

    lost: bool
    patience: float
    dropped_samples: int
    correction: float
    newest_arrival: float | None

    @property
    def facts(self) -> StreamFacts:
        """The stream's own description."""

    def read(self, timeout: float = 0.0) -> Block | None:
        """Return everything received since the last call, waiting for something."""

    def close(self) -> None:
        """Stop receiving."""


@dataclass(frozen=True)
class Received:
    """What came at once.

    Attributes
    ----------
    block : Block
        As received.
    segments : list of Segment
        Over all of its samples.
    lost : int
        Samples that were lost before or among them.
    away : float or None
        Seconds for which a stream that was opened anew had been away; None for one that was not.
    """

    block: Block
    segments: list[Segment]
    lost: int
    away: float | None = None


class StreamFeed:
    """Gives the segments of a stream until it is lost, and judges its clock and its rate.

    Parameters
    ----------
    source : SignalSource
        Open; closed with the feed.
    overrides : Overrides

    Attributes
    ----------
    facts : StreamFacts
        Of the stream that is read now, as a person may have corrected them.
    segmenter : Segmenter
        Knows channels and units of the segments; counts what was received and lost.
    pace : ClockDrift
        Of the sender's clock.
    rate : RateWatch
        Of the sender.
    clock_was_set : bool
        Whether the sender set its clock while it was watched.

    Raises
    ------
    InputError
        If the overrides do not fit the stream.
    """

    def __init__(self, source: SignalSource, overrides: Overrides = Overrides()) -> None:
        import pylsl

        self._clock: Callable[[], float] = pylsl.local_clock
        self._overrides = overrides
        self._lost_before = self._dropped_before = 0  # samples, of and by earlier sources
        self._begin(source)

    @property
    def correction(self) -> float:
        """What must be added to stamps to have them on this machine's clock, in seconds."""
        return self._source.correction

    @property
    def lost(self) -> bool:
        """Whether the sender is gone."""
        return self._source.lost

    @property
    def lost_samples(self) -> int:
        """Samples that were lost so far."""
        return self._lost_before + self.segmenter.continuity.lost_samples

    @property
    def dropped_samples(self) -> int:
        """Samples that were dropped because nobody read them in time."""
        return self._dropped_before + self._source.dropped_samples

    def read(self, timeout: float = 0.05) -> Received | None:
        """Return what has come, waiting for something; None if nothing has.

        Parameters
        ----------
        timeout : float
            Seconds to wait.
        """
        block = self._source.read(timeout)
        if block is None or not len(block.stamps):
            return None
        counted = self.segmenter.continuity
        lost = counted.lost_samples
        # By when they came, as signal may have waited long to be read.
        segments = [segment for part in block.parts or (block,) for segment in self._take(part)]
        return Received(block, joined(segments), max(0, counted.lost_samples - lost))

    def close(self) -> None:
        """Close the stream."""
        self._source.close()

    def _begin(self, source: SignalSource) -> None:
        """Read this stream from now on."""
        self._source = source
        self.facts = self._overrides.on(source.facts)
        self.segmenter = segmenter_of(self.facts)
        self.pace = ClockDrift()
        self.rate = RateWatch(self.facts.rate, self.facts.speed, since=self._clock())
        self.clock_was_set = False
        _LOG.info("reading: %s", _described(self.facts))

    def _take(self, block: Block) -> list[Segment]:
        """Cut what came at once into segments, and judge the sender's clock and rate by it."""
        counted = self.segmenter.continuity
        resets = counted.resets
        set_by = self._compare(block)
        segments = self.segmenter.push(block.samples, block.stamps, set_by)
        if resets and counted.resets != resets:  # jumped, and arrivals tell the new offset
            self.clock_was_set = True
            _LOG.info("clock: the sender's was set, at its time %.3f s", block.stamps[-1])
            self.pace.restart()
            self._compare(block)
        self.rate.take(
            block.stamps,
            block.arrival,
            counted.lost_samples,
            counted.resets,
            self._source.dropped_samples,
            counted.repeated_samples,
        )
        return segments

    def _compare(self, block: Block) -> float:
        """Compare the newest stamp with its arrival; return what `ClockDrift.take` does."""
        return self.pace.take(float(block.stamps[-1]), block.arrival * self.facts.speed)


def _described(facts: StreamFacts) -> str:
    units = ", ".join(dict.fromkeys(unit or "no unit" for unit in facts.units))
    return (
        f"{facts.identity}, {facts.channel_count} channels of {facts.format} at {facts.rate:g} Hz "
        f"in {units}: {' '.join(facts.labels)}"
    )


def segmenter_of(facts: StreamFacts) -> Segmenter:
    """Return what makes segments of a stream with these facts, from `Overrides.on`."""
    return Segmenter(facts.labels, facts.units, facts.rate)

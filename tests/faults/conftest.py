"""A faulty stream without LSL: the same samples and stamps, into the same code that decodes."""

from dataclasses import dataclass

import numpy as np
import pytest

from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.feed.segments import Segmenter
from realtime.engine.decisions import DecisionMaker
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.snapshot import Decision
from simulation.faults.fault import Sent, Source
from simulation.faults.schedule import Schedule
from simulation.faults.spec import parse
from simulation.faults.truth import Teller, Truth

SHOWS = {"flat": 0.125, "railed": 0.25, "noisy": 0.25, "hum": 0.25, "scale": 0.25}
SHOWS |= {"off": 0.5, "test": 0.25, "copy": 0.25, "repeat": 0.05, "hold": 0.012}
"""s of a fault in the values that must have come before it shows, as docs/faults.md says. Every
other fault counts from its first sample."""


@dataclass(frozen=True)
class Decoded:
    """What came of a faulty stream: the truth, and every decision with its window's place."""

    truth: Truth
    decisions: list[Decision]
    windows: list[tuple[float, float]]  # first and last sample in the signal
    confirmed: bool  # then every fault counts from its first sample

    def published(self):
        """Windows of which probabilities were given."""
        pairs = zip(self.windows, self.decisions, strict=True)
        return [window for window, decision in pairs if decision.probabilities is not None]

    def wrong(self):
        """Published windows that touch a fault which shows by then, and why."""
        found = []
        for first, last in self.published():
            why = [
                spec for spec in self.truth.touched(first, last) if self._shows(spec, first, last)
            ]
            if why:
                found.append(((first, last), why))
        return found

    def _shows(self, why, first, last):
        """Whether enough of a fault has come since the signal began anew."""
        one = next((h for h in self.truth.happened if h.spec == why), None)
        if one is None or one.fault not in SHOWS or (self.confirmed and one.fault != "hold"):
            return True
        broken = self.truth.positions[np.diff(self.truth.positions, prepend=-2) != 1]
        anew = [
            h for h in self.truth.happened if h.touches != "altered" or h.fault in ("nan", "inf")
        ]
        edges = (0, *broken, *(edge for h in anew for edge in h.samples))
        begun = max(edge for edge in edges if edge <= first)
        start = one.samples[0] if one.fault != "repeat" else self._repeated_from(one)
        seen = min(last, one.samples[1]) - max(start, begun)
        if self.confirmed:
            return seen > 1  # a single sample that is filled in is no fault of few channels
        # Another fault of the same samples may hide this one, until it shows itself.
        there = [
            SHOWS.get(h.fault, 0.0)
            for h in self.truth.happened
            if h.touches == "altered"
            and h.samples[0] < one.samples[1]
            and one.samples[0] < h.samples[1]
        ]
        return seen >= max(there) * self.truth.rate

    def _repeated_from(self, one):
        """Return the first sample of a buffer sent again that had been received before."""
        positions, length = self.truth.positions, parse(one.spec).reach(self.truth.rate)
        start, stop = one.samples
        later = positions[(positions >= start) & (positions < stop)]
        first = start - length  # of the buffer
        known = positions[positions >= first]
        equal = (later - first) % length  # place in the buffer
        again = [
            p
            for p, at in zip(later, equal, strict=True)
            if at in (known[known < p] - first) % length
        ]
        return again[0] if again else stop


def decode(decoder, recording, faults, chunk, confirm=False):
    """Send a recording with faults, a chunk at a time, straight into a decision maker."""
    source = Source(recording.rate, recording.labels)
    schedule, facts = Schedule(faults, source), []
    first = Sent(0, "", source.labels, tuple(range(len(source.labels))), "uV")
    teller = Teller(schedule.faults, source.rate, facts.append, lambda: 0.0)
    teller.start("EEG", source.rate, source.labels, 0.0)
    windows = WindowDecoder(decoder, decoder.load_encoder())
    maker, sent, decisions = None, None, []
    for start in range(0, len(recording.samples_uv), chunk):
        positions = np.arange(start, min(start + chunk, len(recording.samples_uv)))
        for part in schedule.cut(positions):
            here = positions[part]
            teller.reach(int(here[0]))
            now = next(iter(schedule.outlets(first, int(here[0]))), None)
            if now is None:
                sent = None
                continue
            parcel = schedule.apply(recording.samples_uv[here], here)
            if now != sent:
                try:
                    feed = Segmenter(now.labels, [now.unit] * len(now.labels), source.rate)
                    path = decoder.attach(feed.labels, feed.units, feed.rate)
                except InputError:  # as the engine, which then waits for another stream
                    return _decoded(facts, decisions, decoder, confirm)
                if maker is None:
                    maker = DecisionMaker(
                        decoder, path, windows, EvidenceSettings(), confirm=confirm
                    )
                else:
                    maker.resume(path, 1.0, "back")
                sent = now
            teller.sent(parcel, parcel.stamps)
            values = parcel.samples[:, now.columns] * np.float32(now.factor)
            decisions += maker.push(feed.push(values, parcel.stamps))
    return _decoded(facts, decisions, decoder, confirm)


def _decoded(facts, decisions, decoder, confirm):
    truth, after, windows = Truth.of(facts), 0, []
    length = (decoder.window - 1) * truth.rate / decoder.settings.rate
    for decision in decisions:
        last = truth.position(decision.time, after)
        after = int(last)
        windows.append((last - length, last))
    return Decoded(truth, decisions, windows, confirm)


@pytest.fixture(scope="session")
def decode_faulty():
    """The function `decode`."""
    return decode

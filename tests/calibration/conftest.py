"""Streams that are made up, and what their recordings must hold."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import pytest

from core.feed.segments import Segmenter
from core.stream.description import StreamFacts, StreamIdentity

RATE = 250.0


def describe(labels=("C3", "Cz", "C4"), rate=RATE, units="microvolts", types="EEG"):
    """What a stream says about itself."""
    units = (units,) * len(labels) if isinstance(units, str) else tuple(units)
    types = (types,) * len(labels) if isinstance(types, str) else tuple(types)
    identity = StreamIdentity("Amp", "EEG", "amp-1", "lab", "u1")
    return StreamFacts(identity, rate, tuple(labels), units, types, len(labels), "float32", ())


_FEEDS = WeakKeyDictionary()  # recorder -> the feed before it


def hand(recorder, samples, stamps):
    """Give a recorder what its stream brings next."""
    facts = recorder.facts
    feed = _FEEDS.setdefault(recorder, Segmenter(facts.labels, facts.units, facts.rate))
    recorder.write(feed.push(samples, stamps))


@dataclass(frozen=True)
class Signal:
    """Samples and their stamps."""

    samples: np.ndarray
    stamps: np.ndarray

    def give(self, recorder, start=0, stop=None, size=25):
        """Give it to a recorder block by block."""
        stop = len(self.stamps) if stop is None else stop
        for at in range(start, stop, size):
            end = min(at + size, stop)
            hand(recorder, self.samples[at:end], self.stamps[at:end])


@pytest.fixture
def give():
    """The function `hand`."""
    return hand


@pytest.fixture
def make_facts():
    return describe


@pytest.fixture
def make_signal():
    """Make a signal in which every sample can be told from every other."""

    def make(samples=1000, channels=3, rate=RATE, seed=0):
        values = np.random.default_rng(seed).normal(0, 20, (samples, channels))
        return Signal(values.astype(np.float32), 100.0 + np.arange(samples) / rate)

    return make


def contents(folder):
    """Every file's path and bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def files_of():
    return contents

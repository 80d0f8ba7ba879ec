"""A small store in memory, and settings for runs of a second."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from training.pretraining.distributed import Processes
from training.pretraining.trainer import Trainer
from training.recipes import settings_of

CHANNELS = ("F3", "FZ", "F4", "C3", "CZ", "C4", "P3", "P4")
ALL, FEW = slice(None), slice(3, 6)


@dataclass(frozen=True)
class Stretch:
    person: str
    length: int
    session: str = ""


@dataclass
class Memory:
    """What pretraining asks of a store, of arrays; channels of zeros were not recorded."""

    signals: list[np.ndarray]
    people: tuple[str, ...]
    channels: tuple[str, ...] = CHANNELS
    rate: float = 256.0
    unit: str = "mV"
    manifest_sha256: str = "0" * 64
    read: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def recordings(self):
        return [Stretch(who, x.shape[1]) for who, x in zip(self.people, self.signals, strict=True)]

    def present(self, index):
        return self.signals[index].any(axis=1)

    def crop(self, index, start, length):
        self.read.append((index, start, length))
        crop = self.signals[index][:, start : start + length]
        assert crop.shape[1] == length
        return crop.astype(np.float32)


def signal(seed, samples, rows=ALL):
    """Rhythms of random phase in noise, shared by neighbours; about 0.03 mV."""
    random = np.random.default_rng(seed)
    times = np.arange(samples) / 256.0
    phases = random.uniform(0, 6.28, (len(CHANNELS), 1))
    x = np.sin(2 * np.pi * 10.0 * times + phases) + 0.3 * random.normal(
        size=(len(CHANNELS), samples)
    )
    kept = np.zeros((len(CHANNELS), 1))
    kept[rows] = 1.0
    return 0.03 * x * kept


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that meet at such small products cost more than they save."""
    torch.set_num_threads(1)


@pytest.fixture
def memory():
    """The maker of such stores."""
    return Memory


@pytest.fixture
def noise():
    """Return a function that makes a signal: seed, samples, rows that are not zero."""
    return signal


@pytest.fixture
def store():
    """Three people with all eight channels, and one with three of them."""
    signals = [signal(0, 1500), signal(1, 2000), signal(2, 900), signal(3, 1200, FEW)]
    return Memory(signals, ("a", "b", "b", "c"))


@pytest.fixture
def others():
    return Memory([signal(9, 2000)], ("z",))


@pytest.fixture
def settings():
    """Return a function that makes settings of a small run."""

    def make(**changes):
        small = {
            "size": "tiny1",
            "window": 256,
            "steps": 20,
            "batch": 8,
            "log_every": 1,
            "checkpoint_every": 5,
            "validate_every": 10,
            "validation_windows": 16,
            "device": "cpu",
        }
        given = {"recipe": "eegpt"} | small | changes
        return settings_of(given["recipe"]).model_validate(given)

    return make


@pytest.fixture
def alone():
    return Processes(0, 1, torch.device("cpu"))


@pytest.fixture
def trainer(store, others, settings, alone):
    """Return a function that makes a trainer on the two stores."""

    def make(training=store, validation=others, tell=lambda line: None, **changes):
        return Trainer(settings(**changes), training, validation, alone, tell)

    return make

"""Stores of simulated people."""

import numpy as np
import pytest

from core.encoders.eegpt.electrodes import CODEX
from simulation.synthetic import session
from training.manifest import Form
from training.shards import RecordingIdentity, StoreWriter, shard_key

CHANNELS = tuple(name for name in CODEX if name not in ("AF7", "AF8", "PO5", "PO6"))


@pytest.fixture(scope="session")
def people():
    """Recordings of three simulated people, one of them twice, of unlike rates and channels."""
    labels = ("Fp1", "C3", "Cz", "C4", "T3")
    kinds = {
        ("1", "1"): {"seed": 1, "run": 1, "rate": 160.0, "labels": CHANNELS},
        ("1", "2"): {"seed": 1, "run": 2, "rate": 160.0, "labels": CHANNELS},
        ("2", "1"): {"seed": 2, "run": 1, "rate": 250.0, "labels": labels},
        ("3", "1"): {"seed": 3, "run": 1, "rate": 512.0},
    }
    return {
        RecordingIdentity("simulated", subject, "", run): session(trials_per_class=2, **kind)
        for (subject, run), kind in kinds.items()
    }


@pytest.fixture(scope="session")
def form():
    return Form(CHANNELS, 256.0, "mV")


@pytest.fixture
def write(tmp_path, form):
    """Return a function that writes recordings into a store, a shard each, and finishes it."""

    def write(recordings, folder=tmp_path / "store", form=form):
        writer = StoreWriter(folder, form)
        writer.begin()
        keys = [shard_key(who, recording.path.name) for who, recording in recordings.items()]
        for key, recording in zip(keys, recordings.items(), strict=True):
            writer.write(key, [recording])
        return writer.finish(keys)

    return write


@pytest.fixture
def store(write, people):
    return write(people)


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture
def brainvision():
    """Return a function that writes a recording as BrainVision files."""

    def write(path, recording):
        path.parent.mkdir(parents=True, exist_ok=True)
        channels = "\n".join(f"Ch{i}={name},,1,µV" for i, name in enumerate(recording.labels, 1))
        path.write_text(
            "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\n"
            f"DataFile={path.stem}.eeg\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
            f"NumberOfChannels={len(recording.labels)}\nSamplingInterval={1e6 / recording.rate}\n"
            f"[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n[Channel Infos]\n{channels}\n",
            encoding="utf-8",
        )
        path.with_suffix(".eeg").write_bytes(recording.samples_uv.astype("<f4").tobytes())
        return path

    return write

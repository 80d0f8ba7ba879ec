"""People with a few short runs each, whose imagery is plain to see."""

from dataclasses import replace

import numpy as np
import pytest

from core.encoders import load_encoder
from training.evaluation.people import Signal, Subject, path_for_all
from training.shards import RecordingIdentity

CLASSES = ("left_hand", "right_hand")


@pytest.fixture(scope="session")
def encoder():
    return load_encoder("untrained-tiny1")


@pytest.fixture(scope="session")
def persons(imagery_recording):
    """Three people with three runs of six cues a class."""
    return tuple(
        Subject(
            tuple(RecordingIdentity("made", f"S{who}", "", str(run)) for run in (1, 2, 3)),
            tuple(
                imagery_recording(seed=10 * who + run, trials=6, path=f"S{who}R{run}.edf")
                for run in (1, 2, 3)
            ),
        )
        for who in (1, 2, 3)
    )


@pytest.fixture(scope="session")
def make_signals(encoder):
    """Return a function from people to their signals."""

    def make(people):
        path = path_for_all(people, [encoder.spec])
        return [Signal(person, path, encoder.spec, CLASSES) for person in people]

    return make


@pytest.fixture(scope="session")
def signals(persons, make_signals):
    return make_signals(persons)


@pytest.fixture(scope="session")
def with_noise():
    """Return a function that gives a person other samples in one recording, and the same cues."""

    def change(person, index):
        recordings = list(person.recordings)
        noise = np.random.default_rng(0).normal(0.0, 20.0, recordings[index].samples_uv.shape)
        recordings[index] = replace(recordings[index], samples_uv=noise.astype(np.float32))
        return replace(person, recordings=tuple(recordings))

    return change

"""Decisions, and a log that a run of a task leaves."""

import pytest

from realtime.engine.snapshot import Decision


@pytest.fixture
def decide():
    """Return a function that makes a decision from the probability of each class."""

    def make(time, probabilities=None, threshold=0.5, index=0):
        decided = None
        if probabilities is not None:
            name = max(probabilities, key=probabilities.get)
            decided = name if probabilities[name] > threshold else None
        return Decision(
            index=index,
            time=time,
            sample=0,
            status="ok" if probabilities is not None else "artifact",
            probabilities=probabilities,
            decision=decided,
            age_ms=None,
            compute_ms=0.0,
        )

    return make


@pytest.fixture
def hands():
    """Return a function that gives the probabilities of two hands, by that of the left one."""
    return lambda left: {"left_hand": left, "right_hand": 1.0 - left}

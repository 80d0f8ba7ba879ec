"""How decisions of a live log are compared with cues."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.recordings import Event

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "accuracy" / "live_accuracy.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("live_accuracy", SCRIPT)
    module = sys.modules["live_accuracy"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["live_accuracy"]


def test_the_last_decision_within_four_seconds_of_a_cue_counts(benchmark):
    log = [
        {"time": 10.0 + 0.25 * k, "decision": name}
        for k, name in enumerate(["right"] * 10 + ["left"] * 7 + ["right"] * 20 + [None] * 40)
    ]
    found = benchmark.score(log, [(10.0, "left"), (15.0, "left"), (22.0, "right"), (5.0, "right")])
    # Nothing was decided before 10 s, not even that nothing is: no trial then.
    assert found.truth == ["left", "left", "right"]
    assert found.decided == ["left", "right", ""]


def test_cues_come_as_much_later_as_the_replay_waits_at_breaks(benchmark, imagery_recording):
    recording = replace(
        imagery_recording(trials=2),
        breaks=(500, 1000),
        events=(
            Event(1.0, 0.0, "a"),
            Event(3.0, 0.0, "b"),
            Event(4.0, 0.0, "a"),
            Event(-1, 0, "a"),
        ),
    )
    times = benchmark.cue_times(recording, {"a": "left", "b": "right"}, 100.0)
    assert recording.rate == 250.0
    assert times == [(101.0, "left"), (104.0, "right"), (106.0, "left")]

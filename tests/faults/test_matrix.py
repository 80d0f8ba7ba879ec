"""The matrix of docs/faults.md, shortened: some faults, done to the real program over LSL."""

import json
from pathlib import Path

import pytest
from process_trees import run_script

pytestmark = pytest.mark.slow

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "faults" / "fault_matrix.py"
SOME = (
    "lost block",
    "stall, then fast",
    "channels reordered",
    "unit now none",
    "flat channel",
    "NaN",
)


def test_some_faults_are_noticed_said_and_survived():
    done = run_script(FILE, "--json", "--jobs", "3", "--unhurried", "--only", *SOME)
    rows = json.loads(done.stdout)
    assert sorted(row["name"] for row in rows) == sorted(SOME)
    assert [(row["name"], row["problems"]) for row in rows if row["problems"]] == []
    # What is worth most, once more: nothing came from a window over a fault, and something came.
    assert sum(row["wrong"] for row in rows) == 0
    assert all(row["published"] > 0 for row in rows)

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.metrics import information_transfer_rate
from core.reliability import reliability
from training.evaluation.report.results import (
    as_csv,
    as_markdown,
    check_new_folder,
    comparisons,
    summarise,
    write_results,
)
from training.evaluation.report.scoring import METRICS, ScoreRow


def rows_of(system, accuracies, encoder="", seen="", protocol="within"):
    """Two folds and two seeds a person; the folds differ by 0.2, the seeds by 0.1."""
    return [
        ScoreRow(
            protocol,
            system,
            encoder,
            seen,
            f"P{person}",
            seed,
            f"fold {fold}",
            20,
            10,
            8.0,
            dict.fromkeys(METRICS, mean + 0.2 * fold - 0.1 + 0.1 * seed - 0.05),
        )
        for person, mean in enumerate(accuracies)
        for seed in (0, 1)
        for fold in (0, 1)
    ]


@pytest.fixture
def rows():
    ours = rows_of("encoder", [0.9, 0.8, 0.7, 0.85, 0.75], "tiny", "nothing")
    return [*ours, *rows_of("MDM", [0.5, 0.6, 0.55, 0.45, 0.5])]


def test_folds_and_seeds_are_averaged_before_people(rows):
    ours, other = summarise(rows, classes=2)
    assert (ours.system, ours.encoder, ours.seen, ours.people) == ("encoder", "tiny", "nothing", 5)
    assert ours.means["kappa"] == pytest.approx(0.8)
    assert ours.over_people["kappa"] == pytest.approx(np.std([0.9, 0.8, 0.7, 0.85, 0.75], ddof=1))
    assert ours.over_seeds["kappa"] == pytest.approx(np.std([0.75, 0.85], ddof=1))
    assert ours.chance == 0.7  # 14 of the 20 trials of a seed
    assert (ours.above, other.above) == (4, 0)
    rates = [information_transfer_rate(a, 2, 8.0) for a in (0.9, 0.8, 0.7, 0.85, 0.75)]
    assert ours.means["itr"] == pytest.approx(np.mean(rates))


def test_the_calibration_error_is_of_all_decisions_of_a_person():
    """Of two folds, one too sure and one not sure enough: together neither."""
    truth = np.array([0] * 10)
    wrong = np.array([0] * 8 + [1] * 2)
    probabilities = np.tile([0.9, 0.1], (10, 1))
    rows = [
        replace(row, curve=reliability(truth if row.fold == "fold 0" else wrong, probabilities))
        for row in rows_of("MDM", [0.9])
    ]
    (summary,) = summarise(rows, classes=2)
    assert summary.means["ece"] == pytest.approx(0.0, abs=1e-9)
    assert "expected calibration error" in as_markdown([summary], {}, "nmcc")


def test_systems_are_compared_over_people(rows):
    first, second = comparisons(rows, "accuracy")["within"]
    assert (first.better, first.p, first.people) == ("encoder", 1 / 32, 5)
    assert second.p == 1.0
    assert comparisons(rows[:20], "accuracy") == {}


@pytest.mark.slow
def test_files_hold_the_same_numbers(rows, tmp_path):
    folder = tmp_path / "out"
    write_results(folder, rows, ("left", "right"), "accuracy", {"seed": 0})
    found = json.loads((folder / "results.json").read_text())
    lines = list(csv.DictReader(io.StringIO((folder / "rows.csv").read_text())))
    assert len(lines) == len(found["rows"]) == len(rows)
    assert float(lines[0]["kappa"]) == pytest.approx(found["rows"][0]["scores"]["kappa"], abs=1e-6)
    assert found["summaries"][0]["means"]["accuracy"] == pytest.approx(0.8)
    table = (folder / "table.md").read_text()
    assert "| encoder | tiny | nothing | 0.80 ± 0.08 / 0.07 |" in table
    assert "no difference is beyond chance" in table  # 1/32 twice over
    assert (folder / "scores.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="exists already"):
        write_results(folder, rows, ("left", "right"), "accuracy", {})
    with pytest.raises(InputError, match="exists already"):
        check_new_folder(folder)


def test_a_difference_beyond_chance_is_named():
    rows = [*rows_of("a", np.linspace(0.7, 0.9, 8)), *rows_of("b", np.linspace(0.5, 0.6, 8))]
    table = as_markdown(summarise(rows, 2), comparisons(rows, "accuracy"), "accuracy")
    assert "a over b (p = 0.008" in table


def test_what_a_protocol_does_not_measure_stays_empty(rows):
    online = ScoreRow(
        "pseudo-online",
        "MDM",
        "",
        "",
        "P0",
        0,
        "run 3",
        9,
        99,
        8.0,
        dict.fromkeys(METRICS, 0.5)
        | {"itr": 1.0, "false_alarms": 2.0, "first_correct": 1.5, "reached": 1.0},
    )
    lines = list(csv.DictReader(io.StringIO(as_csv([*rows, online]))))
    assert (lines[0]["false_alarms"], lines[-1]["false_alarms"]) == ("", "2")
    summary = summarise([online], 2)[0]
    assert np.isnan(summary.chance)
    assert summary.means["itr"] == 1.0
    assert "false alarms a minute" in as_markdown([summary], {}, "nmcc")

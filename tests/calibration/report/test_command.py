import json

import pytest
from fif_files import write_fif

from calibration.cli import main


@pytest.fixture
def given(imagery_recording, tmp_path):
    """Arguments that fit a small recording."""
    path = write_fif(imagery_recording(trials=6), tmp_path / "person_raw.fif")
    return ["fit", str(path), "--subject", "01", "--head", "riemann"]


@pytest.mark.slow
def test_a_report_is_written_on_request(given, tmp_path, capsys):
    out, report = tmp_path / "one.safetensors", tmp_path / "one.html"
    assert main([*given, "--out", str(out), "--report", str(report)]) == 0
    assert str(report) in capsys.readouterr().out
    assert "Calibration of subject 01" in report.read_text(encoding="utf-8")
    decoder = json.loads(out.with_suffix(".json").read_text())
    numbers = json.loads((tmp_path / "one.numbers.json").read_text(encoding="utf-8"))
    assert decoder["chosen"] == "riemann"
    assert numbers["scores"]["riemann"]["score"] == decoder["facts"]["scores"]["riemann"]


@pytest.mark.slow
def test_a_report_is_never_overwritten_nor_costs_a_fit(given, tmp_path, home, capsys):
    report = tmp_path / "mine.html"
    report.write_text("precious")
    assert main([*given, "--report", str(report)]) == 2
    assert "mine.html exists already" in capsys.readouterr().err
    assert report.read_text() == "precious"
    assert main([*given, "--report", str(tmp_path / "mine.pdf")]) == 2
    assert 'ends in ".html"' in capsys.readouterr().err
    assert not home.exists()

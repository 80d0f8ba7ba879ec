"""The flicker test as a command, in a real window."""

import json

import pytest

from calibration.cli import main


@pytest.mark.slow
@pytest.mark.usefixtures("qapp")
def test_stamps_are_compared_with_frames_and_the_result_is_saved(capsys, tmp_path):
    out = tmp_path / "timing.json"
    limits = tmp_path / "limits.yaml"
    limits.write_text("frame_spread: 1000.0\ndropped: 1.0\n")
    given = ["timing", "--flashes", "5", "--windowed", "--out", str(out), "--limits", str(limits)]
    assert main(given) == 0
    found = json.loads(out.read_text())
    assert "frames" in json.dumps(found)
    assert "5 stamps" in capsys.readouterr().out
    assert main(given) == 2  # nothing is overwritten
    assert json.loads(out.read_text()) == found


@pytest.mark.slow
@pytest.mark.usefixtures("qapp")
def test_limits_that_are_not_kept_fail(tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("frame_spread: 0.0\n")
    given = ["timing", "--flashes", "5", "--windowed", "--out", str(tmp_path / "x.json")]
    assert main([*given, "--limits", str(limits)]) == 1


def test_an_unknown_corner_is_refused(capsys):
    assert main(["timing", "--corner", "middle"]) == 2
    assert "bottom_left" in capsys.readouterr().err

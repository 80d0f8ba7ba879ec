import subprocess
import sys
from importlib.metadata import version

import pytest

from core.encoders import load_encoder, save_encoder
from realtime import doctor
from realtime.cli import main
from realtime.doctor import Diagnosis


@pytest.mark.slow
def test_a_sound_installation_is_found_so_and_the_exit_code_says_it(home, capsys):
    assert main(["doctor", "--encoder", "untrained-tiny1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[9:].split(":")[0] for line in lines] == [
        *("libraries", "disk", "encoder", "decoders", "time to a decision"),
        *("LSL", "firewall", "screen", "sound"),
    ]
    said = dict(zip((line[9:].split(":")[0] for line in lines), lines, strict=True))
    assert f"torch {version('torch')}" in said["libraries"]
    assert str(home) in said["disk"]
    assert load_encoder("untrained-tiny1").weights_sha256()[:12] in said["encoder"]
    assert "250 samples sent here came back whole" in said["LSL"]
    assert "Qt on offscreen" in said["screen"]
    assert said["screen"].startswith("warning")
    assert not list(home.glob("**/*doctor*"))


@pytest.mark.slow
def test_what_fails_is_said_with_what_to_do(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(doctor, "check_loopback", lambda: Diagnosis("LSL", "ok", "left out."))
    monkeypatch.setattr(doctor, "check_sound", lambda: 1 / 0)
    path = save_encoder(load_encoder("untrained-tiny1"), tmp_path / "encoder.safetensors")
    path.write_bytes(path.read_bytes()[:-2] + b"\x00\x3f")
    given = ["doctor", "--home", str(tmp_path / "file" / "home"), "--encoder", str(path)]
    assert main(given) == 1
    said = capsys.readouterr().out.splitlines()
    failed = {line[9:].split(":")[0]: line for line in said if line.startswith("fails")}
    assert "Choose another folder with --home" in failed["disk"]
    assert "weights are not those it was written with" in failed["encoder"]
    assert "ZeroDivisionError" in "".join(failed.values())


def test_a_library_that_is_too_old_or_missing_fails(monkeypatch):
    import importlib.metadata

    asked = ["numpy>=99", "no-such-library>=1", "torch>=2", 'sounddevice>=0.5; extra == "sound"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: asked)
    found = doctor.check_libraries()
    assert found.state == "fails"
    assert "numpy is" in found.text
    assert ">=99 is needed" in found.text
    assert "no-such-library is missing" in found.text
    assert "sounddevice" not in str(found)
    assert "pip install" in found.advice


def test_decoders_that_cannot_be_read_are_told(home):
    (home / "decoders").mkdir(parents=True)
    (home / "decoders" / "bad.safetensors").write_bytes(b"junk")
    found = doctor.check_decoders(home)
    assert found.state == "warning"
    assert "0 can be used and 1 not" in found.text
    assert "bad.safetensors" in found.text


@pytest.mark.parametrize(("free", "state"), [(10**6, "fails"), (10**9, "warning"), (10**12, "ok")])
def test_a_disk_that_is_nearly_full_is_told(home, monkeypatch, free, state):
    import shutil

    usage = shutil._ntuple_diskusage(10**13, 0, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert doctor.check_disk(home).state == state


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are always there")
def test_no_display_is_no_failure(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    found = doctor.check_screen()
    assert found.state == "warning"
    assert "--headless works" in found.advice


@pytest.mark.slow
def test_qt_that_cannot_open_a_window_fails_and_this_process_lives(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "no-such-platform")
    found = doctor.check_screen()
    assert found.state == "fails"
    assert "no-such-platform" in found.text


@pytest.mark.slow
def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom realtime.cli import main\n"
        "try:\n    main(['doctor', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'mne', 'numpy', 'scipy', 'sklearn', 'PySide6', 'pylsl'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

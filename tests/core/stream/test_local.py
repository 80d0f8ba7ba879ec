"""Each in a process of its own: liblsl reads its settings once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOW = """
import pylsl
content = []
pylsl.set_config_content = content.append
from core.stream.local import keep_local
keep_local()
print(content[0])
"""
SEND = """
from core.stream.local import keep_local
keep_local()
from core.stream.outlets import SignalOutlet
outlet = SignalOutlet("Kept", "EEG", ("C3",), "microvolts", 100.0, "kept")
from core.stream.discovery import StreamQuery, find_stream
print(find_stream(StreamQuery(name="Kept"), 20.0).identity.name)
"""
COMMAND = """
import pylsl
content = []
pylsl.set_config_content = content.append
from {program} import main
main({given})
print(*content)
"""


def run(code, folder, **env):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | env | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_other_settings_stay(tmp_path):
    file = tmp_path / "own.cfg"
    file.write_text("[lab]\nSessionID = ours\n[multicast]\nResolveScope = site\n")
    said = run(SHOW, tmp_path, LSLAPICFG=str(file))
    assert "SessionID = ours" in said
    assert "ResolveScope = machine" in said
    assert "site" not in said
    assert "ListenAddress = 127.0.0.1" in said


def test_without_a_file_there_is_the_same(tmp_path):
    said = run(SHOW, tmp_path, LSLAPICFG="", HOME=str(tmp_path))
    assert "ResolveScope = machine" in said


def test_a_stream_that_is_kept_here_is_found_here(tmp_path):
    assert run(SEND, tmp_path).strip().endswith("Kept")


@pytest.mark.parametrize(
    ("program", "given"),
    [
        ("realtime.cli", ["--list"]),
        ("calibration.cli", ["--subject", "01", "--no-setup", "--timeout", "0.2"]),
        ("calibration.cli", ["timing", "--photodiode", "AUX1", "--timeout", "0.2"]),
        ("simulation.cli", ["replay", "nothing.edf"]),
    ],
)
def test_every_program_can_be_kept_here(program, given, tmp_path):
    code = COMMAND.format(program=program, given=[*given, "--local"])
    here = {"EEGPT_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    assert "ResolveScope = machine" in run(code, tmp_path, **here)

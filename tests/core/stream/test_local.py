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


@pytest.mark.slow
def test_other_settings_stay(tmp_path):
    file = tmp_path / "own.cfg"
    file.write_text("[lab]\nSessionID = ours\n[multicast]\nResolveScope = site\n")
    said = run(SHOW, tmp_path, LSLAPICFG=str(file))
    assert "SessionID = ours" in said
    assert "ResolveScope = machine" in said
    assert "site" not in said
    assert "ListenAddress = 127.0.0.1" in said


@pytest.mark.slow
def test_without_a_file_there_is_the_same(tmp_path):
    said = run(SHOW, tmp_path, LSLAPICFG="", HOME=str(tmp_path))
    assert "ResolveScope = machine" in said


@pytest.mark.slow
def test_a_stream_that_is_kept_here_is_found_here(tmp_path):
    assert run(SEND, tmp_path).strip().endswith("Kept")


@pytest.mark.slow
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


SENDS = """
import socket, sys, threading
sys.path.insert(0, {root!r})
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.bind(("127.0.0.2", {port}))
peer.settimeout({patience})
if {local}:
    from core.stream.local import keep_local
    keep_local()
import pylsl
resolver = pylsl.ContinuousResolver()
try:
    peer.recv(4096)
    print("asked")
except TimeoutError:
    print("left alone")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("local", "outcome"), [(False, "asked"), (True, "left alone")])
def test_a_known_peer_is_asked_for_streams_unless_kept_here(local, outcome, tmp_path):
    port = 40_000 + os.getpid() % 20_000
    file = tmp_path / "own.cfg"
    file.write_text(
        f"[ports]\nBasePort = {port}\nPortRange = 1\nIPv6 = disable\n"
        "[lab]\nKnownPeers = {127.0.0.2}\n[log]\nlevel = -2\n"
    )
    patience = 1.5 if local else 20.0
    root = str(Path(__file__).parents[3])
    code = SENDS.format(root=root, port=port, patience=patience, local=local)
    assert run(code, tmp_path, LSLAPICFG=str(file)).strip() == outcome


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        "[lab]\nKnownPeers = {192.0.2.7}",
        "[lab]\nSessionID = ours\n  KnownPeers = {192.0.2.7}",
        "[multicast]\nAddressesOverride = {192.0.2.7}",
        "[multicast]\nMachineAddresses = {192.0.2.7}",
        "[multicast]\nSiteAddresses = {192.0.2.7}\nTTLOverride = 64",
        "[multicast]\nListenAddress = 192.0.2.7",
        "[log]\nfile = /192.0.2.7",
        "[ports]\nBasePort = 192.0.2.7",
        "no settings at all: 192.0.2.7",
    ],
)
def test_no_setting_names_a_place_elsewhere(setting, tmp_path):
    file = tmp_path / "own.cfg"
    file.write_text(setting + "\n")
    said = run(SHOW, tmp_path, LSLAPICFG=str(file))
    assert "192.0.2.7" not in said
    assert "KnownPeers = {}" in said
    assert "ResolveScope = machine" in said

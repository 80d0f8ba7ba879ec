"""Whether anything leaves a machine that is kept to itself: two network namespaces."""

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

LISTEN = """
import select, socket, sys
seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(0x0800))
seen.settimeout(0.2)
print("listening", flush=True)
count = 0
while not sys.stdin.closed:
    try:
        count += seen.recv(2048)[26:30] == bytes([10, 77, 0, 1])
    except TimeoutError:
        pass
    if select.select([sys.stdin], [], [], 0)[0]:
        break
print(count)
"""
ASK = """
import sys
sys.path.insert(0, sys.argv[2])
if sys.argv[1] == "local":
    from core.stream.local import keep_local
    keep_local()
import pylsl
outlet = pylsl.StreamOutlet(pylsl.StreamInfo("NS", "EEG", 1, 100, "float32", "ns"))
print([info.name() for info in pylsl.resolve_streams(wait_time=2.0)])
"""
CONFIG = """
[ports]
IPv6 = disable
[multicast]
ResolveScope = site
AddressesOverride = {224.0.0.183, 10.77.0.2}
[lab]
KnownPeers = {10.77.0.2}
[log]
level = -2
"""


def ip(*arguments):
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)


@pytest.fixture
def two_machines():
    """Names of two namespaces with a cable between them: 10.77.0.1 and 10.77.0.2."""
    if sys.platform != "linux" or os.geteuid() or not shutil.which("ip"):
        pytest.skip("needs root on Linux, and iproute2")
    tag = uuid.uuid4().hex[:6]
    names = [f"eegpt-{tag}-{side}" for side in "ab"]
    try:
        for name in names:
            ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr}")
    try:
        ip("link", "add", f"a{tag}", "type", "veth", "peer", "name", f"b{tag}")
        for number, (name, side) in enumerate(zip(names, "ab", strict=True), 1):
            cable = f"{side}{tag}"
            ip("link", "set", cable, "netns", name)
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", cable)
            for link in ("lo", cable):
                ip("-n", name, "link", "set", link, "up")
            ip("-n", name, "route", "add", "224.0.0.0/4", "dev", cable)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["open", "local"])
def test_nothing_leaves_a_machine_that_is_kept_to_itself(two_machines, tmp_path, how):
    here, there = two_machines
    config = tmp_path / "lsl.cfg"
    config.write_text(CONFIG)
    listener = subprocess.Popen(
        ["ip", "netns", "exec", there, sys.executable, "-c", LISTEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listener.stdout.readline().strip() == "listening"
    root = str(Path(__file__).parents[3])
    asked = subprocess.run(
        ["ip", "netns", "exec", here, sys.executable, "-c", ASK, how, root],
        env=os.environ | {"LSLAPICFG": str(config)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    seen, _ = listener.communicate("\n", timeout=20)
    assert "NS" in asked.stdout
    assert (int(seen) > 0) == (how == "open")

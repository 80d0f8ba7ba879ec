"""Every test keeps LSL on this machine, in a session of its own, and Qt off the screen."""

import os
import uuid
from pathlib import Path

import pytest

_SETTINGS = """
[ports]
IPv6 = disable
[multicast]
ResolveScope = machine
ListenAddress = 127.0.0.1
[lab]
SessionID = {session}
[log]
level = -2
"""


def pytest_configure(config):
    # Before any test module imports an LSL library or Qt: both read the environment once.
    folder = Path(config.rootpath, ".pytest_cache", "lsl")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{os.getpid()}.cfg"
    file.write_text(_SETTINGS.format(session=f"eegpt-test-{uuid.uuid4().hex}"))
    config.add_cleanup(lambda: file.unlink(missing_ok=True))
    os.environ["LSLAPICFG"] = str(file)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A data folder of this test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("EEGPT_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def recordings_folder():
    """Folder of the real recordings, outside the project."""
    root = Path(__file__).resolve().parents[1]
    return Path(os.environ.get("EEGPT_DATA", root.parent / "shared" / "data"))

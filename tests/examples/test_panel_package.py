"""The example of a panel in a package of its own, as it is once it is installed."""

import importlib
import shutil
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter

from core.signal.monitor import ChannelStatus, Traces
from realtime.panels.panel import NewestSignal
from realtime.panels.registry import available_panels

PACKAGE = Path(__file__).parents[2] / "examples" / "panel_package"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put module and metadata where an installer puts them."""
    settings = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))
    project = settings["project"]
    for module in settings["tool"]["setuptools"]["py-modules"]:
        shutil.copy(PACKAGE / f"{module}.py", tmp_path)
    metadata = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"]
    (metadata / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
            for group, entries in groups.items()
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield
    sys.modules.pop("alpha_panel", None)


def alpha(seconds, share):
    times = np.arange(int(128 * seconds)) / 128
    noise = np.random.default_rng(0).normal(0, 1, (len(times), 2))
    return Traces(times, (1 - share) * noise + share * np.sin(2 * np.pi * 10 * times)[:, None])


def test_an_installed_panel_is_listed_made_and_drawn(installed, qapp):
    entry = available_panels()["Alpha"]
    panel = entry.load()()
    channels = (ChannelStatus("O1", "O1", "good"), ChannelStatus("C3", "C3", "good"))
    shown = SimpleNamespace(channels=channels)
    for share, low, high in ((0.0, 0.0, 0.4), (0.9, 0.9, 1.0)):
        signal = NewestSignal(lambda s, share=share: alpha(s, share), lambda s: None)
        panel.look(shown, signal)
        assert low < panel.share < high
    image = QImage(300, 300, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    panel.draw(painter)
    painter.end()
    assert image.pixelColor(150, 270) != image.pixelColor(5, 5)
    panel.deleteLater()


def test_the_package_has_under_sixty_lines():
    files = [file for file in PACKAGE.iterdir() if file.suffix in (".py", ".toml")]
    assert sum(len(file.read_text("utf-8").splitlines()) for file in files) < 60

import re
import subprocess
import sys
from pathlib import Path

import torch

from core.model.timm_compat import timm_module

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("core", "calibration", "realtime", "training", "tests", "benchmarks")
IMPORT = re.compile(r"^\s*(?:import|from)\s+(?:timm|torchvision)\b", re.MULTILINE)


def test_nobody_else_imports_timm_or_torchvision():
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    assert ROOT / "core/model/timm_compat.py" in files
    assert [str(file) for file in files if IMPORT.search(file.read_text("utf-8"))] == []


def test_the_search_finds_imports():
    assert IMPORT.search("x = 1\n    from timm.layers import Mlp\n")
    assert IMPORT.search("import torchvision\n")
    assert not IMPORT.search("from core.model.timm_compat import timm_module\n")


def test_timm_works_through_the_door():
    mlp = timm_module("layers").Mlp(8, 16)
    assert mlp(torch.zeros(2, 8)).shape == (2, 8)


def test_the_door_opens_after_someone_tried_without_it():
    # A failed import leaves parts of torchvision behind.
    script = (
        "import contextlib\n"
        "with contextlib.suppress(RuntimeError): import timm\n"
        "from core.model.timm_compat import timm_module\n"
        "assert timm_module('layers').DropPath(0.5).drop_prob == 0.5\n"
        "import sys; parts = [name.split('.') for name in sys.modules]\n"
        "inside = [p[1] for p in parts if p[0] == 'torchvision' and len(p) == 2]\n"
        "assert inside and all(hasattr(sys.modules['torchvision'], p) for p in inside)\n"
        "assert timm_module('layers') is timm_module('layers')\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=100)

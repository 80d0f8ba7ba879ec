import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "package"


def loaded():
    return [name for name in sys.modules if name.partition(".")[0] == "braindecode"]


@pytest.fixture
def stand_in(monkeypatch):
    """A package of braindecode's interface in its place, for other processes too."""
    for name in loaded():
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(PACKAGE)
    yield importlib.import_module("braindecode.models")
    for name in loaded():
        del sys.modules[name]


@pytest.fixture(params=["stand-in", "real"])
def library(request):
    """Both the stand-in and the real braindecode, which has to be installed."""
    if request.param == "stand-in":
        return request.getfixturevalue("stand_in")
    if find_spec("braindecode") is None:
        pytest.skip("braindecode, an optional extra, is not installed")
    return None

"""The house's floors: who may import whom, and what must not be loaded where."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UPSTAIRS = {
    "core": {"simulation", "ui", "training", "calibration", "realtime"},
    "simulation": {"ui", "training", "calibration", "realtime"},
    "ui": {"simulation", "training", "calibration", "realtime"},
    "training": {"ui", "calibration", "realtime"},
    "calibration": {"training", "realtime"},
    "realtime": {"training"},
}
QT = {"PySide6", "pyqtgraph"}
LSL = {"pylsl", "mne_lsl"}


def imported(file):
    """The top-level names of all imports of a file, and of core's rooms in full."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def found(folder, forbidden):
    return [
        (str(file.relative_to(ROOT)), name)
        for file in sorted((ROOT / folder).rglob("*.py"))
        for name in imported(file)
        if any(name == word or name.startswith(f"{word}.") for word in forbidden)
    ]


@pytest.mark.parametrize("floor", UPSTAIRS)
def test_no_floor_imports_from_above(floor):
    assert list((ROOT / floor).glob("*.py"))
    assert found(floor, UPSTAIRS[floor]) == []


def test_nothing_in_core_knows_qt():
    assert found("core", QT) == []


@pytest.mark.parametrize(
    "room", ["core/encoders", "core/signal", "core/feed", "core/decoding", "core/fitting"]
)
def test_nothing_that_decodes_knows_lsl(room):
    assert found(room, {*LSL, "core.stream"}) == []


def test_one_place_looks_at_where_a_signal_breaks():
    """One truth of continuity: everything else takes segments."""
    made = [
        str(file.relative_to(ROOT))
        for folder in UPSTAIRS
        for file in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Continuity"
    ]
    assert made == [str(Path("core/feed/segments.py"))]


def test_no_pickle_is_ever_loaded():
    for folder in UPSTAIRS:
        assert found(folder, {"pickle", "joblib", "dill", "cloudpickle"}) == []
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            assert "weights_only=False" not in text
            assert "allow_pickle=True" not in text
            assert text.count("torch.load(") == text.count("weights_only=True")


def test_the_engine_runs_without_qt():
    code = (
        "import sys\nimport realtime.engine.engine, realtime.engine.sinks\n"
        "import realtime.live, realtime.offline\n"
        "assert not {'PySide6', 'pyqtgraph'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_no_two_files_import_each_other():
    """A circle, be it for types only, means that neither file can be read without the other."""
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): file
        for folder in UPSTAIRS.keys() - {"training"}
        for file in (ROOT / folder).rglob("*.py")
    }
    edges = {
        module: {name for name in imported(file) if name in modules}
        for module, file in modules.items()
    }
    assert [(a, b) for a in edges for b in edges[a] if a < b and a in edges.get(b, ())] == []

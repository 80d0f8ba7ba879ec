"""The house's floors: who may import whom, and what must not be loaded where."""

import ast
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from benchmarks import structure

ROOT = Path(__file__).resolve().parents[1]
STANDS_ON = {
    "core": set(),
    "simulation": {"core"},
    "ui": {"core"},
    "training": {"core"},
    "calibration": {"core", "ui"},
    "realtime": {"core", "simulation", "ui", "calibration"},
    "eegpt_realtime": {"core", "simulation", "ui", "calibration", "realtime"},
}
"""The table of docs/architecture.md: what each folder may import, beside itself."""
UPSTAIRS = {floor: STANDS_ON.keys() - below - {floor} for floor, below in STANDS_ON.items()}
QT = {"PySide6", "pyqtgraph"}
LSL = {"pylsl", "mne_lsl"}


@cache
def imported():
    """Path of every source file -> the modules that it imports."""
    names = {path: [] for path in structure.trees()}
    for path, tree in structure.trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names[path] += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names[path].append(node.module)
    return names


def found(folder, forbidden):
    return [
        (path, name)
        for path, names in imported().items()
        if path.startswith(f"{folder}/")
        for name in names
        if any(name == word or name.startswith(f"{word}.") for word in forbidden)
    ]


@pytest.mark.parametrize("floor", UPSTAIRS)
def test_no_floor_imports_from_above(floor):
    assert list((ROOT / floor).glob("*.py"))
    assert found(floor, UPSTAIRS[floor]) == []


def test_every_package_has_a_floor():
    assert STANDS_ON.keys() == set(structure.PACKAGES)


def test_nothing_in_core_knows_qt():
    assert found("core", QT) == []


@pytest.mark.parametrize(
    "room", ["core/encoders", "core/signal", "core/feed", "core/decoding", "core/fitting"]
)
def test_nothing_that_decodes_knows_lsl(room):
    assert found(room, {*LSL, "core.stream"}) == []


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("Continuity", ["core/feed/segments.py"]),
        ("Segmenter", ["core/feed/segments.py", "core/stream/stream_feed.py"]),
    ],
)
def test_one_place_looks_at_where_a_signal_breaks(name, files):
    """One truth of continuity: everything else takes segments."""
    made = [place.partition(":")[0] for place in structure.constructions(name)]
    assert sorted(made) == files


def test_no_pickle_is_ever_loaded():
    for folder in UPSTAIRS:
        assert found(folder, {"pickle", "joblib", "dill", "cloudpickle"}) == []
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            assert "weights_only=False" not in text
            assert "allow_pickle=True" not in text
            assert text.count("torch.load(") == text.count("weights_only=True")


@pytest.mark.slow
def test_the_engine_runs_without_qt():
    code = (
        "import sys\nimport realtime.engine.engine, realtime.engine.sinks\n"
        "import realtime.app, realtime.decode_file\n"
        "assert not {'PySide6', 'pyqtgraph'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_no_files_import_each_other_in_a_circle():
    """A circle, be it for types only, means that no file of it can be read without the others."""
    assert structure.import_circles() == []


def test_nothing_but_its_own_rooms_names_a_part_of_eegpt():
    assert structure.eegpt_outside() == []


def test_every_class_name_has_one_meaning():
    assert structure.classes_of_one_name() == []


def test_messages_use_no_word_of_the_stop_list():
    assert structure.messages_of_the_stop_list() == []


def test_variables_are_called_by_their_nouns():
    assert structure.variables_without_a_noun() == []


@pytest.mark.parametrize(
    ("count", "source", "places"),
    [
        ("eegpt_outside", "from core.encoders.eegpt import model", 1),
        ("eegpt_outside", "model.summary_token", 1),
        ("eegpt_outside", "from core.encoders import load_encoder", 0),
        ("classes_of_one_name", "class A: pass\nclass A: pass", 1),
        ("messages_of_the_stop_list", "raise InputError(f'{x} is none')", 1),
        ("messages_of_the_stop_list", "def f():\n    'Is none.'", 0),
        ("variables_without_a_noun", "for at, trial in enumerate(trials): pass", 1),
        ("variables_without_a_noun", "def f(found): return [one for one in found]", 2),
        ("variables_without_a_noun", "trials.at(each=trial.found)", 0),
    ],
)
def test_what_the_counts_count(count, source, places, monkeypatch):
    monkeypatch.setattr(structure, "trees", lambda: {"core/made.py": ast.parse(source)})
    assert len(getattr(structure, count)()) == places


def test_circles_of_any_length_and_of_types_are_found(monkeypatch):
    made = {
        "core/a.py": "from core.b import x",
        "core/b.py": "if TYPE_CHECKING:\n    from core import c",
        "core/c.py": "import core.a",
        "core/d.py": "import core.a\ndef f():\n    import core.d",
    }
    trees = {path: ast.parse(source) for path, source in made.items()}
    monkeypatch.setattr(structure, "trees", lambda: trees)
    assert structure.import_circles() == ["core.a -> core.b -> core.c"]


@pytest.mark.slow
def test_types_are_strict():
    pytest.importorskip("mypy")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert settings["strict"] is True
    assert "overrides" not in settings
    assert set(settings["packages"]) == set(structure.PACKAGES)
    assert structure.type_errors() == []

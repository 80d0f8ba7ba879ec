"""What benchmarks and examples import from the project is there: nobody runs them all each day."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"core", "simulation", "ui", "calibration", "realtime", "training", "eegpt_realtime"}
FILES = sorted([*(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "examples").glob("*.py")])
OF_ANOTHER_TREE = "In the earlier tree"  # how the docstring of such a function begins


def imports(tree):
    """Return the project's modules, and the names taken from them, of a file's imports."""
    for node in ast.iter_child_nodes(tree):
        elsewhere = isinstance(node, ast.FunctionDef) and (
            (ast.get_docstring(node) or "").startswith(OF_ANOTHER_TREE)
        )
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OURS:
            yield from ((node.module, alias.name) for alias in node.names)
        elif not elsewhere:
            yield from imports(node)


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_imported_is_there(path):
    missing = []
    for module, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        try:
            if not hasattr(importlib.import_module(module), name):
                importlib.import_module(f"{module}.{name}")
        except ImportError:
            missing.append(f"{module}.{name}")
    assert missing == []

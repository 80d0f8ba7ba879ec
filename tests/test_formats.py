"""The page of formats names tests that there are."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_cell_of_the_table_of_formats_names_a_test_that_is_there():
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page)
    assert len(named) > 15
    for file, test in named:
        tree = ast.parse((ROOT / "tests/core/recordings" / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    cited = {int(n) for row in rows for n in re.findall(r"\[(\d+)\]", row)}
    listed = {int(n) for n in re.findall(r"^(\d+)\. ", page, re.MULTILINE)}
    assert cited <= listed

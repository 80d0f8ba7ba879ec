"""The page of formats names tests that exist, behind every cell of its table."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
TABLE, TESTS = PAGE.split("## Events")[0], PAGE.split("## Which tests")[1]
CITED = re.compile(r"\[(\d+)\](?!\()")


def test_every_cell_of_the_table_of_formats_cites_a_test():
    rows = [line for line in TABLE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        kind, *cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 4, row
        for cell in cells:
            assert CITED.search(cell), f"{kind}: {cell}"


def test_every_number_on_the_page_of_formats_is_in_its_list_and_the_other_way_round():
    cited = {int(number) for number in CITED.findall(PAGE)}
    listed = [int(number) for number in re.findall(r"^(\d+)\. ", TESTS, re.MULTILINE)]
    assert listed == list(range(1, len(listed) + 1))
    assert cited == set(listed)


@cache
def names_of_tests(file):
    tree = ast.parse((ROOT / "tests/core/recordings" / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_page_of_formats_names_exists():
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", TESTS)
    assert len(named) > 70
    for file, test in named:
        assert test in names_of_tests(file)

"""Count what the plan of the source promises; tests/test_floors.py asserts the counts.

python benchmarks/structure.py             print every count, and what is behind it
python benchmarks/structure.py --types     ask mypy, too
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("eegpt_realtime", "core", "simulation", "ui", "calibration", "realtime", "training")

EEGPT = "core/encoders/eegpt"
EEGPT_PARTS = {
    *("CODEX", "SIZES", "channel_ids", "chan_embed", "eegpt_spec", "encode_patches"),
    *("patch_embed", "size_of", "summary_shape", "summary_token", "target_encoder"),
}
"""What only EEGPT has; another encoder has other parts, or none."""

EEGPT_RECIPES = ("training/recipes/",)
"""Where EEGPT is trained, and may be known."""

STOP_LIST = re.compile(
    r"\b(is none|no numbers?|half a character|nobody|somebody|settled|for ever|beyond doubt"
    r"|told apart)\b",
    re.IGNORECASE,
)
"""Words that a message does not use; docs/glossary.md has those that it does."""

NO_NOUNS = {"at", "each", "found", "its", "one", "said", "what"}
"""Words that say nothing of what a variable holds."""


@cache
def trees() -> dict[str, ast.Module]:
    """Return path below the root -> syntax tree of every source file."""
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return {
        file.relative_to(ROOT).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
        for file in files
    }


def eegpt_outside() -> list[str]:
    """Return where files outside EEGPT's rooms name its parts."""
    return [
        f"{path}:{node.lineno}: {name}"
        for path, tree in trees().items()
        if not path.startswith((f"{EEGPT}/", *EEGPT_RECIPES))
        for node in ast.walk(tree)
        for name in _names(node)
        if name in EEGPT_PARTS or f"{name}.".startswith("core.encoders.eegpt.")
    ]


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            yield name
        case ast.ImportFrom(module=str(module), names=aliases):
            yield module
            yield from (alias.name for alias in aliases)
        case ast.Constant(value=str(text)) if text.isidentifier():
            yield text


def constructions(name: str) -> list[str]:
    """Return where objects of a class are made."""
    return [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name | ast.Attribute)
        and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr) == name
    ]


def import_circles() -> list[str]:
    """Return circles of files that import each other at module level or for their types."""
    modules = {path.removesuffix(".py").replace("/", "."): path for path in trees()}
    edges = {
        name: {
            target
            for node in _at_module_level(trees()[path].body)
            for target in _targets(node, modules.keys())
            if target != name
        }
        for name, path in modules.items()
    }
    return [" -> ".join(circle) for circle in _circles(edges)]


def _at_module_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _at_module_level([*node.body, *node.orelse])


def _targets(node: ast.stmt, modules: Container[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        wanted = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        below = [f"{node.module}.{alias.name}" for alias in node.names]
        wanted = [name if name in modules else node.module for name in below]
    else:
        return
    for name in wanted:
        for module in (name, f"{name}.__init__"):
            if module in modules:
                yield module


def _circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one file (Tarjan, 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for target in edges[name]:
            if target not in order:
                visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in stack:
                lowest[name] = min(lowest[name], order[target])
        if lowest[name] == order[name]:
            component = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(component) > 1:
                circles.append(sorted(component))

    for name in edges:
        if name not in order:
            visit(name)
    return circles


def classes_of_one_name() -> list[str]:
    """Return class names that stand for two or more classes."""
    places = defaultdict(list)
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path)
    return [f"{name}: {', '.join(paths)}" for name, paths in places.items() if len(paths) > 1]


def messages_of_the_stop_list() -> list[str]:
    """Return texts, docstrings apart, that use a word of the stop list."""
    return [
        f"{path}:{node.lineno}: {node.value!r}"
        for path, tree in trees().items()
        for node in _texts(tree)
        if isinstance(node.value, str) and STOP_LIST.search(node.value)
    ]


def _texts(tree: ast.Module) -> Iterator[ast.Constant]:
    docstrings = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield node


def variables_without_a_noun() -> list[str]:
    """Return where variables, parameters and fields are called by a word that is no noun.

    Fields of faults are apart: ``at=12`` is how they are written in ``--fault``.
    """
    return [
        f"{path}:{node.lineno}: {name}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if (name := _bound(node)) in NO_NOUNS and not path.startswith("simulation/faults/")
    ]


def _bound(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.MatchAs(name=name):
            return name
    return None


def type_errors() -> list[str]:
    """Return what mypy, strict as pyproject.toml has it, finds."""
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return (ran.stdout + ran.stderr).splitlines()


def main() -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--types", action="store_true", help="run mypy, too")
    given = parser.parse_args()
    counts = {
        "names of EEGPT's parts outside its rooms": eegpt_outside(),
        "constructions of Continuity": constructions("Continuity"),
        "import circles between files": import_circles(),
        "class names with two meanings": classes_of_one_name(),
        "messages with a word of the stop list": messages_of_the_stop_list(),
        "variables without a noun": variables_without_a_noun(),
    }
    if given.types:
        counts["mypy strict errors"] = type_errors()
    for name, places in counts.items():
        print(f"{name}: {len(places)}")
        print("".join(f"    {place}\n" for place in places), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Rows of a benchmark that goes on where it was stopped: one line of JSON each, in its --out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path


class ResumableRows:
    """Rows that are there already, and those that are added.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def read(self) -> list[dict]:
        """Return all rows."""
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]

    def known(self, *names: str) -> set[tuple]:
        """Return what the rows have under these names: what need not be computed again."""
        return {tuple(row[name] for name in names) for row in self.read()}

    def add(self, row: dict) -> None:
        """Write a row at once, so that nothing is lost when the benchmark is stopped."""
        with self._path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser of what all of these benchmarks take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", nargs="+", default=[], help="these only")
    parser.add_argument("--table", action="store_true", help="of the rows that are there")
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return the options, with a folder unless there is nothing to compute."""
    options = parser.parse_args()
    if options.folder is None and not options.table:
        parser.error("name the folder of the recordings, or --table")
    return options


def folders(options: argparse.Namespace) -> Iterator[Path]:
    """Give the folder of each person who is wanted."""
    for folder in sorted(path for path in options.folder.iterdir() if path.is_dir()):
        if folder.name in (options.people or [folder.name]):
            yield folder

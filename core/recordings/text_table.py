"""Recordings written as text, taken apart into a table: encodings, separators, odd lines."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import InputError, one_line

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e]")  # for no screen
_COMMENT = ("%", "#")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_DECIMAL_POINT = re.compile(r"\d\.\d")
_CONTROLS = 0.05  # the share of control characters that a text may have
_WELL = 0.9  # the share of lines that must be whole
_LOOKED_AT = 1000  # lines that tell how a table is written


@dataclass(frozen=True)
class Text:
    """Lines of a file: what is said about it first, then the table."""

    path: Path
    comments: tuple[str, ...]
    lines: list[str]
    complete: bool  # whether the last line has its end

    @property
    def shown(self) -> str:
        """The first line, for a sentence."""
        return one_line("".join([*self.comments, *self.lines][:1]) or "nothing", 80)


@dataclass(frozen=True)
class Table:
    """Rows of equal width.

    Attributes
    ----------
    names : tuple of str
        Of the columns; empty if the file does not have them.
    rows : list of str
        Lines, not yet split.
    delimiter : str
    width : int
        Number of columns.
    cuts : tuple of int
        Rows before which lines were left out.
    notes : tuple of str
        What was left out.
    """

    names: tuple[str, ...]
    rows: list[str]
    delimiter: str
    width: int
    cuts: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def cells(self, column: int) -> list[str]:
        """Return a column as it is written."""
        return [row.split(self.delimiter)[column].strip().strip('"') for row in self.rows]

    def numbers(self, columns: Sequence[int]) -> np.ndarray:
        """Return columns as float64, shape (rows, columns); NaN for text that is not a number."""
        if not self.rows or not columns:
            return np.empty((len(self.rows), len(columns)))
        wanted = [column % self.width for column in columns]
        try:
            return np.loadtxt(
                self.rows, delimiter=self.delimiter, usecols=wanted, comments=None, ndmin=2
            )
        except ValueError:
            split = (row.split(self.delimiter) for row in self.rows)
            return np.array([[_number(row[column]) for column in wanted] for row in split])


def is_text(head: bytes) -> bool:
    """Return whether the first bytes of a file are text."""
    if head.startswith(tuple(_BOMS)):
        return True
    controls = sum(byte < 9 or 13 < byte < 32 for byte in head)
    return bool(head.strip()) and 0 not in head and controls < _CONTROLS * len(head)


def read_lines(path: Path, size: int = -1) -> Text:
    """Read a text file, or its first bytes.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(size)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    text = _decoded(content)
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [line for line in text.split("\n") if line.strip()]
    begin = next((i for i, line in enumerate(lines) if not line.startswith(_COMMENT)), len(lines))
    return Text(path, tuple(lines[:begin]), lines[begin:], text.endswith("\n"))


def delimiter_of(line: str) -> str:
    """Return what divides the cells of a line."""
    return next((mark for mark in "\t;" if mark in line), ",")


def table_of(text: Text) -> Table:
    """Return the table of a text.

    Raises
    ------
    InputError
        If it has no rows, or too many of its lines are not whole.
    """
    if not text.lines:
        raise InputError(f"{text.path} has no rows of samples.")
    lines, delimiter = text.lines, delimiter_of(text.lines[0])
    if any('"' in line for line in lines[1:]):
        lines, delimiter = [_unquoted(line, delimiter) for line in lines], "\t"
    if delimiter != "," and _has_decimal_commas(lines[1:_LOOKED_AT] or lines):
        lines = [_DECIMAL_COMMA.sub(".", line) for line in lines]
    first = lines[0]
    counts = Counter(line.count(delimiter) for line in lines[:_LOOKED_AT])
    marks = counts.most_common(1)[0][0]
    names = () if _numeric(first, delimiter) else _names(first, delimiter, marks + 1)
    missing = max(len(names) - marks - 1, 0)  # cells that most rows leave out at their end

    rows: list[str] = []
    cuts: list[int] = []
    odd, pending = 0, False
    for line in lines[1:] if names else lines:
        beyond = line.count(delimiter) - marks
        if beyond in (0, missing) and not line.startswith(_COMMENT) and line != first:
            if pending and rows:
                cuts.append(len(rows))
            rows.append(line + delimiter * (missing - beyond))
            pending = False
        else:
            pending = True  # a header repeated where recording went on, or half a line
            odd += line != first and not line.startswith(_COMMENT)
    if names == () and lines:
        rows.insert(0, first)
        cuts = [cut + 1 for cut in cuts]
    odd -= pending and lines[-1].count(delimiter) != marks  # the end of a file may be missing
    if len(rows) > 1 and not pending and not text.complete and _shorter(lines, delimiter):
        rows.pop()
    if not rows:
        raise InputError(f"{text.path} has no rows of samples.")
    if len(rows) < _WELL * (len(rows) + odd):
        raise InputError(
            f"{text.path} has {len(rows)} rows of {marks + 1} columns, but {odd} of another width; "
            "it is no table of samples, or damaged."
        )
    notes = (f"{odd} lines of {text.path.name} are not whole and were left out.",) if odd else ()
    width = marks + missing + 1
    return Table(names, rows, delimiter, width, tuple(c for c in cuts if c < len(rows)), notes)


def _unquoted(line: str, delimiter: str) -> str:
    """Return a line with tabs between its cells, which quotation marks may be around."""
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    return "\t".join(cell.replace("\t", " ") for cell in cells)


def _has_decimal_commas(lines: list[str]) -> bool:
    """Return whether numbers have commas; a first row of zeros, or a marker, does not tell."""
    commas, points = (
        sum(mark.search(line) is not None for line in lines)
        for mark in (_DECIMAL_COMMA, _DECIMAL_POINT)
    )
    return commas > 0 and commas >= points


def _decoded(content: bytes) -> str:
    for mark, encoding in _BOMS.items():
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _split(line: str, delimiter: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(delimiter)]


def _names(line: str, delimiter: str, columns: int) -> tuple[str, ...]:
    """Return the names of columns, without empty ones behind the last column."""
    names = _split(line, delimiter)
    while len(names) > columns and not names[-1]:
        names.pop()
    return tuple(names)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _numeric(line: str, delimiter: str) -> bool:
    """Return whether a line has more numbers than words in it."""
    cells = [cell for cell in _split(line, delimiter) if cell]
    return sum(not np.isnan(_number(cell)) for cell in cells) > len(cells) / 2


def _shorter(lines: list[str], delimiter: str) -> bool:
    """Return whether the last cell of all lacks something that the one above has."""
    last, before = (line.rsplit(delimiter, 1)[-1] for line in (lines[-1], lines[-2]))
    return len(last) < len(before)

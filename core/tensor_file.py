"""Files of tensors with one JSON table about them: read without trust, and never executed."""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core.errors import InputError, one_line
from core.machine.files import as_path, open_regular, unicode_name, write_whole
from core.strict_json import load_json

Built = TypeVar("Built")

_LONGEST = 128  # characters of a name
_LARGEST_HEADER = 4 * 2**20  # bytes; the 413 tensors of a pretraining need 50 thousand

_CONTRADICTIONS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


class DamagedError(Exception):
    """A file is not the safetensors file that it should be; the message says why."""


def read_tensors(
    path: Path, framework: str, tensors: bool = True
) -> tuple[dict[str, str], dict[str, Any]]:
    """Read a safetensors file.

    Parameters
    ----------
    path : Path
    framework : {"np", "pt"}
        NumPy's arrays, or torch's tensors.
    tensors : bool
        Whether the tensors are wanted too.

    Returns
    -------
    dict of str to str
        The metadata.
    dict of str to ndarray or Tensor
        Empty if they are not wanted.

    Raises
    ------
    DamagedError
        If it is none, or announces more than it holds.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with open_regular(path) as opened:
            announced = int.from_bytes(opened.read(8), "little")
        # Before anything of that length is read, or memory for it asked for.
        size = path.stat().st_size
        if announced > min(size - 8, _LARGEST_HEADER):
            raise DamagedError(f"it announces a header of {announced} bytes in a file of {size}")
        with unicode_name(path) as name, safe_open(name, framework=framework) as file:
            names = file.keys() if tensors else ()
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ArithmeticError, AttributeError, LookupError) as error:
        raise DamagedError(one_line(error)) from error
    except (TypeError, ValueError) as error:  # a kind of number that the framework has not
        raise DamagedError(one_line(error)) from error


def holds_what_it_lists(path: Path) -> bool:
    """Whether an archive of torch has room for its entries, none of them compressed.

    Torch asks for the memory that they announce, before it looks whether it is there.
    """
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as opened:
            entries = opened.infolist()
    except Exception:  # the module lets several kinds through
        return False
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    placed = all(0 <= entry.header_offset <= size for entry in entries)
    return stored and placed and sum(entry.file_size for entry in entries) <= size


@dataclass(frozen=True)
class TensorFormat:
    """A kind of file: tensors in safetensors, and a JSON table among its metadata.

    Attributes
    ----------
    name : str
        Key of the table, and what its ``format`` says.
    version : int
        What its ``version`` says.
    later : tuple of int
        Versions that are read beside it; any other is refused.
    noun : str
        What people call it.
    largest : int
        Bytes that it can have at most.
    again : str
        How to come by one of this version: ``Fit it again``.
    """

    name: str
    version: int
    noun: str
    largest: int
    again: str
    later: tuple[int, ...] = ()

    def save(
        self,
        path: Path,
        table: Mapping[str, Any],
        tensors: Mapping[str, np.ndarray],
        overwrite: bool = False,
        check: Callable[[dict[str, Any], dict[str, np.ndarray]], object] | None = None,
        version: int | None = None,
    ) -> Path:
        """Write a file, whole or not at all.

        Parameters
        ----------
        path : Path
        table, tensors : mapping
        overwrite : bool
            Whether it may replace a file.
        check : callable, optional
            What `load` will build of it: nothing is written that it would refuse.
        version : int, optional
            One of `later`, where the file is of that.

        Raises
        ------
        InputError
            If it exists and may not be overwritten, cannot be written, or is refused by `check`.
        """
        from safetensors.numpy import save

        whole = {"format": self.name, "version": version or self.version, **table}
        if check is not None:
            try:
                check(json.loads(json.dumps(whole)), dict(tensors))
            except (InputError, *_CONTRADICTIONS) as error:
                raise InputError(
                    f"This {self.noun} could not be read again, and is not kept: {one_line(error)}"
                ) from error
        content = save(
            {name: np.ascontiguousarray(value) for name, value in tensors.items()},
            # In ASCII, as names of files may hold what is no Unicode.
            metadata={self.name: json.dumps(whole)},
        )
        return write_whole(path, content, overwrite=overwrite)

    def named_by(self, path: Path) -> bool:
        """Whether a file says that it is of this kind."""
        try:
            return self.name in read_tensors(path, "np", tensors=False)[0]
        except DamagedError:
            return False

    def read(
        self, path: Path, tensors: bool = True
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return a file's table and its tensors by name.

        Parameters
        ----------
        path : Path
        tensors : bool
            Whether the tensors are wanted too.

        Raises
        ------
        InputError
            If the file is missing, too large, damaged, or of another kind or version.
        """
        if not os.path.isfile(path):  # Path.is_file chokes on names of unusual length
            if os.path.isdir(path):
                raise InputError(f"{path} is a folder and no {self.noun}; name the file in it.")
            raise InputError(f"There is no {self.noun} at {path}.")
        if path.stat().st_size > self.largest:
            raise InputError(f"{path} is too large to be a {self.noun}.")
        try:
            metadata, arrays = read_tensors(path, "np", tensors)
        except DamagedError as error:
            raise InputError(f"{path} is not a {self.noun}, or is damaged ({error}).") from error
        if self.name not in metadata:
            raise InputError(f"{path} is a safetensors file, but not a {self.noun}.")
        try:
            table = load_json(metadata[self.name])
        except ValueError as error:
            raise InputError(
                f"{path} is damaged: its header is not JSON ({one_line(error)})."
            ) from error
        if not isinstance(table, dict) or table.get("format") != self.name:
            raise InputError(f"{path} is damaged: its header does not describe a {self.noun}.")
        readable = (self.version, *self.later)
        if (version := table.get("version")) not in readable or isinstance(version, bool):
            known = " and ".join(map(str, readable))
            raise InputError(
                f"{path} is a {self.noun} of format version {one_line(version, 40)}; this program "
                f"reads version {known}. {self.again}, or use the program that made it."
            )
        return table, arrays

    def load(
        self,
        path: Path | str,
        build: Callable[[dict[str, Any], dict[str, np.ndarray]], Built],
        content: str,
    ) -> Built:
        """Return what a file holds, built from its table and its tensors.

        Parameters
        ----------
        path : Path or str
        build : callable
        content : str
            What the table describes, for the message.

        Raises
        ------
        InputError
            As `read`, or if table and tensors contradict each other.
        """
        path = as_path(path)
        table, tensors = self.read(path)
        try:
            return build(table, tensors)
        except InputError as error:
            raise InputError(f"{path} cannot be used: {one_line(error)}") from error
        except _CONTRADICTIONS as error:
            raise InputError(
                f"{path} is damaged: its header does not describe {content} ({one_line(error)})."
            ) from error


def texts(value: Any, fewest: int = 1) -> tuple[str, ...]:
    """Return a table's list of different names.

    Raises
    ------
    ValueError
        If it is none, has fewer, or holds what cannot be shown on one line.
    """
    names = tuple(text(name) for name in value) if isinstance(value, list) else ()
    if len(names) < max(fewest, 1) or len(set(names)) != len(names):
        raise ValueError(f"{one_line(value, 60)} is no list of different names")
    return names


def text(value: Any) -> str:
    """Return a table's text, if it is one of a sane length without control characters.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST:
        raise ValueError(f"{one_line(value, 60)} is no plain text of up to {_LONGEST} characters")
    return value


def number(value: Any, low: float, high: float) -> float:
    """Return a table's number, if it lies within bounds.

    Raises
    ------
    ValueError
        If it does not, or is none.
    """
    # A whole number may be larger than any float, so it is compared before it is turned into one.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{one_line(value, 60)} where a number from {low:g} to {high:g} belongs")
    return float(value)


def whole(value: Any, low: int, high: int) -> int:
    """Return a table's whole number, if it lies within bounds.

    Raises
    ------
    ValueError
        If it does not, or is none.
    """
    if number(value, low, high) != math.floor(value):
        raise ValueError(f"{one_line(value, 60)} where a whole number belongs")
    return int(value)

"""A text file that a run writes line by line, as its logs are."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from core.errors import InputError
from core.machine.files import new_text_file
from core.program import say


class LineFile:
    """A new text file; every line is on its way to the disk when it is written.

    A file that is deleted or moved meanwhile is begun anew at its place, with a word on stderr.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _new_file(path)

    def write(self, line: str) -> None:
        """Write a line.

        Raises
        ------
        InputError
            If the disk is full, say, or another file has taken the place of a deleted one.
        """
        if not self._in_place():
            self._file.close()
            self._file = _new_file(self._path)
            say(f"The log {self._path} was deleted or moved; it begins anew at its place.")
        try:
            self._file.write(line + "\n")
        except OSError as error:
            with suppress(OSError):  # what is left of the line finds no place now either
                self._file.close()
            raise InputError(
                f"The log {self._path} cannot be written any more: {error.strerror}."
            ) from error

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _in_place(self) -> bool:
        """Whether the file's name still leads to it."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False
        except OSError:  # a disk that does not answer: writing tells
            return True


def _new_file(path: Path) -> TextIO:
    try:
        return new_text_file(path)
    except FileExistsError:
        raise InputError(f"The log {path} exists already; choose another name.") from None
    except OSError as error:
        raise InputError(f"The log {path} cannot be written: {error.strerror}.") from error

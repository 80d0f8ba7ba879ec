"""Writing a file whole or not at all, and knowing beforehand whether that can be done."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from core.errors import InputError


def check_new_file(path: Path, flag: str) -> Path:
    """Refuse, before any work, a place where a new file cannot be written.

    Parameters
    ----------
    path : Path
        What was asked for; its folder need not exist yet.
    flag : str
        What it was asked for with, such as "--log".

    Raises
    ------
    InputError
        If it is a folder, exists already, or its folder can be neither written to nor made.
    """
    if path.is_dir():
        raise InputError(f"{flag} names a folder, {path}; name a new file in it.")
    if os.path.lexists(path):
        raise InputError(f"{path} exists already; choose another name with {flag}.")
    check_folder(path.parent, flag)
    return path


def check_folder(path: Path, flag: str) -> Path:
    """Refuse, before any work, a folder that can be neither written to nor made.

    Raises
    ------
    InputError
        As said.
    """
    there = path.absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise InputError(f"{flag} needs a folder, and {there} is a file; choose another one.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{flag}: the folder {there} cannot be written to; choose another one.")
    return path


def write_whole(path: Path, content: bytes, *, overwrite: bool = False) -> Path:
    """Write a file so that a reader, or a crash, never sees half of it.

    A process that is killed meanwhile leaves a file ``.NAME.PID.part``, which nothing reads.

    Raises
    ------
    InputError
        If the file exists and may not be overwritten, or cannot be written.
    """
    if os.path.exists(path) and not overwrite:
        raise InputError(f"{path} exists already; choose another name.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(unfinished, path)
        else:
            _place(unfinished, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return path


def _place(unfinished: Path, path: Path) -> None:
    """Give a file its name, unless another process has just given that name to one of its own."""
    if os.name == "nt":
        os.rename(unfinished, path)  # refuses there what it replaces elsewhere
        return
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.replace(unfinished, path)

"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import InputError


def write_whole(path: Path, content: bytes, *, overwrite: bool = False) -> Path:
    """Write a file so that a reader, or a crash, never sees half of it.

    Raises
    ------
    InputError
        If the file exists and may not be overwritten, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already; choose another name.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path

"""Telling a run that is being recorded from one that a crash left."""

from __future__ import annotations

import errno
import sys
from io import FileIO
from pathlib import Path

from core.machine.files import open_regular

_FAR = 2**30  # a byte that no file of stamps has: Windows forbids others to read a locked one


def hold(file: FileIO) -> None:
    """Mark an open file as being written by this process, until it is closed or the process ends.

    Does nothing on file systems that have no locks.
    """
    try:
        _lock(file)
    except OSError:
        return


def is_held(path: Path) -> bool:
    """Return whether a process that still runs holds a file.

    Raises
    ------
    OSError
        If it cannot be opened, or is no regular file.
    """
    with _opened(path) as file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            return True
        except OSError:
            return False
    return False


def _opened(path: Path) -> FileIO:
    try:
        return open_regular(path, write=True)  # what a lock needs over NFS; nothing is written
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return open_regular(path)


def _lock(file: FileIO) -> None:
    if sys.platform == "win32":
        import msvcrt

        position = file.tell()
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(position)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

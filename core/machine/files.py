"""Opening, writing, naming and hashing files: regular ones only, private, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import TextIO

from core.errors import InputError, one_line

_EVERYWHERE = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none; links need a privilege there
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a FIFO would wait for who writes to it
_JUNCTION = 0xA0000003  # Windows' link to a folder
_LONGEST = 200  # bytes of a name that is kept in the name of an unfinished file; systems allow 255


def as_path(given: os.PathLike[str] | str) -> Path:
    """Return what a caller gave for a path.

    Raises
    ------
    InputError
        If it is neither a path nor text.
    """
    if not isinstance(given, str | os.PathLike):
        raise InputError(f"A path, or its text, was expected; found {one_line(given, 60)}.")
    return Path(given)


def check_new_file(path: Path, flag: str, suffix: str = "") -> Path:
    """Refuse, before any work, a place where a new file cannot be written.

    Parameters
    ----------
    path : Path
        What was asked for; its folder need not exist yet.
    flag : str
        What it was asked for with, such as "--log".
    suffix : str
        That its name must have, such as ".safetensors".

    Raises
    ------
    InputError
        If it is a folder, has another suffix, exists already, or its folder can be neither written
        to nor made.
    """
    if path.is_dir():
        raise InputError(f"{flag} names a folder, {path}; name a new file in it.")
    if suffix and path.suffix != suffix:
        raise InputError(f'{flag} {path} must have a name that ends in "{suffix}".')
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
        raise InputError(
            f"{flag}: the folder {there} cannot be written to (a read-only disk, or not yours); "
            "choose another one."
        )
    return path


def there_already(path: Path) -> Path:
    """Return the part of a path that is there already."""
    path = path.absolute()
    # Not Path.exists: it raises where a folder may not be looked into.
    return next(part for part in (path, *path.parents) if os.path.exists(part))


def bytes_free(folder: Path) -> int:
    """Return the free space where a folder is, or will be."""
    return shutil.disk_usage(there_already(folder)).free


def write_whole(
    path: Path, content: bytes, *, overwrite: bool = False, shared: bool = False
) -> Path:
    """Write a file so that a reader, or a crash, never sees half of it.

    A process that is killed meanwhile leaves a file ``.NAME.RANDOM.part``, which nothing reads.
    A link of that name is never followed: with `overwrite` the file takes the link's place.

    Parameters
    ----------
    path : Path
        Folders that it lacks are made.
    content : bytes
    overwrite : bool
        Whether it may replace a file, whose permissions it then keeps.
    shared : bool
        Whether a new file, and new folders, may be read by others, as far as the umask lets them.

    Raises
    ------
    InputError
        If the file exists and may not be overwritten, or cannot be written.
    """
    if os.path.lexists(path) and not overwrite:
        raise InputError(f"{path} exists already; choose another name.")
    unfinished = None
    try:
        make_folder(path.parent, shared)
        unfinished = _unfinished(path)
        with new_file(unfinished, shared) as file:
            _keep_permissions(file, path)
            rest = memoryview(content)
            while len(rest):
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        if overwrite:
            os.replace(unfinished, path)
        else:
            _place(unfinished, path)
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        text = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be written: {text}.") from error
    finally:
        if unfinished is not None:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
    return path


def make_folder(path: Path, shared: bool = False) -> None:
    """Make a folder and those above it that are missing, for their owner alone.

    Raises
    ------
    OSError
        If it cannot be made, or is a file.
    """
    if path.is_dir():
        return
    make_folder(path.parent, shared)
    path.mkdir(0o777 if shared else 0o700, exist_ok=True)


def new_file(path: Path, shared: bool = False) -> FileIO:
    """Begin a file that must not exist, not even as a link to nothing; its owner alone reads it.

    Unbuffered: what was written is the system's, whatever becomes of this process.

    Raises
    ------
    OSError
        If the name is taken, or the file cannot be made.
    """

    def begin(name: str, flags: int) -> int:
        return os.open(name, flags | _NO_LINK, 0o666 if shared else 0o600)

    return FileIO(path, "x+", opener=begin)


def new_text_file(path: Path) -> TextIO:
    """Begin a text file in UTF-8 as `new_file` does, with the folders it needs, line by line.

    Raises
    ------
    OSError
        As `new_file`.
    """
    make_folder(path.parent)
    file = BufferedWriter(new_file(path))
    # A name of a file may be no Unicode; that is no reason to stop.
    return TextIOWrapper(file, "utf-8", errors="backslashreplace", line_buffering=True)


def open_regular(path: Path, write: bool = False, follow: bool = True) -> FileIO:
    """Open a file that exists, if it is one: no FIFO, device or folder. It never waits.

    Parameters
    ----------
    path : Path
    write : bool
        Whether it is to be changed, too.
    follow : bool
        Whether the name may be a link.

    Raises
    ------
    OSError
        If it cannot be opened, or is no regular file.
    """

    def begin(name: str, _: int) -> int:
        flags = (os.O_RDWR if write else os.O_RDONLY) | _EVERYWHERE | _NO_WAIT
        return os.open(name, flags if follow else flags | _NO_LINK)

    file = FileIO(path, "r+" if write else "r", opener=begin)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(None, "it is no regular file", str(path))
    return file


@contextmanager
def unicode_name(path: Path) -> Iterator[Path]:
    """Give another name of a file, while it is read, to libraries that take Unicode names only.

    Raises
    ------
    OSError
        As `open_regular`.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with open_regular(path) as file:
            yield Path(f"/dev/fd/{file.fileno()}")
    else:
        yield path


def read_regular(path: Path, most: int) -> bytes:
    """Return what a regular file holds.

    Raises
    ------
    OSError
        As `open_regular`, or if it holds more than `most` bytes.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(None, f"it is larger than {most} bytes", str(path))
        content = bytearray()
        while part := file.read(2**20):
            content += part
    return bytes(content)


def sha256_of(*paths: Path) -> str:
    """Return the SHA-256 of files, one after the other; of all in a folder, by their names."""
    digest = hashlib.sha256()
    for path in _files(paths):
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def linked(root: Path, path: Path) -> str | None:
    """Return why a change to a file below a folder could be one elsewhere, None if it could not.

    Parameters
    ----------
    root : Path
        The folder; it may be a link itself.
    path : Path
        Below it, whether it is there or not.

    Returns
    -------
    str or None
        To be read after the file's name.
    """
    place = root
    parts = path.relative_to(root).parts
    for number, part in enumerate(parts, 1):
        place = place / part
        try:
            status = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _JUNCTION:
            if number < len(parts):
                return f"lies behind the link {place.relative_to(root).as_posix()}"
            return "is a link"
        if number == len(parts) and stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            return "has another name elsewhere (a hard link)"
    return None


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(filter(Path.is_file, path.rglob("*"))) if path.is_dir() else (path,)


def _unfinished(path: Path) -> Path:
    name = path.name[:_LONGEST]
    while len(os.fsencode(name)) > _LONGEST:
        name = name[:-1]
    return path.with_name(f".{name}.{secrets.token_hex(8)}.part")


def _keep_permissions(file: FileIO, path: Path) -> None:
    """Give a file the permissions of the one that it replaces, if there is one."""
    if os.name == "nt":
        return
    with suppress(OSError):
        there = os.lstat(path)
        if stat.S_ISREG(there.st_mode):
            os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode) & 0o777)


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
        new_file(path).close()  # takes the name, or finds it taken
        os.replace(unfinished, path)

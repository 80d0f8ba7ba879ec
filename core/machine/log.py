"""The programs' log: what happened and when, in a file of the home folder that its owner reads.

Records are those of `logging`, below the logger ``eegpt``; nothing else is taken. What a person is
told on stderr (`core.program.say`) is among them.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from shlex import join

from core.errors import printable
from core.machine.files import make_folder

_LOGGER = logging.getLogger("eegpt")
_PRINTED = "eegpt.printed"  # logger of what was printed on stderr anyway
_HAPPENINGS = ("eegpt.stream", "eegpt.session")
_SIZE, _KEPT = 1_000_000, 4  # bytes of a file, and how many older ones stay
_WAITING = 1000  # records kept while there is no folder
_LIBRARIES = ("eegpt-realtime", "torch", "numpy", "scipy", "mne", "pylsl", "PySide6")


class _OneLineOfText(logging.Formatter):
    """Writes a record so that none of its lines looks like another record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s: %(message)s")
        self.datefmt = "%Y-%m-%d %H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        return "\n    ".join(map(printable, super().format(record).split("\n")))


class _LogFile(RotatingFileHandler):
    """A file for its owner alone that nothing fails for, in a home folder that may not be there.

    Who is refused leaves nothing behind: records wait for the folder, which is made once a stream
    is found or sent, or the program has done what it was asked for.

    Parameters
    ----------
    folder : Path
        The home folder.
    program : str
        What the file is named after.
    make : bool
        Whether the folder may be made; else records wait until something else does.
    """

    def __init__(self, folder: Path, program: str, make: bool) -> None:
        self._folder, self._make = folder.absolute(), make
        self._waiting: deque[logging.LogRecord] = deque(maxlen=_WAITING)
        path = self._folder / "logs" / f"{program}.log"
        super().__init__(path, maxBytes=_SIZE, backupCount=_KEPT, encoding="utf-8", delay=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record with those before it, or have it wait."""
        self._waiting.append(record)
        happened = record.name in _HAPPENINGS or getattr(record, "done", False)
        if self._folder.is_dir() or (self._make and happened):
            while self._waiting:
                super().emit(self._waiting.popleft())

    def _open(self) -> TextIOWrapper:
        make_folder(Path(self.baseFilename).parent)
        # Neither a link nor a FIFO, which would be waited for; Windows has neither flag.
        plain = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        return open(
            self.baseFilename,
            "a",
            encoding="utf-8",
            errors="backslashreplace",
            opener=lambda name, flags: os.open(name, flags | plain, 0o600),
        )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Go on without: no program ends, and nothing is said, for its log."""

    def close(self) -> None:
        with suppress(OSError):  # what is left cannot be written
            super().close()


class _Shown(logging.StreamHandler):  # type: ignore[type-arg]
    """Shows records on stderr, but for what was printed there anyway."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.name != _PRINTED

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Go on where nobody reads stderr."""


def begin_log(
    program: str, given: Sequence[str], home: Path, make: bool = True, verbose: bool = False
) -> None:
    """Begin a program's log with what was asked for, and of which versions.

    Parameters
    ----------
    program : str
        As it is called.
    given : sequence of str
        Its arguments.
    home : Path
        The home folder.
    make : bool
        Whether that may be made.
    verbose : bool
        Show records on stderr, too.
    """
    _close()
    name = program.removeprefix("python -m ").split()[0]
    handlers: list[logging.Handler] = [_LogFile(home, name, make)]
    if verbose:
        handlers.append(_Shown(sys.stderr))
    for handler in handlers:
        handler.setFormatter(_OneLineOfText())
        _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    _LOGGER.info("Begins: %s", printable(join([*program.split(), *given])))
    _LOGGER.info("Python %s on %s, %s", sys.version.split()[0], platform.platform(), _versions())


def note_printed(text: str) -> None:
    """Note what was printed on stderr."""
    logging.getLogger(_PRINTED).info("%s", "\n".join(map(printable, text.strip("\n").split("\n"))))


def end_log(code: int | None) -> None:
    """Close the log, if there is one, with the program's exit code; None for an unforeseen error.

    The error is the one that is being handled.
    """
    if not _LOGGER.handlers:
        return
    if code is None:
        logging.getLogger(_PRINTED).error("Ends with an error", exc_info=True, extra={"done": True})
    else:
        _LOGGER.info("Ends with exit code %d", code, extra={"done": code != 2})
    _close()


def _close() -> None:
    for handler in _LOGGER.handlers[:]:
        _LOGGER.removeHandler(handler)
        handler.close()
    _LOGGER.propagate = True
    _LOGGER.setLevel(logging.NOTSET)


def _versions() -> str:
    versions = []
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    return ", ".join(versions)

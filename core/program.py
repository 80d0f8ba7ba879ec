"""How a program ends: after an error, a signal, or output that nobody takes any more."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from types import FrameType
from typing import Any, TextIO

from core.errors import InputError, one_line, printable
from core.machine.threads import share_cores

_BROKEN_PIPE = 141  # 128 + SIGPIPE, as of a program that the signal ends


class Interrupted(KeyboardInterrupt):
    """The program was asked to end by a signal.

    A `KeyboardInterrupt`, so that whatever ends in order after Ctrl+C does so after any signal.

    Parameters
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number, as shells count."""
        return 128 + self.number


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that ask this program to end: Ctrl+C, SIGTERM, a closed terminal.

    A closed terminal counts unless a parent has set it to be ignored (nohup). Ctrl+C counts also
    for what a script has started in its background, which begins deaf to it.
    """
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is None or signal.getsignal(hangup) == signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, hangup)


def run_command_line(
    program: str, argv: Sequence[str] | None, main: Callable[[list[str]], int | None]
) -> int:
    """Run a program's body on its arguments, as `run_program`, after `share_cores`.

    Parameters
    ----------
    program : str
        As for `run_program`.
    argv : sequence of str or None
        The arguments; those of this process if None.
    main : callable
        The body, which gets the arguments.
    """
    share_cores()
    given = list(sys.argv[1:] if argv is None else argv)
    return run_program(program, lambda: main(given))


def run_program(program: str, main: Callable[[], int | None]) -> int:
    """Run a program's body and turn its end into an exit code.

    Parameters
    ----------
    program : str
        Name printed before a message.
    main : callable
        The body. It may return an exit code.

    Returns
    -------
    int
        What the body returned (0 for None); 2 after an `InputError` or an error of a file; 130,
        143 or 129 after Ctrl+C, SIGTERM or SIGHUP; 141 where nobody reads the output any more.
    """
    _open_standard_streams()
    code = None
    try:
        code = _run_to_the_end(program, main)
        return code
    except SystemExit as end:
        code = int(end.code or 0)
        raise
    finally:
        log = sys.modules.get("core.machine.log")  # None where no log has begun
        if log is not None:
            log.end_log(code)


def _run_to_the_end(program: str, main: Callable[[], int | None]) -> int:
    with _raised_signals() as received:
        try:
            code = _run(program, main)
        except Exception:
            # A signal in the middle of an import leaves as an ImportError, or as anything else.
            if not received:
                raise
            code = Interrupted(received[0]).exit_code
        except KeyboardInterrupt as interrupt:
            code = getattr(interrupt, "exit_code", 128 + signal.SIGINT)
        except SystemExit as end:  # help was shown, or a flag is unknown
            given = end.code if isinstance(end.code, int) else int(end.code is not None)
            raise SystemExit(_flushed(program, given)) from end
        return _flushed(program, code)


def print_version(program: str) -> None:
    """Print a program's name and the version of the package."""
    from importlib.metadata import version

    print(f"{program} {version('eegpt-realtime')}")


def say(text: str, logged: bool = False) -> None:
    """Tell the person something on stderr; where that is gone, nothing else ends for it.

    The program's log notes it, too, unless that has been done.
    """
    write_line(text, sys.stderr)
    log = sys.modules.get("core.machine.log")  # None where no log has begun
    if log is not None and not logged:
        log.note_printed(text)


def write_line(text: object, file: TextIO | None = None) -> None:
    """Print lines at once, each of them `printable`, whatever the terminal's encoding.

    A stream that is closed, full or read by nobody is passed over.
    """
    file = file or sys.stdout
    lines = "\n".join(map(printable, str(text).split("\n")))
    with suppress(OSError, ValueError):
        encoding = getattr(file, "encoding", None) or "utf-8"
        shown = lines.encode(encoding, "backslashreplace").decode(encoding)
        print(shown, file=file, flush=True)


def _run(program: str, main: Callable[[], int | None]) -> int:
    try:
        return main() or 0
    except InputError as error:
        # Further lines are lists of what there is; none may look like another message.
        first, *more = str(error).split("\n")
        lines = [line if line.startswith("  ") else f"  {line}" for line in more]
        say("\n".join([f"{program}: {first}", *lines]))
        return 2
    except ImportError as error:
        library, separator, _ = str(error).partition(": cannot open shared object file")
        if not separator:
            raise
        say(f"{program}: The system library {library} is missing; install it and start again.")
        return 2
    except OSError as error:
        if _broken(sys.stdout) is not None:
            return 0  # what is due is said when the rest of it is flushed
        if isinstance(error, BrokenPipeError) and _unread(sys.stdout):
            return _BROKEN_PIPE
        if error.errno is None:
            raise
        place = "" if error.filename is None else f"{error.filename}: "
        say(f"{program}: {place}{error.strerror or one_line(error)}.")
        return 2


def _flushed(program: str, code: int) -> int:
    """Write what is left of the output; return the exit code that is due if that fails."""
    error = _broken(sys.stdout)
    if error is not None and not isinstance(error, BrokenPipeError):
        say(f"{program}: The output cannot be written: {error.strerror}.")
        code = code or 2
    elif error is not None:
        code = code or _BROKEN_PIPE
    for stream in (sys.stdout, sys.stderr):
        if _broken(stream) is not None:
            # Otherwise the interpreter would try once more at its end, and tell of it.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _broken(file: TextIO) -> OSError | None:
    """Return why a stream cannot be written to, if so."""
    try:
        file.flush()
    except OSError as error:
        return error
    except ValueError:  # closed by the program itself
        return None
    return None


def _unread(file: TextIO) -> bool:
    """Whether a stream is a pipe that nobody reads any more; buffers hold nothing to tell of it."""
    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    poll.register(file.fileno(), select.POLLOUT)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def _open_standard_streams() -> None:
    """Let what a shell has closed (``2>&-``) lead nowhere.

    Python has no stream then, and the system gives the free number to the next file that is
    opened: a log, which would get what libraries write to stderr.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is not None:
            if number and isinstance(stream, TextIOWrapper):  # names of files may be no text at all
                stream.reconfigure(errors="backslashreplace")
            continue
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        setattr(sys, name, open(os.devnull, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: SIM115


@contextmanager
def _raised_signals() -> Iterator[list[int]]:
    """Have the signals that end a program raise `Interrupted`; give those that came.

    After the first signal only Ctrl+C counts: a terminal that closes sends several, and they shall
    not disturb an end in order.
    """
    received: list[int] = []

    def raise_it(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1 or number == signal.SIGINT:
            raise Interrupted(number)

    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, raise_it) for number in ending_signals()}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

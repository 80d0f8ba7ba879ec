"""Reading a recording in a process of its own, with limits of time and memory.

One process serves all recordings that a program reads, as it takes a second to start. It ends
with the program, after a crash, and when it has not been needed for a while.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any, cast

import numpy as np

from core.errors import InputError
from core.recordings.recording import Event, Recording, Span

SECONDS = 20.0  # s that a small file may take
SECONDS_PER_MB = 2.0  # and more for each 1e6 bytes
MEMORY = 2**30  # bytes that a small file may take
MEMORY_PER_BYTE = 32  # and more: 16-bit samples pass through three arrays of 64 bits
STARTING = 120.0  # s in which Python and its libraries must have been loaded
_HEADER = 2**28  # bytes, the longest answer without its samples
_DATA = (".eeg", ".dat", ".fdt")  # files that a header of another name may stand for
# With the paths of this process, so that a file in the working folder is never taken for a module.
_CODE = "import sys; sys.path[:] = sys.argv[1:]; from core.recordings.worker import serve; serve()"


class Worker:
    """A process that reads recordings, one at a time, started when it is needed.

    Parameters
    ----------
    seconds, memory : float and int
        What a small file may take, in s and bytes.
    """

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._seconds, self._memory = seconds, memory
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(
        self, path: Path, unit: str | None = None, stream: str | None = None, eog: bool = False
    ) -> Recording:
        """Read a recording.

        Parameters
        ----------
        path : Path
        unit, stream, eog
            As for `core.recordings.read_recording`.

        Raises
        ------
        InputError
            If it cannot be read, or if reading it crashed, took too long or too much memory.
        """
        size = _size(path)
        request = {
            "path": str(path),
            "folder": None if path.is_absolute() else os.getcwd(),
            "unit": unit,
            "stream": stream,
            "eog": eog,
            "seconds": self._seconds + SECONDS_PER_MB * size / 1e6,
            "memory": self._memory + MEMORY_PER_BYTE * size,
        }
        with self._lock:
            try:
                header, samples = self._ask(path, request)
            except BaseException:  # Ctrl+C among them: the answer may still be on its way
                self._end()
                raise
        if "error" in header:
            raise InputError(header["error"])
        return _recording(path, header, samples)

    @property
    def pid(self) -> int | None:
        """Number of the process; None if there is none."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """End the process; the next recording starts another one."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """Leave the process to the parent of a forked process."""
        self._lock = threading.Lock()
        if self._process is not None:
            self._process.returncode = 0  # not a child of this process
            self._process = None

    def _ask(self, path: Path, request: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
        line = json.dumps(request).encode() + b"\n"
        for _ in range(2):
            process = self._running()
            requests, answers = _pipes(process)
            try:
                requests.write(line)
                requests.flush()
            except OSError:  # it had just ended, as nothing was to be done
                self._end()
                continue
            with _Watch(STARTING, process.kill) as watch:
                ready = answers.readline(_HEADER)
            if ready:
                break
            if self._end() or watch.rang:
                raise InputError(f"{path} cannot be read: the process that reads did not start.")
        else:
            raise InputError(f"{path} cannot be read: the process that reads did not stay.")

        with _Watch(request["seconds"], process.kill) as watch:
            answer = answers.readline(_HEADER)
            header = json.loads(answer) if answer.endswith(b"\n") else None
            samples = np.empty(header.get("shape", 0) if header else 0, dtype=np.float32)
            whole = header is not None and _fill(samples, answers.readinto)
        if watch.rang or not whole:
            code = self._end()
            if watch.rang or code == -getattr(signal, "SIGXCPU", 0):
                raise InputError(
                    f"{path} cannot be read: it took longer than {request['seconds']:.0f} s."
                )
            raise InputError(f"{path} cannot be read: the reader crashed ({_cause(code)}).")
        assert header is not None
        return header, samples

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _CODE, *sys.path],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=os.environ | threads,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
            except OSError as error:
                raise InputError(
                    f"Recordings are read in a process of their own, which cannot start: {error}."
                ) from error
        return self._process

    def _end(self) -> int:
        """End the process, if it has not ended; return its exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        requests, answers = _pipes(process)
        try:
            answers.close()
            requests.close()  # upon which it ends, unless it hangs in a library
            code = process.wait(timeout=1.0)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            code = process.wait()
        return code


def _pipes(process: subprocess.Popen[bytes]) -> tuple[BufferedWriter, BufferedReader]:
    return cast(BufferedWriter, process.stdin), cast(BufferedReader, process.stdout)


class _Watch:
    """Calls something if a block of code takes too long.

    Parameters
    ----------
    seconds : float
    alarm : callable

    Attributes
    ----------
    rang : bool
        Whether it did. Settled when the block has ended.
    """

    def __init__(self, seconds: float, alarm: Callable[[], None]) -> None:
        self.rang = False
        self._alarm = alarm
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> _Watch:
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def _ring(self) -> None:
        self.rang = True
        self._alarm()


def _fill(samples: np.ndarray, readinto: Callable[[memoryview], int]) -> bool:
    """Read samples as they lie in memory; return whether all of them came."""
    if not samples.size:
        return True
    left = samples.reshape(-1).data.cast("B")
    while left and (count := readinto(left)):
        left = left[count:]
    return not left


def _recording(path: Path, header: dict[str, Any], samples: np.ndarray) -> Recording:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in header.items()
    }
    del values["shape"]
    values["events"] = tuple(Event(*event) for event in header["events"])
    values["bad_spans"] = tuple(Span(*span) for span in header["bad_spans"])
    return Recording(samples_uv=samples, path=path, **values)


def _size(path: Path) -> int:
    """Return the bytes of a recording, with those of the files that belong to it."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    stem, beside = path.stem, [path]
    with contextlib.suppress(OSError):  # of a folder that cannot be listed
        beside += [file for file in path.parent.iterdir() if file != path and file.is_file()]
    named = [file for file in beside if file.name.startswith(stem)]
    data = [file.stat().st_size for file in beside if file.suffix.lower() in _DATA]
    own = sum(file.stat().st_size for file in named)
    return max([own, *data]) if path.suffix.lower() in (".vhdr", ".ahdr", ".set") else own


def _cause(code: int) -> str:
    """Return why a process ended, in words."""
    if code < 0:
        return (signal.strsignal(-code) or f"signal {-code}").lower()
    return f"exit code {code:#x}" if code > 255 else f"exit code {code}"


shared = Worker()
atexit.register(shared.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared.forget)

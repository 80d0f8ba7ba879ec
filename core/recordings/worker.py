"""The process that reads recordings of others: a reader that crashes or hangs ends only here.

Started by `core.recordings.isolated`. A request is one line of JSON on the standard input. The
answers on the standard output: an empty line as soon as all libraries are there, then one line of
JSON, an error or a recording without its samples, and then those as they lie in memory.
"""

from __future__ import annotations

import errno
import json
import math
import os
import queue
import signal
import sys
import threading
import warnings
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.errors import InputError, one_line, printable
from core.recordings.recording import Recording

IDLE = 300.0  # s without a request, after which the process ends and its memory is free again
_SENTENCE = 1200  # characters; a file may have put any of its own into it
_APART = ("samples_uv", "path")  # not in the answer's JSON


def serve() -> None:
    """Answer requests until the standard input is closed, or nothing has come for a while."""
    # Ctrl+C is for the parent, who then ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is not an answer
    warnings.simplefilter("ignore")
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    while True:
        try:
            line = requests.get(timeout=IDLE)
        except queue.Empty:
            os._exit(0)
        if not _answer(json.loads(line), answers):
            os._exit(0)


def _listen(requests: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        requests.put(line)
    os._exit(0)  # the parent has ended, however that was, even while a file is being read


def _answer(request: dict[str, Any], answers: BinaryIO) -> bool:
    """Read one recording and send it; return whether the process is as good as before."""
    from core.recordings.reading import prepare, read_here

    path = Path(request["path"])
    if request["folder"] is not None:
        os.chdir(request["folder"])
    prepare(path)
    answers.write(b"\n")
    answers.flush()
    _limit(request["seconds"], request["memory"])
    sound = True
    try:
        recording = read_here(path, request["unit"], request["stream"], request["eog"])
        header, samples = _described(recording), recording.samples_uv
    except Exception as error:  # a damaged file can raise anything in a reader
        header, samples = {"error": _sentence(path, error, request["memory"])}, np.empty(0)
        sound = not _starved(error)
    answers.write(json.dumps(header).encode() + b"\n")
    if samples.size:
        answers.write(np.ascontiguousarray(samples).reshape(-1).data)
    answers.flush()
    return sound


def _described(recording: Recording) -> dict[str, Any]:
    values = {
        field.name: getattr(recording, field.name)
        for field in fields(recording)
        if field.name not in _APART
    }
    for name in ("events", "bad_spans"):
        values[name] = [astuple(item) for item in values[name]]
    return values | {"shape": recording.samples_uv.shape}


def _sentence(path: Path, error: Exception, memory: int) -> str:
    if _starved(error):
        return f"{path} cannot be read: it needs more than {memory / 2**20:.0f} MB of memory."
    if isinstance(error, InputError):
        words = printable(error)  # with units and names as the file has them, line ends too
        return words if len(words) <= _SENTENCE else words[: _SENTENCE - 1] + "…"
    return f"{path} cannot be read as a recording: {one_line(error)}."


def _starved(error: BaseException | None) -> bool:
    """Return whether an error began with memory that was not to be had."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        error = error.__cause__ or error.__context__
    return False


def _limit(seconds: float, memory: int) -> None:
    """Bound the processor time and the memory of what comes, where the system can.

    Parameters
    ----------
    seconds : float
        Of the processor; the parent counts those of the clock.
    memory : int
        Bytes beyond those that the process has.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limits = [
        (resource.RLIMIT_CPU, math.ceil(usage.ru_utime + usage.ru_stime + seconds)),
        (resource.RLIMIT_CORE, 0),
    ]
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        limits.append((resource.RLIMIT_AS, pages * resource.getpagesize() + memory))
    except OSError:  # not Linux, where alone this limit is kept
        pass
    for kind, wanted in limits:
        most = resource.getrlimit(kind)[1]
        if most != resource.RLIM_INFINITY:
            wanted = min(wanted, most)
        resource.setrlimit(kind, (wanted, most))

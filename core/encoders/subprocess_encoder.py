"""An encoder's step in a subprocess, so that the GIL of this program's threads cannot delay it.

A step is hundreds of calls into torch, and after each of them Python lets another thread go first
that draws or receives: beside a window one step in a hundred took twice its time.
"""

from __future__ import annotations

import multiprocessing
import signal
import weakref
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol

import torch
from torch import Tensor

from core.errors import InputError

_START = 180.0  # s: to load torch and braindecode takes a minute on a machine that others keep busy
_TIMEOUT = 30.0  # s: far more than a step takes


class EncoderStep(Protocol):
    """The part of a token stream that costs time: from a piece of signal to its tokens."""

    def prepare(self) -> None:
        """Wait until `encode` can be called without delay."""

    def encode(self, piece: Tensor, out: Tensor) -> None:
        """Write the tokens of a piece of signal, shape (channels, samples), into `out`."""


class SubprocessStep:
    """A step in a process of its own: the same tokens, to the last digit.

    Samples and tokens pass through memory that both processes see; what goes through the pipe is
    one byte either way. The process ends with this one, however it ends.

    Parameters
    ----------
    make : callable
        Makes the step, over there.
    arguments : tuple
        What it is given; tensors and modules are copied.
    piece, tokens : tuple of int
        Shapes of a piece of signal and of its tokens.
    """

    def __init__(
        self,
        make: Callable[..., EncoderStep],
        arguments: tuple[object, ...],
        piece: tuple[int, ...],
        tokens: tuple[int, ...],
    ) -> None:
        self._piece = torch.empty(*piece).share_memory_()
        self._tokens = torch.empty(*tokens).share_memory_()
        self._pipe, other = multiprocessing.Pipe()
        # A fresh interpreter: one that is copied from this one would inherit locks of its threads.
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve,
            args=(other, make, arguments, self._piece, self._tokens),
            name="encoder",
            daemon=True,
        )
        self._process.start()
        other.close()
        self._ready = False
        self._hung = ""  # what was said when it did not answer
        self._end = weakref.finalize(self, _end, self._process, self._pipe)

    def prepare(self) -> None:
        """Wait until the process is ready: some seconds after it was begun.

        Raises
        ------
        InputError
            If the process has ended, or does not answer.
        """
        if not self._ready:
            self._wait_for_answer(_START)
            self._ready = True

    def encode(self, piece: Tensor, out: Tensor) -> None:
        """Encode a piece of signal, as `EncoderStep.encode`.

        Raises
        ------
        InputError
            If the process has ended, or does not answer.
        """
        self.prepare()
        self._piece.copy_(piece)
        with suppress(OSError):  # the missing answer says why
            self._pipe.send_bytes(b"p")
        self._wait_for_answer(_TIMEOUT)
        out.copy_(self._tokens)

    def _wait_for_answer(self, seconds: float) -> None:
        if self._hung:
            raise InputError(self._hung)
        try:
            answered = self._pipe.poll(seconds)
            if answered:
                self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            self._process.join(1.0)  # its exit code comes a moment after its end
            raise InputError(
                f"The encoder's process has ended (exit code {self._process.exitcode}), as when "
                "the memory is full: close other programs, and start this one again."
            ) from error
        if not answered:
            self._end()  # an answer that is late would be taken for that of the next piece
            self._hung = (
                f"The encoder's process has not answered for {seconds:.0f} s: close programs that "
                "keep the computer busy, and start this one again."
            )
            raise InputError(self._hung)


def _serve(
    pipe: Connection,
    make: Callable[..., EncoderStep],
    arguments: tuple[object, ...],
    piece: Tensor,
    tokens: Tensor,
) -> None:
    """Encode what comes, until the other end is closed."""
    for name in ("SIGINT", "SIGHUP"):  # a terminal sends them to the program too, which ends this
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    torch.set_num_threads(1)
    step = make(*arguments)
    with torch.inference_mode(), suppress(EOFError, OSError):
        step.prepare()
        pipe.send_bytes(b"r")
        while True:
            pipe.recv_bytes()
            step.encode(piece, tokens)
            pipe.send_bytes(b"t")


def _end(process: BaseProcess, pipe: Connection) -> None:
    pipe.close()  # which ends it, unless it hangs or is still starting
    process.join(timeout=1.0)
    if process.is_alive():
        process.kill()
        process.join(timeout=5.0)

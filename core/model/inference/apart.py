"""Encoding patches in a process of their own, out of the reach of this program's other threads.

A patch is hundreds of calls into torch, and after each of them Python lets another thread go first
that draws or receives: beside a window one patch in a hundred took twice its time.
"""

from __future__ import annotations

import multiprocessing
import signal
import weakref
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import torch
from torch import Tensor

from core.model.encoder import Encoder
from core.model.inference.patch import PatchEncoder

_PATIENCE = 30.0  # s: far more than a new process takes to load torch and pack the weights


class ApartEncoder:
    """A `PatchEncoder` in a process of its own: the same tokens, to the last digit.

    Patches and tokens pass through memory that both processes see; what goes through the pipe is
    one byte either way. The process ends with this one, however it ends.

    Parameters
    ----------
    encoder, ids, precision
        As `PatchEncoder` takes them.
    """

    def __init__(self, encoder: Encoder, ids: Tensor, precision: str = "float32") -> None:
        spec = encoder.spec
        self._patch = torch.empty(len(ids), spec.patch).share_memory_()
        self._tokens = torch.empty(*spec.summary).share_memory_()
        self._pipe, other = multiprocessing.Pipe()
        # A fresh interpreter: one that is copied from this one would inherit locks of its threads.
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve,
            args=(other, encoder, ids, precision, self._patch, self._tokens),
            name="encoder",
            daemon=True,
        )
        self._process.start()
        other.close()
        self._ready = False
        weakref.finalize(self, _end, self._process, self._pipe)

    def prepare(self) -> None:
        """Wait until the process is ready: some seconds after it was begun.

        Raises
        ------
        RuntimeError
            If the process has ended, or does not answer.
        """
        if not self._ready:
            self._hear()
            self._ready = True

    def encode(self, patch: Tensor, out: Tensor) -> None:
        """Encode a patch, as `PatchEncoder.encode`.

        Raises
        ------
        RuntimeError
            If the process has ended, or does not answer.
        """
        self.prepare()
        self._patch.copy_(patch)
        with suppress(OSError):  # hearing nothing says why
            self._pipe.send_bytes(b"p")
        self._hear()
        out.copy_(self._tokens)

    def _hear(self) -> None:
        """Wait for a word from the process."""
        try:
            heard = self._pipe.poll(_PATIENCE)
            if heard:
                self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            self._process.join(1.0)  # its exit code comes a moment after its end
            raise RuntimeError(
                f"The encoder's process has ended (exit code {self._process.exitcode}); start the "
                "program again."
            ) from error
        if not heard:
            raise RuntimeError(
                f"The encoder's process has not answered for {_PATIENCE:.0f} s; start the program "
                "again."
            )


def _serve(
    pipe: Connection, encoder: Encoder, ids: Tensor, precision: str, patch: Tensor, tokens: Tensor
) -> None:
    """Encode what comes, until the other end is closed."""
    for name in ("SIGINT", "SIGHUP"):  # a terminal sends them to the program too, which ends this
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    torch.set_num_threads(1)
    step = PatchEncoder(encoder, ids, precision)
    with torch.inference_mode(), suppress(EOFError, OSError):
        pipe.send_bytes(b"r")
        while True:
            pipe.recv_bytes()
            step.encode(patch, tokens)
            pipe.send_bytes(b"t")


def _end(process: BaseProcess, pipe: Connection) -> None:
    pipe.close()
    process.join(timeout=5.0)

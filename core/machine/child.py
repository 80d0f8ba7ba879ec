"""Running another of the programs in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

_PATIENCE = 20.0  # s that a program has to end in order


def command_of(module: str, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs a program by the module of its command line."""
    return [sys.executable, "-m", module, *arguments]


def run_child(module: str, arguments: Sequence[str]) -> int:
    """Run a program to its end, and return its exit code.

    Parameters
    ----------
    module : str
        Of its command line, such as ``"realtime.cli"``.
    arguments : sequence of str

    Raises
    ------
    KeyboardInterrupt
        As in this process: the program is asked to end first.
    """
    child = subprocess.Popen(command_of(module, arguments))
    try:
        return child.wait()
    except BaseException:
        child.terminate()
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise

"""Scripts that start programs of their own, none of which outlives the test that ran the script."""

import os
import signal
import subprocess
import sys

_LONGEST = 280.0  # s: on a computer that is busy, a little less than a test may take


def run_script(*arguments, **given):
    """Run a script of this Python to its end; end it, and what it has started, if it takes long."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group that can be ended at once
        **given,
    )
    try:
        stdout, stderr = process.communicate(timeout=_LONGEST)
    except BaseException:
        end = getattr(os, "killpg", os.kill)
        end(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

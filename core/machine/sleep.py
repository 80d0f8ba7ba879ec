"""How long this computer has been asleep."""

from __future__ import annotations

import time


def seconds_asleep() -> float:
    """Return for how long this computer was suspended since it started, in seconds.

    Only differences mean anything. The clock of LSL stands still meanwhile, as ``CLOCK_MONOTONIC``
    does, and ``CLOCK_BOOTTIME`` goes on (Linux, clock_gettime(2)); 0 where there is no such clock.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    if clock is None:
        return 0.0
    return time.clock_gettime(clock) - time.clock_gettime(time.CLOCK_MONOTONIC)

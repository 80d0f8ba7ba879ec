"""Measures of a quarter of a second that are made up, for tests of what judges them."""

from dataclasses import replace

import numpy as np

from core.decoding.artifacts.meter import Measures

NAMES = ("FP1", "F7", "FC1", "C3", "CZ", "C4", "CP2", "PZ")
USUAL = 12.0  # µV: standard deviation of every channel


def measured(gains=(), names=NAMES, **others):
    """Measures of channels that all have a usual level, but for the gains of some by name."""
    count, gain = len(names), np.ones(len(names))
    for name, times in dict(gains).items():
        gain[names.index(name)] = times
    level, no = USUAL * gain, np.zeros(count, dtype=bool)
    measures = Measures(
        span=6.0 * level,
        muscle=0.2 * level,
        mains=0.1 * level,
        still=no,
        railed=no,
        twin=no,
        raw_span=6.0 * level,
        deviation=level,
        levels=np.outer([1.0, 0.4, 0.8, 0.2], level),
        shared=np.full(count, 0.9),
        differences=np.zeros(count * (count - 1) // 2, np.float16),
        rest=0.25 * USUAL,
        held=0,
        again=0,
        dead=False,
    )
    return replace(measures, **others)

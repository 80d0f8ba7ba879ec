from dataclasses import replace

import numpy as np
import pytest

from calibration.fit_settings import FitSettings
from calibration.fitting import fit_decoder
from calibration.report import analyse
from core.recordings import Recording

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.fixture(scope="package")
def recording(imagery_recording) -> Recording:
    """Imagery with a burst at CP3 in the fifth trial, in a file with an unkind name."""
    clean = imagery_recording(trials=10, path="<b>one&two.edf")
    samples = clean.samples_uv.copy()
    start = round((clean.events[4].onset + 1.0) * clean.rate)
    burst = np.random.default_rng(0).normal(0.0, 300.0, 500)  # µV
    samples[start : start + 500, clean.labels.index("CP3")] += burst
    return replace(clean, samples_uv=samples)


@pytest.fixture(scope="package")
def fit(recording):
    return fit_decoder([recording], EVENTS, "01", FitSettings(head="riemann", repeats=1))


@pytest.fixture(scope="package")
def findings(fit, recording):
    return analyse(fit, [recording])

"""What is measured of a quarter of a second."""

import numpy as np
import pytest

from core.decoding.artifacts.meter import Meter


@pytest.mark.slow
@pytest.mark.parametrize("rate", [104.0, 128.0])
def test_a_stretch_that_stands_still_is_seen_wherever_it_lies(rate):
    piece, width = round(rate / 4), round(rate / 8)  # samples, odd and even
    noise = np.random.default_rng(0).normal(0.0, 20.0, (2 * piece, 2))
    for begin in range(piece - width, 2 * piece - width + 1):
        for length in (width, width - 1):
            samples = noise.copy()
            samples[begin : begin + length, 1] = 500.0  # where no noise is
            meter = Meter(2, rate, rate, 1.0, piece)
            meter.take(samples)
            ends = (piece, 2 * piece)
            still = np.any([meter.measure(samples[e - piece : e], e).still for e in ends], axis=0)
            assert still.tolist() == [False, length == width]

"""A tiny family with the context "window": each second's spectrum beside the whole window's."""

import torch

from core.encoders.base import Encoder, rows_of
from core.encoders.registry import Family
from core.encoders.window_stream import WindowStream
from tests.core.encoders.families.parts import ELECTRODES, check_size, seeded, spec


class Spectrum(Encoder):
    """One token of six features for each electrode and half second."""

    def __init__(self, spec, seed):
        super().__init__()
        self.spec = spec
        self.weight = seeded(seed, 26, 6)
        self.place = seeded(seed + 1, len(ELECTRODES), 6)

    def tokens(self, window, ch_names):
        rows = rows_of(ch_names, ELECTRODES, "The tiny window family")
        pieces = (1e5 * window).unflatten(-1, (4, 50))  # (batch, channels, halves, samples)
        power = torch.fft.rfft(pieces).abs()
        power = power / power.mean(dim=(1, 2, 3), keepdim=True)  # what looks at all of the window
        return (power @ self.weight + self.place[rows, None]).transpose(1, 2)

    def stream(self, ch_names, hop=None, in_subprocess=False):
        return WindowStream(self, ch_names, hop, in_subprocess)


def untrained_spec(size, seed):
    check_size(size)
    return spec("tinywindow", seed, patch=50, stride=50, tokens=(None, 6), context="window")


FAMILY = Family("tinywindow", ("tiny",), "tiny", untrained_spec, Spectrum)

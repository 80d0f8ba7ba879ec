"""A tiny family with the context "patch": a random projection of the patch's channels."""

import torch

from core.encoders.base import Encoder, rows_of
from core.encoders.patch_stream import PatchStream
from core.encoders.registry import Family
from core.encoders.subprocess_encoder import SubprocessStep
from tests.core.encoders.families.parts import ELECTRODES, check_size, seeded, spec


class Projection(Encoder):
    """Two tokens of eight features for each patch of 25 samples."""

    def __init__(self, spec, seed):
        super().__init__()
        self.spec = spec
        self.weight = seeded(seed, len(ELECTRODES), spec.patch, 16)

    def tokens(self, window, ch_names):
        rows = rows_of(ch_names, ELECTRODES, "The tiny patch family")
        pieces = window.unflatten(-1, (-1, self.spec.patch))  # (batch, channels, patches, samples)
        mixed = torch.einsum("bcps,csf->bpf", 1e5 * pieces, self.weight[rows])
        return mixed.tanh().unflatten(-1, (2, 8))

    def stream(self, ch_names, hop=None, in_subprocess=False):
        piece = (len(ch_names), self.spec.patch)
        step = Step(self, ch_names)
        if in_subprocess:
            step = SubprocessStep(Step, (self, tuple(ch_names)), piece, (2, 8))
        return PatchStream(self.spec, len(ch_names), step, hop)


class Step:
    def __init__(self, encoder, ch_names):
        self.encoder, self.ch_names = encoder, ch_names

    def prepare(self):
        pass

    def encode(self, piece, out):
        out.copy_(self.encoder.tokens(piece[None], self.ch_names)[0, 0])


def untrained_spec(size, seed):
    check_size(size)
    return spec("tinypatch", seed, patch=25, stride=25, tokens=(2, 8), context="patch")


FAMILY = Family("tinypatch", ("tiny",), "tiny", untrained_spec, Projection)

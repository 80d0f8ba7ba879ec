"""An encoder family of your own: log band power of each quarter second, as tokens.

    python examples/encoder_family.py

A family in the program is this file as `core/encoders/NAME.py` and one line in
`core/encoders/registry.py`; here the line is added while the example runs.
"""

import torch

import eegpt_realtime as er
from core.encoders import registry
from core.encoders.base import Encoder, rows_of
from core.encoders.patch_stream import PatchStream
from core.encoders.spec import EncoderSpec

ELECTRODES = ("FC3", "FCZ", "FC4", "C3", "CZ", "C4", "CP3", "CPZ", "CP4")


class Rhythms(Encoder):
    """One token an electrode would be natural; here a patch has one, of random mixtures."""

    def __init__(self, spec, seed):
        super().__init__()
        self.spec = spec
        generator = torch.Generator().manual_seed(seed)
        weights = torch.randn(len(ELECTRODES), 5, spec.tokens[1], generator=generator)
        self.mixture = torch.nn.Parameter(weights)

    def tokens(self, window, ch_names):
        """(batch, channels, samples) -> (batch, patches, 1, width)."""
        rows = rows_of(ch_names, ELECTRODES, "The example family")
        patches = window.unflatten(-1, (-1, self.spec.patch))
        taper = torch.hann_window(self.spec.patch)
        power = torch.fft.rfft(patches * taper).abs().square()[..., 2:7]  # 8 to 24 Hz
        logs = (power + 1e-6).log().transpose(1, 2)  # (batch, patches, channels, bins)
        return torch.einsum("bpcf,cfw->bpw", logs, self.mixture[rows]).unsqueeze(2)

    def stream(self, ch_names, hop=None, in_subprocess=False):
        return PatchStream(self.spec, len(ch_names), Step(self, ch_names), hop)


class Step:
    """What a stream asks of it for each new patch."""

    def __init__(self, encoder, ch_names):
        self.encoder, self.ch_names = encoder, ch_names

    def prepare(self):
        pass

    def encode(self, piece, out):
        out.copy_(self.encoder.tokens(piece[None], self.ch_names)[0, 0])


def untrained_spec(size, seed):
    return EncoderSpec(
        family="rhythms",
        size=size,
        name=f"untrained-rhythms-{size}-{seed}",
        rate=256.0,
        unit="mV",
        patch=64,
        stride=64,
        window=1024,
        ch_names=ELECTRODES,
        tokens=(1, 8),
        trained=False,
        context="patch",
    )


FAMILY = registry.Family("rhythms", ("small",), "small", untrained_spec, Rhythms)


def main():
    registry.FAMILIES["rhythms"] = __name__
    encoder = er.load_encoder("untrained-rhythms")
    ch_names = ("C4", "C3", "CZ")
    run = 0.02 * torch.randn(3, 2048, generator=torch.Generator().manual_seed(0))
    stream = encoder.stream(ch_names, hop=64)
    newest = None
    for start in range(0, run.shape[1], 64):
        newest = stream.push(run[:, start : start + 64])
    whole = encoder.tokens(run[None, :, -1024:], ch_names)[0]
    # But for rounding: a Fourier transform of many patches at once adds up in another order.
    same = torch.allclose(newest, whole, rtol=1e-4)
    print(f"{encoder.spec.label}: streamed equals whole: {same}")


if __name__ == "__main__":
    main()

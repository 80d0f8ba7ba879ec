"""What the tiny families share: their electrodes, and a spec."""

import torch

from core.encoders.spec import EncoderSpec
from core.errors import InputError

ELECTRODES = tuple("FZ FC3 FC1 FCZ FC2 FC4 C5 C3 C1 CZ C2 C4 C6 CP3 CPZ CP4 PZ".split())


def spec(family, seed, **facts):
    """The spec of a tiny encoder: 100 Hz, in volts, as no other family has it."""
    return EncoderSpec(
        family=family,
        size="tiny",
        name=f"untrained-{family}-tiny-{seed}",
        rate=100.0,
        unit="V",
        window=200,
        ch_names=ELECTRODES,
        trained=False,
        provenance={"source": "random weights", "seed": str(seed)},
        **facts,
    )


def check_size(size):
    if size != "tiny":
        raise InputError(f'There is no size "{size}"; there is tiny.')


def seeded(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.Parameter(torch.randn(*shape, generator=generator))

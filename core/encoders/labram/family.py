"""LaBraM as one of the families of encoders."""

from __future__ import annotations

from core.encoders.hub import HubFile
from core.encoders.labram.checkpoint import recognise
from core.encoders.labram.electrodes import ELECTRODES
from core.encoders.labram.layers import SECONDS
from core.encoders.labram.model import PATCH, RATE, LaBraM, labram_spec
from core.encoders.labram.sizes import LABRAM_SIZES, size_named
from core.encoders.registry import Family, untrained
from core.encoders.spec import EncoderSpec
from core.errors import InputError, one_line

untrained_spec = untrained("labram", labram_spec)


def build(spec: EncoderSpec, seed: int = 0) -> LaBraM:
    """Return an encoder with seeded random weights.

    Raises
    ------
    InputError
        If the spec is not one of LaBraM; the sentence says in what.
    """
    size = size_named(spec.size)
    seconds, rest = divmod(spec.window, PATCH)
    unknown = [name for name in spec.ch_names if name not in ELECTRODES]
    wrong = {
        f"takes samples at {RATE:g} Hz, not {spec.rate:g}": spec.rate != RATE,
        f"takes uV, not {one_line(spec.unit, 20)}": spec.unit != "uV",
        f"takes patches of {PATCH} samples, one after the other": (spec.patch, spec.stride)
        != (PATCH, PATCH),
        f"has rows of time for 1 to {SECONDS} whole seconds, not for {spec.window} samples": bool(
            rest
        )
        or not 0 < seconds <= SECONDS,
        f"has no row for {one_line(', '.join(unknown[:3]), 60)}": bool(unknown),
        f"gives one token of {size.width} an electrode and second": spec.tokens
        != (None, size.width),
        "looks at the whole window": spec.context != "window",
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise InputError(f"LaBraM {spec.size} {'; it '.join(reasons)}.")
    return LaBraM(spec, seed=seed)


FAMILY = Family(
    name="labram",
    sizes=tuple(LABRAM_SIZES),
    default_size="base",
    untrained_spec=untrained_spec,
    build=build,
    recognise=recognise,
    # Revision and SHA-256 could not be learned without a network: those of the first download are
    # kept, and anything else is refused after it.
    named={
        "labram": HubFile(
            name="labram",
            repository="braindecode/labram-pretrained",
            revision="main",
            filename="model.safetensors",
            size="base",
            licence="MIT",
        )
    },
)

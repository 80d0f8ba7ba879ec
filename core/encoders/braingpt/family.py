"""BrainGPT as one of the families of encoders."""

from __future__ import annotations

from core.encoders.braingpt.electrodes import ELECTRODES
from core.encoders.braingpt.model import BrainGPT, braingpt_spec, warmup
from core.encoders.braingpt.sizes import PUBLISHED, size_named
from core.encoders.registry import Family, untrained
from core.encoders.spec import EncoderSpec
from core.errors import InputError

untrained_spec = untrained("braingpt", braingpt_spec)


def build(spec: EncoderSpec, seed: int = 0) -> BrainGPT:
    """Return an encoder with seeded random weights.

    Raises
    ------
    InputError
        If the spec is not one of BrainGPT.
    """
    size = size_named(spec.size)
    if (
        spec.context != "causal"
        or spec.patch % spec.stride
        or spec.tokens != (None, size.width)
        or spec.warmup != warmup(size.layers, spec.window, spec.stride, spec.patches)
        or not set(spec.ch_names) <= set(ELECTRODES)
    ):
        raise InputError(f"The facts of a BrainGPT {spec.size} do not fit together.")
    return BrainGPT(spec, seed=seed)


FAMILY = Family(
    name="braingpt",
    sizes=tuple(PUBLISHED),
    default_size="base",
    untrained_spec=untrained_spec,
    build=build,
)

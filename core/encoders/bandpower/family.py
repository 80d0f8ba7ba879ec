"""Band power of learned sources as one of the families of encoders."""

from __future__ import annotations

from core.encoders.bandpower.model import ELECTRODES, FRONT, SHAPES, BandPower, bandpower_spec
from core.encoders.defaults import BUNDLED, DEFAULT, SUMS, WITH_EYES
from core.encoders.registry import Family, untrained
from core.encoders.spec import EncoderSpec
from core.errors import InputError

untrained_spec = untrained("bandpower", bandpower_spec)


def build(spec: EncoderSpec, seed: int = 0) -> BandPower:
    """Return an encoder with seeded random weights.

    Raises
    ------
    InputError
        If the spec is not one of this family, or its readout not one of its features.
    """
    made = bandpower_spec(
        spec.size, name=spec.name, trained=spec.trained, provenance={}, front=not spec.regressors
    )
    pinned = ("rate", "unit", "patch", "stride", "context", "tokens", "regressors")
    if (
        any(getattr(spec, name) != getattr(made, name) for name in pinned)
        or spec.warmup
        or not set(spec.ch_names) <= {*FRONT, *ELECTRODES}
    ):
        raise InputError(f"The facts of a bandpower {spec.size} do not fit together.")
    encoder = BandPower(spec, seed)
    if spec.readout is not None and len(spec.readout.weights) != encoder.features:
        raise InputError(
            f"The readout of a bandpower {spec.size} has weights for {encoder.features} features; "
            f"here it has {len(spec.readout.weights)}."
        )
    exchange = SHAPES[spec.size].exchange(spec.patches)
    if spec.readout is not None and spec.readout.mirror not in (None, exchange):
        raise InputError(f"The readout of a bandpower {spec.size} has another mirror than its own.")
    return encoder


FAMILY = Family(
    name="bandpower",
    sizes=tuple(SHAPES),
    default_size="small",
    untrained_spec=untrained_spec,
    build=build,
    named={name: BUNDLED[name] for name in (DEFAULT, SUMS, WITH_EYES)},
)

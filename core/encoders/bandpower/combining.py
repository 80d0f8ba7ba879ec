"""Several encoders as one: an encoder beside its mirror image, or beside others like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from core.encoders.bandpower.model import SHAPES, BandPower, BandPowerShape
from core.encoders.spec import ClassReadout
from core.errors import InputError
from core.fitting.transfer.hemisphere_flip import counterpart, swap


def mirror_image(encoder: BandPower) -> BandPower:
    """Return the encoder that sees of a trial what another one sees of the trial's mirror image.

    Its spatial filters have the electrodes of both sides exchanged, its readout the hands.

    Parameters
    ----------
    encoder : BandPower
        Trained to tell both hands apart.

    Raises
    ------
    InputError
        If it was not.
    """
    spec = encoder.spec
    readout = spec.readout
    order = None if readout is None else swap(readout.classes)
    if readout is None or order is None:
        raise InputError(
            f"The encoder {spec.label} has no mirror image: one was expected that was trained to "
            "tell both hands apart."
        )
    exchanged = ClassReadout(
        readout.classes,
        tuple(map(tuple, np.array(readout.weights)[:, order].tolist())),
        tuple(np.array(readout.bias)[list(order)].tolist()),
    )
    image = BandPower(replace(spec, readout=exchanged))
    image.load_state_dict(encoder.state_dict())
    rows = [encoder.electrodes.index(counterpart(name)) for name in encoder.electrodes]
    with torch.no_grad():
        image.spatial.copy_(encoder.spatial[rows])
    return image.eval()


def combine(encoders: Sequence[BandPower]) -> BandPower:
    """Return one encoder with the features of several, whose readout is the mean of theirs.

    The mean of an encoder and its mirror image says of a trial the opposite of what it says of the
    trial's mirror image; the mean of several that began with other weights varies less.

    Parameters
    ----------
    encoders : sequence of BandPower
        Of the same size, with readouts of the same classes.

    Raises
    ------
    InputError
        If no size has as many sources as all of them together.
    """
    first, count = encoders[0], len(encoders)
    spec, one = first.spec, SHAPES[first.spec.size]
    shape = BandPowerShape(count * one.sources, count * one.width)
    size = next((name for name, other in SHAPES.items() if other == shape), None)
    if size is None:
        raise InputError(f"{count} encoders of the size {spec.size} make none of the family's.")
    readouts = [encoder.spec.readout for encoder in encoders]
    weights, bias = zip(*((each.weights, each.bias) for each in readouts if each), strict=True)
    assert spec.readout is not None
    mean = ClassReadout(
        spec.readout.classes,
        tuple(map(tuple, (np.concatenate(weights) / count).tolist())),
        tuple(np.mean(bias, axis=0).tolist()),
    )
    whole = BandPower(replace(spec, size=size, tokens=(1, shape.width), readout=mean))
    with torch.no_grad():
        for name, dimension in (
            ("spatial", 1),
            ("temporal", 0),
            ("mean", 0),
            ("deviation", 0),
            ("attention", 1),
        ):
            parts = [getattr(encoder, name) for encoder in encoders]
            getattr(whole, name).copy_(torch.cat(parts, dim=dimension))
        whole.mixture.copy_(torch.block_diag(*(encoder.mixture for encoder in encoders)))
    return whole.eval()

"""An encoder beside its mirror image, which together prefer no side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from core.encoders.bandpower.model import SHAPES, BandPower, BandPowerShape
from core.encoders.spec import ClassReadout
from core.errors import InputError
from core.fitting.transfer.hemisphere_flip import counterpart, swap


def with_mirror_image(encoder: BandPower) -> BandPower:
    """Return an encoder with the features of another and those that its mirror image would have.

    The image has the spatial filters with the electrodes of both sides exchanged, and a readout
    with the hands exchanged. What the mean of both says of a trial is the opposite of what it says
    of the trial's mirror image, and varies less.

    Parameters
    ----------
    encoder : BandPower
        Trained to tell both hands apart.

    Raises
    ------
    InputError
        If it was not, or no size has twice its sources.
    """
    spec, one = encoder.spec, SHAPES[encoder.spec.size]
    readout = spec.readout
    order = None if readout is None else swap(readout.classes)
    shape = BandPowerShape(2 * one.sources, 2 * one.width)
    size = next((name for name, other in SHAPES.items() if other == shape), None)
    if readout is None or order is None or size is None:
        raise InputError(
            f"The encoder {spec.label} has no mirror image: one of the size small or tiny was "
            "expected that was trained to tell both hands apart."
        )
    weights, bias = np.array(readout.weights) / 2, np.array(readout.bias) / 2
    both = np.concatenate([weights, weights[:, order]])
    found = ClassReadout(
        readout.classes,
        tuple(map(tuple, both.tolist())),
        tuple((bias + bias[list(order)]).tolist()),
    )
    whole = BandPower(replace(spec, size=size, tokens=(1, shape.width), readout=found))
    with torch.no_grad():
        for name, dimension in (("temporal", 0), ("mean", 0), ("deviation", 0), ("attention", 1)):
            part = getattr(encoder, name)
            getattr(whole, name).copy_(torch.cat([part, part], dim=dimension))
        rows = [encoder.electrodes.index(counterpart(name)) for name in encoder.electrodes]
        whole.spatial.copy_(torch.cat([encoder.spatial, encoder.spatial[rows]], dim=1))
        whole.mixture.copy_(torch.block_diag(encoder.mixture, encoder.mixture))
    return whole.eval()

"""Several encoders as one, whose readout is the mean of theirs and of their mirror images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from core.encoders.bandpower.model import ELECTRODES, SHAPES, BandPower, BandPowerShape
from core.encoders.base import ClassReadout
from core.errors import InputError
from core.fitting.transfer.hemisphere_flip import counterpart, swap


def joined(encoders: Sequence[BandPower]) -> BandPower:
    """Return one encoder with the features of several, side by side, and of their mirror images.

    A mirror image has the spatial filters with the electrodes of both sides exchanged, and a
    readout with the hands exchanged. What the mean of all says of a trial is therefore the opposite
    of what it says of the trial's mirror image, and varies less than what one of them says.

    Parameters
    ----------
    encoders : sequence of BandPower
        Trained alike, from other random weights, to tell both hands apart.

    Raises
    ------
    InputError
        If they differ in what they take or were trained to tell, or no size has so many sources.
    """
    first = encoders[0].spec
    readouts = [encoder.spec.readout for encoder in encoders]
    if any(replace(one.spec, readout=None) != replace(first, readout=None) for one in encoders):
        raise InputError("The encoders differ in more than their weights; they cannot be joined.")
    classes = {() if readout is None else readout.classes for readout in readouts}
    order = swap(next(iter(classes)))
    if len(classes) > 1 or order is None:
        raise InputError("Only encoders with a readout of both hands can be joined.")
    copies = 2 * len(encoders)
    one = SHAPES[first.size]
    shape = BandPowerShape(one.sources * copies, one.width * copies)
    size = next((name for name, other in SHAPES.items() if other == shape), None)
    if size is None:
        raise InputError(f"{len(encoders)} encoders of the size {first.size} cannot be joined.")
    mirror = [ELECTRODES.index(counterpart(name)) for name in ELECTRODES]
    weights = np.concatenate(
        [
            np.array(readout.weights)[:, columns] / copies
            for columns in (range(len(order)), order)
            for readout in readouts
            if readout is not None
        ]
    )
    bias = np.mean([np.array(readout.bias) for readout in readouts if readout is not None], axis=0)
    bias = (bias + bias[list(order)]) / 2
    spec = replace(
        first,
        size=size,
        tokens=(1, shape.width),
        readout=ClassReadout(
            next(iter(classes)), tuple(map(tuple, weights.tolist())), tuple(bias.tolist())
        ),
    )
    whole = BandPower(spec)
    with torch.no_grad():
        for name, dimension in (("temporal", 0), ("mean", 0), ("deviation", 0), ("attention", 1)):
            parts = [getattr(encoder, name) for encoder in encoders]
            getattr(whole, name).copy_(torch.cat(2 * parts, dim=dimension))
        spatial = [encoder.spatial for encoder in encoders]
        images = [filters[mirror] for filters in spatial]
        whole.spatial.copy_(torch.cat([*spatial, *images], dim=1))
        mixtures = [encoder.mixture for encoder in encoders]
        whole.mixture.copy_(torch.block_diag(*mixtures, *mixtures))
    return whole.eval()

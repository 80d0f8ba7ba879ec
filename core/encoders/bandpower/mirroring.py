"""An encoder beside its mirror image, which together prefer no side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from core.encoders.bandpower.model import SHAPES, BandPower, size_with_shape
from core.encoders.spec import ClassReadout
from core.errors import InputError
from core.hemispheres import counterpart, swap


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
        If it was not, or has its mirror image already.
    """
    spec, shape = encoder.spec, SHAPES[encoder.spec.size]
    readout = spec.readout
    order = None if readout is None else swap(readout.classes)
    size = size_with_shape(shape.image)
    if readout is None or order is None or size is None:
        raise InputError(
            f"The encoder {spec.label} has no mirror image: one was expected that was trained to "
            "tell both hands apart and does not have its image yet."
        )
    # Of a token that both share, the second half is the image's.
    weights = np.array(readout.weights).reshape(-1, shape.width, len(readout.classes)) / 2
    bias = np.array(readout.bias) / 2
    both = np.concatenate([weights, weights[:, :, order]], axis=1)
    combined = ClassReadout(
        readout.classes,
        tuple(map(tuple, both.reshape(-1, len(readout.classes)).tolist())),
        tuple((bias + bias[list(order)]).tolist()),
        shape.image.exchange(spec.patches),
    )
    whole = BandPower(replace(spec, size=size, tokens=(1, shape.image.width), readout=combined))
    with torch.no_grad():
        for name in ("temporal", "mean", "deviation"):
            part = getattr(encoder, name)
            getattr(whole, name).copy_(torch.cat([part, part]))
        rows = [encoder.electrodes.index(counterpart(name)) for name in encoder.electrodes]
        whole.spatial.copy_(torch.cat([encoder.spatial, encoder.spatial[rows]], dim=1))
        if encoder.mixture is not None and encoder.attention is not None:
            assert whole.mixture is not None
            assert whole.attention is not None
            whole.attention.copy_(torch.cat([encoder.attention, encoder.attention], dim=1))
            whole.mixture.copy_(torch.block_diag(encoder.mixture, encoder.mixture))
    return whole.eval()

"""Encoders of this family as one: sources of all, and the mean of their readouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from core.encoders.bandpower.model import SHAPES, BandPower, BandPowerShape, size_with_shape
from core.encoders.spec import ClassReadout
from core.errors import InputError


def combine(encoders: Sequence[BandPower]) -> BandPower:
    """Return one encoder whose readout says the mean of what those of several say.

    Its features are the log powers of all their sources in every patch. A readout of sums over
    them, as those of the sizes without "course" are, is one of these features too.

    Parameters
    ----------
    encoders : sequence of BandPower
        Trained to tell the same classes apart, all with their mirror images or none.

    Raises
    ------
    InputError
        If they do not go together, or no size has as many sources.
    """
    first = encoders[0].spec
    shapes = [SHAPES[encoder.spec.size] for encoder in encoders]
    mirrored, sources = shapes[0].mirrored, sum(shape.sources for shape in shapes)
    shape = BandPowerShape(sources, sources, course=True, mirrored=mirrored)
    size = size_with_shape(shape)
    readouts = [encoder.spec.readout for encoder in encoders if encoder.spec.readout is not None]
    alike = {(readout.classes, readout.mirror is None) for readout in readouts}
    regressed = {(encoder.spec.regressors, encoder.spec.ch_names) for encoder in encoders}
    if size is None or len(readouts) < len(encoders) or len(alike) > 1 or len(regressed) > 1:
        raise InputError(
            f"The encoders {' and '.join(encoder.spec.label for encoder in encoders)} make none "
            "together: two of the sizes small and course were expected, trained on the same "
            "electrodes to tell the same classes apart."
        )
    sides = 2 if mirrored else 1

    def beside(parts: Sequence[np.ndarray], axis: int) -> np.ndarray:
        """Put sources side by side: those of all encoders, then those of all images."""
        split = [np.split(part, sides, axis) for part in parts]
        return np.concatenate([part[side] for side in range(sides) for part in split], axis)

    weights = beside([_by_patch(encoder) for encoder in encoders], 1) / len(encoders)
    readout = ClassReadout(
        readouts[0].classes,
        tuple(map(tuple, weights.reshape(-1, weights.shape[-1]).tolist())),
        tuple(np.mean([readout.bias for readout in readouts], axis=0).tolist()),
        shape.exchange(first.patches),
    )
    whole = BandPower(replace(first, size=size, tokens=(1, sources), readout=readout))
    with torch.no_grad():
        for name, axis in (("spatial", 1), ("temporal", 0), ("mean", 0), ("deviation", 0)):
            parts = [getattr(encoder, name).detach().numpy() for encoder in encoders]
            getattr(whole, name).copy_(torch.from_numpy(beside(parts, axis)))
    return whole.eval()


def _by_patch(encoder: BandPower) -> np.ndarray:
    """Return what the readout makes of each log power, shape (patches, sources, classes)."""
    assert encoder.spec.readout is not None
    weights = np.array(encoder.spec.readout.weights)
    if encoder.mixture is None or encoder.attention is None:
        return weights.reshape(encoder.spec.patches, -1, weights.shape[1])
    attention, mixture = (
        part.detach().double().numpy() for part in (encoder.attention, encoder.mixture)
    )
    patch_weights: np.ndarray = np.einsum("pf,sf,fc->psc", attention, mixture, weights)
    return patch_weights

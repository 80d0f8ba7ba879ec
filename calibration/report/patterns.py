"""Where on the head the decoder's output comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.decoding.features import band_sections, shrunk_covariances
from core.decoding.riemannian import riemannian_mean
from core.decoding.spatial import power
from core.fitting.baselines import BAND
from core.fitting.selection import Selection
from core.fitting.trials.epochs import Epochs

MAPS = 2
"""Of every class."""


@dataclass(frozen=True)
class Pattern:
    """How one source, whose power moves the decoder, shows on the electrodes.

    Attributes
    ----------
    label : str
        Class that it speaks for.
    more : bool
        Whether more of its power, or less, speaks for that class.
    strength : float
        Covariance of the logarithm of its power with the decoder's output, over the largest of
        all patterns.
    topography : ndarray, shape (channels,)
        Largest entry 1.
    """

    label: str
    more: bool
    strength: float
    topography: np.ndarray


def patterns(epochs: Epochs, selection: Selection, rate: float) -> tuple[Pattern, ...]:
    """Return the patterns of a decoder, strongest first in every class.

    A decoder's weights are no map of the brain, since they also cancel noise; what the signal
    does when the output rises is one. Here the signal is the logarithm of the 8-30 Hz covariance
    in the tangent space at its mean, and the output that of the chosen head on trials left out,
    so that any head has patterns, one that looks at tokens too. The directions in which the
    covariance changes most with the output are the sources.

    Parameters
    ----------
    epochs : Epochs
        The trials of the fit.
    selection : Selection
        Of these trials.
    rate : float
        In Hz.

    Returns
    -------
    tuple of Pattern
        `MAPS` for every class.

    Notes
    -----
    Patterns from weights: Haufe et al. (2014), NeuroImage 87, equation 6. Sources of a tangent
    vector by generalised eigenvectors: Xu, Grosse-Wentrup and Jayaram (2020), J. Neural Eng.
    17(2); Kobler, Hirayama, Hehenberger, Lopes-Dias, Müller-Putz and Kawanabe (2021), EMBC.
    """
    banded = epochs.filtered(band_sections(BAND, rate)).windows()
    covariances = shrunk_covariances(banded)
    mean = riemannian_mean(covariances)
    root, whitener = power(mean, 0.5), power(mean, -0.5)
    values, vectors = np.linalg.eigh(whitener @ covariances @ whitener)
    logs = np.log(np.maximum(values, 1e-12))
    tangent = (vectors * logs[:, None, :]) @ vectors.transpose(0, 2, 1)
    tangent -= tangent.mean(axis=0)
    outputs = selection.logits.reshape(-1, len(epochs), len(epochs.classes)).mean(axis=0)
    outputs = outputs - outputs.mean(axis=1, keepdims=True)
    outputs = (outputs - outputs.mean(axis=0)) / np.maximum(outputs.std(axis=0), 1e-12)

    components = []
    for label, name in enumerate(epochs.classes):
        pattern = np.tensordot(outputs[:, label], tangent, axes=1) / len(epochs)
        weights, sources = np.linalg.eigh(pattern)
        if len(epochs.classes) == 2:
            # The classes mirror each other: what speaks for one is what speaks against the other.
            order = np.argsort(-weights)[:MAPS]
        else:
            order = np.argsort(-np.abs(weights))[:MAPS]
        for source in order:
            topography = root @ sources[:, source]
            topography = topography / topography[np.abs(topography).argmax()]
            components.append((name, weights[source], topography))
    largest = max((abs(weight) for _, weight, _ in components), default=1.0) or 1.0
    return tuple(
        Pattern(name, bool(weight > 0), float(abs(weight) / largest), topography)
        for name, weight, topography in components
    )

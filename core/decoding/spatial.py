"""Spatial filters in closed form: Euclidean alignment, optimal transport to an encoder's data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from core.encoders import EncoderSpec


def channel_covariance(signal: np.ndarray, shrinkage: float = 0.01) -> np.ndarray:
    """Return the covariance of channels over a stretch of signal.

    Parameters
    ----------
    signal : ndarray, shape (..., channels, samples)
        Leading axes are averaged over.
    shrinkage : float
        Share of the mean variance put on every channel, so that the inverse exists after an
        average reference or an interpolated channel.

    Returns
    -------
    ndarray of float64, shape (channels, channels)
    """
    # In one order in memory: on some processors the last digits of sums depend on it.
    stretch = np.ascontiguousarray(signal, dtype=np.float64)
    channels, samples = stretch.shape[-2:]
    flat = stretch.reshape(-1, channels, samples)
    flat = flat - flat.mean(axis=-1, keepdims=True)
    covariance = np.einsum("ncs,nds->cd", flat, flat, optimize=True) / (len(flat) * samples)
    floor = np.trace(covariance) / channels
    shrunk: np.ndarray = (1.0 - shrinkage) * covariance + shrinkage * floor * np.eye(channels)
    return shrunk


def power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """Return a power of a symmetric positive definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    powered: np.ndarray = (vectors * np.maximum(values, values[-1] * 1e-12) ** exponent) @ vectors.T
    return powered


def euclidean_alignment(covariance: np.ndarray) -> np.ndarray:
    """Return the filter that whitens a person's channels and keeps their mean variance.

    Parameters
    ----------
    covariance : ndarray, shape (channels, channels)
        Of the person's signal.

    Returns
    -------
    ndarray, shape (channels, channels)
        To be multiplied from the left with (channels, samples).

    Notes
    -----
    He and Wu (2020), Transfer learning for brain-computer interfaces: a Euclidean space data
    alignment approach, IEEE Trans. Biomed. Eng. 67(2), equation 6. There the result has unit
    variance; here it keeps the scale that the encoder was trained at.
    """
    scale = np.sqrt(np.trace(covariance) / len(covariance))
    whitener: np.ndarray = scale * power(covariance, -0.5)
    return whitener


def transport_map(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the linear optimal-transport map between two centred Gaussians.

    Parameters
    ----------
    source, target : ndarray, shape (channels, channels)
        Covariance of the person's channels, and of the signal that the encoder was trained on.

    Returns
    -------
    ndarray, shape (channels, channels)
        Symmetric; the covariance of the mapped signal is `target`.

    Notes
    -----
    Peyré and Cuturi (2019), Computational Optimal Transport, remark 2.31.
    """
    root, inverse = power(source, 0.5), power(source, -0.5)
    transport: np.ndarray = inverse @ power(root @ target @ root, 0.5) @ inverse
    return transport


def regression_filter(
    covariance: np.ndarray, regressors: np.ndarray, kept: np.ndarray
) -> np.ndarray:
    """Return the filter that takes out of channels what others explain of them.

    Parameters
    ----------
    covariance : ndarray, shape (channels, channels)
        Of the signal that the coefficients are fixed on.
    regressors, kept : ndarray of int
        Channels that explain, and other ones that stay.

    Returns
    -------
    ndarray, shape (kept, channels)
        To be multiplied from the left with (channels, samples).

    Notes
    -----
    Gratton, Coles and Donchin (1983), A new method for off-line removal of ocular artifact,
    Electroencephalogr. Clin. Neurophysiol. 55(4), with all regressors at once (least squares) and
    coefficients that stay as they are, so that it is causal.
    """
    coefficients = np.linalg.solve(
        covariance[np.ix_(regressors, regressors)], covariance[np.ix_(regressors, kept)]
    )
    spatial = np.zeros((len(kept), len(covariance)))
    spatial[np.arange(len(kept)), kept] = 1.0
    spatial[:, regressors] = -coefficients.T
    return spatial


def spatial_filter(
    covariance: np.ndarray, channels: Sequence[str], spec: EncoderSpec
) -> np.ndarray:
    """Return the filter before an encoder.

    The transport to the covariance that the encoder was trained on, if it states one; else
    Euclidean alignment. The encoder's regressors are regressed out of the other channels first,
    by the same covariance, and come out as zeros.

    Parameters
    ----------
    covariance : ndarray, shape (channels, channels)
        Of the person's signal, in the encoder's unit.
    channels : sequence of str
        The person's electrodes, all of them among the encoder's.
    spec : EncoderSpec

    Returns
    -------
    ndarray, shape (channels, channels)
    """
    out = np.array([name in spec.regressors for name in channels])
    kept = np.flatnonzero(~out)
    residual = regression_filter(covariance, np.flatnonzero(out), kept)
    left = residual @ covariance @ residual.T
    whole = np.zeros_like(covariance)
    whole[kept] = _to_encoder(left, [channels[int(index)] for index in kept], spec) @ residual
    return whole


def _to_encoder(covariance: np.ndarray, channels: Sequence[str], spec: EncoderSpec) -> np.ndarray:
    if spec.covariance is None:
        return euclidean_alignment(covariance)
    rows = [spec.ch_names.index(name) for name in channels]
    return transport_map(covariance, np.array(spec.covariance)[np.ix_(rows, rows)])

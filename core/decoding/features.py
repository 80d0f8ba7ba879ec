"""Two views of a window, as vectors: tangent-space covariances, and tokens of a frozen encoder.

Each view is settled once, on calibration data, and then gives the same vector for a window
whether it comes from a recording in one piece or from a stream, hop by hop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import signal

from core.signal.filtering import CausalFilter
from core.signal.ring import Ring

if TYPE_CHECKING:
    from core.model import Encoder


class FeatureStream(Protocol):
    """Turns a stream of signal into one vector a window."""

    def prepare(self) -> None:
        """Wait until the first sample can be taken without delay."""

    def push(self, samples: np.ndarray) -> np.ndarray | None:
        """Take one hop, shape (hop, channels); return a vector once a window is full."""

    def reset(self) -> None:
        """Begin a new run of contiguous samples."""


def band_sections(band: tuple[float, float], rate: float) -> np.ndarray:
    """Return a causal fourth-order Butterworth band-pass as second-order sections."""
    return signal.butter(4, band, "bandpass", fs=rate, output="sos")


def shrunk_covariances(windows: np.ndarray) -> np.ndarray:
    """Return oracle-approximating shrinkage covariances of windows.

    Parameters
    ----------
    windows : ndarray, shape (trials, channels, samples)

    Returns
    -------
    ndarray of float64, shape (trials, channels, channels)

    Notes
    -----
    Chen, Wiesel, Eldar and Hero (2010), Shrinkage algorithms for MMSE covariance estimation,
    IEEE Trans. Signal Process. 58(10), equation 23.
    """
    # In one piece, or the product below would not go through BLAS.
    centred = np.ascontiguousarray(windows - windows.mean(axis=-1, keepdims=True))
    n = windows.shape[-1]
    return shrunk(centred @ centred.transpose(0, 2, 1) / n, n)


def shrunk(sample: np.ndarray, n: int) -> np.ndarray:
    """Return sample covariances of windows of `n` samples, shrunk as `shrunk_covariances` does.

    Parameters
    ----------
    sample : ndarray, shape (trials, channels, channels)
    n : int
    """
    p = sample.shape[-1]
    trace = np.trace(sample, axis1=1, axis2=2)
    square = np.einsum("tij,tij->t", sample, sample)  # trace of the square
    above = (1.0 - 2.0 / p) * square + trace**2
    below = (n + 1.0 - 2.0 / p) * (square - trace**2 / p)
    share = np.clip(above / np.maximum(below, np.finfo(float).tiny), 0.0, 1.0)[:, None, None]
    return (1.0 - share) * sample + share * (trace / p)[:, None, None] * np.eye(p)


@dataclass(frozen=True)
class TangentFeatures:
    """Logarithms of whitened covariances of the band-passed window.

    Attributes
    ----------
    band : tuple of float
        Pass band in Hz, of a causal filter after the signal path.
    rate : float
        Rate of the signal in Hz.
    length : int
        Samples of a window.
    picks : ndarray of int, shape (picked,)
        Channels used.
    whitener : ndarray, shape (picked, picked)
        Inverse square root of the calibration's mean covariance.

    Notes
    -----
    Barachant, Bonnet, Congedo and Jutten (2012), Multiclass brain-computer interface
    classification by Riemannian geometry, IEEE Trans. Biomed. Eng. 59(4).
    """

    band: tuple[float, float]
    rate: float
    length: int
    picks: np.ndarray
    whitener: np.ndarray

    @property
    def size(self) -> int:
        """Length of a vector."""
        return len(self.picks) * (len(self.picks) + 1) // 2

    def of_covariances(self, covariances: np.ndarray) -> np.ndarray:
        """Return the tangent vectors of covariances over the picked channels.

        Parameters
        ----------
        covariances : ndarray, shape (trials, picked, picked)

        Returns
        -------
        ndarray of float64, shape (trials, size)
        """
        white = self.whitener @ covariances @ self.whitener
        values, vectors = np.linalg.eigh(white)
        logs = np.log(np.maximum(values, 1e-12))
        tangent = (vectors * logs[:, None, :]) @ vectors.transpose(0, 2, 1)
        rows, columns = np.triu_indices(len(self.picks))
        # Off-diagonal entries stand for two, so that the vector's norm is the matrix's.
        weight = np.where(rows == columns, 1.0, np.sqrt(2.0))
        return tangent[:, rows, columns] * weight

    def of_windows(self, banded: np.ndarray) -> np.ndarray:
        """Return the vectors of windows that were band-passed already.

        Parameters
        ----------
        banded : ndarray, shape (trials, channels, samples)

        Returns
        -------
        ndarray of float64, shape (trials, size)
        """
        return self.of_covariances(shrunk_covariances(banded[:, self.picks]))

    def stream(self) -> TangentStream:
        """Return the same features for a stream."""
        return TangentStream(self)


class TangentStream:
    """`TangentFeatures` of a stream: a filter with a kept state and a ring of its output."""

    def __init__(self, features: TangentFeatures) -> None:
        self._features = features
        self._filter = CausalFilter(band_sections(features.band, features.rate))
        self._ring = Ring(features.length, len(features.picks))

    def prepare(self) -> None:
        """Nothing to wait for."""

    def reset(self) -> None:
        """Begin a new run of contiguous samples."""
        self._filter.reset()
        self._ring.reset()

    def push(self, samples: np.ndarray) -> np.ndarray | None:
        """Take samples, shape (n, channels); return a vector once a window is full."""
        self._ring.write(self._filter.push(samples[:, self._features.picks]))
        if self._ring.written < self._features.length:
            return None
        window = self._ring.latest(self._features.length).T[None]  # (1, picked, samples)
        return self._features.of_covariances(shrunk_covariances(window))[0]


@dataclass(frozen=True)
class TokenFeatures:
    """Mean and spread over the patches of a frozen encoder's summary tokens.

    Attributes
    ----------
    encoder : Encoder
        Frozen.
    channel_ids : ndarray of int, shape (channels,)
        Which electrode each channel is.
    spatial : ndarray, shape (channels, channels)
        Applied to every sample before the encoder.
    """

    encoder: Encoder
    channel_ids: np.ndarray
    spatial: np.ndarray

    @property
    def size(self) -> int:
        """Length of a vector."""
        tokens, width = self.encoder.spec.summary
        return 2 * tokens * width

    def of_window(self, window: np.ndarray) -> np.ndarray:
        """Return the vector of one window.

        Windows are encoded one at a time, so that the last digit does not depend on company.

        Parameters
        ----------
        window : ndarray, shape (channels, samples)
            In the encoder's unit.

        Returns
        -------
        ndarray of float64, shape (size,)
        """
        import torch

        with torch.inference_mode():
            filtered = torch.from_numpy(self.spatial @ window).float()
            tokens = self.encoder(filtered[None], self.channel_ids)
        return pool(tokens.double().numpy())[0]

    def stream(self, hop: int, apart: bool = False) -> TokenStream:
        """Return the same features for a stream that advances by `hop` samples.

        With `apart`, the encoder runs in a process of its own.
        """
        return TokenStream(self, hop, apart)


def pool(tokens: np.ndarray) -> np.ndarray:
    """Return mean and standard deviation over patches, shape (trials, 2 x tokens x width).

    Parameters
    ----------
    tokens : ndarray, shape (trials, patches, tokens, width)
    """
    mean, spread = tokens.mean(axis=1), tokens.std(axis=1)
    return np.concatenate([mean.reshape(len(tokens), -1), spread.reshape(len(tokens), -1)], axis=1)


class TokenStream:
    """`TokenFeatures` of a stream: one new patch encoded a hop, the others remembered."""

    def __init__(self, features: TokenFeatures, hop: int, apart: bool) -> None:
        from core.model import StreamingEncoder

        self._spatial = features.spatial
        self._encoder = StreamingEncoder(features.encoder, features.channel_ids, hop, apart=apart)

    def prepare(self) -> None:
        """Wait until the encoder is ready."""
        self._encoder.prepare()

    def reset(self) -> None:
        """Begin a new run of contiguous samples."""
        self._encoder.reset()

    def push(self, samples: np.ndarray) -> np.ndarray | None:
        """Take one hop, shape (hop, channels); return a vector once a window is full."""
        filtered = (self._spatial @ samples.T).astype(np.float32)  # (channels, hop)
        tokens = self._encoder.push(filtered)  # (patches, tokens, width)
        return None if tokens is None else pool(tokens.double().numpy()[None])[0]

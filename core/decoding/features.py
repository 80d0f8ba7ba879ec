"""Two views of a window, as vectors: tangent-space covariances, and tokens of a frozen encoder.

Each view is fitted once, on calibration data, and then gives the same vector for a window
whether it comes from a recording in one piece or from a stream, hop by hop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import signal

from core.signal.filtering import CausalFilter
from core.signal.ring import Ring

if TYPE_CHECKING:
    from core.encoders import Encoder


def band_sections(band: tuple[float, float], rate: float) -> np.ndarray:
    """Return a causal fourth-order Butterworth band-pass as second-order sections."""
    sections: np.ndarray = signal.butter(4, band, "bandpass", fs=rate, output="sos")
    return sections


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
    shrunk: np.ndarray = (1.0 - share) * sample + share * (trace / p)[:, None, None] * np.eye(p)
    return shrunk


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
    spatial : ndarray or None, shape (picked, channels)
        Applied to every sample in place of taking the picked channels; its rows belong to them.

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
    spatial: np.ndarray | None = None

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
        upper, weight = _upper_triangle(len(self.picks))
        weighted: np.ndarray = tangent.reshape(len(tangent), -1)[:, upper] * weight
        return weighted

    def at(self, whitener: np.ndarray) -> Self:
        """Return the same features at another reference."""
        return replace(self, whitener=whitener)

    def of_windows(self, banded: np.ndarray) -> np.ndarray:
        """Return the vectors of windows that were band-passed already.

        Parameters
        ----------
        banded : ndarray, shape (trials, channels, samples)
            Of at least `length` samples, of which the last count.

        Returns
        -------
        ndarray of float64, shape (trials, size)
        """
        picked = banded[:, self.picks] if self.spatial is None else self.spatial @ banded
        return self.of_covariances(shrunk_covariances(picked[..., -self.length :]))

    def stream(self) -> TangentStream:
        """Return the same features for a stream."""
        return TangentStream(self)


@lru_cache(maxsize=8)
def _upper_triangle(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where a symmetric matrix has its upper triangle, flattened, and what each counts."""
    rows, columns = np.triu_indices(channels)
    # Off-diagonal entries stand for two, so that the vector's norm is the matrix's.
    return rows * channels + columns, np.where(rows == columns, 1.0, np.sqrt(2.0))


class TangentStream:
    """`TangentFeatures` of a stream: a filter with a kept state and a ring of its output.

    Attributes
    ----------
    features : TangentFeatures
        May be replaced by the same at another reference.
    covariance : ndarray, shape (picked, picked)
        Of the newest whole window.
    """

    def __init__(self, features: TangentFeatures) -> None:
        self.features = features
        self.covariance = np.empty((0, 0))
        self._filter = CausalFilter(band_sections(features.band, features.rate))
        self._ring = Ring(features.length, len(features.picks))

    def reset(self) -> None:
        """Begin a new run of contiguous samples."""
        self._filter.reset()
        self._ring.reset()

    def push(self, samples: np.ndarray) -> np.ndarray | None:
        """Take samples, shape (n, channels); return a vector once a window is full."""
        spatial = self.features.spatial
        picked = samples[:, self.features.picks] if spatial is None else samples @ spatial.T
        self._ring.write(self._filter.push(picked))
        if self._ring.written < self.features.length:
            return None
        window = self._ring.latest(self.features.length).T[None]  # (1, picked, samples)
        covariances = shrunk_covariances(window)
        self.covariance = covariances[0]
        vector: np.ndarray = self.features.of_covariances(covariances)[0]
        return vector


@dataclass(frozen=True)
class TokenFeatures:
    """What a frozen encoder's tokens say of a window, as `Encoder.pool` puts it into a vector.

    Attributes
    ----------
    encoder : Encoder
        Frozen.
    ch_names : tuple of str
        Which electrode each channel is.
    spatial : ndarray, shape (channels, channels of the signal)
        Applied to every sample before the encoder.
    skip : int
        Samples at the beginning of a window whose tokens are passed over. Only where tokens
        depend on their own patch alone are those samples unheard then.
    """

    encoder: Encoder
    ch_names: tuple[str, ...]
    spatial: np.ndarray
    skip: int = 0

    @property
    def size(self) -> int:
        """Length of a vector."""
        shape = self.encoder.spec.token_shape(len(self.ch_names))
        return int(self.encoder.pool(np.zeros((1, *shape))).shape[1])

    def pool(self, tokens: np.ndarray) -> np.ndarray:
        """Return the features of windows' tokens, (windows, columns, tokens, width)."""
        first = -(-self.skip // self.encoder.spec.stride)  # column that begins after `skip`
        return self.encoder.pool(tokens[:, first:])

    def of_run(self, run: np.ndarray, starts: Sequence[int]) -> np.ndarray:
        """Return the vectors of windows of a run, as a stream would have had them.

        Parameters
        ----------
        run : ndarray, shape (samples, channels)
            Contiguous signal from its first sample on, in the encoder's unit.
        starts : sequence of int
            Where the windows begin.

        Returns
        -------
        ndarray of float64, shape (windows, size)
        """
        import torch

        spec = self.encoder.spec
        with torch.inference_mode():
            if spec.context == "causal":
                filtered = (self.spatial @ run.T).astype(np.float32)
                ends = [start + spec.window for start in starts]
                windows = list(self.encoder.tokens_at(filtered, ends, self.ch_names))
            else:
                # One at a time, so that the last digit does not depend on company.
                windows = [
                    self.encoder.tokens(
                        torch.from_numpy(self.spatial @ run[start : start + spec.window].T)
                        .float()
                        .unsqueeze(0),
                        self.ch_names,
                    )[0]
                    for start in starts
                ]
        if not windows:
            return np.empty((0, self.size))
        return np.concatenate([self.pool(w.double().numpy()[None]) for w in windows])

    def stream(self, hop: int, in_subprocess: bool = False) -> TokenFeatureStream:
        """Return the same features for a stream that advances by `hop` samples.

        With `in_subprocess`, the encoder runs in a process of its own.
        """
        return TokenFeatureStream(self, hop, in_subprocess)


class TokenFeatureStream:
    """`TokenFeatures` of a stream."""

    def __init__(self, features: TokenFeatures, hop: int, in_subprocess: bool) -> None:
        self._features = features
        self._tokens = features.encoder.stream(features.ch_names, hop, in_subprocess)

    def prepare(self) -> None:
        """Wait until the encoder is ready."""
        self._tokens.prepare()

    def reset(self) -> None:
        """Begin a new run of contiguous samples."""
        self._tokens.reset()

    def push(self, samples: np.ndarray) -> np.ndarray | None:
        """Take one hop, shape (hop, channels); return a vector once a window is full."""
        filtered = (self._features.spatial @ samples.T).astype(np.float32)  # (channels, hop)
        tokens = self._tokens.push(filtered)  # (columns, tokens, width)
        if tokens is None:
            return None
        vector: np.ndarray = self._features.pool(tokens.double().numpy()[None])[0]
        return vector

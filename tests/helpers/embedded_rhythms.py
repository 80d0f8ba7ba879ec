"""Simulated subjects whose rhythms follow an embedding: what retrieval must find, if it works."""

from __future__ import annotations

import numpy as np

_RHYTHM = 8.0  # µV, amplitude where the embedding says nothing
_NOISE = 5.0  # µV
_FREQUENCY = 11.0  # Hz
_OWN = 0.3  # share of a subject's own pattern, beside the one that all have in common


class EmbeddedRhythms:
    """A subject in whom the strength of the rhythm at each electrode is linear in an embedding.

    Its logarithm is, as it is for what imagery does to the mu rhythm.

    Parameters
    ----------
    channels : int
    dimensions : int
        Of the embedding.
    subject : int
        Which of the subjects; they have most of the pattern in common.
    depth : float
        Standard deviation of the logarithm of the rhythm's amplitude over embeddings.
    """

    def __init__(
        self, channels: int, dimensions: int, subject: int = 0, depth: float = 0.7
    ) -> None:
        common, own = np.random.default_rng(0), np.random.default_rng((1, subject))
        shape = channels, dimensions
        mixing = common.normal(size=shape) + _OWN * own.normal(size=shape)
        self._mixing = depth * mixing / np.sqrt(dimensions)
        self._random = own

    def windows(self, embeddings: np.ndarray, rate: float, samples: int) -> np.ndarray:
        """Return a window for each embedding.

        Parameters
        ----------
        embeddings : ndarray, shape (trials, dimensions)
            Of unit variance in each dimension.
        rate : float
            In Hz.
        samples : int
            Of a window.

        Returns
        -------
        ndarray, shape (trials, channels, samples)
            In µV.
        """
        amplitude = _RHYTHM * np.exp(embeddings @ self._mixing.T)  # (trials, channels)
        times = np.arange(samples) / rate
        phase = self._random.uniform(0.0, 2 * np.pi, (*amplitude.shape, 1))
        rhythm = amplitude[..., None] * np.sin(2 * np.pi * _FREQUENCY * times + phase)
        noise: np.ndarray = self._random.normal(0.0, _NOISE, rhythm.shape)
        signal: np.ndarray = rhythm + noise
        return signal

"""Heads beside the linear one: retrieval from a gallery of embeddings, and a number on a scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from core.decoding.outputs import RetrievalOutput, ScaleOutput

WIDTH = 64
"""Dimensions of the space in which windows and entries of a gallery are compared."""


@dataclass(frozen=True, eq=False)
class Projection:
    """A small network of two layers into the common space, onto the unit sphere.

    Attributes
    ----------
    centre, scale : ndarray, shape (inputs,)
        Taken off and divided by.
    first, first_bias : ndarray, shapes (inputs, hidden) and (hidden,)
    second, second_bias : ndarray, shapes (hidden, width) and (width,)
    """

    centre: np.ndarray
    scale: np.ndarray
    first: np.ndarray
    first_bias: np.ndarray
    second: np.ndarray
    second_bias: np.ndarray

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Return unit vectors, shape (n, width), of vectors, shape (n, inputs)."""
        hidden = np.tanh((vectors - self.centre) / self.scale @ self.first + self.first_bias)
        return unit(hidden @ self.second + self.second_bias)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of unit length; one of no length stays as it is."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: np.ndarray = vectors / np.maximum(length, np.finfo(float).tiny)
    return scaled


@dataclass(frozen=True, eq=False)
class Gallery:
    """Entries that a window is compared with, as an encoder of texts or pictures sees them.

    Attributes
    ----------
    entries : tuple of str
        Texts, or names of pictures.
    embeddings : ndarray, shape (entries, dimensions)
    encoder : str
        Which encoder made them, by name and version.
    pictures : tuple of str
        SHA-256 of each entry's picture; empty where the entries are texts.
    """

    entries: tuple[str, ...]
    embeddings: np.ndarray
    encoder: str
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RetrievalHead:
    """The nearest entries of a gallery, in a space that features and embeddings share.

    Attributes
    ----------
    window : Projection
        Of features of a window.
    entry : Projection
        Of the gallery's embeddings.
    gallery : Gallery
    temperature : float
        Learned; divides cosines where probabilities are wanted.

    Notes
    -----
    Radford et al. (2021), Learning transferable visual models from natural language supervision.
    """

    window: Projection
    entry: Projection
    gallery: Gallery
    temperature: float

    @cached_property
    def entries(self) -> np.ndarray:
        """The gallery in the common space, shape (entries, width)."""
        return self.entry(self.gallery.embeddings)

    def output(self, features: np.ndarray) -> RetrievalOutput:
        """Return the similarities of one window's features, shape (features,)."""
        embedding = self.window(features[None])[0]
        return RetrievalOutput(
            self.gallery.entries,
            tuple((self.entries @ embedding).tolist()),
            tuple(embedding.tolist()),
        )

    def similarities(self, features: np.ndarray) -> np.ndarray:
        """Return cosines, shape (windows, entries), of windows' features."""
        cosines: np.ndarray = self.window(features) @ self.entries.T
        return cosines

    def compared_with(self, entries: Sequence[str], embeddings: np.ndarray) -> Self:
        """Return the head with other texts, from the same encoder."""
        gallery = replace(self.gallery, entries=tuple(entries), embeddings=embeddings)
        return replace(self, gallery=gallery)


@dataclass(frozen=True, eq=False)
class ScaleHead:
    """A number from features, with an interval from trials that were left out.

    Attributes
    ----------
    centre, scale : ndarray, shape (features,)
        Taken off and divided by.
    weights : ndarray, shape (features,)
    bias : float
    margin : float
        Half the interval: nine in ten left-out trials were no farther off (split conformal
        prediction: Lei et al. (2018), Distribution-free predictive inference for regression).
    ends : tuple of float
        Smallest and largest value that it was fitted with.
    """

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float
    margin: float
    ends: tuple[float, float]

    def values(self, features: np.ndarray) -> np.ndarray:
        """Return the numbers, shape (windows,), of windows' features."""
        values: np.ndarray = (features - self.centre) / self.scale @ self.weights + self.bias
        return values

    def output(self, features: np.ndarray) -> ScaleOutput:
        """Return the number of one window's features, shape (features,)."""
        value = float(self.values(features[None])[0])
        return ScaleOutput(value, value - self.margin, value + self.margin, self.ends)

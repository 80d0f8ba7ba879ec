"""What makes pictures from tokens: experimental, whatever makes them."""

from __future__ import annotations

from typing import Protocol

import numpy as np

EXPERIMENTAL = "experimental"
"""How every label of a generator begins.

A generator that was trained on pictures gives likely pictures whatever it is told, so that one
which looks right shows nothing: only retrieval among left-out pictures, above its bound, does.
"""


class Generator(Protocol):
    """Makes a picture from the tokens of a window.

    Attributes
    ----------
    label : str
        Begins with "experimental"; to be shown beside every picture.
    """

    @property
    def label(self) -> str:
        """What made the picture, for screens and files."""

    def __call__(self, tokens: np.ndarray, seed: int = 0) -> np.ndarray:
        """Return a picture, uint8 of shape (height, width, 3).

        Parameters
        ----------
        tokens : ndarray, shape (tokens, width)
            Of one window, from the encoder that the generator was trained with.
        seed : int
            Of the noise that it begins with.
        """

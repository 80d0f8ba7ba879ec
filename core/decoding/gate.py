"""A mixture of experts: several heads of the same classes, weighed by what the window is like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.decoding.heads import LinearHead, softmax


@dataclass(frozen=True, eq=False)
class MixtureHead:
    """Probabilities of several heads, weighed for each window by a gate that sees its features.

    Attributes
    ----------
    names : tuple of str
        Of the experts.
    experts : tuple of LinearHead
    spans : tuple of (int, int)
        First column of the features that each expert takes, and the one after its last.
    gate : LinearHead
        From all features to a logit for each expert.

    Notes
    -----
    Jacobs, Jordan, Nowlan and Hinton (1991), Adaptive mixtures of local experts, Neural
    Computation 3(1).
    """

    names: tuple[str, ...]
    experts: tuple[LinearHead, ...]
    spans: tuple[tuple[int, int], ...]
    gate: LinearHead

    def weights(self, features: np.ndarray) -> np.ndarray:
        """Return the share of each expert, shape (windows, experts)."""
        return softmax(self.gate.logits(features))

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities, shape (windows, classes), of features."""
        probabilities = np.stack(
            [
                expert.probabilities(features[:, first:last])
                for expert, (first, last) in zip(self.experts, self.spans, strict=True)
            ],
            axis=1,
        )  # (windows, experts, classes)
        mixed: np.ndarray = np.einsum("we,wec->wc", self.weights(features), probabilities)
        return mixed

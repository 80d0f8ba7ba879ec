"""What every system is to a protocol: a classifier with `fit` and probabilities."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from training.evaluation.trials import Trials


class Model(Protocol):
    """A system after it has learned."""

    def probabilities(self, trials: Trials) -> np.ndarray:
        """Return class probabilities, shape (trials, classes)."""


class System(Protocol):
    """Something that learns from trials.

    `fit` gets the training part alone. Whatever it chooses, it chooses inside that. A system that
    starts from other people's trials is made with them, and takes those whose name is not in
    `trials.people`.
    """

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def encoder(self) -> str | None:
        """Label of the encoder it looks through, None for none."""

    def fit(self, trials: Trials, seed: int) -> Model:
        """Learn."""

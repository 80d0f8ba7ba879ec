"""Networks of braindecode, trained from nothing on the training part; an optional extra."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from core.decoding.heads import softmax
from core.encoders.braindecode.library import braindecode_class
from training.evaluation.trials import Trials

if TYPE_CHECKING:
    import torch

BAND = (4.0, 36.0)
"""Pass band in Hz of what the networks see."""

EPOCHS = 100
UPDATES = 400
"""At most: hundreds of trials of other people need fewer epochs."""
BATCH = 16
RATE = 1e-3  # of AdamW


@dataclass(frozen=True)
class NetworkSystem:
    """A network of braindecode with its own defaults.

    Numbers of epochs and updates, batch and learning rate are fixed, so that nothing is chosen on
    the test part, nor trials set aside that the other systems learn from.

    Attributes
    ----------
    name : str
        Of the class in `braindecode.models`.
    step : int
        Every how many samples it takes one: EEGNet was made for 128 Hz.
    """

    name: str
    step: int = 1
    encoder: str | None = None

    def fit(self, trials: Trials, seed: int) -> NetworkModel:
        """Learn; the same seed gives the same network.

        Raises
        ------
        InputError
            If braindecode is not there.
        """
        import torch

        from training.evaluation.systems.spatial_first import filter_in_space_first

        signal, labels = self.signal(trials), torch.from_numpy(trials.labels)
        scale = float(signal.std())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = braindecode_class(self.name)(
                n_chans=signal.shape[1], n_outputs=len(trials.classes), n_times=signal.shape[2]
            )
            if self.name == "EEGNet":
                filter_in_space_first(network)
            given = torch.from_numpy(signal / scale).float()
            optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
            for batch in islice(_batches(len(labels)), UPDATES):
                loss = torch.nn.functional.cross_entropy(network(given[batch]), labels[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        return NetworkModel(self, network.eval(), scale)

    def signal(self, trials: Trials) -> np.ndarray:
        """Return what the network takes, shape (trials, channels, samples)."""
        return trials.windows(BAND)[..., :: self.step]


@dataclass(frozen=True)
class NetworkModel:
    """A network that was trained, and what its input is divided by."""

    system: NetworkSystem
    network: Any
    scale: float

    def probabilities(self, trials: Trials) -> np.ndarray:
        """Return class probabilities, shape (trials, classes)."""
        import torch

        with torch.inference_mode():
            given = torch.from_numpy(self.system.signal(trials) / self.scale).float()
            logits = torch.cat([self.network(batch) for batch in given.split(64)])
        return softmax(logits.double().numpy())


def _batches(count: int) -> Iterator[torch.Tensor]:
    """Yield the trials of each update."""
    import torch

    for _ in range(EPOCHS):
        for batch in torch.randperm(count).split(BATCH):
            if len(batch) > 1:  # batch normalisation needs company
                yield batch

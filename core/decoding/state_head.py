"""The head that remembers: classes of a state that lasts, from the last minutes of band powers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.heads import softmax
from core.decoding.segment_powers import SegmentPowers
from core.errors import InputError

if TYPE_CHECKING:
    from core.decoding.state_network import StateNetwork


@dataclass(frozen=True, eq=False)
class StateHead:
    """Classes from a memory of segments.

    Attributes
    ----------
    powers : SegmentPowers
        What it remembers.
    weights : mapping of str to ndarray
        Of a `core.decoding.state_network.StateNetwork`, by name.
    temperature : float
        Divides the logits, so that a probability of 0.8 is right eight times in ten.
    """

    powers: SegmentPowers
    weights: Mapping[str, np.ndarray]
    temperature: float = 1.0

    def logits(self, memories: np.ndarray) -> np.ndarray:
        """Return the logits before the temperature, shape (windows, classes).

        Parameters
        ----------
        memories : ndarray, shape (windows, count, channels, bands)
            As `SegmentPowers.memory`.
        """
        import torch

        with torch.inference_mode():
            # One at a time, so that the last digit does not depend on company.
            outputs = [self._network(torch.from_numpy(memory[None])) for memory in memories]
            logits: np.ndarray = torch.cat(outputs).numpy()
        return logits

    def probabilities(self, memories: np.ndarray) -> np.ndarray:
        """Return class probabilities, shape (windows, classes)."""
        return softmax(self.logits(memories) / self.temperature)

    @property
    def channels(self) -> int:
        """How many electrodes it reads."""
        return len(self.weights["centre"])

    @cached_property
    def _network(self) -> StateNetwork:
        import torch

        network = empty_network(self.weights)
        tensors = {name: torch.from_numpy(array.copy()) for name, array in self.weights.items()}
        network.load_state_dict(tensors, assign=True)
        return network.double().eval().requires_grad_(False)


def empty_network(weights: Mapping[str, np.ndarray]) -> StateNetwork:
    """Return a network of the size that its weights tell, without memory for them.

    Raises
    ------
    InputError
        If they are not those of such a network.
    """
    import torch

    from core.decoding.state_network import StateNetwork

    sizes = [weights.get(name) for name in ("centre", "age", "classes.bias")]
    if any(array is None for array in sizes):
        raise InputError("its head is no network of a state.")
    centre, age, bias = (np.asarray(array) for array in sizes)
    if (centre.ndim, age.ndim, bias.ndim) != (2, 2, 1):
        raise InputError("its head is no network of a state.")
    with torch.device("meta"):
        electrodes, bands = centre.shape
        network = StateNetwork(electrodes, bands, len(age), len(bias))
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if {name: array.shape for name, array in weights.items()} != shapes:
        raise InputError("its network of a state has other tensors than its size needs.")
    return network

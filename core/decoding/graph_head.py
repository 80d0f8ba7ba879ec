"""The electrode graph as a decoder's head: attention between the electrodes' states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.heads import softmax
from core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from core.encoders.braingpt.graph import ElectrodeGraph

TASK = "classes"
"""The one task of a graph that decodes."""


@dataclass(frozen=True)
class GraphHead:
    """Pooled states of electrodes, read by an electrode graph, softened to probabilities.

    Attributes
    ----------
    ch_names : tuple of str
        The electrode of each state, in the order of the features.
    centre : ndarray, shape (electrodes x width,)
        Taken off: the mean over the trials of the fit.
    weights : mapping of str to ndarray
        Of a `core.encoders.braingpt.graph.ElectrodeGraph` with the task `TASK`, by name.
    temperature : float
        Divides the logits, so that a probability of 0.8 is right eight times in ten.
    """

    ch_names: tuple[str, ...]
    centre: np.ndarray
    weights: Mapping[str, np.ndarray]
    temperature: float = 1.0

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return the logits before the temperature, shape (trials, classes).

        In float64, so that a window's last digit does not depend on the windows beside it.
        """
        import torch

        states = torch.from_numpy(self.states(features))
        present = torch.ones(states.shape[:2], dtype=torch.bool)
        with torch.inference_mode():
            pooled = self._graph(states, self._rows, present)
            logits: np.ndarray = self._graph.logits(pooled, TASK).numpy()
        return logits

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities, as `LinearHead.probabilities` does."""
        return softmax(self.logits(features) / self.temperature)

    def states(self, features: np.ndarray) -> np.ndarray:
        """Return the centred states of electrodes, shape (trials, electrodes, width)."""
        centred = np.asarray(features - self.centre, dtype=np.float64)
        return centred.reshape(len(features), len(self.ch_names), -1)

    @cached_property
    def _rows(self) -> Tensor:
        from core.encoders.braingpt.electrodes import electrode_rows

        return electrode_rows(self.ch_names)

    @cached_property
    def _graph(self) -> ElectrodeGraph:
        import torch

        graph = empty_graph(self.weights)
        tensors = {name: torch.from_numpy(array.copy()) for name, array in self.weights.items()}
        graph.load_state_dict(tensors, assign=True)
        return graph.double().eval().requires_grad_(False)


def empty_graph(weights: Mapping[str, np.ndarray]) -> ElectrodeGraph:
    """Return a graph of the size that its weights tell, without memory for them.

    Raises
    ------
    InputError
        If they are not those of a graph with the task `TASK`.
    """
    import torch

    from core.encoders.braingpt.graph import ElectrodeGraph

    first, last = weights.get("project.1.weight"), weights.get(f"heads.{TASK}.bias")
    if first is None or last is None or first.ndim != 2 or last.ndim != 1:
        raise InputError("its head is no electrode graph.")
    matches = [re.match(r"layers\.(\d{1,3})\.", name) for name in weights]
    layers = 1 + max((int(match[1]) for match in matches if match), default=-1)
    with torch.device("meta"):
        graph = ElectrodeGraph(first.shape[1], first.shape[0], layers, {TASK: len(last)})
    shapes = {name: tuple(tensor.shape) for name, tensor in graph.state_dict().items()}
    if {name: array.shape for name, array in weights.items()} != shapes:
        raise InputError("its electrode graph has other tensors than its size needs.")
    return graph

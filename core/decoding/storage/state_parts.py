"""The head of a state of a decoder file: what it remembers, and its network."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.decoding.segment_powers import SegmentPowers
from core.decoding.state_head import StateHead, empty_network
from core.decoding.storage.parts import network_weights
from core.errors import InputError
from core.tensor_file import number, whole


def state_table(head: StateHead) -> dict[str, Any]:
    """Return what a header says of it."""
    powers = head.powers
    table = {"length": powers.length, "count": powers.count, "bands": powers.bands}
    return {"state": table, "temperature": head.temperature}


def state_tensors(head: StateHead, prefix: str) -> dict[str, np.ndarray]:
    """Return its tensors by name."""
    return {f"{prefix}.state.{name}": array for name, array in head.weights.items()}


def read_state(
    table: dict[str, Any],
    tensors: dict[str, np.ndarray],
    prefix: str,
    rate: float,
    channels: int,
    window: int,
    classes: int,
) -> StateHead:
    """Return the head of a state, if it fits the signal.

    Parameters
    ----------
    table : dict
    tensors : dict of str to ndarray
    prefix : str
        Of the tensors' names.
    rate : float
        Of the signal in Hz.
    channels, window, classes : int
        Of the signal, in samples, and of the task.

    Raises
    ------
    InputError
        If it does not.
    """
    state, weights = table["state"], network_weights(tensors, f"{prefix}.state.")
    empty_network(weights)
    bands = tuple((number(low, 0.0, 1e6), number(high, 0.0, 1e6)) for low, high in state["bands"])
    if any(low >= high for low, high in bands):
        raise InputError("a band of its state ends before it begins.")
    # A segment lies in a window, so that the memory is never empty when a window is decoded.
    powers = SegmentPowers(
        rate, whole(state["length"], 2, window), whole(state["count"], 1, 2**12), bands
    )
    expected = {
        "centre": (channels, len(bands)),
        "scale": (channels, len(bands)),
        "age": (powers.count, weights["age"].shape[1]),
        "classes.bias": (classes,),
    }
    if any(weights[name].shape != shape for name, shape in expected.items()):
        raise InputError("its network of a state does not fit its channels, bands and classes.")
    if not (weights["scale"] > 0).all():
        raise InputError("its network of a state divides by a scale that is not above zero.")
    return StateHead(powers, weights, number(table["temperature"], 1e-6, 1e6))

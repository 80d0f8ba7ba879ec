"""Pieces of a decoder file whose head is an electrode graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.decoding.graph_head import TASK, GraphHead, empty_graph
from core.decoding.storage.parts import shaped
from core.errors import InputError
from core.tensor_file import number

_PREFIX = "head.graph."  # before the names of the graph's tensors


def graph_table(head: GraphHead) -> dict[str, Any]:
    """Return what a header says of an electrode graph."""
    return {"ch_names": head.ch_names}


def graph_tensors(head: GraphHead) -> dict[str, np.ndarray]:
    """Return an electrode graph's tensors by name."""
    weights = {_PREFIX + name: array for name, array in head.weights.items()}
    return {"head.centre": head.centre, **weights}


def graph_head(
    table: dict[str, Any],
    tensors: dict[str, np.ndarray],
    ch_names: tuple[str, ...],
    classes: int,
) -> GraphHead:
    """Return an electrode graph, if its tensors fit each other, the electrodes and the classes.

    Raises
    ------
    InputError
        If they do not.
    """
    from core.encoders.braingpt.electrodes import electrode_rows

    weights = {
        name.removeprefix(_PREFIX): shaped(tensors, name, array.shape)
        for name, array in tensors.items()
        if name.startswith(_PREFIX)
    }
    empty_graph(weights)  # which refuses what is none
    features = len(ch_names) * weights["project.1.weight"].shape[1]
    if weights[f"heads.{TASK}.bias"].shape != (classes,):
        raise InputError(f"its electrode graph does not tell {classes} classes apart.")
    electrode_rows(ch_names)  # which refuses what the graph has no node for
    return GraphHead(
        ch_names=ch_names,
        centre=shaped(tensors, "head.centre", (features,)),
        weights=weights,
        temperature=number(table["temperature"], 1e-6, 1e6),
    )

"""The electrode graph of a decoder file: a head that may stand where a linear one does."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.decoding.graph_head import TASK, GraphHead, empty_graph
from core.decoding.heads import LinearHead
from core.decoding.storage.parts import linear_head, linear_tensors, network_weights, shaped
from core.errors import InputError
from core.tensor_file import number, texts


def head_table(head: LinearHead | GraphHead) -> dict[str, Any]:
    """Return what a header says of a head of classes."""
    table: dict[str, Any] = {"temperature": head.temperature}
    return table | ({"graph": head.ch_names} if isinstance(head, GraphHead) else {})


def head_tensors(head: LinearHead | GraphHead, prefix: str) -> dict[str, np.ndarray]:
    """Return the tensors of a head of classes by name."""
    if isinstance(head, LinearHead):
        return linear_tensors(head, prefix)
    graph = {f"{prefix}.graph.{name}": array for name, array in head.weights.items()}
    return {f"{prefix}.centre": head.centre, **graph}


def read_head(
    table: dict[str, Any],
    tensors: dict[str, np.ndarray],
    prefix: str,
    features: int,
    classes: int,
) -> LinearHead | GraphHead:
    """Return a head of classes, if its tensors fit each other.

    Raises
    ------
    InputError
        If they do not.
    """
    if "graph" not in table:
        return linear_head(table, tensors, prefix, features, classes)
    from core.encoders.braingpt.electrodes import electrode_rows

    weights = network_weights(tensors, f"{prefix}.graph.")
    empty_graph(weights)  # which refuses what is none
    if weights[f"heads.{TASK}.bias"].shape != (classes,):
        raise InputError(f"its electrode graph does not tell {classes} classes apart.")
    ch_names = texts(table["graph"])
    electrode_rows(ch_names)  # which refuses what the graph has no node for
    if features != len(ch_names) * weights["project.1.weight"].shape[1]:
        raise InputError("its electrode graph does not fit its features.")
    return GraphHead(
        ch_names=ch_names,
        centre=shaped(tensors, f"{prefix}.centre", (features,)),
        weights=weights,
        temperature=number(table["temperature"], 1e-6, 1e6),
    )


def check_graphs(heads: tuple[object, ...], token_channels: tuple[str, ...]) -> None:
    """Refuse graphs that read other electrodes than the encoder gets.

    Raises
    ------
    InputError
    """
    for head in heads:
        if isinstance(head, GraphHead) and head.ch_names != token_channels:
            raise InputError("its electrode graph does not read the electrodes of its encoder.")

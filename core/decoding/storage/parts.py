"""Pieces of a decoder file that all its readouts have: heads, views of the covariance, tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.decoding.features import TangentFeatures
from core.decoding.heads import LinearHead
from core.errors import InputError
from core.signal.pipeline import SignalSettings
from core.tensor_file import number

LARGEST = 1e12
"""Of any value, in any unit; beyond it, products of finite values are not finite."""


def linear_tensors(head: LinearHead, prefix: str) -> dict[str, np.ndarray]:
    """Return a linear head's tensors by name."""
    return {
        f"{prefix}.centre": head.centre,
        f"{prefix}.scale": head.scale,
        f"{prefix}.weights": head.weights,
        f"{prefix}.bias": head.bias,
    }


def linear_head(
    table: dict[str, Any],
    tensors: dict[str, np.ndarray],
    prefix: str,
    features: int,
    classes: int,
) -> LinearHead:
    """Return a linear head, if its tensors fit each other.

    Raises
    ------
    InputError
        If they do not.
    """
    return LinearHead(
        centre=shaped(tensors, f"{prefix}.centre", (features,)),
        scale=divisor(tensors, f"{prefix}.scale", features),
        weights=shaped(tensors, f"{prefix}.weights", (features, classes)),
        bias=shaped(tensors, f"{prefix}.bias", (classes,)),
        temperature=number(table["temperature"], 1e-6, 1e6),
    )


def tangent_table(views: tuple[TangentFeatures, ...]) -> list[dict[str, Any]]:
    """Return what a header says of views of the covariance."""
    return [{"band": view.band} for view in views]


def tangent_tensors(views: tuple[TangentFeatures, ...], prefix: str) -> dict[str, np.ndarray]:
    """Return the tensors of views of the covariance by name."""
    tensors = {}
    for index, view in enumerate(views):
        tensors[f"{prefix}.{index}.picks"] = view.picks
        tensors[f"{prefix}.{index}.whitener"] = view.whitener
        if view.spatial is not None:
            tensors[f"{prefix}.{index}.spatial"] = view.spatial
    return tensors


def tangents(
    tensors: dict[str, np.ndarray],
    prefix: str,
    views: list[dict[str, Any]],
    settings: SignalSettings,
    length: int,
) -> tuple[TangentFeatures, ...]:
    """Return views of the covariance, if they fit the signal.

    Parameters
    ----------
    tensors : dict of str to ndarray
    prefix : str
        Of the tensors' names.
    views : list of dict
        From the header.
    settings : SignalSettings
    length : int
        Samples of a window that features are computed of.

    Raises
    ------
    InputError
        If they do not.
    """
    return tuple(
        _tangent(tensors, f"{prefix}.{index}", view, settings, length)
        for index, view in enumerate(views)
    )


def _tangent(
    tensors: dict[str, np.ndarray],
    name: str,
    view: dict[str, Any],
    settings: SignalSettings,
    length: int,
) -> TangentFeatures:
    picks = tensors[f"{name}.picks"]
    if (
        picks.ndim != 1
        or not np.issubdtype(picks.dtype, np.integer)
        or not len(picks)
        or not 0 <= picks.min() <= picks.max() < len(settings.channels)
    ):
        raise InputError("its covariance features name channels that it does not have.")
    low, high = view["band"]
    if not number(low, 0.0, 1e6) < number(high, 0.0, 0.499 * settings.rate) or low <= 0:
        raise InputError("its covariance features have a band that its rate cannot carry.")
    return TangentFeatures(
        band=(float(low), float(high)),
        rate=settings.rate,
        length=length,
        picks=picks,
        whitener=shaped(tensors, f"{name}.whitener", (len(picks), len(picks))),
        spatial=shaped(tensors, spatial, (len(picks), len(settings.channels)))
        if (spatial := f"{name}.spatial") in tensors
        else None,
    )


def network_weights(tensors: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Return the tensors whose names begin with a prefix, by the names without it.

    Raises
    ------
    InputError
        If a value is not finite.
    """
    return {
        name.removeprefix(prefix): shaped(tensors, name, array.shape)
        for name, array in tensors.items()
        if name.startswith(prefix)
    }


def divisor(tensors: dict[str, np.ndarray], name: str, size: int) -> np.ndarray:
    """Return a tensor of that length which features are divided by.

    Raises
    ------
    InputError
        If a value is not above zero.
    """
    scale = shaped(tensors, name, (size,))
    if not (scale > 1 / LARGEST).all():
        raise InputError("its head divides by a scale that is not above zero.")
    return scale


def shaped(tensors: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a tensor of finite values, if it has that shape.

    Raises
    ------
    InputError
        If it has another.
    """
    tensor = tensors[name]
    if (
        tensor.shape != shape
        or not np.issubdtype(tensor.dtype, np.floating)
        or not (np.abs(tensor) < LARGEST).all()  # nor NaN
    ):
        raise InputError(f"its tensor {name} has not the {shape} finite values it should have.")
    return tensor

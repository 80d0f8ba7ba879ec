"""What token streams of several families share: the samples of a push, and the newest patch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def pushed(samples: Tensor | np.ndarray, hop: int, signal: Tensor) -> Tensor:
    """Return the samples of a push as a tensor of the kind of `signal`, (channels, ...).

    Raises
    ------
    ValueError
        If their shape is not (channels, a positive multiple of the hop).
    """
    if not isinstance(samples, Tensor):
        # A copy of its own: read-only and reversed arrays are no tensors.
        samples = torch.from_numpy(np.array(samples, dtype=np.float64))
    if samples.ndim != 2 or len(samples) != len(signal) or not samples.shape[1]:
        raise ValueError(f"{tuple(samples.shape)} is not ({len(signal)} channels, samples).")
    if samples.shape[1] % hop:
        raise ValueError(f"{samples.shape[1]} samples are not a multiple of the hop, {hop}.")
    return samples.to(signal)


def newest_patch(signal: Tensor, piece: Tensor, seen: int) -> Tensor:
    """Write a piece that comes after `seen` samples; return the patch that ends with it.

    Every sample is written twice, a patch apart, so that the newest patch is one slice of the
    signal, (channels, 2 x patch).
    """
    length = signal.shape[1] // 2
    start = seen % length
    stop = start + piece.shape[1]
    signal[:, start:stop] = piece
    signal[:, start + length : stop + length] = piece
    return signal[:, stop : stop + length]

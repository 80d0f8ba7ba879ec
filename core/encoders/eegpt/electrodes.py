"""The 62 electrodes that EEGPT knows, in the order of its channel embedding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.encoders.base import rows_of

ChannelIds = Sequence[int] | np.ndarray | Tensor

CODEX = tuple(
    """
    FP1 FPZ FP2 AF7 AF3 AF4 AF8 F7 F5 F3 F1 FZ F2 F4 F6 F8
    FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7 C5 C3 C1 CZ C2 C4 C6 T8
    TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 P7 P5 P3 P1 PZ P2 P4 P6 P8
    PO7 PO5 PO3 POZ PO4 PO6 PO8 O1 OZ O2
    """.split()
)
"""EEGPT's electrodes; the position of a name is its row in the encoder's channel embedding."""


def channel_ids(ch_names: Sequence[str]) -> np.ndarray:
    """Return the codex positions of electrodes, in the order given.

    Parameters
    ----------
    ch_names : sequence of str

    Returns
    -------
    ndarray of int64, shape (len(ch_names),)
        Rows of the encoder's channel embedding.

    Raises
    ------
    InputError
        If a name is unknown, or two names mean the same electrode.
    """
    return np.array(rows_of(ch_names, CODEX, "EEGPT"), dtype=np.int64)


def as_ids(channel_ids: ChannelIds) -> Tensor:
    """Return channel ids as a tensor of int64, on the device they are on."""
    if isinstance(channel_ids, Tensor):
        return channel_ids.long()
    return torch.from_numpy(np.array(channel_ids, dtype=np.int64))  # a copy: may be read-only

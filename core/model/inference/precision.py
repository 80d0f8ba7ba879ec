"""Which arithmetic an encoder may use on this computer, found out when it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError
from core.model.encoder import Encoder
from core.model.inference.apart import ApartEncoder
from core.model.inference.linear import PRECISIONS, unsupported
from core.model.inference.patch import PatchEncoder
from core.units import volts_per

TOLERANCE = {"float32": 1e-5, "bf16": 0.02, "int8": 0.05}
"""Largest root mean square of the differences to float32, relative to the tokens'.

Whether decisions agree as well depends on the decoder: `benchmarks/speed/precision_agreement.py`.
"""


@dataclass(frozen=True)
class Chosen:
    """The arithmetic that an encoder got.

    Attributes
    ----------
    precision : str
        One of `core.model.inference.linear.PRECISIONS`.
    note : str
        Why it is not the one that was asked for; empty where it is.
    step : PatchEncoder or ApartEncoder or None
        Packed for it; None where only the encoder itself can do it.
    """

    precision: str
    note: str
    step: PatchEncoder | ApartEncoder | None


def choose(encoder: Encoder, ids: Tensor, wanted: str = "float32", apart: bool = False) -> Chosen:
    """Pack an encoder for one set of channels in the wanted precision, or in a better one.

    Parameters
    ----------
    encoder : Encoder
    ids : Tensor of int64, shape (channels,)
    wanted : str
        One of `PRECISIONS`.
    apart : bool
        In a process of its own.

    Raises
    ------
    InputError
        If there is no such precision.
    """
    if wanted not in PRECISIONS:
        raise InputError(f'There is no precision "{wanted}"; it is one of {", ".join(PRECISIONS)}.')
    weight = encoder.summary_token
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        where = "a processor" if weight.device.type != "cpu" else "float32"
        note = f"The encoder is not in {where}; its own precision is kept."
        return Chosen("float32", note if wanted != "float32" else "", None)
    ids = ids.cpu()
    pack = ApartEncoder if apart else PatchEncoder
    if wanted == "float32":
        return Chosen(wanted, "", pack(encoder, ids))
    why = unsupported(wanted)
    if not why:
        step = pack(encoder, ids, wanted)
        off = difference(step, encoder, ids)
        if off <= TOLERANCE[wanted]:
            return Chosen(wanted, "", step)
        why = f"its tokens differ from float32 by {off:.1%}, {TOLERANCE[wanted]:.0%} allowed"
    note = f"The encoder runs in float32, not in {wanted}: {why}."
    return Chosen("float32", note, pack(encoder, ids))


def difference(step: PatchEncoder | ApartEncoder, encoder: Encoder, ids: Tensor) -> float:
    """Return how far a step's tokens of four seconds of noise are from the encoder's.

    Returns
    -------
    float
        Root mean square of the differences over that of the tokens.
    """
    spec = encoder.spec
    amplitude = 20e-6 / (volts_per(spec.unit) or 1.0)  # 20 µV, as EEG is
    rng = np.random.default_rng(0)
    # Half of it slow, half of it common to all channels, as EEG is.
    steps = rng.normal(size=(2, len(ids) + 1, spec.window))
    made = steps[0] + np.cumsum(steps[1], axis=-1) / np.sqrt(spec.window)
    signal = torch.from_numpy(amplitude * (made[1:] + made[0]) / 2).float()
    with torch.inference_mode():
        patches = signal.unflatten(1, (spec.patches, spec.patch)).transpose(0, 1)
        right = torch.stack([encoder.encode_patches(patch[None], ids)[0] for patch in patches])
        found = torch.empty_like(right)
        for patch, out in zip(patches, found, strict=True):
            step.encode(patch, out)
        return float((found - right).norm() / right.norm())

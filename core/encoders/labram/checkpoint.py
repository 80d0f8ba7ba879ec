"""LaBraM's weights in files of others: the authors' checkpoint, and braindecode's."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from torch import Tensor

from core.encoders.labram.model import labram_spec
from core.encoders.labram.sizes import LABRAM_SIZES, LaBraMSize
from core.encoders.spec import EncoderSpec
from core.errors import InputError
from core.machine.files import sha256_of

_STUDENT = "student."
_PRETRAINING = (
    *(f"{_STUDENT}{name}" for name in ("mask_token", "lm_head.weight", "lm_head.bias")),
    *("lm_head.weight", "lm_head.bias", "projection_head.0.weight", "projection_head.0.bias"),
)
"""Tensors of the authors' file that predicted codes, and have no part in an encoder."""

_HEAD = ("final_layer.weight", "final_layer.bias")  # of braindecode's file
_NAMES = (
    (r"^patch_embed\.(temporal_conv\.)?(?=(conv|norm)\d\.)", "temporal_conv."),
    (r"^position_embedding$", "pos_embed"),
    (r"^temporal_embedding$", "time_embed"),
    (r"(?<=\.mlp\.)0\.", "fc1."),
    (r"(?<=\.mlp\.)2\.", "fc2."),
)
"""What the authors and braindecode call a tensor -> what it is called here."""

_FIRST = "temporal_conv.conv1.weight"


def recognise(
    tensors: dict[str, Tensor], path: Path, weights: str | None, provenance: dict[str, str]
) -> tuple[EncoderSpec, dict[str, Tensor], list[str]] | None:
    """Tell whether tensors are a LaBraM in a layout of others, as `Family.recognise`.

    Three layouts are known: the authors' pretraining checkpoint (``student.`` before each name),
    the encoder alone by the same names, and braindecode's.

    Parameters
    ----------
    tensors : dict of str to Tensor
    path : Path
        Where they come from.
    weights : str, optional
        Not asked for: there is one encoder in each file.
    provenance : dict of str to str
        What is known of the file already.

    Raises
    ------
    InputError
        If they are LaBraM's tokenizer, or of no known size, or if `weights` is given.
    """
    if "quantize.embedding.weight" in tensors and "encoder.time_embed" in tensors:
        raise InputError(
            f"{path} is LaBraM's tokenizer, which turns signal into codes; the encoder is in "
            "another file, such as labram-base.pth."
        )
    own, left_out, extra = _sorted(tensors)
    if _FIRST not in own or "time_embed" not in own:
        return None
    if weights is not None:
        raise InputError(f'A file of LaBraM holds one encoder; there are no weights "{weights}".')
    size = _size_of(own, path)
    known = {"source": path.name, "file_sha256": sha256_of(path)} | provenance
    if left_out:
        known["left_out"] = " ".join(left_out)
        logging.getLogger(__name__).info(
            "%s: %d tensors are the encoder's; left out are %s.",
            path.name,
            len(own),
            ", ".join(left_out),
        )
    # The name by which it can be had again, if it came by one.
    name = "labram" if provenance else f"labram-{size.name}"
    return labram_spec(size.name, name=name, trained=True, provenance=known), own, extra


def _sorted(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str], list[str]]:
    """Return the encoder's tensors by its own names, and the others' names: known and unknown."""
    published = any(name.startswith(_STUDENT) for name in tensors)
    own: dict[str, Tensor] = {}
    left_out: list[str] = []
    extra: list[str] = []
    for name, tensor in tensors.items():
        if name in (_PRETRAINING if published else _HEAD):
            left_out.append(name)
        elif published and not name.startswith(_STUDENT):
            extra.append(name)
        else:
            own[_renamed(name.removeprefix(_STUDENT))] = tensor
    return own, sorted(left_out), extra


def _renamed(name: str) -> str:
    for pattern, ours in _NAMES:
        name = re.sub(pattern, ours, name)
    return name


def _size_of(own: dict[str, Tensor], path: Path) -> LaBraMSize:
    width = own["time_embed"].shape[-1] if own["time_embed"].ndim else 0
    depth = len({match[1] for name in own if (match := re.match(r"blocks\.(\d{1,4})\.", name))})
    for size in LABRAM_SIZES.values():
        if (size.width, size.depth) == (width, depth):
            return size
    sizes = ", ".join(
        f"{size.width} and {size.depth} ({size.name})" for size in LABRAM_SIZES.values()
    )
    raise InputError(f"{path} has width {width} and {depth} blocks; LaBraM's sizes have {sizes}.")
